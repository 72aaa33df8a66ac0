"""What every BTYD fit shares: checked columns, maximum likelihood in bounded log-parameters, standard errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.models.array_input import CUSTOMER_COLUMNS, FIRST_SPEND, MONEY, name_array_columns
from clv_experiments.models.btyd_likelihood import Derivatives, WeightedRows
from clv_experiments.models.newton import NewtonResult, free_coordinates, maximise_by_newton

LOG_BOUND = 14.0  # log-parameters stay in [-14, 14]: 8e-7 to 1.2e6
MIN_CURVATURE = 0.01  # a Hessian eigenvalue below this leaves a log-parameter uncertain by more than 10
SAMPLE = 2000  # distinct histories, or mean spends, on which a start is looked for
MAX_GRADIENT = 1e-4  # of the mean log-likelihood at an optimum; fits of real logs end below 1e-6
LIKELIHOOD_TIE_TOLERANCE = 1e-8  # of the mean log-likelihood: rounding where parameters are at their bounds
NOT_CONVERGED = "the likelihood could not be maximised to convergence from any start: its parameters may be off"

Rows = TypeVar("Rows", bound=WeightedRows)


@dataclass(frozen=True)
class Optimum:
    """The best log-parameters, their standard errors (NaN at a boundary), which boundary, and convergence."""

    log_parameters: np.ndarray
    log_likelihood: float
    standard_errors: np.ndarray
    boundary: str
    converged: bool


def check_customers(X: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the named columns of X as floats, or say which customers have impossible values.

    An array has the columns frequency, recency, T and perhaps monetary_value, in this order.

    Raises
    ------
    ClvError
        If a column is missing or repeated, or a value is missing, infinite, negative (monetary_value and
        first_spend may be: refunds), a broken count, or a recency later than T.
    """
    X = name_array_columns(X, CUSTOMER_COLUMNS, 3)
    missing = [column for column in columns if column not in X.columns]
    if missing:
        present = ", ".join(map(str, X.columns[:12])) + (", ..." if X.shape[1] > 12 else "")
        raise ClvError(
            f"X lacks {', '.join(missing)} (it has {present}): a BTYD model reads {', '.join(columns)}, "
            f"which the feature set {'rfm_first_spend' if FIRST_SPEND in columns else 'rfm'} has"
        )
    selected = X.loc[:, list(columns)]
    if selected.shape[1] != len(columns):
        raise ClvError(f"X has one of the columns {', '.join(columns)} twice: expected each once")
    try:
        numbers = selected.astype(float)
    except (TypeError, ValueError) as error:
        raise ClvError(f"X has something other than numbers in {', '.join(columns)}: {error}") from error
    for column in columns:
        values = numbers[column].to_numpy()
        _raise_if_invalid(numbers, column, ~np.isfinite(values), "that is missing or infinite")
        if column not in (MONEY, FIRST_SPEND):
            _raise_if_invalid(numbers, column, values < 0, "below 0")
    frequency = numbers["frequency"].to_numpy()
    _raise_if_invalid(
        numbers, "frequency", frequency != np.floor(frequency), "that is not a whole number of purchase days"
    )
    if {"recency", "T"} <= set(columns):
        late = (numbers["recency"] > numbers["T"]).to_numpy()
        _raise_if_invalid(
            numbers, "recency", late, "later than T (recency is first to last purchase day, T first to cutoff)"
        )
    return numbers


def require_observed_customers(T: np.ndarray, customers: float, model: str) -> None:
    """Refuse customers of whom nothing can be learnt: none, or all first seen on the last day that is known.

    Parameters
    ----------
    T : numpy.ndarray
        All values that customers have.
    customers : float
        How many there are.
    model : str

    Raises
    ------
    ClvError
        LogTooShort where T is 0 for all.
    """
    if not customers:
        raise ClvError(f"no customer to fit {model} on: X has 0 rows, expected at least 1")
    if not T.any():
        raise LogTooShort(
            f"of {customers:,.0f} customers nobody has had time to come back: each first bought on the last day that "
            "is known (T = 0), and nothing can be said of the future; wait, or choose a later window.cutoff"
        )


