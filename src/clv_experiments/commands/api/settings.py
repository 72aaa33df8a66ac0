"""From keyword arguments to composed settings, by the same reading as what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import clv_experiments.config  # noqa: F401 - registers what conf/ calls
from clv_experiments.commands.cli.command_line import format_error
from clv_experiments.commands.cli.overrides import translate_arguments
from clv_experiments.config.composition import compose_config
from clv_experiments.errors import ClvError

Settings = Mapping[str, Any]


def compose_settings(config_name: str, options: Settings, settings: Settings | None = None) -> DictConfig:
    """Compose the settings of a command.

    Parameters
    ----------
    config_name : str
        The file of ``conf/``.
    options : mapping of setting to value
        None leaves a setting as it is.
    settings : mapping of setting to value, optional
        Any others, by their full names: ``{"model.estimator.max_depth": 6}``.

    Raises
    ------
    ClvError
        If there is no such option or setting, or a value is of another kind.
    """
    provided = {key: value for key, value in options.items() if value is not None} | dict(settings or {})
    overrides = [f"{key}={value}" for key, value in provided.items() if isinstance(value, str | int | float)]
    try:
        cfg = compose_config(
            config_name, translate_arguments(["tracking=memory", *overrides], config_name).overrides_and_options
        )
        for key, value in provided.items():
            if not isinstance(value, str | int | float):
                OmegaConf.update(cfg, key, value, force_add=False)
    except (HydraException, OmegaConfBaseException) as error:
        raise ClvError(format_error(error)) from error
    return cfg
