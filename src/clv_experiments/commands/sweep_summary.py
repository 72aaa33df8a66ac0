"""The end of a study: its winner as a full run beside the configured settings, and the study as a person reads it."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Iterator, Mapping

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.trial import FrozenTrial

from clv_experiments.commands.cell_request import override_key
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.train import run_experiment
from clv_experiments.config.log_options import load_configured_log
from clv_experiments.config.settings import experiment_name
from clv_experiments.config.window_options import build_window
from clv_experiments.data.window import Period
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.run_records import Search
from clv_experiments.leaderboard.entries import TUNED
from clv_experiments.reporting.figure_style import Labels
from clv_experiments.reporting.records import Description, Metric, Record, Table, Tag, Text
from clv_experiments.sweep import tables
from clv_experiments.sweep.objective import SCORES, Objective, Settings
from clv_experiments.sweep.outcome import Outcome, differences, fits
from clv_experiments.sweep.pictures import study_pictures
from clv_experiments.sweep.sampling import is_lost
from clv_experiments.sweep.search import AS_CONFIGURED
from clv_experiments.sweep.space import Value
from clv_experiments.tracking.stored_run import StudyRun

OUTCOME = "outcome"  # attribute of a study that was summed up


def sum_up(study: Study, winner: FrozenTrial, objective: Objective, run: StudyRun, terminal: Terminal) -> None:
    """Run the winner and the configured settings in full, set them side by side, print and keep what came of it.

    A study whose winner was run before, and whose run is still there, is only shown again.
    """
    settings, by = objective.settings, objective.metrics
    sweep = settings.cfg.sweep
    search = Search(run.run_id, winner.number, tuple(settings.space.at_edge(winner.params)))
    kept = study.user_attrs.get(OUTCOME, {})
    same = (kept.get("trial"), kept.get("seeds")) == (winner.number, sweep.seeds)
    if same and _is_there(settings.cfg, search):
        outcome = Outcome.from_json(kept)
    else:
        outcome = _outcome(winner, objective, search, terminal)
        study.set_user_attr(OUTCOME, outcome.as_json())
    importances = tables.importances(study, by, sweep.seed)
    terminal.table(f"best trials of study '{study.study_name}'", *tables.best(study, by))
    if by[1:]:
        terminal.say(f"none of these is beaten in every metric; the winner is the first of them by {by[0]}")
    if importances:
        drawn = "over the trials as they were drawn: what the sampler soon left looks important too"
        terminal.table("importance of the settings searched", *tables.importance_rows(study, importances), drawn)
    for edge in search.at_edge:
        terminal.say(f"note: {edge}; a wider range may hold better")
    for sentence in outcome.sentences:
        terminal.say(sentence)
    command = train_command(settings, winner.params)
    terminal.say(f"to run the winner yourself: {command}")
    with terminal.step("drawing and writing", "writing"):
        run.log(list(_records(study, winner, outcome, importances, objective, command, search)))


def _is_there(cfg: DictConfig, search: Search) -> bool:
    """Whether the full run of the winner is still kept."""
    reader = instantiate(cfg.tracking).reader()
    wanted = {"study": search.study, "trial": str(search.trial)}.items()
    runs = reader.runs(experiment_name(cfg)) if reader.exists else []
    return any(run.status == "FINISHED" and run.tags.items() >= wanted for run in runs)


def _outcome(winner: FrozenTrial, objective: Objective, search: Search, terminal: Terminal) -> Outcome:
    settings = objective.settings
    configured, tuned = _alone(settings.cfg), _alone(settings.with_choice(winner.params))
    name, seeds = settings.cfg.model.name, settings.cfg.sweep.seeds
    tuned.model.name = f"{name}{TUNED}"
    terminal.say("\nthe configured settings, as a full run")
    before = run_experiment(configured)
    terminal.say(f"\nthe winner, trial {winner.number}, as a full run")
    after = run_experiment(tuned, search)
    terminal.say("")
    with terminal.step("fitting both with several seeds", "seeds") as progress:
        holdouts = _holdouts(objective, [origin.holdout.forecast.period for origin in after.origins])
        found = 1 if AS_CONFIGURED in winner.user_attrs else seeds  # settings that are the same fit the same
        several = fits(objective, holdouts, tuned, configured, found, progress)
    gained = differences(after, before, settings.cfg.seed)
    return Outcome(winner.number, seeds, name, list(objective.metrics), gained, several)


def _holdouts(objective: Objective, periods: list[Period]) -> Objective:
    """Score the holdouts on the log as a full run reads it, whose cleaning may have learnt for longer."""
    cfg, found = objective.settings.cfg, objective.forecaster
    log = load_configured_log(cfg.data, lambda start, end: build_window(cfg.window, start, end).earliest_cutoff)
    forecaster = found if log is found.log else Forecaster(log, found.window)
    return Objective(objective.settings, forecaster, periods, objective.metrics)


def _alone(cfg: DictConfig) -> DictConfig:
    """Copy what train.py knows of a config."""
    return OmegaConf.masked_copy(copy.deepcopy(cfg), [str(name) for name in cfg if name != "sweep"])


def train_command(settings: Settings, chosen: Mapping[str, Value]) -> str:
    """Write the command that runs a choice."""
    found = settings.space.settings(chosen)
    added = {override_key(override): "+" for override in settings.typed if override.startswith("+")}
    typed = [override for override in settings.typed if override_key(override) not in found]
    typed = [override for override in typed if override_key(override).partition(".")[0] != "sweep"]
    words = {None: "null", True: "true", False: "false"}
    values = {key: words[value] if value is None or isinstance(value, bool) else value for key, value in found.items()}
    return shlex.join(
        ["python", "train.py", *typed, *(f"{added.get(k, '')}{k}={value}" for k, value in values.items())]
    )


def _records(
    study: Study,
    winner: FrozenTrial,
    outcome: Outcome,
    importances: Mapping[str, Mapping[str, float]],
    objective: Objective,
    command: str,
    search: Search,
) -> Iterator[Record]:
    cfg, by = objective.settings.cfg, objective.metrics
    subtitle = f"{cfg.data.name}, {' and '.join(str(period) for period in objective.periods)}"
    yield from study_pictures(study, by, Labels(cfg.model.name, subtitle), importances, tables.configured_trial(study))
    yield Table("trials.csv", tables.trials_frame(study, by))
    shares = [(metric, name, share) for metric, found in importances.items() for name, share in found.items()]
    yield Table("importances.csv", pd.DataFrame(shares, columns=["metric", "parameter", "share"]))
    yield Table("improvement.csv", outcome.frame)
    yield Table("seeds.csv", outcome.seeds_frame)
    yield Text("winner.txt", f"{command}\n")
    yield Description("\n".join(f"- {sentence}" for sentence in [*outcome.sentences, *search.at_edge, f"`{command}`"]))
    yield Metric("trials", float(sum(not is_lost(trial) for trial in study.get_trials(deepcopy=False))))
    yield from (Metric(f"validation_{name}", value) for name, value in winner.user_attrs[SCORES].items())
    for found in outcome.differences:
        yield Metric(f"tuned_{found.metric}", found.tuned)
        yield Metric(f"configured_{found.metric}", found.configured)
        yield Metric(f"improvement_{found.metric}", found.better)
    yield Tag("winner", str(winner.number))
    yield Tag("at_edge", "; ".join(search.at_edge) or "none")
