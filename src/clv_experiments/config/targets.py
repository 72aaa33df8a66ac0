"""What settings may build: estimators, what the packaged conf/ names in their place, and what the user's own names.

Settings come from a command line, from presets and, where a run is made again, from a store that somebody else may have
written: a ``_target_`` is called as it is read, so that one that nobody here has chosen could run anything. That
it lies in a package says little: ``clv_experiments.tracking.loader.joblib.load`` is a name for ``joblib.load``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache
from inspect import isclass
from pathlib import Path
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.config.conf_folders import packaged_conf_folder, user_conf_folder
from clv_experiments.config.setting_kinds import format_shortened
from clv_experiments.errors import ClvError

PACKAGES = ("clv_experiments", "sklearn", "xgboost")
FOLDERS = {"model": ("model", "features")}  # of the packaged conf/, by what is set; by default those of the same name
CHECKS = "checks"  # of a board: code of the user's own, by its name alone too
TARGET = "_target_"
NAMED = re.compile(r"_target_[\"']?\s*:\s*[\"']?([\w.]+)")
REQUIRED_RUN_SECTIONS = ("data", "evaluation", "model", "window")  # of what a run of a model is made from

logging.getLogger("hydra.utils").setLevel(logging.CRITICAL)  # a line for each error that it raises too


class ForeignTarget(ClvError):  # noqa: N818 - it says what is so
    """A setting would run code that nobody here has allowed."""


def read_logged_settings(text: str, run_id: str) -> DictConfig:
    """Read the settings that a run was made from, which whoever writes to its store may have changed since.

    Raises
    ------
    ClvError
        If they are no settings of a run, or are not resolved, as every run leaves them: what they refer to would be
        read here, such as a variable of the environment.
    ForeignTarget
        If they would run code that nobody here has allowed.
    """
    try:
        settings = OmegaConf.create(text)
        raw = OmegaConf.to_container(settings)
    except Exception as error:  # whatever YAML and OmegaConf make of a damaged file
        raise ClvError(
            f"config.yaml of run {run_id} is not readable ({type(error).__name__}); take another run"
        ) from error
    missing = [
        name for name in REQUIRED_RUN_SECTIONS if not isinstance(raw, dict) or not isinstance(raw.get(name), dict)
    ]
    if missing or not isinstance(settings, DictConfig):
        raise ClvError(f"config.yaml of run {run_id} has no {', '.join(missing)}; take another run")
    for key, written in _iterate_texts(raw, ""):
        if "${" in written:
            raise ClvError(
                f"config.yaml of run {run_id} says {key}={format_shortened(written)}, and no run refers to anything "
                "there: it was changed since; take another run"
            )
    require_allowed_targets(settings, f" of run {run_id}")
    return settings


def require_allowed_targets(cfg: DictConfig, source: str = "") -> None:
    """Refuse what nobody here has allowed.

    Parameters
    ----------
    cfg : DictConfig
    source : str, optional
        Where the settings come from, for the message.

    Raises
    ------
    ForeignTarget
        Names the setting, and how it is allowed.
    """
    named: set[str] | None = None
    for key, target in _iterate_targets(cfg):
        if _is_packaged_target(key, target) or _is_estimator_or_missing(target):
            continue
        named = _list_targets_in_folder(user_conf_folder()) if named is None else named
        if target not in named:
            short = format_shortened(target)
            raise ForeignTarget(
                f"{key}={short}{source} would run code of neither clv_experiments, scikit-learn nor XGBoost that "
                f"belongs there; if you trust it, write '_target_: {short}' into a YAML file of conf/ in the working "
                "folder"
            )


def _is_packaged_target(key: str, target: str) -> bool:
    group = re.split(r"[.\[]", key, maxsplit=1)[0]
    return group == CHECKS or any(target in _list_packaged_targets(folder) for folder in FOLDERS.get(group, (group,)))


@cache
def _list_packaged_targets(group: str) -> set[str]:
    return _list_targets_in_folder(packaged_conf_folder() / group)


def _is_estimator_or_missing(target: str) -> bool:
    """Whether a name leads to an estimator, which runs nothing when it is made, or to nothing, which is said later."""
    if target.partition(".")[0] not in PACKAGES:
        return False
    from sklearn.base import BaseEstimator

    try:
        found = get_object(target)
    except Exception:  # whatever an import may raise; building it raises the same
        return True
    return isclass(found) and issubclass(found, BaseEstimator) and found.__module__.partition(".")[0] in PACKAGES


def _list_targets_in_folder(folder: Path | None) -> set[str]:
    """List what the files of a folder name."""
    files = folder.rglob("*.yaml") if folder else ()
    return {target for file in files for target in NAMED.findall(file.read_text(encoding="utf-8", errors="replace"))}


def _iterate_targets(cfg: DictConfig) -> Iterator[tuple[str, str]]:
    """Walk through settings as they are written, and into what a resolver makes; other nodes are met in their place."""
    pending: list[tuple[str, Any]] = [("", OmegaConf.to_container(cfg))]
    while pending:
        prefix, node = pending.pop()
        for key, written in _iterate_texts(node, prefix):
            value: Any = written
            if "${" in written:
                value = OmegaConf.select(cfg, key, throw_on_resolution_failure=False)
            if isinstance(value, DictConfig | ListConfig | dict | list):
                if ":" in written:
                    pending.append((key, OmegaConf.to_container(OmegaConf.create(value))))
            elif key.rpartition(".")[2] == TARGET:
                yield key, str(value)


def _iterate_texts(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """Give every value below a node as a text, with the key that leads to it."""
    if isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _iterate_texts(inner, f"{key}[{index}]")
    elif isinstance(node, dict):
        for name, inner in node.items():
            yield from _iterate_texts(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, str(node)