def _raise_if_invalid(numbers: pd.DataFrame, column: str, invalid: np.ndarray, problem: str) -> None:
    if invalid.any():
        first = ", ".join(f"{customer} ({value:g})" for customer, value in numbers.loc[invalid, column].head(3).items())
        raise ClvError(f"column {column} has {invalid.sum()} value(s) {problem}, first for customer_id {first}")


def maximise_from_starts(
    log_likelihood: Callable[[np.ndarray, Rows], Derivatives],
    rows: Rows,
    starts: Sequence[np.ndarray],
    names: Sequence[str],
) -> Optimum:
    """Climb from fixed starts on a sample, then from its optimum on all; return the highest point.

    Where that climb does not converge, or ends at a boundary, it may have taken the wrong slope: then all customers are
    climbed from every start.

    Parameters
    ----------
    log_likelihood : of parameters and rows, summed over customers, with its derivatives in the parameters
    rows : all customers
    starts : log-parameters to climb from
    names : of the parameters, for the message about a boundary
    """

    def climb(start: np.ndarray, rows: Rows) -> NewtonResult:
        return maximise_by_newton(
            lambda logs: log_likelihood(np.exp(logs), rows).to_log_parameters(np.exp(logs)), start, LOG_BOUND
        )

    n, sample = rows.customers, rows.systematic_sample(SAMPLE)
    with np.errstate(all="ignore"):  # a step too far overflows and is taken back
        best = _select_best_climb([climb(start, sample) for start in starts], n)
        if len(sample) < len(rows):
            best = climb(best.point, rows)
            if not _has_converged(best, n) or _describe_boundary_or_flatness(best, names):
                best = _select_best_climb([best, *(climb(start, rows) for start in starts)], n)
    boundary = _describe_boundary_or_flatness(best, names)
    errors = np.full(len(names), np.nan) if boundary else np.sqrt(np.diag(np.linalg.inv(-best.derivatives.hessian)))
    return Optimum(best.point, float(best.derivatives.value), errors, boundary, _has_converged(best, n))


def _select_best_climb(climbs: Sequence[NewtonResult], n: float) -> NewtonResult:
    """Return the highest climb; among those as high but for rounding, one that converged."""

    def height(end: NewtonResult) -> float:
        value = end.derivatives.value - (0.0 if _has_converged(end, n) else LIKELIHOOD_TIE_TOLERANCE * n)
        return value if np.isfinite(value) else -np.inf

    return max(climbs, key=height)


def _has_converged(end: NewtonResult, n: float) -> bool:
    """Whether the climb ended by itself, and no step inside the bounds would lead up noticeably."""
    gradient = end.derivatives.gradient[free_coordinates(end.point, end.derivatives.gradient, LOG_BOUND)]
    return end.converged and bool((np.abs(gradient) <= MAX_GRADIENT * n).all())


def _describe_boundary_or_flatness(end: NewtonResult, names: Sequence[str]) -> str:
    at_bound = [
        f"{name} at its {'upper' if log > 0 else 'lower'} bound, {np.exp(log):.2g}"
        for name, log in zip(names, end.point, strict=True)
        if abs(log) > LOG_BOUND - 0.01
    ]
    if at_bound:
        return "; ".join(at_bound)
    curvature = -end.derivatives.hessian
    if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature)[0] < MIN_CURVATURE:
        return "the log-likelihood is flat around its maximum: the log does not identify every parameter"
    return ""


def parameter_table(names: Sequence[str], estimates: ArrayLike, errors: ArrayLike, part: str) -> pd.DataFrame:
    """Return one row a parameter: parameter, estimate, standard_error, part (purchases or spend)."""
    return pd.DataFrame(
        {"parameter": names, "estimate": np.asarray(estimates), "standard_error": np.asarray(errors), "part": part}
    )
