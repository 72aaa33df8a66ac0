"""RFM scores learnt from one population, and the segments that shops know by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.decisions.segments.cut_points import count_cut_points_reached, cut_points
from clv_experiments.decisions.segments.profiles import get_revenue_share, profile_groups, revenue_shares
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
from clv_experiments.evaluation.confidence_intervals import Estimate

FIFTHS = (0.2, 0.4, 0.6, 0.8)

# Rows: R from 1 to 5; columns: mean of F and M (halves go down) from 1 to 5. The names and their places are those of
# Putler's guide to RFM analysis (putler.com/rfm-analysis); where its ranges overlap or leave a gap, one is chosen.
_SEGMENTS_BY_R_AND_FM = (
    ("Lost", "Lost", "At risk", "Cannot lose", "Cannot lose"),
    ("Hibernating", "Hibernating", "At risk", "At risk", "Cannot lose"),
    ("About to sleep", "About to sleep", "Needs attention", "Loyal", "Loyal"),
    ("Promising", "Potential loyalists", "Potential loyalists", "Loyal", "Champions"),
    ("New", "Potential loyalists", "Potential loyalists", "Champions", "Champions"),
)
# Good customers who have not bought for long.
SLIPPING = ("Cannot lose", "At risk")
# From best to worst, which is the order of every table.
SEGMENTS = (
    "Champions", "Loyal", "Potential loyalists", "New", "Promising", "Needs attention", "About to sleep",
    *SLIPPING, "Hibernating", "Lost",
)  # fmt: skip


@dataclass(frozen=True)
class RfmCutPoints:
    """Scores from 1 to 5, a fifth of the customers each as far as ties allow; 5 is best.

    Fields are four cut points each: a score is 1 and one more for every cut point reached, the days counted backwards.
    """

    days_cuts: tuple[float, ...]
    frequency_cuts: tuple[float, ...]
    spend_cuts: tuple[float, ...]

    @classmethod
    def from_customers(cls, table: pd.DataFrame) -> RfmCutPoints:
        """Learn the cut points from ``recency``, ``T``, ``frequency`` and ``total_spend``; one row a customer.

        Equal values get equal scores, that of the middle customer among them, so that customers who are all alike in
        something all score 3 in it. Customers who have not come back score 1 for frequency, however many they are.
        ClvError as of ``cut_points``.
        """
        return cls(
            cut_points(-days_since_last(table), FIFTHS, "days_since_last"),
            tuple(max(cut, 1.0) for cut in cut_points(table["frequency"], FIFTHS, "frequency")),
            cut_points(table["total_spend"], FIFTHS, "total_spend"),
        )

    def assign_scores(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return ``r``, ``f``, ``m`` (1 to 5) of each customer of a table like that of ``from_customers``."""
        columns = {
            "r": count_cut_points_reached(-days_since_last(table), self.days_cuts),
            "f": count_cut_points_reached(table["frequency"], self.frequency_cuts),
            "m": count_cut_points_reached(table["total_spend"], self.spend_cuts),
        }
        return pd.DataFrame(columns, index=table.index) + 1

    def assign_segments(self, table: pd.DataFrame) -> pd.Series:
        """Name the segment of each customer, one of ``SEGMENTS``, from R and the mean of F and M."""
        scores = self.assign_scores(table)
        value = (scores["f"] + scores["m"]) // 2
        names = np.array(_SEGMENTS_BY_R_AND_FM, dtype=object)[scores["r"] - 1, value - 1]
        return pd.Series(names, index=table.index, name="segment")


def rfm_segments(table: pd.DataFrame) -> pd.Series:
    """Name the segment of each customer of a snapshot's table, among themselves."""
    return RfmCutPoints.from_customers(table).assign_segments(table)


@dataclass(frozen=True, eq=False)
class SegmentSummary:
    """What each RFM segment holds, and what the segments of the previous cutoff brought.

    ``best_actual`` is the share of the spend since the previous cutoff of those who were in the segment that is now
    ``best``, ``slipping_actual`` that of those who were in one of ``SLIPPING``; None where nobody spent anything.
    """

    table: pd.DataFrame  # columns of ``profile_groups`` and ``revenue_shares``; one row a segment
    best: pd.Series  # the row with the most expected revenue, or past revenue where none is expected
    best_actual: Estimate | None
    slipping_actual: Estimate | None

    @property
    def slipping(self) -> pd.DataFrame:
        """The rows of ``SLIPPING``."""
        return self.table[self.table["group"].isin(SLIPPING)]


def summarise_segments(
    now: Snapshot, previous: Snapshot, products: pd.DataFrame | None, replicates: int, seed: int
) -> SegmentSummary:
    """Profile the RFM segments, beside what those of the previous cutoff brought since."""
    before, spend = rfm_segments(previous.table), previous.table["y_true"]
    actual = revenue_shares(before, spend, SEGMENTS, replicates, seed)
    slipping = np.where(before.isin(SLIPPING), "slipping", "others")
    slipping_actual = revenue_shares(slipping, spend, ["slipping", "others"], replicates, seed)
    table = profile_groups(rfm_segments(now.table), now.table, products, SEGMENTS).join(actual, on="group")
    column = "share_of_expected" if table["share_of_expected"].notna().all() else "share_of_past"
    best = table.iloc[int(table[column].argmax())]
    return SegmentSummary(
        table, best, get_revenue_share(actual, best["group"]), get_revenue_share(slipping_actual, "slipping")
    )
