"""Composing settings outside of a command line, from the packaged conf/ and the working folder's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig

from clv_experiments.config.conf_folders import list_file_times, packaged_conf_folder, user_conf_folder
from clv_experiments.config.settings import flatten_settings


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


def compose_settings_by_model(models: Iterable[str], overrides: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Flatten to texts what train.py would run each model with."""
    hydra = GlobalHydra.instance()
    search_path = str(hydra.config_loader().get_search_path()) if hydra.is_initialized() else ""
    version = search_path, list_file_times()
    return {model: _compose_settings((*overrides, f"model={model}"), *version) for model in models}


# A board that fills its gaps asks twice; to compose a model takes a tenth of a second.
@lru_cache(maxsize=256)
def _compose_settings(
    overrides: tuple[str, ...], _search_path: str, _version: tuple[tuple[Path, int], ...]
) -> dict[str, str]:
    return flatten_to_texts(compose_config("config", overrides))


def flatten_to_texts(cfg: DictConfig) -> dict[str, str]:
    """Name every setting as a run's parameters do, with its value as a text."""
    return {name: str(value) for name, value in flatten_settings(cfg).items()}
