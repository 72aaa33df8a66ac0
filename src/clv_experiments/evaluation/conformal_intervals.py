"""Prediction intervals of spend: how far predictions of the same size were off one period earlier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clv_experiments.errors import ClvError

UNIT_SHARE_OF_MEAN = 0.05  # of the mean prediction: added to every prediction before an excess is divided by it
MIN_CUSTOMERS_PER_GROUP = 50  # customers in a group
SCALED_ERROR_OF_NO_SPEND = -1.0  # the error of a prediction where nothing was spent
TOP_SHARE = 0.1  # of the customers, by prediction: those that decisions are about


@dataclass(frozen=True, eq=False)
class SpendIntervals:
    """Errors of one period, ready to stand around the predictions of another.

    Bounds of a group's errors are shares of the prediction below it (-1 is no spend), multiples of prediction + unit
    above it.
    """

    level: float  # share of customers that the intervals are to hold
    customers: int  # whose errors they rest on
    unit: float  # what is added to a prediction before an excess is divided by it, in the log's currency
    edges: np.ndarray  # a prediction above an edge belongs to the next group, shape (groups - 1,)
    lower: np.ndarray  # shape (groups,)
    upper: np.ndarray

    def interval_around(self, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the low and the high end around each prediction, shape (n,); 0 <= low <= prediction <= high."""
        p = np.asarray(y_pred, dtype=float)
        group = np.searchsorted(self.edges, p, side="left")
        low, high = p * (1 + np.clip(self.lower[group], -1.0, 0.0)), np.maximum(self.upper[group], 0.0)
        return low, p + high * (p + self.unit)


def calibrate_intervals(y_true: ArrayLike, y_pred: ArrayLike, level: float, groups: int = 10) -> SpendIntervals:
    """Calibrate intervals on predictions whose outcome is known.

    Split-conformal prediction (Papadopoulos, Proedrou, Vovk and Gammerman 2002; Lei, G'Sell, Rinaldo, Tibshirani and
    Wasserman 2018) on errors scaled by the prediction p: (y - p) / (p + unit) where more was spent, (y - p) / p where
    less was, so that no spend is an error of -1 whatever was predicted. Equal-tailed: with a = 1 - level and n errors
    in order, the ends are the floor((n + 1) a / 2)-th and the ceil((n + 1) (1 - a / 2))-th, so that a customer drawn
    like those n lies between them with a probability of at least ``level``. Where the lower of them is no spend at all,
    nobody lies below it, and the upper one may leave out a: it is the ceil((n + 1) (1 - a))-th. Within each quantile
    group of predictions on its own (Mondrian: Vovk, Gammerman and Shafer 2005), so that this holds also for the
    customers with the largest predictions. The ends are then widened to hold the prediction, which may lie outside
    where most customers of a group spent nothing: such intervals hold more customers than ``level``.

    The customers of the coming period are not drawn like those of the last one where spend moves from period to
    period: ``measure_coverage`` on a later period says what the intervals are worth.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Spend and what was predicted of it (currency, predictions >= 0). Spend below zero, by returns, counts as none.
    level : float
        Such as 0.8.
    groups : int
        At most; fewer where predictions tie or a group would hold fewer than 50 customers, or than the ranks need.

    Raises
    ------
    ClvError
        If there are too few customers for any interval of that level.
    """
    tail = (1 - level) / 2
    needed = int(np.ceil(1 / tail - 1e-9)) - 1
    if np.size(y_pred) < needed:
        raise ClvError(
            f"intervals that hold {level:.0%} of the customers rest on at least {needed} customers with spend known "
            f"and predicted, and there are {np.size(y_pred)}; type a smaller decisions.interval"
        )
    unit, edges, errors = _group_errors(y_true, y_pred, groups, max(MIN_CUSTOMERS_PER_GROUP, needed))
    ends = np.array([_error_quantiles(group, tail) for group in errors])
    return SpendIntervals(level, np.size(y_pred), unit, edges, ends[:, 0], ends[:, 1])


