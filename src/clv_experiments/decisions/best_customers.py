"""Which customers are worth most in the coming period, and how far off their total was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.data.window import DAY
from clv_experiments.decisions.segments.tiers import TIERS
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.forecasting.level import Level

A_YEAR, TOLERANCE = 365, 4  # days


@dataclass(frozen=True, eq=False)
class BestCustomers:
    """The customers of the coming period, and the totals of earlier ones."""

    by_spend: pd.DataFrame  # one row a customer, the highest expected spend first
    by_probability: pd.DataFrame  # the highest probability of buying first
    past: pd.DataFrame  # from past_totals
    year_before: list[Any]  # rows of past: the period a year before, where it was predicted
    model_name: str
    btyd_name: str
    timing_name: str
    level: Level | None = None  # of the coming period, which the total is brought to; None where it is the model's own

    @property
    def expected_total(self) -> float:
        """What all customers together are expected to spend."""
        return float(self.by_spend["expected_spend"].sum())

    @property
    def has_clv(self) -> bool:
        """Whether CLV and expected spend are of one model, so that they may stand in one row."""
        return self.model_name == self.btyd_name

    @property
    def past_ratios(self) -> pd.Series:
        """Actual to expected total in each period that is over, where anything was expected."""
        return self.past["came_to_expected"].dropna()

    @property
    def has_equal_predictions(self) -> bool:
        """Whether the same is expected of everybody."""
        return self.by_spend["expected_spend"].iloc[-1] == self.by_spend["expected_spend"].iloc[0]

    @property
    def has_intervals(self) -> bool:
        """Whether the highest expected spend has an interval."""
        return not np.isnan(self.by_spend["expected_spend_low"].iloc[0])

    @property
    def high_tier(self) -> pd.DataFrame:
        """The customers of the tier High."""
        return self.by_spend[self.by_spend["value_tier"] == TIERS[0]]


def rank_customers(scored: pd.DataFrame, now: Snapshot, past: Sequence[Snapshot]) -> BestCustomers:
    """Order the customers by expected spend and by probability of buying.

    ``scored`` has one row a customer of ``now``, the coming period: the columns of ``customer_scores.COLUMNS``, and
    ``total_spend``. ``past`` are periods that are over, latest first.
    """
    totals = past_totals(past)
    days = (pd.Timestamp(now.period.cutoff + DAY) - totals["first_day"]).dt.days
    return BestCustomers(
        scored.sort_values(["expected_spend", "customer_id"], ascending=[False, True], kind="stable"),
        scored.sort_values(["p_purchase", "expected_spend"], ascending=False, kind="stable"),
        totals,
        list(totals[(days - A_YEAR).abs() <= TOLERANCE].itertuples()),
        now.model_name,
        now.btyd_name,
        now.timing_name,
        now.model.level,
    )


def past_totals(past: Sequence[Snapshot]) -> pd.DataFrame:
    """Set what all customers spent in each period that is over beside what was expected of them then.

    Columns: ``first_day``, ``last_day``, ``customers``, ``expected``, ``came`` (currency), ``came_to_expected`` (NaN
    where nothing was expected); latest first.
    """
    table = pd.DataFrame(
        {
            "first_day": pd.Timestamp(snapshot.period.cutoff + DAY),
            "last_day": pd.Timestamp(snapshot.period.end),
            "customers": len(snapshot.table),
            "expected": snapshot.table["expected_spend"].sum(),
            "came": snapshot.table["y_true"].sum(),
        }
        for snapshot in past
    )
    return table.assign(came_to_expected=table["came"] / table["expected"].where(table["expected"] > 0))
