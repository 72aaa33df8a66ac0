"""A study on one screen: data once, trials on validation periods, the winner as a full run, what it is worth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from time import perf_counter
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.sweep_settings import check, directions, metrics
from clv_experiments.commands.sweep_summary import sum_up
from clv_experiments.config.log_options import load_configured_log
from clv_experiments.config.settings import (
    ALL,
    experiment_name,
    flatten_settings,
    resolve_settings,
    run_title,
    setting_records,
)
from clv_experiments.config.window_options import build_window
from clv_experiments.data.sources.passwords import mask_password
from clv_experiments.data.window import Period, Window
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.metrics import HIGHER_IS_BETTER, LOWER_IS_BETTER
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.leaderboard.selection import WITHOUT_EFFECT
from clv_experiments.reporting.records import Metric, Param, Record, Tag, Text
from clv_experiments.sweep.metric_values import named
from clv_experiments.sweep.objective import SCORES, SECONDS, Objective, Settings, search_window
from clv_experiments.sweep.sampling import FAILURE, is_lost
from clv_experiments.sweep.search import search
from clv_experiments.sweep.space import shown
from clv_experiments.sweep.storage import ENDING, IDENTITY, alone, open_study, storage_url
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.stored_run import StudyRun

# Settings that leave every trial as it is.
OWN = ("n_trials", "timeout", "name", "storage", "seeds")
VOLATILE = (*WITHOUT_EFFECT, *(f"sweep.{name}" for name in OWN), "evaluation.bootstrap_replicates")
SEARCHED = {*HIGHER_IS_BETTER, *LOWER_IS_BETTER} - {"mse"}  # scores that the light run of a trial has


def run_study(cfg: DictConfig, typed: Sequence[str]) -> float:
    """Search the settings of one model and say what the best are worth; leaves a tracked run, and one for each trial.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/sweep.yaml``.
    typed : sequence of str
        The overrides that the user typed.

    Returns
    -------
    float
        The best validation score, by the first metric.

    Raises
    ------
    ClvError
        If a setting is bad, before the first trial; if the first trials all fail, or none finishes.
    """
    check(cfg)
    settings, by, terminal = Settings(cfg, typed), metrics(cfg), Terminal()
    terminal.say(f"searching {len(settings.space.parameters)} settings of {run_title(cfg)}")
    with terminal.step(f"reading and cleaning {cfg.data.name}", "data"):
        log = load_configured_log(cfg.data, lambda start, end: _periods(cfg, start, end)[0].earliest_cutoff)
    window, periods = _periods(cfg, log.start, log.end)
    objective = Objective(settings, Forecaster(log, window), periods, by)
    decisive = _decisive(cfg, log.fingerprint)
    name = cfg.sweep.name or _name(cfg, decisive)
    url = storage_url(cfg.sweep.storage, cfg.tracking.get("folder"))
    study = open_study(url, name, directions(by), cfg.sweep, decisive)
    terminal.say(f"study '{name}', by {' and '.join(by)} on {', '.join(map(str, periods))}")
    with terminal.step("computing features and labels", "features"):
        objective.prepare()
    opened = instantiate(cfg.tracking).study(experiment_name(cfg), name, study.user_attrs[IDENTITY])
    with opened as run, _taken_up_again(terminal):
        if run.new:
            known = resolve_settings(cfg)
            about = [Tag("code_version", code_version()), Tag("storage", mask_password(url or "memory"))]
            run.log([*setting_records(known), Text("config.yaml", OmegaConf.to_yaml(known)), *about])
        _search(study, objective, run, terminal)
        trials = study.get_trials(deepcopy=False)
        _make_up(run, trials, objective)
        winner = best_trial(study, trials)
        failures = [trial.user_attrs[FAILURE] for trial in trials if FAILURE in trial.user_attrs]
        if winner is None:
            last = f"the last failed since: {failures[-1]}" if failures else "type more sweep.n_trials or sweep.timeout"
            raise ClvError(f"no trial of study '{name}' finished; {last}")
        if failures:
            terminal.say(f"note: {len(failures)} of {_ended(trials)} trials failed, the last since: {failures[-1]}")
        if all(trial.state.is_finished() for trial in trials):
            with alone(url, ENDING):  # of several processes one makes the full runs, and the others show them
                sum_up(study, winner, objective, run, terminal)
        else:
            terminal.say(
                "other processes have trials of this study under way: the last of them sums it up; if they were "
                "killed, type the same command again"
            )
        terminal.show_timings()
        terminal.say(run.location)
    return float(winner.values[0])


@contextmanager
def _taken_up_again(terminal: Terminal) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        terminal.say("the study keeps its trials: the same command goes on with it")
        raise


def best_trial(study: Study, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """Return the winner: the best by the first metric, ties by the others, so that none beats it in all; or None."""
    signs = [1.0 if direction.name == "MINIMIZE" else -1.0 for direction in study.directions]

    def place(trial: FrozenTrial) -> tuple[list[float], int]:
        return [sign * value for sign, value in zip(signs, trial.values, strict=True)], trial.number

    return min((trial for trial in trials if trial.state is TrialState.COMPLETE), key=place, default=None)


def _periods(cfg: DictConfig, start: date, end: date) -> tuple[Window, list[Period]]:
    """Return the window that trials forecast under, and the periods they are judged on, latest first."""
    window = build_window(cfg.window, start, end)
    most = None if cfg.sweep.validation_origins == ALL else cfg.sweep.validation_origins
    periods = window.validation(most, supervised=cfg.model.supervised, source=cfg.data.name)
    return search_window(window, len(periods)), periods


def _decisive(cfg: DictConfig, fingerprint: str) -> dict[str, Any]:
    """Return all that decides what a trial finds."""
    settings = {name: value for name, value in flatten_settings(cfg).items() if not name.startswith(VOLATILE)}
    return {**settings, "log fingerprint": fingerprint}


def _name(cfg: DictConfig, decisive: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    return f"{cfg.model.name} {experiment_name(cfg)} {digest[:8]}"


def _search(study: Study, objective: Objective, run: StudyRun, terminal: Terminal) -> None:
    """Make the trials that are missing."""
    sweep, space = objective.settings.cfg.sweep, objective.settings.space
    configured = space.configured(objective.settings.configured)
    if configured is None:
        terminal.say("note: the configured settings lie outside the space, and are no trial of the study")
    made: list[FrozenTrial] = []
    before = _ended(study.get_trials(deepcopy=False))
    if before:
        of_all = f" of {sweep.n_trials}" if sweep.n_trials is not None else ""
        terminal.say(f"the study is taken up with {before} trials{of_all}")
    with terminal.bar("trials") as update:

        def after(study: Study, trial: FrozenTrial) -> None:
            made.append(trial)
            trials = study.get_trials(deepcopy=False)
            best = best_trial(study, trials)
            _record(run, trial, objective, best)
            update(_ended(trials), sweep.n_trials, _so_far(best, objective.metrics[0]))

        started = perf_counter()
        waited = search(
            study,
            objective,
            n_trials=sweep.n_trials,
            timeout=sweep.timeout,
            configured=configured,
            after=after,
            waiting=lambda: terminal.say(
                "waiting for the trials that other processes have under way; killed ones are given up in half a minute"
            ),
        )
        seconds = perf_counter() - started - waited
    fitting = sum(trial.user_attrs.get(SECONDS, 0.0) for trial in made)
    terminal.add_timings({"trials": seconds})
    if fitting:
        share = seconds / fitting - 1.0
        run.log([Metric("seconds_search", seconds), Metric("seconds_fit_predict", fitting), Metric("overhead", share)])
        of_it = f"{fitting:.1f} s of it fitting and predicting ({share:.0%} overhead)"
        terminal.say(f"{len(made)} trials in {seconds:.1f} s, {of_it}")


def _ended(trials: Sequence[FrozenTrial]) -> int:
    return sum(trial.state.is_finished() and not is_lost(trial) for trial in trials)


def _so_far(best: FrozenTrial | None, metric: str) -> str:
    return f"best {named(metric)[0]} {shown(best.values[0])} (trial {best.number})" if best else "none finished yet"


def _make_up(run: StudyRun, trials: Sequence[FrozenTrial], objective: Objective) -> None:
    """Leave the runs of trials that were killed before they had one."""
    there = run.trials()
    for trial in trials:
        if trial.state.is_finished() and not is_lost(trial) and trial.number not in there:
            _record(run, trial, objective)


def _record(run: StudyRun, trial: FrozenTrial, objective: Objective, best: FrozenTrial | None = None) -> None:
    """Leave the light run of one trial; where it is the best so far, the study's run shows that too."""
    assert trial.datetime_start is not None
    run.trial(trial.number, trial.datetime_start, list(_trial_records(trial, objective)), trial.user_attrs.get(FAILURE))
    if best is not None and best.number == trial.number:
        run.log([Metric(f"best_{objective.metrics[0]}", trial.values[0], trial.number)])


def _trial_records(trial: FrozenTrial, objective: Objective) -> Iterator[Record]:
    space = objective.settings.space
    yield from (Param(key, value) for key, value in space.settings(trial.params).items())
    scores = {name: value for name, value in trial.user_attrs.get(SCORES, {}).items() if name in SEARCHED}
    yield from (Metric(f"validation_{name}", value) for name, value in scores.items())
    if SECONDS in trial.user_attrs:
        yield Metric("seconds_fit_predict", trial.user_attrs[SECONDS])
    yield Tag("state", trial.state.name.lower())
