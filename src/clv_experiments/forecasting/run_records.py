"""What every run records, whatever its model: a scored forecast as metrics, tables, figures and tags."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.outcomes import new_customers_and_repeat_spend
from clv_experiments.evaluation.coefficients import describe_fitted_estimator, likelihood_statistics
from clv_experiments.evaluation.estimator_plots import plot_weekly_repeat_spend, weekly_repeat_spend
from clv_experiments.evaluation.metrics import d2_tweedie, r2
from clv_experiments.evaluation.recovery import recovery_records
from clv_experiments.evaluation.score_records import coefficient_records, holdout_records
from clv_experiments.forecasting.cell_fingerprint import fingerprint_cell
from clv_experiments.forecasting.evaluation_result import (
    EvaluatedForecast,
    EvaluatedOrigin,
    EvaluationTask,
    d2_floor,
    stack_predictions,
)
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.forecasting.level import TotalForecast
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import FigureRecord, FittedModel, LogIdentity, Metric, Record, Table, Tag, Text
from clv_experiments.reporting.safe_csv import DECIMALS

TOTAL_INTERVALS = (80, 95)  # percent
ORIGINS = "origins.csv"
PREVIEW = 100  # customers


@dataclass(frozen=True)
class TrialReference:
    """Where the settings of a run were found.

    Attributes
    ----------
    study : str
        Id of its run.
    trial : int
        Number of the trial that chose them.
    at_edge : tuple of str
        A sentence for each of them that lies at the edge of what was searched.
    """

    study: str
    trial: int
    at_edge: tuple[str, ...]


def forecast_records(
    task: EvaluationTask,
    forecast: Forecast,
    seed: int,
    replicates: int,
    progress: Callable[[int, int], None],
    search: TrialReference | None = None,
) -> Iterator[Record]:
    """Tables, figures and the fitted model of one holdout forecast.

    Parameters
    ----------
    task : EvaluationTask
    forecast : Forecast
        Of the task's model, on one of its holdout periods.
    seed : int
        Of the bootstrap and the permutations.
    replicates : int
        Of the bootstrap.
    progress : callable
        Called with (done, replicates).
    search : TrialReference, optional
        Where the settings were found, if they were searched for.
    """
    forecaster, model = task.forecaster, task.model
    log, estimator, smallest = forecaster.log, forecast.estimator, d2_floor(forecaster, forecast.period)
    labels = FigureLabels(
        model.name, f"{log.name}, {forecast.period}", f"next {forecaster.window.horizon}", log.currency, log.measure
    )
    yield from holdout_records(forecast.table, labels, has_losses=log.has_losses)
    if log.truth:
        truth = (forecast.table["true_expected_spend"], log.truth.parameters)
        yield from recovery_records(forecast.table, *truth, getattr(estimator, "parameters_", None), smallest, labels)
    table = describe_fitted_estimator(
        estimator,
        forecast.training.X,
        forecast.training.y if forecast.training.weights is None else None,  # errors of slopes count every row once
        forecast.X,
        forecast.table["y_true"],
        scorer=r2 if log.has_losses else partial(d2_tweedie, floor=smallest),
        rng=np.random.default_rng(seed),
        replicates=replicates,
        on_progress=progress,
    )
    yield from coefficient_records(table, labels)
    yield from (Metric(name, value) for name, value in likelihood_statistics(estimator).items())
    if hasattr(estimator, "expected_cumulative_purchases"):
        yield from _weekly_spend_and_boundary_records(log, forecast, labels)
    yield from _tuning_records(estimator, search)
    yield FittedModel(estimator, forecast.X.head(), f"expected_{log.measure}", model.name)


def _weekly_spend_and_boundary_records(
    log: TransactionLog, forecast: Forecast, labels: FigureLabels
) -> Iterator[Record]:
    """Weekly repeat spend against the expectation, and whether the fit ended at a boundary."""
    estimator = forecast.estimator
    weekly = weekly_repeat_spend(new_customers_and_repeat_spend(log, forecast.period), estimator)
    yield Table("tracking.csv", weekly)
    if len(weekly):  # a log of days has no whole week to show
        figure = plot_weekly_repeat_spend(weekly, pd.Timestamp(forecast.period.cutoff), labels)
        yield FigureRecord("tracking.png", figure)
    boundary = "; ".join(filter(None, [estimator.boundary_, getattr(estimator.spend_, "boundary_", "")]))
    yield Tag("btyd_boundary", boundary or "interior")
    yield Metric("btyd_at_boundary", float(bool(boundary)))


def _tuning_records(estimator: Any, search: TrialReference | None) -> Iterator[Tag]:
    """Where the settings were found, and which of them lie at the edge of what was searched or allowed."""
    edges = [*(search.at_edge if search else ()), *getattr(estimator, "at_edge_", [])]
    if edges:
        yield Tag("at_edge", "; ".join(edges))
    if search:
        yield Tag("study", search.study)
        yield Tag("trial", str(search.trial))


def estimator_warnings(estimator: Any) -> list[str]:
    """Collect the fitted estimator's own warnings: an optimum at the boundary, a fallback."""
    notes = (*getattr(estimator, "notes_", []), *getattr(estimator, "sampling_notes_", []))
    return [*filter(None, [getattr(estimator, "boundary_", "")]), *notes]


def note_records(notes: Sequence[str]) -> Iterator[Text]:
    """Record the notes that the user was shown, one a line; no file where there were none."""
    if notes:
        yield Text("remarks.txt", "\n".join(notes))


