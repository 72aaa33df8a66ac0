"""Where each customer's spend lies: intervals calibrated on the period before, a model's own distribution, its CRPS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.conformal_intervals import calibrate_intervals, calibrate_quantiles
from clv_experiments.evaluation.distribution import (
    PROBABILITIES,
    coverage_scores,
    crps,
    interval_and_upper_bound_probabilities,
    quantile_interval,
)
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.forecasting.evaluation_result import EvaluatedForecast
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import can_forecast_by_cohorts

INTERVALS = (80, 95)  # percent of the customers
MIN_CUSTOMERS = 50  # fewer say nothing of the 95 % of which one in twenty lies outside


def add_intervals_and_scores(
    forecaster: Forecaster, evaluated: EvaluatedForecast, earlier: EvaluatedForecast | None
) -> EvaluatedForecast:
    """Add intervals of each customer's spend to a forecast's table, and what they scored to its scores.

    Intervals are conformal for every model, with or without a distribution of its own: how far its predictions of the
    period before were off, which was over at the cutoff. Predictions of both periods are brought to the level that was
    forecast for them, so that an error of the total in one season is not taken for one of the next.

    Parameters
    ----------
    forecaster : Forecaster
    evaluated : EvaluatedForecast
    earlier : EvaluatedForecast or None
        Of the same model and the period before, fitted at that period's cutoff; None where it was not forecast.

    Returns
    -------
    EvaluatedForecast
        Its table has ``frequency`` and, where there is an earlier forecast, ``low_80``, ``high_80``, ``low_95``,
        ``high_95``; ``crps`` of the model's own distribution, or else of the quantiles that the earlier errors give.
        ``own_coverage_80`` and its like tell of the model's own distribution. Of a log with losses, of which intervals
        mean nothing, the forecast as it is.
    """
    forecast = evaluated.forecast
    if forecaster.log.has_losses:
        return evaluated
    table = forecast.table.join(forecaster.features(forecast.period.cutoff, RFM)["frequency"].rename("frequency"))
    scores: dict[str, float] = {}
    if earlier and len(earlier.forecast.table) >= MIN_CUSTOMERS:
        ends_by_percent, quantiles = _calibrate_intervals_and_quantiles(forecaster, forecast, earlier.forecast)
        for percent, ends in ends_by_percent.items():
            table[f"low_{percent}"], table[f"high_{percent}"] = ends
            scores |= _score_coverage(table, ends, percent)
        table["crps"] = crps(table["y_true"], quantiles)
    if hasattr(forecast.estimator, "predict_quantiles"):
        ends_by_percent, quantiles = _predict_own_distribution(forecast)
        table["crps"] = crps(table["y_true"], quantiles)
        for percent, ends in ends_by_percent.items():
            scores |= {f"own_{name}": value for name, value in _score_coverage(table, ends, percent).items()}
    if "crps" in table:
        scores["crps"] = float(table["crps"].mean())
    return replace(evaluated, forecast=replace(forecast, table=table), interval_scores=scores)


def _score_coverage(table: pd.DataFrame, ends: tuple[Floats, Floats], percent: int) -> dict[str, float]:
    return coverage_scores(table["y_true"], ends, table["y_pred"], table["frequency"] == 0, percent)


def _calibrate_intervals_and_quantiles(
    forecaster: Forecaster, forecast: Forecast, earlier: Forecast
) -> tuple[dict[int, tuple[Floats, Floats]], Floats]:
    """Return the ends of the intervals by percent, and quantiles at PROBABILITIES, shape (n, k)."""
    y_past = earlier.table["y_true"].to_numpy()
    p_past, p = (
        made.table["y_pred"].to_numpy() * _compute_scale_to_level(forecaster, made) for made in (earlier, forecast)
    )
    ends = {percent: calibrate_intervals(y_past, p_past, percent / 100).interval_around(p) for percent in INTERVALS}
    return ends, calibrate_quantiles(y_past, p_past, p, PROBABILITIES)


def _compute_scale_to_level(forecaster: Forecaster, forecast: Forecast) -> float:
    """Return by what a forecast's predictions are multiplied to add up to the level that was forecast.

    Those of a model that was brought to a level stay as they are, and those of a BTYD model where the level would be
    BTYD's.
    """
    is_btyd = hasattr(forecast.estimator, "expected_cumulative_purchases")
    if forecast.level or (is_btyd and not can_forecast_by_cohorts(forecaster.log, forecast.period)):
        return 1.0
    total = forecaster.forecast_btyd_and_cohort_levels(forecast.period).combine().total
    own = float(forecast.table["y_pred"].sum())
    return total / own if min(total, own) > 0 else 1.0


def _predict_own_distribution(forecast: Forecast) -> tuple[dict[int, tuple[Floats, Floats]], Floats]:
    """Return the ends of the model's own intervals by percent, and its quantiles at PROBABILITIES, shape (n, k)."""
    ends = [interval_and_upper_bound_probabilities(percent / 100) for percent in INTERVALS]
    quantiles = forecast.estimator.predict_quantiles(forecast.X, np.concatenate([PROBABILITIES, *ends]))
    at_ends = np.split(quantiles[:, len(PROBABILITIES) :], len(INTERVALS), axis=1)
    intervals = {percent: quantile_interval(three) for percent, three in zip(INTERVALS, at_ends, strict=True)}
    return intervals, quantiles[:, : len(PROBABILITIES)]
