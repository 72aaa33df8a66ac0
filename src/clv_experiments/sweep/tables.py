"""The trials of a study as tables: all of them, the best, and how much of the score each parameter explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from optuna import Study
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.text_table import TextTable
from clv_experiments.sweep.metric_values import MetricValues, metric_format, metric_value, metric_values
from clv_experiments.sweep.objective import SECONDS
from clv_experiments.sweep.sampling import FAILURE, is_killed_trial
from clv_experiments.sweep.space import format_value
from clv_experiments.sweep.study import AS_CONFIGURED

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}

Importances = Mapping[str, Mapping[str, float]]  # by metric and parameter, shares that sum to 1, largest first


def trials_frame(study: Study, metrics: Sequence[str]) -> pd.DataFrame:
    """Tabulate all trials, one row each.

    Returns
    -------
    pandas.DataFrame
        ``trial, state``, the metrics (of finished trials: what a pruned one had is no mean over all origins), the
        parameters (empty where not chosen, ``null`` where null was; one that is called like another column is followed
        by `` (chosen)``), ``seconds`` for fits and forecasts, ``started``, ``failure``.
    """
    trials = study.get_trials(deepcopy=False)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    other_columns = {"trial", "state", *metrics, "seconds", "started", "failure"}
    columns: dict[str, pd.Series] = {
        "trial": pd.Series([trial.number for trial in trials], dtype="int64"),
        "state": pd.Series([STATES[trial.state] for trial in trials], dtype=object),
    }
    for index, metric in enumerate(metrics):
        columns[metric] = pd.Series([metric_value(trial, index) for trial in trials], dtype="float64")
    for name in names:
        values = ["null" if trial.params.get(name, "") is None else trial.params.get(name, np.nan) for trial in trials]
        columns[f"{name} (chosen)" if name in other_columns else name] = pd.Series(values, dtype=object)
    columns["seconds"] = pd.Series([trial.user_attrs.get(SECONDS) for trial in trials], dtype="float64")
    columns["started"] = pd.Series([trial.datetime_start for trial in trials], dtype="datetime64[us]")
    columns["failure"] = pd.Series([_describe_failure(trial) for trial in trials], dtype=object)
    return pd.DataFrame(columns)


def best_trials_table(study: Study, metrics: Sequence[str], n_trials: int = 10) -> TextTable:
    """Tabulate the best finished trials, best first, and the one as configured; empty where none is finished.

    Of several metrics the trials that no other beats in all of them, in the order of the first. Ties stand in the order
    of the trials. A parameter that a trial did not choose is empty.
    """
    values = metric_values(study, metrics)
    if not values:
        return TextTable([], [])
    best = values[0].ranked_trials
    if metrics[1:]:
        front = {trial.number for trial in study.best_trials}
        best = [trial for trial in best if trial.number in front]
    table_trials = best[:n_trials]
    configured = configured_trial_number(study)
    table_trials += [t for t in study.get_trials(deepcopy=False) if t.number == configured and t not in table_trials]
    names = list(dict.fromkeys(name for trial in table_trials for name in trial.params))
    rows = [
        [
            f"(as configured) {trial.number}" if trial.number == configured else str(trial.number),
            *(_format_score(trial, index, metric) for index, metric in enumerate(metrics)),
            *(format_value(trial.params[name]) if name in trial.params else "" for name in names),
        ]
        for trial in table_trials
    ]
    return TextTable(["trial", *(metric_format(metric).heading for metric in metrics), *names], rows)


def configured_trial_number(study: Study) -> int | None:
    """Return the number of the trial that took the configured settings; of several the first that was not lost."""
    trials = [t for t in study.get_trials(deepcopy=False) if AS_CONFIGURED in t.user_attrs and not is_killed_trial(t)]
    return min((trial.number for trial in trials), default=None)


def parameter_importances(study: Study, metrics: Sequence[str], seed: int) -> dict[str, dict[str, float]]:
    """Return by metric how much of it each parameter explains by itself: shares that sum to 1, largest first.

    By functional analysis of variance over a random forest (Hutter, Hoos and Leyton-Brown 2014), which only takes
    parameters that every finished trial chose. Trials far behind nearly all others count as the worst of the others,
    or the shares would say what to avoid, and nothing of what makes a good trial better. A metric that cannot be
    explained is left out: fewer than two trials or parameters, or no variation.
    """
    importances = {
        values.metric: _compute_importance_shares(study, values, seed) for values in metric_values(study, metrics)
    }
    return {metric: shares for metric, shares in importances.items() if shares}


def importance_table(study: Study, importances: Importances) -> TextTable:
    """Tabulate the importances in the order of the first metric; empty where there are none.

    Parameters that only some trials chose have no share; their rows say how many did.
    """
    if not importances:
        return TextTable([], [])
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    parameters = list(dict.fromkeys(name for shares in importances.values() for name in shares))
    other_parameters = [name for name in dict.fromkeys(n for t in finished for n in t.params) if name not in parameters]
    rows = [[name, *(f"{shares.get(name, 0.0):.0%}" for shares in importances.values())] for name in parameters]
    for name in other_parameters:
        count = f"chosen in {sum(name in trial.params for trial in finished)} of {len(finished)}"
        rows.append([name, *[count] * len(importances)])
    headings = ["parameter", *(metric_format(metric).heading for metric in importances)]
    return TextTable(headings, rows, " ".join(render_paragraphs("sweep/study.jinja", "importance_caption")))


def _compute_importance_shares(study: Study, values: MetricValues, seed: int) -> dict[str, float]:
    common_parameters = set.intersection(*(set(trial.params) for trial in values.trials))
    if len(values.trials) < 2 or len(common_parameters) < 2:
        return {}
    evaluator, clipped = FanovaImportanceEvaluator(seed=seed), values.clipped_values
    try:
        shares = get_param_importances(study, evaluator=evaluator, target=lambda trial: clipped[trial.number])
    except RuntimeError:  # no tree tells trials apart: all scored the same, or chose the same
        return {}
    return {name: float(share) for name, share in sorted(shares.items(), key=lambda item: (-item[1], item[0]))}


def _format_score(trial: FrozenTrial, index: int, metric: str) -> str:
    """Write a trial's value with a digit more than a run's score has, since the best of a study lie close together."""
    value, form = metric_value(trial, index), metric_format(metric).number_format
    form = form.replace(".3f", ".4f").replace(".1%", ".2%")
    return STATES[trial.state] if np.isnan(value) else form.format(value)


def _describe_failure(trial: FrozenTrial) -> str:
    return "killed or interrupted" if is_killed_trial(trial) else str(trial.user_attrs.get(FAILURE, ""))
