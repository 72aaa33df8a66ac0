"""What settings may build: what this package, the two libraries it stands on and the user's own conf/ have.

Settings come from a command line, from presets and, where a run is made again, from a store that somebody else may have
written: a ``_target_`` is called as it is read, so that one that nobody here has chosen could run anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from clv_experiments.config.conf_folders import user_conf
from clv_experiments.config.setting_kinds import shorten
from clv_experiments.errors import ClvError

PACKAGES = ("clv_experiments", "sklearn", "xgboost")
TARGET = "_target_"
NAMED = re.compile(r"_target_[\"']?\s*:\s*[\"']?([\w.]+)")


class ForeignTarget(ClvError):  # noqa: N818 - it says what is so
    """A setting would run code that nobody here has allowed."""


def check_targets(cfg: DictConfig, source: str = "") -> None:
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
    for key, written in _targets(OmegaConf.to_container(cfg), ""):
        target = str(OmegaConf.select(cfg, key)) if "${" in written else written
        if target.partition(".")[0] in PACKAGES:
            continue
        named = _targets_of_user() if named is None else named
        if target not in named:
            raise ForeignTarget(
                f"{key}={shorten(target)}{source} would run code of neither clv_experiments, scikit-learn nor XGBoost; "
                f"if you trust it, write '_target_: {shorten(target)}' into a YAML file of conf/ in the working folder"
            )


def _targets_of_user() -> set[str]:
    """List what the files of the user's own conf/ name."""
    folder = user_conf()
    files = folder.rglob("*.yaml") if folder else ()
    return {target for file in files for target in NAMED.findall(file.read_text(encoding="utf-8", errors="replace"))}


def _targets(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """Walk through settings as they are written; what an interpolation leads to is met in its own place."""
    if isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _targets(inner, f"{key}[{index}]")
    elif isinstance(node, dict):
        for name, inner in node.items():
            path = f"{key}.{name}" if key else str(name)
            if name == TARGET:
                yield path, str(inner)
            else:
                yield from _targets(inner, path)
