"""From configuration to models: one option of ``conf/model``, those that are wanted, and what they are told."""

from __future__ import annotations

from collections.abc import Callable

from omegaconf import DictConfig, OmegaConf

from clv_experiments.config.conf_folders import find_option_files, read_options
from clv_experiments.config.instantiation import instantiate_setting
from clv_experiments.errors import ClvError, suggest
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.level import OWN
from clv_experiments.forecasting.model import Model


def build_model(cfg: DictConfig) -> Model:
    """Instantiate one option of ``conf/model``."""
    estimator = instantiate_setting(cfg.estimator, "model.estimator", _convert_="all")
    level = OmegaConf.select(cfg, "level", default=OWN)  # the YAML of a model may leave it out
    fallback = build_model(cfg.fallback) if "fallback" in cfg else None
    return Model(cfg.name, cfg.family, cfg.supervised, build_features(cfg.features), estimator, level, fallback)


def build_features(cfg: DictConfig) -> FeatureSet:
    """Instantiate one option of ``conf/features``, or the features that a model brings."""
    estimators = {
        name: instantiate_setting(node, f"features.estimators.{name}")
        for name, node in cfg.get("estimators", {}).items()
    }
    return FeatureSet(
        cfg.name, [instantiate_setting(block_cfg, "features.blocks") for block_cfg in cfg.blocks], estimators
    )


def build_all_baselines(cfg: DictConfig) -> list[Model]:
    """Instantiate every option of ``conf/model`` whose family is baseline."""
    return build_models(cfg, lambda option: option.family == "baseline")


def build_named_model(cfg: DictConfig, name: str, setting: str) -> Model:
    """Instantiate the option of ``conf/model`` that a setting names.

    Raises
    ------
    ClvError
        If there is none of that name.
    """
    models = build_models(cfg, lambda option: option.name == name)
    if not models:
        raise ClvError(f"there is no model '{name}' ({setting}); {suggest(str(name), find_option_files('model'))}")
    return models[0]


def build_models(cfg: DictConfig, is_selected: Callable[[DictConfig], bool]) -> list[Model]:
    """Instantiate the options of ``conf/model`` that are wanted, as they would stand in this config."""
    settings = OmegaConf.to_container(cfg)
    assert isinstance(settings, dict)
    # An option stands where the run's model stands, so that its interpolations, such as ${seed}, resolve.
    selected = [OmegaConf.to_container(option) for option in read_options("model") if is_selected(option)]
    return [build_model(OmegaConf.create({**settings, "model": option}).model) for option in selected]
