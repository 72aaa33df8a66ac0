"""From configuration to a user's own checks of a board."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.config.instantiation import instantiate_setting
from clv_experiments.errors import ClvError


def build_checks(checks: Any) -> list[Any]:
    """Instantiate the checks that a setting lists.

    Parameters
    ----------
    checks : list, str or None
        Each ``my_module.MyCheck``, or a mapping with that as its ``_target_`` and arguments of its own.

    Raises
    ------
    ClvError
        If one cannot be imported or built.
    """
    check_list = list(checks) if isinstance(checks, ListConfig | list) else [] if checks is None else [checks]
    return [_instantiate_check(check, f"checks[{number}]") for number, check in enumerate(check_list)]


def _instantiate_check(check: Any, setting: str) -> Any:
    if isinstance(check, str) and "." in check:
        check = OmegaConf.create({"_target_": check})
    if not isinstance(check, DictConfig):
        raise ClvError(f"{setting} must be a class, such as my_module.MyCheck, or have it as _target_, got '{check}'")
    return instantiate_setting(check, setting)
