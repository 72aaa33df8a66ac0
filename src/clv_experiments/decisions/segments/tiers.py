"""Value tiers: High, Mid and Low by what a customer is expected to spend, and the moves between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.cut_points import count_cut_points_reached, cut_points
from clv_experiments.decisions.segments.profiles import get_revenue_share, profile_groups, revenue_shares
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.confidence_intervals import Estimate

HIGH = "High"
TIERS = (HIGH, "Mid", "Low")
NEW = "New customers"


@dataclass(frozen=True)
class TierThresholds:
    """Thresholds of expected spend, in currency: the least of High and of Mid; infinite where a tier is empty."""

    high: float
    mid: float

    @classmethod
    def from_expected_spend(cls, expected_spend: ArrayLike, shares: tuple[float, float]) -> TierThresholds:
        """Learn the thresholds at which the tiers High and Mid hold their shares of the customers.

        Customers of equal expected spend share a tier, that of the middle one among them: a tier then holds more or
        less than its share, and where all expect the same they are all in the tier of the middle customer, which is
        Low as long as High and Mid together are at most half. ClvError as of ``cut_points``.
        """
        high, mid = shares
        return cls(*cut_points(expected_spend, (1 - high, 1 - high - mid), "expected_spend"))

    def assign_tiers(self, expected_spend: ArrayLike) -> np.ndarray:
        """Name the tier of each customer, shape (customers,): one of ``TIERS``."""
        return np.array(TIERS[::-1], dtype=object)[count_cut_points_reached(expected_spend, (self.mid, self.high))]


def assign_tiers(expected_spend: pd.Series, shares: tuple[float, float]) -> pd.Series:
    """Name the value tier of each customer among all of these, indexed as they are."""
    names = TierThresholds.from_expected_spend(expected_spend, shares).assign_tiers(expected_spend)
    return pd.Series(names, index=expected_spend.index, name="value_tier")


@dataclass(frozen=True)
class TierShareOutcome:
    """Share of all spend of a period that a tier brought, beside the share that was expected of it."""

    tier: str
    expected: float
    actual: Estimate

    @property
    def verdict(self) -> Literal["more", "as expected", "less"]:
        """Where the interval of what it brought lies beside what was expected."""
        if self.expected < self.actual.low:
            return "more"
        return "less" if self.expected > self.actual.high else "as expected"


@dataclass(frozen=True, eq=False)
class TierSummary:
    """What is expected of each value tier, and what the tiers of the previous cutoff brought.

    The table has a row a tier: the columns of ``profile_groups`` and ``revenue_shares``, and ``share_expected_before``.
    """

    table: pd.DataFrame
    threshold: float  # lowest expected spend of a customer of tier High; nan where nobody is
    outcomes: list[TierShareOutcome]  # empty where nothing was expected of High, or nobody spent anything

    @property
    def high(self) -> pd.Series | None:
        """The row of tier High; None where the tiers hardly separate the customers."""
        rows = self.table[self.table["group"] == HIGH]
        return rows.iloc[0] if len(rows) and len(self.table) > 1 else None


def summarise_tiers(
    now: Snapshot,
    previous: Snapshot,
    shares: tuple[float, float],
    products: pd.DataFrame | None,
    replicates: int,
    seed: int,
) -> TierSummary:
    """Profile the tiers, beside what those of the previous cutoff brought since; ``shares`` of customers: High, Mid."""
    tiers, before = (assign_tiers(at.table["expected_spend"], shares) for at in (now, previous))
    actual = revenue_shares(before, previous.table["y_true"], TIERS, replicates, seed)
    spend = previous.table["expected_spend"].groupby(before.to_numpy()).sum()
    expected = spend.reindex(TIERS).fillna(0.0) / spend.sum()
    table = profile_groups(tiers, now.table, products, TIERS)
    table["share_expected_before"] = expected[table["group"]].to_numpy()
    outcomes = [
        TierShareOutcome(tier, float(expected[tier]), share)
        for tier in TIERS
        if expected[HIGH] > 0 and (share := get_revenue_share(actual, tier))
    ]
    threshold = float(now.table.loc[tiers == HIGH, "expected_spend"].min())
    return TierSummary(table.join(actual, on="group"), threshold, outcomes)


@dataclass(frozen=True, eq=False)
class TierMovement:
    """Moves between tiers from one cutoff to the next, in customers."""

    counts: pd.DataFrame  # from ``count_tier_moves``
    spend_before: float  # expected of those who are no longer High, then
    spend_now: float  # and now


def measure_tier_movement(now: Snapshot, previous: Snapshot, shares: tuple[float, float]) -> TierMovement:
    """Count who moved between the tiers since the previous cutoff, and what that does to expected spend."""
    before, after = (assign_tiers(at.table["expected_spend"], shares) for at in (previous, now))
    demoted = after.index[(before.reindex(after.index) == HIGH) & (after != HIGH)]
    spend_before, spend_now = (float(at.table.loc[demoted, "expected_spend"].sum()) for at in (previous, now))
    return TierMovement(count_tier_moves(before, after), spend_before, spend_now)


def count_tier_moves(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Count the customers by their tier before (rows: ``TIERS`` and ``NEW``, those only in ``after``) and after."""
    start = before.reindex(after.index).astype(object).fillna(NEW)
    counts = pd.crosstab(start.to_numpy(), after.to_numpy())
    counts = counts.reindex(index=[*TIERS, NEW], columns=list(TIERS), fill_value=0)
    return counts.rename_axis(index="before", columns=None)
