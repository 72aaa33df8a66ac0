"""Standardised mean differences: how far two groups of customers lie apart, in one unit for every trait."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.resampling import bounds, draws
from clv_experiments.evaluation.checks import Floats


def differences(traits: pd.DataFrame, group: ArrayLike, replicates: int, seed: int) -> pd.DataFrame:
    """Compare the means of a group with those of the others, in pooled standard deviations.

    The pooled variance is the mean of the two groups' variances (Austin 2009, equation 1), so that neither group's size
    moves the measure. Customers are resampled as a whole; what varies in neither group is left out.

    Parameters
    ----------
    traits : pandas.DataFrame, shape (customers, traits)
    group : array of bool, shape (customers,)
        At least two customers are in it and two are not.
    replicates, seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        ``trait``, ``mean_group``, ``mean_others``, ``difference`` (positive: the group has more), ``low``, ``high``
        (95 %), and whether the interval excludes zero, ``apart``; the largest first.
    """
    inside = np.asarray(group, dtype=bool)
    spread = traits.std(ddof=0)
    varied = traits.loc[:, spread > 1e-12 * (1 + traits.abs().max())]
    # Centred, so that variances from sums keep their digits.
    X = ((varied - varied.mean()) / varied.std(ddof=0)).to_numpy()
    found = _standardised(X, inside, np.ones(len(X)))
    low, high = bounds([_standardised(X, inside, counts) for counts in draws(len(X), replicates, seed)])
    table = pd.DataFrame(
        {
            "trait": list(varied),
            "mean_group": varied[inside].mean().to_numpy(),
            "mean_others": varied[~inside].mean().to_numpy(),
            "difference": found,
            "low": low,
            "high": high,
            "apart": (low > 0) | (high < 0),
        }
    )
    table = table[np.isfinite(found)]
    return table.iloc[np.argsort(-table["difference"].abs().to_numpy(), kind="stable")].reset_index(drop=True)


def _standardised(X: Floats, inside: np.ndarray, counts: Floats) -> Floats:
    """Return the differences under counts of the customers; NaN where a group is empty or nothing varies."""
    means, variances = [], []
    for rows in (inside, ~inside):
        weight = counts[rows]
        total = weight.sum() if weight.any() else np.nan
        mean = weight @ X[rows] / total
        means.append(mean)
        variances.append(np.maximum(weight @ X[rows] ** 2 / total - mean**2, 0.0))
    pooled = np.sqrt((variances[0] + variances[1]) / 2)
    return (means[0] - means[1]) / np.where(pooled > 1e-9, pooled, np.nan)
