"""Settings of a run: checked, resolved without passwords, flattened as parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from omegaconf import DictConfig, OmegaConf

from clv_experiments.config.setting_kinds import check_setting_kinds
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import TRAINING_CUSTOMERS
from clv_experiments.errors import ClvError, mask_settings
from clv_experiments.evaluation.metrics import OBJECTIVE_NAMES
from clv_experiments.forecasting.customer_split import SplitSettings
from clv_experiments.forecasting.level import LEVELS
from clv_experiments.reporting.records import Param, Record, Text
from clv_experiments.tracking.experiment_name import format_experiment_name
from clv_experiments.tracking.stored_run import setting_params

ALL = "all"  # window.origins, sweep.validation_origins: as many as the log allows
EARLIER = "earlier"  # window.origins: all but the latest
# What some whole numbers may be besides, and how a message says so.
WHOLE_NUMBER_ALTERNATIVES = {
    "window.origins": ((ALL, EARLIER), "all or earlier"),
    "window.training_origins": ((None,), "null for all"),
    "window.training_customers": ((None, ALL), f"{ALL}, or null for up to {TRAINING_CUSTOMERS:,}"),
    "sweep.n_trials": ((None,), "null"),
    "sweep.validation_origins": ((ALL,), ALL),
}
LOCAL_FOLDER = "mlruns"  # of what is kept here where runs are on a server
PROTOCOLS = ("forecast", "customer_split")
LEAST_SAMPLE = 500  # customers, of which each stratum needs some


def check_settings(cfg: DictConfig) -> None:
    """Refuse settings that could only fail, or mislead, later.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    check_setting_kinds(cfg)
    least = {"seed": 0, "window.origins": 1, "window.training_origins": 1, "window.training_customers": LEAST_SAMPLE}
    for name, minimum in {**least, "evaluation.bootstrap_replicates": 2}.items():
        check_whole_number(cfg, name, minimum)
    if cfg.evaluation.protocol == "customer_split":
        _check_split_settings(cfg)
    choices = {"evaluation.objective": OBJECTIVE_NAMES, "evaluation.protocol": PROTOCOLS, "model.level": LEVELS}
    for name, allowed in choices.items():
        value = OmegaConf.select(cfg, name)
        if value not in allowed:
            raise ClvError(f"{name} must be one of {', '.join(allowed)}, got '{value}'")


def check_whole_number(cfg: DictConfig, name: str, minimum: int) -> None:
    """Refuse a setting that is neither a whole number of at least ``minimum`` nor one of its alternatives.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    value = OmegaConf.select(cfg, name)
    if type(value) is int and value >= minimum:
        return
    if name not in WHOLE_NUMBER_ALTERNATIVES:
        raise ClvError(f"{name} must be a whole number of at least {minimum}, got '{value}'")
    alternatives, wording = WHOLE_NUMBER_ALTERNATIVES[name]
    if value not in alternatives:
        raise ClvError(f"{name} must be a whole number of at least {minimum}, or {wording}, got '{value}'")


def _check_split_settings(cfg: DictConfig) -> None:
    if "splits" not in cfg.evaluation:
        raise ClvError("evaluation.protocol=customer_split needs settings of its own; type evaluation=customer_split")
    check_whole_number(cfg, "evaluation.splits", 1)
    share = cfg.evaluation.test_share
    if not (isinstance(share, int | float) and 0 < share < 1):
        raise ClvError(f"evaluation.test_share must lie between 0 and 1, got '{share}'")
    if cfg.window.origins != 1:
        raise ClvError(
            "evaluation=customer_split splits the customers of one cutoff; type window.origins=1, or "
            f"evaluation=forecast for a backtest over {cfg.window.origins}"
        )


def read_customer_split_settings(cfg: DictConfig) -> SplitSettings:
    """Collect what ``evaluation=customer_split`` is told besides."""
    settings = cfg.evaluation
    return SplitSettings(settings.splits, settings.test_share, cfg.seed, dict(settings.published))


def format_protocol_label(cfg: DictConfig) -> str:
    """Name the protocol; where customers are split, with what decides who is compared with whom."""
    settings = cfg.evaluation
    if settings.protocol == "forecast":
        return "forecast"
    return f"{settings.protocol} {settings.splits} x {settings.test_share} seed {cfg.seed}"


def format_run_title(cfg: DictConfig) -> str:
    """Say in one line what a run is about."""
    horizon = Horizon.parse(cfg.window.horizon)
    return f"{cfg.model.name} with features {cfg.model.features.name} on {cfg.data.name}, next {horizon}"


def build_experiment_name(cfg: DictConfig) -> str:
    """Name the MLflow experiment that a log and a horizon are filed under: ``cdnow 3m``."""
    return format_experiment_name(cfg.data.name, Horizon.parse(cfg.window.horizon).label)


def is_tracking_enabled(cfg: DictConfig) -> bool:
    """Whether runs are kept, in a folder or on a server."""
    return "folder" in cfg.tracking or "uri" in cfg.tracking


def get_study_folder(cfg: DictConfig) -> str | None:
    """Return the folder of studies: that of the runs, of runs on a server one here; None where no run is kept."""
    return cfg.tracking.get("folder", LOCAL_FOLDER) if is_tracking_enabled(cfg) else None


def resolve_masked_settings(cfg: DictConfig) -> dict[str, Any]:
    """Resolve the composed settings, without passwords: what a run is known by."""
    return mask_settings(OmegaConf.to_container(cfg, resolve=True))


def flatten_settings(cfg: DictConfig) -> dict[str, Any]:
    """Name every setting as a run's parameters do: ``window.horizon``; the features are those of the model."""
    return _flatten(resolve_masked_settings(cfg), without=("features",))


def setting_records(settings: dict[str, Any]) -> list[Param]:
    """Flatten the composed settings as parameters, without those of the command, which say nothing of a run."""
    flat = _flatten(settings, without=("features", "tracking", "resume"))
    return [Param(name, value) for name, value in setting_params(flat).items()]


def config_records(settings: dict[str, Any]) -> list[Record]:
    """Record the composed settings as parameters, and as the file that a run is made again from."""
    return [*setting_records(settings), Text("config.yaml", OmegaConf.to_yaml(settings))]


def _flatten(settings: dict[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    return dict(_iterate_leaves({name: value for name, value in settings.items() if name not in without}, ""))


def _iterate_leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, nested in value.items():
            yield from _iterate_leaves(nested, f"{key}.{name}" if key else str(name))
    else:
        yield key, json.dumps(value) if isinstance(value, list) else value


def parse_day(text: str | None, setting: str) -> date | None:
    """Read a day from the setting of this name.

    Raises
    ------
    ClvError
        If it does not read like 1998-03-31.
    """
    try:
        return date.fromisoformat(str(text)) if text is not None else None
    except ValueError as error:
        raise ClvError(f"'{text}' is not a date; it must read like 1998-03-31 ({setting})") from error
