"""The date of each customer's next purchase, with an interval, from how probable one is within so many days."""

from __future__ import annotations

from datetime import date
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_experiments.evaluation.array_checks import Floats

GRID = 16  # days asked of an estimator; what lies between is interpolated
RHYTHM_GRID = 120  # of one whose probabilities rise within days, since customers keep a rhythm
MIN_PROBABILITY = 0.01  # a purchase less probable than this gets no date
BATCH_ROWS = 100_000


class WaitingTimeEstimator(Protocol):
    """An estimator of how probable a purchase is within any number of days."""

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days))."""
        ...


def next_purchase_dates(
    estimator: WaitingTimeEstimator, X: pd.DataFrame, cutoff: date, within_days: int, level: float, grid: int = GRID
) -> pd.DataFrame:
    """Date each customer's next purchase, given that it comes within a limit.

    Parameters
    ----------
    X : pandas.DataFrame
        Features at the cutoff, indexed by customer_id.
    within_days : int
        The limit, in days after the cutoff, at least 1.
    level : float
        Share of the purchases within the limit that the interval is to hold, such as 0.8.
    grid : int
        How many days to ask of the estimator.

    Returns
    -------
    pandas.DataFrame
        Index of ``X``. ``next_purchase`` (median day), ``next_purchase_low`` and ``next_purchase_high`` (equal-tailed
        interval) are whole days after the cutoff, NaT where a purchase within the limit is less probable than 1 %;
        ``p_next_purchase`` is P(a purchase comes within the limit).
    """
    days = choose_day_grid(within_days, grid)
    shares = np.array([0.5, (1 - level) / 2, (1 + level) / 2])
    waits, p_purchase = np.empty((len(X), 3)), np.empty(len(X))
    for first in range(0, len(X), BATCH_ROWS):
        part = slice(first, first + BATCH_ROWS)
        probabilities = estimator.purchase_probabilities(X.iloc[part], days)
        waits[part] = conditional_wait_quantiles(probabilities, days, shares)
        p_purchase[part] = probabilities[:, -1]
    waits_in_days = waits.astype("timedelta64[D]")
    waits_in_days[p_purchase < MIN_PROBABILITY] = np.timedelta64("NaT")
    dates = (np.datetime64(cutoff, "D") + waits_in_days).astype("datetime64[s]")
    columns = dict(zip(("next_purchase", "next_purchase_low", "next_purchase_high"), dates.T, strict=True))
    return pd.DataFrame({**columns, "p_next_purchase": p_purchase}, index=X.index)


def choose_day_grid(within_days: int, grid: int = GRID) -> NDArray[np.int64]:
    """Choose the days at which to ask an estimator: every one at first, ever fewer up to the limit."""
    return np.unique(np.maximum(within_days * (np.arange(1, grid + 1) / grid) ** 2, 1).round().astype(np.int64))


def conditional_wait_quantiles(probabilities: Floats, days: NDArray[np.int64], quantile_levels: Floats) -> Floats:
    """Return the quantiles of the wait, given that it ends by the last of the days.

    Between two days a purchase is taken to be equally probable on any.

    Parameters
    ----------
    probabilities : array, shape (n, days)
        P(a purchase comes within each number of days), rising.
    days : array, shape (days,)
        Rising whole numbers.
    quantile_levels : array, shape (quantiles,)
        Such as 0.5 for the median.

    Returns
    -------
    array, shape (n, quantiles)
        Whole days from 1: the first by whose end at least that share of the purchases has come.
    """
    starts = np.concatenate([[0.0], days])
    cumulative = np.column_stack([np.zeros(len(probabilities)), probabilities])
    rows = np.arange(len(cumulative))
    waits = np.empty((len(cumulative), len(quantile_levels)))
    for column, share in enumerate(quantile_levels):
        target = share * cumulative[:, -1]
        after = np.clip((cumulative < target[:, None]).sum(axis=1), 1, len(days))
        below, above = cumulative[rows, after - 1], cumulative[rows, after]
        step = np.divide(target - below, above - below, out=np.ones(len(rows)), where=above > below)
        waits[:, column] = starts[after - 1] + step * (starts[after] - starts[after - 1])
    return np.maximum(np.ceil(waits - 1e-9), 1.0)
