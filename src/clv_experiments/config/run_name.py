"""What a run is called: its model, the settings in which it differs from the model as configured, its protocol."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from omegaconf import DictConfig

from clv_experiments.comparison.entries import TUNED, describe_differences
from clv_experiments.config.composition import compose_config
from clv_experiments.config.conf_folders import find_option_files, list_file_times
from clv_experiments.config.settings import flatten_settings

MAX_CHARACTERS = 100
WINDOW_KEYS = ("window.cutoff", "window.origins")


def name_run(cfg: DictConfig) -> str:
    """Name a run such that a table of runs tells them apart: ``xgboost max_depth=6 customer_split``.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.
    """
    name = str(cfg.model.name)
    changes = [] if name.endswith(TUNED) else _describe_changed_settings(cfg)  # those that a search changed are many
    protocol = [] if cfg.evaluation.protocol == "forecast" else [cfg.evaluation.protocol]
    title = " ".join([name, *changes, *protocol])
    return title if len(title) <= MAX_CHARACTERS else f"{title[: MAX_CHARACTERS - 1]}…"


def _describe_changed_settings(cfg: DictConfig) -> list[str]:
    if cfg.model.name not in find_option_files("model"):
        return []
    settings, defaults = _flatten_to_text(cfg), _load_default_settings(cfg.model.name, list_file_times())
    window = [
        f"{key.partition('.')[2]}={settings[key]}" for key in WINDOW_KEYS if settings.get(key) != defaults.get(key)
    ]
    return [*describe_differences(settings, defaults), *window]


@lru_cache(maxsize=256)
def _load_default_settings(model: str, _version: tuple[tuple[Path, int], ...]) -> dict[str, str]:
    return _flatten_to_text(compose_config("config", [f"model={model}"]))


def _flatten_to_text(cfg: DictConfig) -> dict[str, str]:
    return {name: str(value) for name, value in flatten_settings(cfg).items()}
