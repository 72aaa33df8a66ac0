"""``clv rerun``: run once more what a run was made from, and say whether every metric is the same."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.train import load_run_log, run_experiment
from clv_experiments.config.settings import check_settings, flatten_settings
from clv_experiments.config.targets import read_logged_settings
from clv_experiments.errors import MASK, ClvError, command
from clv_experiments.reporting.text_table import TextTable
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.memory_tracker import MemoryTracker
from clv_experiments.tracking.stored_run import Reader, StoredRun

COSTS = ("seconds_", "peak_memory_")  # metrics of what a run took, which differ from run to run


def rerun(cfg: DictConfig, typed: Sequence[str]) -> None:
    """Run what a run was made from, in memory, and compare all that was measured.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/rerun.yaml``.
    typed : sequence of str
        Overrides; those of ``data`` replace what was logged, as a password that was masked.

    Raises
    ------
    ClvError
        If a metric differs or the log is another one; or there is no such run, or it cannot be run again.
    """
    if cfg.run is None:
        raise ClvError(f"{command('rerun')} needs a run: {command('rerun')} <run id>, as {command('ui')} lists them")
    reader, terminal = instantiate(cfg.tracking).reader(), Terminal()
    run = reader.run(str(cfg.run).removeprefix("runs:/"))
    _require_rerunnable_run(run)
    settings = _compose_logged_settings(
        cfg, read_logged_settings(reader.text(run.run_id, "config.yaml"), run.run_id), _parse_data_overrides(typed)
    )
    check_settings(settings)
    then, now = run.tags.get("code_version", "unknown"), code_version()
    terminal.print_line(f"code: {now}" + (f", the run was made by {then}" if then != now else ", as the run"))
    log = load_run_log(settings, terminal)
    fingerprint = run.tags.get("log_fingerprint")
    if fingerprint != log.fingerprint:
        raise ClvError(
            f"the log is another one than run {run.run_id} read: its fingerprint is {log.fingerprint}, and was "
            f"{fingerprint}; type data.path=<the log as it was>, or what else leads to it"
        )
    terminal.print_line(f"log: fingerprint {fingerprint}, as the run")
    memory = MemoryTracker()
    run_experiment(settings, log=log, tracker=memory, terminal=terminal)
    ours = memory.reader()
    again = ours.run(memory.runs[-1].run_id)
    differences = [*_compare_metrics(reader, run, ours, again)]
    compared = len(_list_compared_metrics(run))
    if differences:
        table = TextTable(["metric", "origin", "logged", "now"], differences)
        terminal.print_table(f"what differs from run {run.run_id}", table)
        names = {metric for metric, *_ in differences}
        because = f"; the code is {now}, and was {then}" if then != now else ""
        raise ClvError(f"{len(names)} of {compared} metrics of run {run.run_id} are not what they were{because}")
    terminal.print_line(f"all {compared} metrics of run {run.run_id} are the same, to the last digit")


def _require_rerunnable_run(run: StoredRun) -> None:
    if not run.is_evaluation or run.tags.get("family") == "external":
        raise ClvError(f"run {run.run_id} ({run.name}) evaluates no model that could be run again; choose another")
    if run.status != "FINISHED":
        raise ClvError(f"run {run.run_id} ({run.name}) is {run.status}, so that there is nothing to compare with")


def _compose_logged_settings(cfg: DictConfig, stored: DictConfig, typed: Mapping[str, Any]) -> DictConfig:
    """Compose the settings of a run: as logged, settings that are younger than the run as they are by default.

    What was typed, or stands in the environment for a secret that was masked, goes wherever the same text was logged:
    settings are logged resolved, so that a connection stands there twice.
    """
    defaults: dict[str, Any] = {"model": {"level": "own"}, "window": cfg.window}
    if stored.evaluation.protocol == cfg.evaluation.protocol:
        defaults["evaluation"] = cfg.evaluation
    settings = OmegaConf.merge(defaults, stored, {"tracking": cfg.tracking, "resume": False})
    assert isinstance(settings, DictConfig)
    flat = flatten_settings(stored)
    replaced = {flat[key]: value for key, value in typed.items() if isinstance(flat.get(key), str)}
    for key, value in typed.items():
        OmegaConf.update(settings, key, value)
    for key, text in flat.items():
        if isinstance(text, str) and text not in replaced and MASK in text:
            replaced[text] = _secret_interpolation(key, text)
        if isinstance(text, str) and key.startswith("data.") and key not in typed and text in replaced:
            OmegaConf.update(settings, key, replaced[text])
    return settings


def _secret_interpolation(key: str, masked: str) -> str:
    """Refer to the variable that holds what was logged without its secret."""
    variable = f"CLV_{key.replace('.', '_').upper()}"
    if variable not in os.environ:
        raise ClvError(
            f"{key} was kept without its secret, as {masked}; set the environment variable {variable} to the whole of "
            f"it, or type {key}=<the whole of it>"
        )
    return f"${{oc.env:{variable}}}"


def _parse_data_overrides(typed: Sequence[str]) -> dict[str, Any]:
    """Read what was typed for the log; a run is repeated as it was in all else."""
    overrides = OverridesParser.create().parse_overrides([*typed])
    of_data = {one.key_or_group: one.value() for one in overrides if one.key_or_group.startswith("data.")}
    for one in overrides:
        key = one.key_or_group
        is_implied = key == "data" and bool(of_data)  # data.path alone is read as data=file too
        if key not in of_data and not is_implied and not key.startswith(("tracking", "run", "hydra")):
            raise ClvError(
                f"{command('rerun')} repeats a run as it was and takes no {key}; of its settings only those below data "
                "may be typed, where a log has moved or its connection was masked"
            )
    return of_data


def _list_compared_metrics(run: StoredRun) -> list[str]:
    return sorted(name for name in run.metrics if not name.startswith(COSTS))


def _compare_metrics(
    logged_reader: Reader, run: StoredRun, rerun_reader: Reader, repeated_run: StoredRun
) -> Iterator[list[str]]:
    """Give a row for each metric at one origin that is not what it was, to the last digit; - where a run has none."""
    for name in sorted({*_list_compared_metrics(run), *_list_compared_metrics(repeated_run)}):
        before = logged_reader.metric_by_origin(run.run_id, name) if name in run.metrics else {}
        after = rerun_reader.metric_by_origin(repeated_run.run_id, name) if name in repeated_run.metrics else {}
        for step in sorted({*before, *after}):
            then, now = before.get(step), after.get(step)
            both_missing = then is not None and now is not None and math.isnan(then) and math.isnan(now)
            if then != now and not both_missing:
                yield [name, str(step), *("-" if value is None else repr(float(value)) for value in (then, now))]
