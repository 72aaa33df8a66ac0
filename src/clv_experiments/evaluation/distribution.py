"""Scores of predictive distributions and of intervals: CRPS, and how many customers an interval holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.conformal_intervals import measure_coverage

PROBABILITIES = (np.arange(20) + 0.5) / 20  # of the quantiles that stand for a distribution


def crps(y_true: ArrayLike, quantiles: ArrayLike, probabilities: ArrayLike = PROBABILITIES) -> Floats:
    """Return each customer's continuous ranked probability score, shape (n,): 0 is best, lower is better.

    In the unit of spend. Twice the mean pinball loss over the quantiles (Berrisch and Ziel 2023), so that a certain
    prediction scores its absolute error; spend below zero, by returns, counts as none.

    Parameters
    ----------
    y_true : array-like of shape (n,)
    quantiles : array-like of shape (n, k)
    probabilities : array-like of shape (k,)
        Spread evenly between 0 and 1.
    """
    from scoringrules import crps_quantile  # imports half a second of scipy

    spend = np.maximum(np.asarray(y_true, dtype=float), 0.0)
    return np.asarray(crps_quantile(spend, np.asarray(quantiles, dtype=float), np.asarray(probabilities)))


def interval_and_upper_bound_probabilities(level: float) -> tuple[float, float, float]:
    """Return the probabilities of the quantiles that ``quantile_interval`` takes: low, one-sided high, high."""
    return (1 - level) / 2, level, (1 + level) / 2


def quantile_interval(quantiles: Floats) -> tuple[Floats, Floats]:
    """Return low and high ends, shape (n,), of the intervals that a distribution gives.

    Parameters
    ----------
    quantiles : numpy.ndarray of shape (n, 3)
        At ``interval_and_upper_bound_probabilities``: equal-tailed, but where the low end is no spend the other leaves
        out both tails.
    """
    low, one_sided, two_sided = quantiles.T
    return low, np.where(low <= 0, one_sided, two_sided)


def coverage_scores(
    y_true: ArrayLike, ends: tuple[Floats, Floats], y_pred: ArrayLike, one_time: ArrayLike, percent: int
) -> dict[str, float]:
    """Return the share of customers whose spend lay in its interval, and the intervals' mean width (currency).

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Currency.
    ends : pair of numpy.ndarray of shape (n,)
        Low and high ends, currency.
    one_time : array-like of bool, shape (n,)
        Whether the customer had one purchase day at the cutoff; without any their coverage is nan.
    percent : int
        Of the customers that the intervals are to hold; ends the scores' names.

    Returns
    -------
    dict of str to float
        ``coverage_80``, ``coverage_80_top_decile`` (the tenth with the largest predictions), ``coverage_80_one_time``,
        ``interval_width_80``.
    """
    spend, single = np.asarray(y_true, dtype=float), np.asarray(one_time, dtype=bool)
    coverage, low, high, predicted = measure_coverage(spend, *ends, y_pred), *ends, np.asarray(y_pred, dtype=float)
    of_one_time = (
        measure_coverage(spend[single], low[single], high[single], predicted[single]).overall
        if single.any()
        else np.nan
    )
    return {
        f"coverage_{percent}": coverage.overall,
        f"coverage_{percent}_top_decile": coverage.top_decile,
        f"coverage_{percent}_one_time": of_one_time,
        f"interval_width_{percent}": coverage.width,
    }