def top_customer_records(evaluated: EvaluatedForecast) -> Iterator[Table]:
    """Tabulate the customers of whom most is expected, since Parquet cannot be looked at in MLflow."""
    table = evaluated.forecast.table.nlargest(PREVIEW, "y_pred").reset_index()
    yield Table("top_customers.csv", table.round(DECIMALS))


def prediction_records(name: str, evaluated: Sequence[EvaluatedForecast]) -> Iterator[Table]:
    """One row a customer and cutoff, where there is any forecast."""
    if evaluated:
        yield Table(name, stack_predictions(evaluated))


def time_and_memory_records(origins: Iterable[EvaluatedOrigin]) -> Iterator[Metric]:
    """Seconds of each part of the holdout forecasts, and the process's peak memory."""
    for origin in origins:
        seconds = origin.holdout.forecast.seconds
        yield from (Metric(f"seconds_{part}", value, origin.step) for part, value in seconds.items())
    yield Metric("peak_memory_mb", peak_memory_mb())


def origin_context_records(origins: Sequence[EvaluatedOrigin]) -> Iterator[Record]:
    """Tabulate the context of each origin's scores: who is judged, the floor of D2, and until when labels reached.

    ``label_margin_days`` is how long before the cutoff the labels ended, missing where a model learned from none. Below
    0 it learned from labels inside the period it is evaluated on.
    """
    rows = []
    for origin in origins:
        forecast, scores = origin.holdout.forecast, origin.holdout.scores
        label_ends = [period.end for period in forecast.training.periods]
        row = {"step": origin.step, "cutoff": str(forecast.period.cutoff), "end": str(forecast.period.end)}
        row |= {name: int(scores[name]) for name in ("customers", "buyers")} | {"actual_total": scores["actual_total"]}
        margin = (forecast.period.cutoff - max(label_ends)).days if label_ends else None
        rows.append(row | {"d2_floor": origin.holdout.d2_floor, "label_margin_days": margin})
    yield Table(ORIGINS, pd.DataFrame(rows).astype({"label_margin_days": float}))
    yield from (Tag(name, str(rows[-1][name])) for name in ("customers", "buyers"))


def expected_total_records(origins: Iterable[EvaluatedOrigin]) -> Iterator[Record]:
    """Record where the total of each origin's holdout was expected, for a model that is brought to a level."""
    for origin in origins:
        if level := origin.holdout.forecast.level:
            yield from total_interval_records("holdout", level, origin.step)
            yield Tag("level_source", level.source)


def total_interval_records(period: str, level: TotalForecast | None, step: int = 0) -> Iterator[Metric]:
    """Record the interval of a period's total, such as ``holdout_total_lower_80``; nothing without a level."""
    if level:
        for percent in TOTAL_INTERVALS:
            lower, upper = level.interval(percent / 100)
            yield Metric(f"{period}_total_lower_{percent}", lower, step)
            yield Metric(f"{period}_total_upper_{percent}", upper, step)
        yield Metric(f"{period}_total_log_error", level.standard_error, step)


def describe_total_interval(level: TotalForecast | None, currency: str, measure: str) -> list[str]:
    """Describe the interval of the total of all customers, for a model that is brought to a level."""
    if level is None:
        return []
    percent = TOTAL_INTERVALS[0]
    lower, upper = level.interval(percent / 100)
    return render_paragraphs("run/level.jinja", "total", level, lower, upper, percent, currency, measure)


def describe_level_fallbacks(origins: Iterable[EvaluatedOrigin]) -> list[str]:
    """Say of which holdouts the level is not forecast, and why."""
    levels = [origin.holdout.forecast.level for origin in origins]
    return list(dict.fromkeys(level.note for level in levels if level and level.note))


def cell_identity_records(task: EvaluationTask, protocol: str) -> Iterator[Record]:
    """Record what the run is comparable with.

    Parameters
    ----------
    task : EvaluationTask
    protocol : str
        Begins with its name; whatever else it says sets its cells apart too.
    """
    model, periods = task.model, [origin.holdout for origin in task.origins]
    yield Tag("family", model.family)
    yield Tag("model", model.name)
    yield Tag("features", model.features.name)
    yield Tag("level", model.level)
    yield Tag("window", task.forecaster.window.horizon.label)
    yield Tag("cutoff", str(periods[-1].cutoff))
    yield Tag("holdouts", "; ".join(str(period) for period in periods))
    yield Tag("protocol", protocol.split()[0])
    yield Tag("cell", fingerprint_cell(task.forecaster, periods, protocol))


def log_and_cleaning_records(log: TransactionLog) -> Iterator[Record]:
    """Record which log the run read, and what cleaning did to it."""
    yield Tag("log_fingerprint", log.fingerprint)
    yield Tag("currency", log.currency or "")
    if log.has_losses:
        yield Tag("has_losses", "true")
    columns = {"customer_id": "string", "date": "datetime", "amount": "double", "orders": "long"}
    profile: dict[str, str | int] = {"customers": log.customers, "lines_kept": log.report.rows_kept}
    profile |= {"first_day": str(log.start), "last_day": str(log.end), "unit_of_amount": log.currency or "not said"}
    yield LogIdentity(log.name, log.fingerprint, columns, profile)
    yield Table("cleaning_report.csv", log.report.table)


def peak_memory_mb() -> float:
    """Return the most memory that this process has held so far, in MB; NaN where the platform does not tell.

    In a multirun all runs share one process, so that a light run after a heavy one shows the heavy one's peak.
    """
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024**2 if sys.platform == "darwin" else 1024)
