"""Customers who were likely to buy and did not, and customers of high value whose P(alive) fell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.tiers import HIGH, assign_tiers
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
from clv_experiments.evaluation.confidence_intervals import TAILS, Estimate, wilson_interval

P_ALIVE_FALL = 0.1  # from which on a customer of high value is at risk
COLUMNS = (
    "customer_id", "country", "expected_spend", "total_spend", "p_purchase", "p_alive", "p_alive_now",
    "days_since_last", "frequency",
)  # fmt: skip


def missed_customer_ids(forecast: pd.DataFrame, likely: float) -> pd.Index:
    """Return the ids of those who did not buy in a period, though their ``p_purchase`` before it was at least likely.

    ``purchase_days`` are those of the period.
    """
    return forecast.index[(forecast["p_purchase"] >= likely) & (forecast["purchase_days"] == 0)]


@dataclass(frozen=True)
class NonBuyerCount:
    """How many likely customers did not buy, beside how many their probabilities let expect.

    The bounds are of 95 % of the counts if every probability holds and customers decide independently.
    """

    customers: int  # likely to buy
    missed: int  # of them, did not
    expected: float  # sum of the probabilities of not buying
    expected_low: float
    expected_high: float
    share: Estimate  # of the likely customers, with the interval of Wilson (1927)

    @property
    def verdict(self) -> Literal["fewer", "as expected", "more"]:
        """Where the count lies beside what chance allows."""
        if self.missed < self.expected_low:
            return "fewer"
        return "more" if self.missed > self.expected_high else "as expected"


def count_non_buyers(p_purchase: ArrayLike, bought: ArrayLike, replicates: int, seed: int) -> NonBuyerCount:
    """Count the likely customers, at least one, who did not buy and hold that against their probabilities.

    ``p_purchase`` and ``bought`` have shape (customers,); ``replicates`` counts are simulated.
    """
    absent, p_absent = ~np.asarray(bought, dtype=bool), 1 - np.asarray(p_purchase, dtype=float)
    rng = np.random.default_rng(seed)
    simulated = [np.count_nonzero(rng.random(len(absent)) < p_absent) for _ in range(replicates)]
    low, high = np.quantile(simulated, TAILS).tolist()
    share = Estimate(float(absent.mean()), *map(float, wilson_interval(absent.mean(), len(absent))))
    return NonBuyerCount(len(absent), int(absent.sum()), float(p_absent.sum()), low, high, share)


@dataclass(frozen=True, eq=False)
class MissedOpportunities:
    """Customers who were likely to buy in a period and did not."""

    table: pd.DataFrame  # ``COLUMNS`` as of the period's cutoff (``country`` where known), highest expected spend first
    non_buyers: NonBuyerCount | None  # None where nobody was likely to buy


def find_missed(now: Snapshot, previous: Snapshot, likely: float, replicates: int, seed: int) -> MissedOpportunities:
    """Find the likely customers who did not buy in the previous period, and how many of them chance explains."""
    past = _replace_p_alive(now, previous)
    candidates = past[past["p_purchase"] >= likely]
    missed = past.loc[missed_customer_ids(past, likely)]
    p_alive_now = now.table["p_alive"].reindex(missed.index)
    missed = missed.assign(days_since_last=days_since_last(missed), p_alive_now=p_alive_now)
    table = missed.sort_values("expected_spend", ascending=False, kind="stable").reset_index(names="customer_id")
    non_buyers = None
    if len(candidates):
        non_buyers = count_non_buyers(candidates["p_purchase"], candidates["purchase_days"] > 0, replicates, seed)
    return MissedOpportunities(table.filter(COLUMNS), non_buyers)


@dataclass(frozen=True, eq=False)
class AtRisk:
    """Customers of tier High at the previous cutoff, and those among them whose P(alive) has fallen since.

    The table has ``customer_id``, ``country`` (where known), ``p_alive_before``, ``p_alive_now``,
    ``expected_spend_before``, ``at_stake`` (expected spend of the coming period), ``days_since_last`` and
    ``total_spend`` of those whose P(alive) fell by ``P_ALIVE_FALL`` or more; most at stake first.
    """

    table: pd.DataFrame
    high_customers: int  # of tier High before
    absent_customers: int  # how many of these did not buy since
    expected_absent: float  # how many were expected not to


def find_at_risk(now: Snapshot, previous: Snapshot, tiers: tuple[float, float]) -> AtRisk:
    """Find the customers of high value who are slipping away; ``tiers`` are shares of customers: High, Mid."""
    past = _replace_p_alive(now, previous)
    high = past[assign_tiers(past["expected_spend"], tiers) == HIGH]
    before = high[high.index.isin(now.table.index)]
    today = now.table.loc[before.index]
    table = today.filter(["country"]).assign(
        p_alive_before=before["p_alive"],
        p_alive_now=today["p_alive"],
        expected_spend_before=before["expected_spend"],
        at_stake=today["expected_spend"],
        days_since_last=days_since_last(today),
        total_spend=today["total_spend"],
    )
    fall = table["p_alive_before"] - table["p_alive_now"]
    fallen = table[fall >= P_ALIVE_FALL].sort_values("at_stake", ascending=False, kind="stable")
    return AtRisk(
        fallen.reset_index(names="customer_id"),
        len(high),
        int((high["purchase_days"] == 0).sum()),
        float((1 - high["p_purchase"]).sum()),
    )


def _replace_p_alive(now: Snapshot, previous: Snapshot) -> pd.DataFrame:
    """Return the previous table with P(alive) by the model that tells it now, so that customers differ, not models."""
    if now.timing_name == previous.timing_name:
        return previous.table
    return previous.table.assign(p_alive=now.timing_model.probability_alive(previous.table))
