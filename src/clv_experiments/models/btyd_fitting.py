"""What every BTYD fit shares: checked columns, maximum likelihood in bounded log-parameters, standard errors."""

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import OptimizeResult, minimize

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import CUSTOMER_COLUMNS, name_columns

LOG_BOUND = 14.0  # log-parameters stay in [-14, 14]: 8e-7 to 1.2e6
MIN_CURVATURE = 0.01  # a Hessian eigenvalue below this leaves a log-parameter uncertain by more than 10
MAX_GRADIENT = 1e-4  # of the mean log-likelihood at an optimum; fits of real logs end below 1e-6
NOT_CONVERGED = "the likelihood could not be maximised to convergence from any start: its parameters may be off"

LogLikelihood = Callable[[np.ndarray], float]


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
        If a column is missing or repeated, or a value is missing, infinite, negative (monetary_value
        may be: refunds), a broken count, or a recency later than T.
    """
    X = name_columns(X, CUSTOMER_COLUMNS, 3)
    missing = [column for column in columns if column not in X.columns]
    if missing:
        present = ", ".join(map(str, X.columns[:12])) + (", ..." if X.shape[1] > 12 else "")
        raise ClvError(
            f"X lacks {', '.join(missing)} (it has {present}): a BTYD model reads {', '.join(columns)}, "
            "which the feature set rfm has"
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
        _reject(numbers, column, ~np.isfinite(values), "that is missing or infinite")
        if column != "monetary_value":
            _reject(numbers, column, values < 0, "below 0")
    frequency = numbers["frequency"].to_numpy()
    _reject(numbers, "frequency", frequency != np.floor(frequency), "that is not a whole number of purchase days")
    if {"recency", "T"} <= set(columns):
        late = (numbers["recency"] > numbers["T"]).to_numpy()
        _reject(numbers, "recency", late, "later than T (recency is first to last purchase day, T first to cutoff)")
    return numbers


def _reject(numbers: pd.DataFrame, column: str, invalid: np.ndarray, problem: str) -> None:
    if invalid.any():
        first = ", ".join(f"{customer} ({value:g})" for customer, value in numbers.loc[invalid, column].head(3).items())
        raise ClvError(f"column {column} has {invalid.sum()} value(s) {problem}, first for customer_id {first}")


def fit_with_lifetimes(fitter: str, names: Sequence[str], *arrays: np.ndarray, **options: object) -> np.ndarray | None:
    """Return the logs of the parameters that a fitter of the lifetimes package finds, None where it finds none."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        # lifetimes warns of every overflow on its way and prints the result where it gives up.
        warnings.simplefilter("ignore")
        import lifetimes

        model = getattr(lifetimes, fitter)()
        try:
            model.fit(*arrays, **options)
        except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError):
            return None
    estimates = model.params_[list(names)].to_numpy(dtype=float)
    return np.log(estimates) if np.all(np.isfinite(estimates) & (estimates > 0)) else None


def maximise(
    log_likelihood: LogLikelihood,
    first_start: np.ndarray | None,
    fixed_starts: Sequence[np.ndarray],
    names: Sequence[str],
    n: int,
    *,
    retry_at_boundary: bool,
) -> Optimum:
    """Climb from the first start and, where that fails, from the fixed ones; return the highest point.

    Parameters
    ----------
    log_likelihood : of one vector of log-parameters, summed over customers
    first_start : log-parameters to climb from, such as those of lifetimes; None where there are none
    fixed_starts : log-parameters to climb from where there is no first start or its climb does not converge
    names : of the parameters, for the message about a boundary
    n : customers; the climb works on the mean, whose size does not depend on n
    retry_at_boundary : whether the fixed starts are tried where the first climb ends at a boundary, too
    """
    if first_start is None:
        return _climb(log_likelihood, fixed_starts, names, n)
    optimum = _climb(log_likelihood, [first_start], names, n)
    if optimum.converged and not (retry_at_boundary and optimum.boundary):
        return optimum
    return max(optimum, _climb(log_likelihood, fixed_starts, names, n), key=lambda climb: climb.log_likelihood)


def _climb(log_likelihood: LogLikelihood, starts: Sequence[np.ndarray], names: Sequence[str], n: int) -> Optimum:
    """Climb from each start inside the bounds and return the highest point, boundary or not."""

    def cost(logs: np.ndarray) -> float:
        value = log_likelihood(logs) / n
        return -value if np.isfinite(value) else 1e10

    options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 200, "maxls": 40}
    bounds = [(-LOG_BOUND, LOG_BOUND)] * len(names)
    with np.errstate(all="ignore"):  # a step too far overflows, costs 1e10 and is taken back
        climbs = [
            minimize(
                cost,
                np.clip(start, -LOG_BOUND, LOG_BOUND),
                method="L-BFGS-B",
                jac="3-point",
                bounds=bounds,
                options=options,
            )
            for start in starts
        ]
        best = min(climbs, key=lambda climb: climb.fun)
        curvature = -_hessian(log_likelihood, best.x)
    boundary = _describe_boundary(best.x, curvature, names)
    errors = np.full(len(names), np.nan) if boundary else np.sqrt(np.diag(np.linalg.inv(curvature)))
    return Optimum(best.x, float(-best.fun * n), errors, boundary, _has_converged(best))


def _has_converged(climb: OptimizeResult) -> bool:
    """Whether the optimiser says so, and no step inside the bounds would lead up noticeably."""
    pushed_out = np.where(climb.jac > 0, climb.x <= -LOG_BOUND, climb.x >= LOG_BOUND)
    gradient = np.where(pushed_out, 0.0, climb.jac)
    return bool(climb.success and np.abs(gradient).max() <= MAX_GRADIENT)


def _describe_boundary(logs: np.ndarray, curvature: np.ndarray, names: Sequence[str]) -> str:
    at_bound = [
        f"{name} at its {'upper' if log > 0 else 'lower'} bound, {np.exp(log):.2g}"
        for name, log in zip(names, logs, strict=True)
        if abs(log) > LOG_BOUND - 0.01
    ]
    if at_bound:
        return "; ".join(at_bound)
    if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature)[0] < MIN_CURVATURE:
        return "the log-likelihood is flat around its maximum: the log does not identify every parameter"
    return ""


def _hessian(function: LogLikelihood, point: np.ndarray, step: float = 1e-3) -> np.ndarray:
    moves = step * np.eye(len(point))
    centre = function(point)
    hessian = np.diag([function(point + move) - 2 * centre + function(point - move) for move in moves])
    for i, j in combinations(range(len(point)), 2):
        both, apart = moves[i] + moves[j], moves[i] - moves[j]
        corners = function(point + both) + function(point - both) - function(point + apart) - function(point - apart)
        hessian[i, j] = hessian[j, i] = corners / 4
    return hessian / step**2


def parameter_table(names: Sequence[str], estimates: ArrayLike, errors: ArrayLike, part: str) -> pd.DataFrame:
    """Return one row a parameter: parameter, estimate, standard_error, part (purchases or spend)."""
    return pd.DataFrame(
        {"parameter": names, "estimate": np.asarray(estimates), "standard_error": np.asarray(errors), "part": part}
    )
