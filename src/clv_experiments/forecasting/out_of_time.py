"""The out-of-time protocol: forecast each holdout and validation period from what was known at its cutoff."""

from __future__ import annotations

from functools import cache
from time import perf_counter

import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.evaluation.score_records import BaselineComparison, score_metrics
from clv_experiments.forecasting.evaluation_result import (
    EvaluatedForecast,
    EvaluatedOrigin,
    EvaluationResult,
    EvaluationTask,
    Progress,
    forecast_and_score,
)
from clv_experiments.forecasting.run_records import (
    describe_level_fallbacks,
    expected_total_records,
    origin_context_records,
    prediction_records,
    time_and_memory_records,
    top_customer_records,
)
from clv_experiments.forecasting.spend_intervals import add_intervals_and_scores
from clv_experiments.reporting.prose import render_paragraphs


def evaluate_out_of_time(task: EvaluationTask, progress: Progress) -> EvaluationResult:
    """Forecast the holdout and the validation period of every origin from what was known at its cutoff."""
    # A validation may be a holdout too.
    evaluated = cache(lambda period: forecast_and_score(task.forecaster, period, task.model))
    origins: list[EvaluatedOrigin] = []
    holdouts: dict[Period, EvaluatedForecast] = {}
    interval_seconds = 0.0
    for origin in task.origins:
        progress(f"forecasting the holdout period {origin.holdout}", 0, 0)
        holdout, validation = evaluated(origin.holdout), None
        if origin.validation:
            progress(f"forecasting the validation period {origin.validation}", 0, 0)
            validation = evaluated(origin.validation)
        started = perf_counter()
        holdouts[origin.holdout] = add_intervals_and_scores(task.forecaster, holdout, validation)
        interval_seconds += perf_counter() - started
        if validation:
            validation = holdouts.get(validation.forecast.period, validation)
        origins.append(EvaluatedOrigin(origin.step, holdouts[origin.holdout], validation))
    progress("forecasting with the baselines", 0, 0)
    started = perf_counter()
    comparison = _compare_with_baselines(task, origins)
    timings = {"baselines": perf_counter() - started, "intervals": interval_seconds} | _sum_seconds(origins)
    scope = f" and earlier, mean of {len(origins)} origins" if origins[1:] else ""
    oldest = origins[0].validation
    validations = {origin.step: origin.validation for origin in origins if origin.validation}
    return EvaluationResult(
        origins,
        # Later origins validate on what is holdout to earlier ones: only the oldest's validation is nobody's holdout.
        objective=oldest.scores[task.objective] if oldest else None,
        comparison=comparison,
        title=f"holdout {task.origins[-1].holdout}{scope}",
        records=[
            *score_metrics("holdout", {origin.step: origin.holdout.all_scores for origin in origins}),
            *score_metrics("validation", {step: validation.all_scores for step, validation in validations.items()}),
            *origin_context_records(origins),
            *expected_total_records(origins),
            *time_and_memory_records(origins),
            *prediction_records("predictions.parquet", list(holdouts.values())),
            *top_customer_records(origins[-1].holdout),
            *prediction_records("validation_predictions.parquet", list(validations.values())),
        ],
        warnings=[
            *describe_level_fallbacks(origins),
            *([] if oldest else render_paragraphs("run/warnings.jinja", "no_validation")),
        ],
        timings=timings,
    )


def _compare_with_baselines(task: EvaluationTask, origins: list[EvaluatedOrigin]) -> BaselineComparison:
    """Score the baselines on the model's holdouts; supervised ones only if every holdout has a training panel."""
    periods = [origin.holdout for origin in task.origins]
    all_have_labels = all(task.forecaster.window.has_training_periods(period) for period in periods)
    baselines = [option for option in task.baselines if all_have_labels or not option.supervised]
    scores = {task.model.name: [origin.holdout.scores for origin in origins]}
    for option in baselines:
        if option.name != task.model.name:
            scores[option.name] = [forecast_and_score(task.forecaster, period, option).scores for period in periods]
    means = {name: dict(pd.DataFrame(rows).mean()) for name, rows in scores.items()}
    return BaselineComparison(means, task.model.name, [option.name for option in baselines], task.objective)


def _sum_seconds(origins: list[EvaluatedOrigin]) -> dict[str, float]:
    """Add up the seconds of each part over all forecasts."""
    evaluations = [forecast for o in origins for forecast in (o.holdout, o.validation) if forecast]
    seconds = {evaluated.forecast.period: evaluated.forecast.seconds for evaluated in evaluations}
    return dict(pd.DataFrame(list(seconds.values())).sum())
