"""RFM scores learnt from one population, and the segments that shops know by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.cut_points import above, cut_points
from clv_experiments.decisions.snapshot import days_since_last

FIFTHS = (0.2, 0.4, 0.6, 0.8)

# Rows: R from 1 to 5; columns: mean of F and M (halves go down) from 1 to 5. The names and their places are those of
# Putler's guide to RFM analysis (putler.com/rfm-analysis); where its ranges overlap or leave a gap, one is chosen.
_GRID = (
    ("Lost", "Lost", "At risk", "Cannot lose", "Cannot lose"),
    ("Hibernating", "Hibernating", "At risk", "At risk", "Cannot lose"),
    ("About to sleep", "About to sleep", "Needs attention", "Loyal", "Loyal"),
    ("Promising", "Potential loyalists", "Potential loyalists", "Loyal", "Champions"),
    ("New", "Potential loyalists", "Potential loyalists", "Champions", "Champions"),
)
# From best to worst, which is the order of every table.
SEGMENTS = (
    "Champions", "Loyal", "Potential loyalists", "New", "Promising", "Needs attention", "About to sleep",
    "Cannot lose", "At risk", "Hibernating", "Lost",
)  # fmt: skip


@dataclass(frozen=True)
class RfmScores:
    """Scores from 1 to 5, a fifth of the customers each as far as ties allow; 5 is best.

    Attributes
    ----------
    days_since_last, frequency, total_spend : tuple of four floats
        Cut points: a customer's score is 1 and one more for every cut point reached, the days counted backwards.
    """

    days_since_last: tuple[float, ...]
    frequency: tuple[float, ...]
    total_spend: tuple[float, ...]

    @classmethod
    def of(cls, days_since_last: ArrayLike, frequency: ArrayLike, total_spend: ArrayLike) -> RfmScores:
        """Learn the cut points.

        Equal values get equal scores: a tie stands where its middle customer does, so that customers who are all alike
        in something all score 3 in it. Whoever has not come back scores 1 for frequency, however many they are.

        Parameters
        ----------
        days_since_last, frequency, total_spend : array, shape (customers,)
            Days, purchase days after the first, currency.

        Raises
        ------
        ClvError
            If there is no customer, or a value is not finite.
        """
        return cls(
            cut_points(-np.asarray(days_since_last, dtype=float), FIFTHS, "days_since_last"),
            tuple(max(cut, 1.0) for cut in cut_points(frequency, FIFTHS, "frequency")),
            cut_points(total_spend, FIFTHS, "total_spend"),
        )

    def scores(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return ``r``, ``f``, ``m`` (1 to 5) of each customer.

        Parameters
        ----------
        table : pandas.DataFrame
            ``recency``, ``T``, ``frequency``, ``total_spend``; one row a customer.
        """
        columns = {
            "r": above(-days_since_last(table), self.days_since_last),
            "f": above(table["frequency"], self.frequency),
            "m": above(table["total_spend"], self.total_spend),
        }
        return pd.DataFrame(columns, index=table.index) + 1

    def segments(self, table: pd.DataFrame) -> pd.Series:
        """Name the segment of each customer, one of ``SEGMENTS``, from R and the mean of F and M."""
        scores = self.scores(table)
        value = (scores["f"] + scores["m"]) // 2
        names = np.array(_GRID, dtype=object)[scores["r"] - 1, value - 1]
        return pd.Series(names, index=table.index, name="segment")