def calibrate_quantiles(
    y_true: ArrayLike, y_pred: ArrayLike, new_predictions: ArrayLike, probabilities: ArrayLike, groups: int = 10
) -> np.ndarray:
    """Return quantiles of spend around predictions, from the errors of others whose outcome is known.

    The errors and groups are those of ``calibrate_intervals``; the quantile at p is the ceil((n + 1) p)-th of n errors,
    at most the largest (a conformal predictive distribution: Vovk, Shen, Manokhin and Xie 2017).

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Spend and what was predicted of it (currency, predictions >= 0).
    new_predictions : array-like of shape (m,)
        Predictions (currency).
    probabilities : array-like of shape (k,)
        Between 0 and 1.

    Returns
    -------
    numpy.ndarray of shape (m, k)
        Currency, >= 0.
    """
    unit, edges, errors = _group_errors(y_true, y_pred, groups, MIN_CUSTOMERS_PER_GROUP)
    p = np.asarray(new_predictions, dtype=float)
    ranks = [np.ceil((len(group) + 1) * np.asarray(probabilities) - 1e-9).astype(int) for group in errors]
    ends = np.array([group[np.clip(k, 1, len(group)) - 1] for group, k in zip(errors, ranks, strict=True)])
    error = ends[np.searchsorted(edges, p, side="left")]
    below, above = np.clip(error, SCALED_ERROR_OF_NO_SPEND, 0.0), np.maximum(error, 0.0)
    return p[:, None] * (1 + below) + above * (p[:, None] + unit)


def _group_errors(
    y_true: ArrayLike, y_pred: ArrayLike, groups: int, min_size: int
) -> tuple[float, np.ndarray, list[np.ndarray]]:
    """Group errors by the size of the prediction; return unit, edges and each group's errors in ascending order."""
    y, p = np.maximum(np.asarray(y_true, dtype=float), 0.0), np.asarray(y_pred, dtype=float)
    unit = UNIT_SHARE_OF_MEAN * float(p.mean()) or UNIT_SHARE_OF_MEAN * float(y.mean()) or 1.0
    edges = _choose_group_edges(p, groups, min_size)
    errors = np.where(y > 0, (y - p) / np.where((y < p), p, p + unit), SCALED_ERROR_OF_NO_SPEND)
    group = np.searchsorted(edges, p, side="left")
    return unit, edges, [np.sort(errors[group == number]) for number in range(len(edges) + 1)]


def _error_quantiles(errors: np.ndarray, tail: float) -> tuple[float, float]:
    """Return the errors at the finite-sample ranks; ``tail`` is the share of customers beyond each end."""
    n = len(errors)
    low = errors[int(np.floor((n + 1) * tail + 1e-9)) - 1]
    upper_tail = 2 * tail if low <= SCALED_ERROR_OF_NO_SPEND else tail  # nobody spends less than nothing
    return low, errors[int(np.ceil((n + 1) * (1 - upper_tail) - 1e-9)) - 1]


def _choose_group_edges(p: np.ndarray, groups: int, min_size: int) -> np.ndarray:
    """Cut the predictions at quantiles into at most so many groups, none with fewer customers than ``min_size``."""
    ordered = np.sort(p)
    number = min(groups, max(len(p) // min_size, 1))
    edges: list[float] = []
    below = 0
    for position in (np.arange(1, number) * len(p)) // number:
        edge = ordered[position - 1]
        up_to = int(np.searchsorted(ordered, edge, side="right"))  # equal predictions stay together
        if up_to - below >= min_size and len(p) - up_to >= min_size:
            edges.append(edge)
            below = up_to
    return np.array(edges)


@dataclass(frozen=True)
class Coverage:
    """What intervals held in a period whose spend is known."""

    customers: int
    top_customers: int  # the tenth with the largest predictions
    overall: float  # share of customers whose spend lay in its interval
    top_decile: float
    width: float  # mean, in the log's currency
    top_decile_width: float


def measure_coverage(y_true: ArrayLike, low: ArrayLike, high: ArrayLike, y_pred: ArrayLike) -> Coverage:
    """Count the customers, at least one, whose spend lay in its interval; all arrays have shape (n,).

    Customers who tie with the last of the tenth with the largest predictions belong to it; spend below zero counts as
    none.
    """
    y, lows, highs, p = (np.asarray(values, dtype=float) for values in (y_true, low, high, y_pred))
    covered, width = (lows <= np.maximum(y, 0.0)) & (y <= highs), highs - lows
    top = p >= np.sort(p)[-max(int(np.ceil(TOP_SHARE * len(p))), 1)]
    return Coverage(
        len(p),
        int(top.sum()),
        float(covered.mean()),
        float(covered[top].mean()),
        float(width.mean()),
        float(width[top].mean()),
    )
