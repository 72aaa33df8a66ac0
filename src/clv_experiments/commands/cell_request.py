"""Which cell was asked for: the runs that stand in it, the models that it lacks, the command that makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig

from clv_experiments.commands.cli.typed_secrets import format_command
from clv_experiments.comparison.cell import Cell
from clv_experiments.comparison.entries import TUNED
from clv_experiments.comparison.selection import Selection, select_runs
from clv_experiments.config.composition import compose_settings_by_model
from clv_experiments.config.conf_folders import read_options
from clv_experiments.config.settings import build_experiment_name, flatten_settings
from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.forecasting.external import FAMILY as EXTERNAL

# Settings of a leaderboard that train.py does not take.
LEADERBOARD_KEYS = (
    "models", "runs", "fill", "metric", "replicates", "confidence", "cell", "output", "markdown", "promote", "checks",
)  # fmt: skip
CELL_KEYS = ("data.", "window.horizon", "window.cutoff", "window.origins", "evaluation.protocol")
SPLIT_KEYS = ("evaluation.splits", "evaluation.test_share", "seed")


def read_model_families() -> dict[str, str]:
    """Read the model family of every option."""
    return {option.name: option.family for option in read_options("model")}


def list_requested_models_and_baselines(cfg: DictConfig) -> list[str]:
    """Name the models that must be there: those asked for, and always the baselines."""
    family_by_model = read_model_families()
    names = (
        family_by_model if cfg.models is None else cfg.models if isinstance(cfg.models, ListConfig) else [cfg.models]
    )
    baselines = [name for name, family in family_by_model.items() if family == "baseline"]
    return list(dict.fromkeys([*names, *baselines]))


def select_cell_runs(cfg: DictConfig, overrides: Sequence[str]) -> Selection:
    """Choose the runs of the cell that the settings name."""
    reader, models = instantiate(cfg.tracking).reader(), list_requested_models_and_baselines(cfg)
    if not reader.store_exists:
        return Selection(None, dict.fromkeys(models, ""), {}, [])
    # What train.py would run each model with, wherever runs are kept.
    run_overrides = [
        o for o in select_train_overrides(overrides) if parse_override_key(o).partition(".")[0] != "tracking"
    ]
    selection = select_runs(
        reader,
        build_experiment_name(cfg),
        _cell_settings(cfg),
        models,
        all_runs=cfg.runs == "all",
        metric=cfg.metric,
        cell=cfg.cell,
        configured=compose_settings_by_model(models, run_overrides),
    )
    if cfg.models is None or selection.cell is None:
        return selection
    requested_entries = tuple(
        entry
        for entry in selection.cell.entries
        if entry.family == EXTERNAL or entry.model.removesuffix(TUNED) in models
    )
    return replace(selection, cell=replace(selection.cell, entries=requested_entries))


def _cell_settings(cfg: DictConfig) -> dict[str, object]:
    prefixes = CELL_KEYS + (SPLIT_KEYS if cfg.evaluation.protocol == "customer_split" else ())
    return {name: value for name, value in flatten_settings(cfg).items() if name.startswith(prefixes)}


def require_complete_cell(selection: Selection, cfg: DictConfig, overrides: Sequence[str]) -> Cell:
    """Return the cell that was chosen.

    Raises
    ------
    LogTooShort
        If no model can be judged.
    ClvError
        If a model is missing.
    """
    if selection.impossible and selection.cell is None and not selection.missing:
        raise LogTooShort(
            f"{build_experiment_name(cfg)} can judge no model: {next(iter(selection.impossible.values()))}"
        )
    if selection.missing or selection.cell is None:
        raise ClvError(_describe_missing(selection, cfg, overrides))
    return selection.cell


def _describe_missing(selection: Selection, cfg: DictConfig, overrides: Sequence[str]) -> str:
    missing = selection.missing
    names = "glob(*)" if len(missing) == len(read_model_families()) else ",".join(missing)
    multirun = ["-m"] if len(missing) > 1 else []
    run_missing = format_command("train", [*multirun, f"model={names}", *select_train_overrides(overrides)])
    reasons = "".join(f"; {model}: {reason}" for model, reason in missing.items() if reason)
    other_cells = f"; what is there: {'; '.join(selection.other_cells)}" if selection.other_cells else ""
    if cfg.cell and selection.cell is None:
        return f"{build_experiment_name(cfg)} has no cell '{cfg.cell}'{other_cells or '; it holds no finished run'}"
    missing_names = "any model" if selection.cell is None else ", ".join(missing)
    return (
        f"{build_experiment_name(cfg)} has no finished run of {missing_names} with these settings; type {run_missing}, "
        f"or add --fill here{reasons}{other_cells}"
    )


def select_train_overrides(overrides: Sequence[str]) -> list[str]:
    """Keep the overrides that train.py takes."""
    return [override for override in overrides if parse_override_key(override) not in LEADERBOARD_KEYS]


def parse_override_key(override: str) -> str:
    """Return what an override sets."""
    return override.partition("=")[0].lstrip("+~")
