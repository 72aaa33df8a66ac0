"""What a run is called: its model, the settings in which it differs from the model as configured, its protocol."""

from __future__ import annotations

from omegaconf import DictConfig

from clv_experiments.comparison.entries import TUNED, describe_differences
from clv_experiments.config.composition import compose_settings_by_model, flatten_to_texts
from clv_experiments.config.conf_folders import find_option_files

MAX_NAME_CHARACTERS = 100
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
    return title if len(title) <= MAX_NAME_CHARACTERS else f"{title[: MAX_NAME_CHARACTERS - 1]}…"


def _describe_changed_settings(cfg: DictConfig) -> list[str]:
    model = cfg.model.name
    if model not in find_option_files("model"):
        return []
    settings, defaults = flatten_to_texts(cfg), compose_settings_by_model([model])[model]
    window = [
        f"{key.partition('.')[2]}={settings[key]}" for key in WINDOW_KEYS if settings.get(key) != defaults.get(key)
    ]
    return [*describe_differences(settings, defaults), *window]
