"""The end of a study: its winner as a full run beside the configured settings, and the study as a person reads it."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.trial import FrozenTrial

from clv_experiments.cell_request import key_of
from clv_experiments.evaluation.plot_style import Labels
from clv_experiments.evaluation.records import Description, Metric, Record, Table, Tag, Text
from clv_experiments.evaluation.study_plots import study_pictures
from clv_experiments.experiment import run_experiment
from clv_experiments.run_records import Search
from clv_experiments.sweep import tables
from clv_experiments.sweep.outcome import Outcome, differences, fits
from clv_experiments.sweep.space import Value
from clv_experiments.sweep.trials import Objective, Settings
from clv_experiments.terminal import Terminal

OUTCOME = "outcome"  # attribute of a study that was summed up


def sum_up(study: Study, winner: FrozenTrial, objective: Objective, run: Any, terminal: Terminal) -> None:
    """Run the winner and the configured settings in full, set them side by side, print and keep what came of it.

    A study whose winner was run before is only shown again.
    """
    settings, by = objective.settings, objective.metrics
    cfg = settings.cfg
    edges = settings.space.at_edge(winner.params)
    kept = study.user_attrs.get(OUTCOME)
    if kept and (kept["trial"], kept["seeds"]) == (winner.number, cfg.sweep.seeds):
        outcome = Outcome.from_json(kept)
    else:
        outcome = _outcome(study, winner, objective, edges, terminal)
        study.set_user_attr(OUTCOME, outcome.as_json())
    importances = tables.importances(study, by, cfg.sweep.seed)
    terminal.table(f"best trials of study '{study.study_name}'", *tables.best(study, by))
    if importances:
        terminal.table("importance of the settings searched", *tables.importance_rows(study, importances))
    for edge in edges:
        terminal.say(f"note: {edge}; a wider range may hold better")
    for sentence in outcome.sentences:
        terminal.say(sentence)
    command = train_command(settings, winner.params)
    terminal.say(f"to run the winner yourself: {command}")
    with terminal.step("drawing and writing", "writing"):
        run.log(list(_records(study, winner, outcome, importances, objective, command, edges)))


def _outcome(study: Study, winner: FrozenTrial, objective: Objective, edges: list[str], terminal: Terminal) -> Outcome:
    settings, metric = objective.settings, objective.metrics[0]
    configured, tuned = _alone(settings.cfg), _alone(settings.with_choice(winner.params))
    name, seeds = settings.cfg.model.name, settings.cfg.sweep.seeds
    tuned.model.name = f"{name} (tuned)"
    terminal.say("\nthe configured settings, as a full run")
    before = run_experiment(configured)
    terminal.say(f"\nthe winner, trial {winner.number}, as a full run")
    after = run_experiment(tuned, Search(study.study_name, winner.number, tuple(edges)))
    terminal.say("")
    with terminal.step("fitting both with several seeds", "seeds") as progress:
        holdouts = [scored.forecast.period for scored in after.holdout.values()]
        several = fits(objective, tuned, configured, holdouts, seeds, progress)
    gained = differences(after, before, metric, settings.cfg.seed)
    return Outcome(winner.number, seeds, name, metric, gained, several)


def _alone(cfg: DictConfig) -> DictConfig:
    """Copy what train.py knows of a config."""
    return OmegaConf.masked_copy(copy.deepcopy(cfg), [str(name) for name in cfg if name != "sweep"])


def train_command(settings: Settings, chosen: Mapping[str, Value]) -> str:
    """Write the command that runs a choice."""
    found = settings.space.settings(chosen)
    typed = [override for override in settings.typed if key_of(override) not in found]
    typed = [override for override in typed if key_of(override).partition(".")[0] != "sweep"]
    words = {None: "null", True: "true", False: "false"}
    values = {key: words[value] if value is None or isinstance(value, bool) else value for key, value in found.items()}
    return shlex.join(["python", "train.py", *typed, *(f"{key}={value}" for key, value in values.items())])


def _records(
    study: Study,
    winner: FrozenTrial,
    outcome: Outcome,
    importances: Mapping[str, Mapping[str, float]],
    objective: Objective,
    command: str,
    edges: list[str],
) -> Iterator[Record]:
    cfg, by = objective.settings.cfg, objective.metrics
    subtitle = f"{cfg.data.name}, {' and '.join(str(period) for period in objective.periods)}"
    yield from study_pictures(study, by, Labels(cfg.model.name, subtitle), importances, tables.configured_trial(study))
    yield Table("trials.csv", tables.trials_frame(study, by))
    yield Table("improvement.csv", outcome.frame)
    yield Table("seeds.csv", outcome.seeds_frame)
    yield Text("winner.txt", f"{command}\n")
    yield Description("\n".join(f"- {sentence}" for sentence in [*outcome.sentences, *edges, f"`{command}`"]))
    yield Metric("trials", float(len(study.get_trials(deepcopy=False))))
    yield from (Metric(f"validation_{name}", value) for name, value in zip(by, winner.values, strict=True))
    for found in outcome.differences:
        yield Metric(f"tuned_{found.metric}", found.tuned)
        yield Metric(f"configured_{found.metric}", found.configured)
        yield Metric(f"improvement_{found.metric}", found.better)
    yield Tag("winner", str(winner.number))
    yield Tag("at_edge", "; ".join(edges) or "none")
