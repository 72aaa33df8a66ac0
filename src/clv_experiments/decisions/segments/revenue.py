"""The share of revenue that each group of customers brings, with the interval that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.resampling import bounds, draws


def revenue_shares(
    groups: ArrayLike, spend: ArrayLike, order: Sequence[str], replicates: int, seed: int
) -> pd.DataFrame:
    """Sum the spend of each group and its share of all spend, with a 95 % bootstrap interval over customers.

    Parameters
    ----------
    groups : array of str, shape (customers,)
    spend : array, shape (customers,)
        Currency.
    order : sequence of str
        All groups; one without customers holds nothing.
    replicates, seed : int

    Returns
    -------
    pandas.DataFrame
        Index ``order``; ``revenue``, ``share``, ``low``, ``high``; shares are NaN where nobody spent anything.
    """
    place = pd.Index(order).get_indexer(pd.Index(np.asarray(groups, dtype=object)))
    amount = np.asarray(spend, dtype=float)
    revenue = np.bincount(place, weights=amount, minlength=len(order))
    drawn = [
        np.bincount(place, weights=amount * counts, minlength=len(order))
        for counts in draws(len(amount), replicates, seed)
    ]
    low, high = bounds([_shares(sums) for sums in drawn])
    columns = {"revenue": revenue, "share": _shares(revenue), "low": low, "high": high}
    return pd.DataFrame(columns, index=pd.Index(order, name="group"))


def _shares(sums: np.ndarray) -> np.ndarray:
    total = sums.sum()
    return sums / total if total > 0 else np.full(len(sums), np.nan)
