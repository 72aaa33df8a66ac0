"""Customers drawn with replacement: what an estimate would have been with other customers like these."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from clv_experiments.evaluation.checks import Floats

TAILS = (0.025, 0.975)  # of the 95 % intervals


def draws(customers: int, replicates: int, seed: int) -> Iterator[Floats]:
    """Yield how often each customer is drawn in a replicate, shape (customers,) (Efron 1979)."""
    rng = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = rng.integers(customers, size=customers)
        yield np.bincount(drawn, minlength=customers).astype(float)


def bounds(estimates: ArrayLike) -> tuple[Floats, Floats]:
    """Return the low and the high end of the 95 % percentile interval, over the first axis.

    Replicates without a value are left out; an estimate that has a value in none has no interval.
    """
    found = np.atleast_2d(np.asarray(estimates, dtype=float).T).T
    known = ~np.isnan(found).all(axis=0)
    ends = np.full((2, found.shape[1]), np.nan)
    ends[:, known] = np.nanquantile(found[:, known], TAILS, axis=0)
    return ends[0], ends[1]
