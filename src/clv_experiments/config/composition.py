"""Composing settings outside of a command line, from the packaged conf/ and the working folder's."""

from __future__ import annotations

from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig

from clv_experiments.config.conf_folders import packaged_conf_folder, user_conf_folder


def compose_config(config_name: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Compose a file of ``conf/`` with overrides that Hydra can read.

    Where a command line has initialised Hydra, its search path is used.

    Raises
    ------
    HydraException, OmegaConfBaseException
        If there is no such option or setting.
    """
    if GlobalHydra.instance().is_initialized():
        return compose(config_name, overrides=[*overrides])
    folder = user_conf_folder()
    address = QuotedString(f"file://{folder}", Quote.single).with_quotes()
    with initialize_config_dir(str(packaged_conf_folder()), version_base="1.3"):
        return compose(config_name, overrides=[*([f"hydra.searchpath=[{address}]"] if folder else []), *overrides])
