"""What a fitted model learned, as one tidy frame: parameters, coefficients or importances, with uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.clustered_errors import (
    cluster_bootstrap,
    clustered_covariance,
    solve_least_norm,
    variance_inflation_factors,
)
from clv_experiments.evaluation.confidence_intervals import Z

PERMUTED_ROWS = 2000
PERMUTATIONS = 5


@dataclass(frozen=True)
class LinearFit:
    """A linear fit in the features' own units: values (n, k), slopes (k,), intercept, ridge penalty of each slope."""

    names: list[str]
    values: Floats
    slopes: Floats
    intercept: float
    penalty: Floats


def describe_fitted_estimator(
    estimator: Any,
    X_train: pd.DataFrame,
    y_train: pd.Series | None,
    X_eval: pd.DataFrame,
    y_eval: pd.Series,
    *,
    scorer: Callable[[Any, Any], float],
    rng: np.random.Generator,
    replicates: int = 200,
    on_progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Describe what `estimator` learned, in the columns its kind has; always `name` and `estimate`.

    Parameters
    ----------
    estimator : fitted; recognised by `parameters_` (BTYD, baselines), or by `regressor_` (a regressor or Pipeline),
        which goes with `feature_names_in_`.
    X_train, y_train : what it was fitted on, indexed by customer_id, which may repeat: one row a customer and origin;
        ``y_train`` is None where the model needs no labels.
    X_eval, y_eval : rows it has not seen, on which features are permuted.
    scorer : (y_true, y_pred) -> float, higher is better.
    rng : draws the bootstrap customers, the permuted rows and the permutations.
    replicates : bootstrap refits of a linear model.
    on_progress : called with (done, replicates) after each refit.

    Returns
    -------
    DataFrame. BTYD: estimate, standard_error, lower_95, upper_95, part. Linear: an intercept row, then one a feature,
    with standard_error, boot_lower_95, boot_upper_95, sign_stable, vif, standardised_estimate. Other regressors:
    estimate (gain that sums to 1, or the permutation importance where there is none), permutation_importance,
    permutation_sd. Empty for a model that learned nothing it can name.
    """
    if replicates < 1:
        raise ClvError(f"replicates must be at least 1, got {replicates}")
    if hasattr(estimator, "parameters_"):
        return _parameter_table_with_intervals(estimator.parameters_)
    if not hasattr(estimator, "regressor_"):
        return pd.DataFrame({"name": pd.Series(dtype="str"), "estimate": pd.Series(dtype="float64")})
    features = list(estimator.feature_names_in_)
    if y_train is not None and hasattr(_final_step(estimator.regressor_), "coef_"):
        return _linear_table(estimator, X_train[features], y_train, replicates, rng, on_progress)
    return _gain_and_permutation_table(estimator, X_eval[features], y_eval, scorer, rng)


def extract_linear_slopes(estimator: Any, X: pd.DataFrame) -> pd.Series | None:
    """Return the slopes of a linear model in the features' own units, by feature; None for any other model."""
    regressor = getattr(estimator, "regressor_", None)
    if regressor is None or not hasattr(_final_step(regressor), "coef_"):
        return None
    fit = _unstandardise_linear_fit(estimator, X[list(estimator.feature_names_in_)])
    return pd.Series(fit.slopes, index=fit.names)


def likelihood_statistics(estimator: Any) -> dict[str, float]:
    """Return log_likelihood, aic and bic of a model fitted by maximum likelihood, an empty dict for any other.

    Those of a spend model that it carries (``spend_``) begin with ``spend_``.
    """
    names = ("log_likelihood", "aic", "bic")
    statistics = {name: float(getattr(estimator, f"{name}_")) for name in names if hasattr(estimator, f"{name}_")}
    if getattr(estimator, "spend_", None) is not None:
        statistics |= {f"spend_{name}": value for name, value in likelihood_statistics(estimator.spend_).items()}
    return statistics


def _parameter_table_with_intervals(parameters: pd.DataFrame) -> pd.DataFrame:
    """Add lognormal 95 % intervals: parameters are positive, so the error is taken to be normal on the log scale."""
    table = parameters.rename(columns={"parameter": "name"}).reset_index(drop=True)
    if "standard_error" not in table:
        return table
    estimate = table["estimate"].where(table["estimate"] > 0).to_numpy(dtype=float, na_value=np.nan)
    spread = Z * table["standard_error"].to_numpy(dtype=float, na_value=np.nan) / estimate
    with np.errstate(over="ignore"):  # a flat likelihood has an interval without an upper end
        table = table.assign(lower_95=estimate * np.exp(-spread), upper_95=estimate * np.exp(spread))
    leading = ["name", "estimate", "standard_error", "lower_95", "upper_95"]
    return table[leading + [column for column in table if column not in leading]]


def _linear_table(
    estimator: Any,
    X: pd.DataFrame,
    y: pd.Series,
    replicates: int,
    rng: np.random.Generator,
    on_progress: Callable[[int, int], None] | None,
) -> pd.DataFrame:
    """Describe a linear fit in the features' own units; all algebra runs on standardised columns."""
    fit = _unstandardise_linear_fit(estimator, X)
    target = np.asarray(y, dtype=float)
    mean, deviation = fit.values.mean(axis=0), fit.values.std(axis=0)
    deviation = np.where(deviation <= 1e-12 * np.abs(mean), 1.0, deviation)
    standardised = (fit.values - mean) / deviation
    standardised_fit = np.concatenate([[fit.intercept + mean @ fit.slopes], fit.slopes * deviation])
    design = np.column_stack([np.ones(len(standardised)), standardised])
    ridge = np.concatenate([[0.0], fit.penalty / deviation**2])
    to_original = np.diag(np.concatenate([[1.0], 1.0 / deviation]))
    to_original[0, 1:] = -mean / deviation
    cluster, _ = pd.factorize(X.index.get_level_values("customer_id") if "customer_id" in X.index.names else X.index)
    residuals = target - design @ standardised_fit

    estimate = np.concatenate([[fit.intercept], fit.slopes])
    if _solves_normal_equations(design, residuals, ridge * standardised_fit, target):
        variance = np.diag(to_original @ clustered_covariance(design, residuals, cluster, ridge) @ to_original.T).copy()
        refits = cluster_bootstrap(
            design, target, cluster, ridge, replicates=replicates, rng=rng, on_progress=on_progress
        )
        refits = refits @ to_original.T
    else:
        variance, refits = np.full(len(estimate), np.nan), np.full((1, len(estimate)), np.nan)
    inflation = np.concatenate([[np.nan], variance_inflation_factors(standardised)])
    if np.isinf(inflation).any() and not np.allclose(
        solve_least_norm(design, target, ridge), standardised_fit, rtol=1e-3, atol=1e-6
    ):
        # Collinear columns have many solutions, and this estimator chose another one than the intervals would describe.
        variance[np.isinf(inflation)] = refits[:, np.isinf(inflation)] = np.nan
    lower, upper = np.quantile(refits, [0.025, 0.975], axis=0)
    stable = np.where(np.isnan(lower), np.nan, (np.sign(refits) == np.sign(estimate)).mean(axis=0))
    return pd.DataFrame(
        {
            "name": ["intercept", *fit.names],
            "estimate": estimate,
            "standard_error": np.sqrt(np.maximum(variance, 0.0)),
            "boot_lower_95": lower,
            "boot_upper_95": upper,
            "sign_stable": stable,
            "vif": inflation,
            "standardised_estimate": np.concatenate([[np.nan], standardised_fit[1:]]),
        }
    )


def _unstandardise_linear_fit(estimator: Any, X: pd.DataFrame) -> LinearFit:
    """Return a linear regressor's fit in the features' own units and those of spend.

    The estimator's units, if it has learnt any, and a last StandardScaler are undone; what an earlier step makes of the
    features is left as it is.
    """
    final = _final_step(estimator.regressor_)
    earlier = [step for _, step in getattr(estimator.regressor_, "steps", [])[:-1]]
    scaler = earlier.pop() if earlier and hasattr(earlier[-1], "with_mean") else None
    unit, units = getattr(estimator, "unit_", 1.0), getattr(estimator, "feature_units_", np.ones(X.shape[1]))
    frame: Any = X / units if earlier else X
    names = [str(name) for name in X.columns]
    for step in earlier:
        frame = step.transform(frame)
        names = [str(name) for name in step.get_feature_names_out(names)]
    values = np.asarray(frame, dtype=float)
    width = values.shape[1]
    units = np.ones(width) if earlier else units
    centre = units * (np.zeros(width) if scaler is None or not scaler.with_mean else scaler.mean_)
    scale = units * (np.ones(width) if scaler is None or not scaler.with_std else scaler.scale_)
    slopes = unit * np.ravel(final.coef_) / scale
    intercept = unit * float(np.ravel(final.intercept_)[0]) - float(centre @ slopes)
    alpha = float(getattr(final, "alpha_", getattr(final, "alpha", 0.0)))
    return LinearFit(names, values, slopes, intercept, alpha * scale**2)


def _solves_normal_equations(design: Floats, residuals: Floats, penalty_gradient: Floats, target: Floats) -> bool:
    """Return whether the fit is (ridge) least squares of this target on these columns.

    A lasso, a log link, another target or weights fail it, and the sandwich would not describe them.
    """
    gradient = np.abs(design.T @ residuals - penalty_gradient)
    return bool((gradient <= 1e-6 * np.linalg.norm(design, axis=0) * np.linalg.norm(target)).all())


def _gain_and_permutation_table(
    estimator: Any, X: pd.DataFrame, y: pd.Series, scorer: Callable[[Any, Any], float], rng: np.random.Generator
) -> pd.DataFrame:
    """Describe a regressor without coefficients by gain and by what a shuffled feature costs on unseen rows."""
    from sklearn.inspection import permutation_importance

    rows = np.sort(rng.permutation(len(X))[:PERMUTED_ROWS])
    permuted = permutation_importance(
        estimator,
        X.iloc[rows],
        np.asarray(y, dtype=float)[rows],
        scoring=lambda model, features, actual: scorer(actual, model.predict(features)),
        n_repeats=PERMUTATIONS,
        random_state=int(rng.integers(2**31)),
    )
    gain = permuted.importances_mean
    if hasattr(_final_step(estimator.regressor_), "feature_importances_"):
        gain = np.asarray(_final_step(estimator.regressor_).feature_importances_, dtype=float)
        gain = np.nan_to_num(gain / max(gain.sum(), np.finfo(float).tiny))  # trees without a split have no gain
    return pd.DataFrame(
        {
            "name": [str(name) for name in X.columns],
            "estimate": gain,
            "permutation_importance": permuted.importances_mean,
            "permutation_sd": permuted.importances_std,
        }
    )


def _final_step(regressor: Any) -> Any:
    return regressor.steps[-1][1] if hasattr(regressor, "steps") else regressor
