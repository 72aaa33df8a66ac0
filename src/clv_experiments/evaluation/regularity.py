"""Whether customers buy more regularly than the Poisson process of BTYD models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

MIN_CUSTOMERS_TO_CALL_REGULAR = 30  # with two gaps that could differ, below which nothing is said
SIGNIFICANCE = 0.01
MIN_SHAPE = 2.0  # of gamma gaps; below it BTYD predicts about as well as a model that knows of the regularity


@dataclass(frozen=True)
class Regularity:
    """How even two successive gaps of one customer are.

    Attributes
    ----------
    customers : int
        With two gaps that could have been split otherwise.
    shape : float
        Of the gamma distribution of a customer's gaps that is as even: 1 is exponential, as in a Poisson process; nan
        without customers.
    p_value : float
        Probability of gaps as even as these, or more, if purchases came at random.
    """

    customers: int
    shape: float
    p_value: float

    @property
    def is_high(self) -> bool:
        """Whether gaps are shown to be more even than random ones, and by enough to matter."""
        return (
            self.customers >= MIN_CUSTOMERS_TO_CALL_REGULAR and self.p_value < SIGNIFICANCE and self.shape >= MIN_SHAPE
        )


def measure_regularity(gaps: pd.DataFrame) -> Regularity:
    """Test whether two successive gaps of a customer are as uneven as random purchases make them.

    In a Poisson process M = D1 / (D1 + D2) of two successive gaps D1 and D2 is uniform, whatever the customer's rate;
    of gamma gaps of shape k it is Beta(k, k), with variance 1 / (4 (2 k + 1)) (Wheat and Morrison 1990, "Estimating
    Purchase Regularity with Two Interpurchase Times", Journal of Marketing Research 27). Days are whole here: given
    D1 + D2 = s, D1 is uniform on 1, ..., s - 1, which is what the variance of M is held against.

    Parameters
    ----------
    gaps : pandas.DataFrame
        ``earlier``, ``later`` (whole, from 1) and ``customers`` who have such gaps.

    Examples
    --------
    >>> measure_regularity(pd.DataFrame({"earlier": [30], "later": [30], "customers": [100]})).is_high
    True
    >>> measure_regularity(pd.DataFrame({"earlier": range(1, 60), "later": range(59, 0, -1), "customers": 2})).is_high
    False
    """
    free = gaps[gaps["earlier"] + gaps["later"] > 2]  # of two days in all there is one split
    customers, total = free["customers"].to_numpy(dtype=float), (free["earlier"] + free["later"]).to_numpy(dtype=float)
    if not len(free):
        return Regularity(0, np.nan, 1.0)
    observed = customers @ (free["earlier"].to_numpy() / total - 0.5) ** 2
    splits = total - 1
    variance = (splits**2 - 1) / (12 * total**2)
    fourth_moment = (splits**2 - 1) * (3 * splits**2 - 7) / (240 * total**4)
    expected, spread = customers @ variance, np.sqrt(customers @ (fourth_moment - variance**2))
    p_value = float(norm.cdf((observed - expected) / spread)) if spread > 0 else 1.0
    shape = (3 * expected / observed - 1) / 2 if observed > 0 else np.inf
    return Regularity(int(customers.sum()), float(shape), p_value)
