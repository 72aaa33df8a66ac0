"""Value tiers: High, Mid and Low by what a customer is expected to spend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.cut_points import above, cut_points

TIERS = ("High", "Mid", "Low")


@dataclass(frozen=True)
class Tiers:
    """Thresholds of expected spend, in currency.

    Attributes
    ----------
    high, mid : float
        A customer is High from ``high`` on, Mid from ``mid`` on, else Low. Infinite where a tier is empty.
    """

    high: float
    mid: float

    @classmethod
    def of(cls, expected_spend: ArrayLike, shares: tuple[float, float]) -> Tiers:
        """Learn the thresholds at which the tiers High and Mid hold their shares of the customers.

        Customers of equal expected spend share a tier, that of the middle one among them: a tier then holds more or
        less than its share, and where all expect the same they are all in the tier of the middle customer, which is
        Low as long as High and Mid together are at most half.

        Parameters
        ----------
        expected_spend : array, shape (customers,)
        shares : tuple of two floats
            Of the customers: High, Mid.

        Raises
        ------
        ClvError
            If there is no customer, or a value is not finite.
        """
        high, mid = shares
        return cls(*cut_points(expected_spend, (1 - high, 1 - high - mid), "expected_spend"))

    def names(self, expected_spend: ArrayLike) -> np.ndarray:
        """Name the tier of each customer, shape (customers,): one of ``TIERS``."""
        return np.array(TIERS[::-1], dtype=object)[above(expected_spend, (self.mid, self.high))]


def tier_names(expected_spend: pd.Series, shares: tuple[float, float]) -> pd.Series:
    """Name the value tier of each customer among all of these, indexed as they are."""
    names = Tiers.of(expected_spend, shares).names(expected_spend)
    return pd.Series(names, index=expected_spend.index, name="value_tier")
