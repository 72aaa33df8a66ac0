"""What a study leaves behind: the light run of each trial, and tables, figures and numbers of the whole."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from optuna.trial import FrozenTrial

from clv_experiments.evaluation.metrics import SCORES as ALL_SCORES
from clv_experiments.evaluation.metrics import drop_counts_and_totals
from clv_experiments.forecasting.run_records import TrialReference
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import Description, Metric, Param, Record, Table, Tag, Text
from clv_experiments.sweep import tables
from clv_experiments.sweep.figures import study_figures
from clv_experiments.sweep.metric_values import metric_format
from clv_experiments.sweep.objective import SCORES, SECONDS
from clv_experiments.sweep.outcome import TuningOutcome
from clv_experiments.sweep.sampling import FAILURE, is_killed_trial
from clv_experiments.sweep.search import WorkerStats
from clv_experiments.sweep.space import SearchSpace, format_value
from clv_experiments.sweep.study import TrackedStudy
from clv_experiments.tracking.stored_run import StudyRun

TRIAL_SCORE_NAMES = {*ALL_SCORES} - {"mse"}  # scores that the light run of a trial has


def record_trial(run: StudyRun, trial: FrozenTrial, space: SearchSpace) -> None:
    """Leave the light run of one trial."""
    assert trial.datetime_start is not None
    run.log_trial(trial.number, trial.datetime_start, list(_trial_records(trial, space)), trial.user_attrs.get(FAILURE))


def record_missing_trials(run: StudyRun, study: TrackedStudy, space: SearchSpace) -> None:
    """Leave the runs of trials whose process was killed before it wrote them."""
    recorded = run.trial_numbers()
    for trial in study.ended_trials:
        if trial.number not in recorded:
            record_trial(run, trial, space)


def record_if_best(run: StudyRun, trial: FrozenTrial, study: TrackedStudy, metric: str) -> None:
    """Record on the study's run that a trial is the best so far."""
    best = study.best_trial
    if best is not None and best.number == trial.number:
        run.log([Metric(f"best_{metric}", trial.values[0], trial.number)])


def describe_best_trial(study: TrackedStudy, metric: str) -> str:
    """Say which trial is the best so far."""
    best = study.best_trial
    value = format_value(best.values[0]) if best else ""
    return " ".join(render_paragraphs("sweep/study.jinja", "best_so_far", best, metric_format(metric).heading, value))


def search_and_fit_time_records(result: WorkerStats) -> Iterator[Metric]:
    """Record how long a search took, and how much of that fits and forecasts took."""
    if result.seconds_fit_predict:
        yield Metric("seconds_search", result.seconds)
        yield Metric("seconds_fit_predict", result.seconds_fit_predict)
        yield Metric("overhead", result.overhead)


def summary_records(
    study: TrackedStudy,
    winner: FrozenTrial,
    outcome: TuningOutcome,
    importances: tables.Importances,
    labels: FigureLabels,
    command: str,
    search: TrialReference,
) -> Iterator[Record]:
    """Record the outcome of a study.

    Parameters
    ----------
    labels : FigureLabels
        Of the figures.
    command : str
        Runs the winner.
    search : TrialReference
        Where the winner was found.
    """
    metrics = outcome.metrics
    yield from study_figures(study.study, metrics, labels, importances, tables.configured_trial_number(study.study))
    yield Table("trials.csv", tables.trials_frame(study.study, metrics))
    shares = [(metric, name, share) for metric, by_name in importances.items() for name, share in by_name.items()]
    yield Table("importances.csv", pd.DataFrame(shares, columns=["metric", "parameter", "share"]))
    yield Table("improvement.csv", outcome.frame)
    yield Table("seeds.csv", outcome.seeds_frame)
    yield Text("winner.txt", f"{command}\n")
    yield Description("\n".join(f"- {sentence}" for sentence in [*outcome.sentences, *search.at_edge, f"`{command}`"]))
    yield Metric("trials", float(sum(not is_killed_trial(trial) for trial in study.trials)))
    yield from (
        Metric(f"validation_{name}", value) for name, value in drop_counts_and_totals(winner.user_attrs[SCORES]).items()
    )
    for difference in outcome.differences:
        yield Metric(f"tuned_{difference.metric}", difference.tuned)
        yield Metric(f"configured_{difference.metric}", difference.configured)
        yield Metric(f"improvement_{difference.metric}", difference.gain)
    yield Tag("winner", str(winner.number))
    yield Tag("at_edge", "; ".join(search.at_edge) or "none")


def describe_edge_choices(space: SearchSpace, winner: FrozenTrial) -> list[str]:
    """Name the winner's values that lie at an end of their range, beyond which better ones may lie."""
    return [
        " ".join(render_paragraphs("sweep/study.jinja", "edge", choice, format_value(choice.value)))
        for choice in space.find_edge_choices(winner.params)
    ]


def _trial_records(trial: FrozenTrial, space: SearchSpace) -> Iterator[Record]:
    yield from (Param(key, value) for key, value in space.to_settings(trial.params).items())
    scores = {name: value for name, value in trial.user_attrs.get(SCORES, {}).items() if name in TRIAL_SCORE_NAMES}
    yield from (Metric(f"validation_{name}", value) for name, value in scores.items())
    if SECONDS in trial.user_attrs:
        yield Metric("seconds_fit_predict", trial.user_attrs[SECONDS])
    yield Tag("state", trial.state.name.lower())
