"""Intervals of shares of customers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm

from clv_experiments.evaluation.validation import Floats

LEVEL = 0.95
Z = float(norm.ppf((1 + LEVEL) / 2))


def wilson(share: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Return the lower and upper ends of 95 % Wilson intervals.

    Parameters
    ----------
    share : array
        Successes / n, from 0 to 1.
    n : array
        Number of trials, at least 1.
    """

    def interval_ends(share: float, n: float) -> tuple[float, float]:
        interval = binomtest(round(share * n), int(n)).proportion_ci(LEVEL, method="wilson")
        return interval.low, interval.high

    low, high = np.vectorize(interval_ends, otypes=[float, float])(share, n)
    return low, high
