"""95 % confidence intervals: by the bootstrap over customers (Efron 1979), and of shares of customers (Wilson 1927)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clv_experiments.evaluation.array_checks import Floats

LEVEL = 0.95
TAILS = (0.025, 0.975)
Z = 1.959963984540054  # the upper tail's quantile of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval; nan where there is none."""

    value: float
    low: float
    high: float

    @classmethod
    def from_replicates(cls, value: float, replicates: ArrayLike) -> Estimate:
        """Put the percentile interval of its bootstrap replicates, shape (replicates,), around a value."""
        low, high = percentile_interval(replicates)
        return cls(float(value), low.item(), high.item())

    @property
    def is_defined(self) -> bool:
        """Whether there is a value."""
        return not np.isnan(self.value)

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def __abs__(self) -> Estimate:
        """Return the size of a value whose sign words tell."""
        return Estimate(-self.value, -self.high, -self.low) if self.value < 0 else self

    def to_columns(self, name: str) -> dict[str, float]:
        """Return the columns of a table: ``name``, ``name_low``, ``name_high``."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


def bootstrap_positions(
    customers: int, replicates: int, seed: int | np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield the positions of the customers drawn with replacement in each replicate, shape (customers,)."""
    rng = np.random.default_rng(seed)
    for _ in range(replicates):
        yield rng.integers(customers, size=customers)


def bootstrap_counts(customers: int, replicates: int, seed: int | np.random.Generator) -> Iterator[Floats]:
    """Yield how often each customer is drawn in each replicate, shape (customers,)."""
    for positions in bootstrap_positions(customers, replicates, seed):
        yield np.bincount(positions, minlength=customers).astype(float)


def percentile_interval(estimates: ArrayLike) -> tuple[Floats, Floats]:
    """Return the low and the high ends of 95 % percentile intervals.

    Parameters
    ----------
    estimates : array, shape (replicates,) or (replicates, estimates)
        Replicates without a value are left out; an estimate without a value in any has no interval (nan).

    Returns
    -------
    low, high : array, shape (estimates,)
    """
    values = np.atleast_2d(np.asarray(estimates, dtype=float).T).T
    has_value = ~np.isnan(values).all(axis=0)
    ends = np.full((2, values.shape[1]), np.nan)
    ends[:, has_value] = np.nanquantile(values[:, has_value], TAILS, axis=0)
    return ends[0], ends[1]


def wilson_interval(share: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Return the lower and upper ends of 95 % Wilson intervals.

    Parameters
    ----------
    share : array
        Successes / n, from 0 to 1.
    n : array
        Number of trials, at least 1.
    """
    from scipy.stats import binomtest  # which takes long to load, for scores that need none

    def interval_ends(share: float, n: float) -> tuple[float, float]:
        interval = binomtest(round(share * n), int(n)).proportion_ci(LEVEL, method="wilson")
        return interval.low, interval.high

    low, high = np.vectorize(interval_ends, otypes=[float, float])(share, n)
    return low, high
