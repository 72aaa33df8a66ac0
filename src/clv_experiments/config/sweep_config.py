"""The composed config of a sweep: its settings and space as typed values, and the config of each trial."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from hydra import compose
from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.comparison.entries import TUNED
from clv_experiments.comparison.selection import WITHOUT_EFFECT
from clv_experiments.config.conf_folders import find_option_files
from clv_experiments.config.log_and_window import build_window
from clv_experiments.config.model_options import build_model
from clv_experiments.config.settings import build_experiment_name, flatten_settings
from clv_experiments.config.sweep_options import RANDOM_SEED, SweepSettings, read_space, read_sweep_settings
from clv_experiments.data.horizon import Period
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError, suggest
from clv_experiments.forecasting.model import Model
from clv_experiments.sweep.objective import CandidateModel
from clv_experiments.sweep.space import ParamValue, SearchSpace

MISSING = object()
# Settings that leave every trial as it is.
WITHOUT_EFFECT_ON_TRIALS = (
    *WITHOUT_EFFECT,
    *(f"sweep.{name}" for name in ("n_trials", "timeout", "name", "storage", "seeds")),
    "evaluation.bootstrap_replicates",
)


@dataclass(frozen=True)
class SearchPeriods:
    """The window that trials forecast under, and the periods they are scored on, latest first."""

    window: Window
    validation: list[Period]


@dataclass(frozen=True, eq=False)
class SweepConfig:
    """The composed config of a sweep, from which the config of each trial is made.

    What stands below ``sweep`` in it is read, once and checked, as ``validated_settings`` and ``space``.

    Attributes
    ----------
    cfg : DictConfig
        As composed from ``conf/sweep.yaml``, with the settings that were typed.
    overrides : sequence of str
        As the user typed them.
    """

    cfg: DictConfig
    overrides: Sequence[str]

    @cached_property
    def validated_settings(self) -> SweepSettings:
        """How to search; raises ClvError for settings that could only fail, or mislead, later."""
        return read_sweep_settings(self.cfg)

    @cached_property
    def space(self) -> SearchSpace:
        """What may be chosen.

        Raises
        ------
        ClvError
            If the space cannot be read, or names a key that the config has not.
        """
        return read_space(OmegaConf.to_container(self.cfg.sweep.space), self.configured_value, list_group_options)  # type: ignore[arg-type]

    @property
    def configured_params(self) -> dict[str, ParamValue] | None:
        """The choice that the configured settings are; None where they lie outside the space."""
        return self.space.configured_params(self.configured_value)

    def configured_value(self, key: str) -> Any:
        """Return the value that is configured for a key; of a config group the name of its option.

        Raises
        ------
        ClvError
            If the config has no such key.
        """
        if list_group_options(key):
            return self.cfg[key].name
        value = OmegaConf.select(self.cfg, key, default=MISSING)
        if value is MISSING:
            raise ClvError(_describe_unknown_key(self.cfg, key))
        if OmegaConf.is_config(value):
            raise ClvError(
                f"{key} (sweep.space) holds several settings; name one of them, such as {key}.{next(iter(value), 0)}"
            )
        return value

    def compose(self, params: Mapping[str, ParamValue]) -> DictConfig:
        """Compose the config of a choice."""
        cfg = copy.deepcopy(self.cfg)
        settings = self.space.to_settings(params)
        for key in sorted(settings, key=lambda key: not list_group_options(key)):  # an option before what changes in it
            if list_group_options(key):
                cfg[key] = self._group_options[key, str(settings[key])]
            else:
                OmegaConf.update(cfg, key, settings[key])
        return cfg

    def build_candidate_model(self, params: Mapping[str, ParamValue]) -> CandidateModel:
        """Build the model that a choice describes."""
        return build_candidate_model(self.compose(params))

    def build_models_of_group_options(self) -> Iterator[Model]:
        """Give the configured model, and one with each other option that a config group may take."""
        yield build_model(self.cfg.model)
        for parameter in self.space.parameters:
            if list_group_options(parameter.key):
                for option in parameter.distribution.choices:  # type: ignore[attr-defined]
                    yield build_model(self.compose({parameter.name: option}).model)

    def train_config(self, params: Mapping[str, ParamValue] | None = None) -> DictConfig:
        """Return what train.py reads: of a choice, under the name of a tuned model, or as configured."""
        cfg = self.cfg if params is None else self.compose(params)
        cfg = OmegaConf.masked_copy(copy.deepcopy(cfg), [str(name) for name in cfg if name != "sweep"])
        if params is not None:
            cfg.model.name = f"{cfg.model.name}{TUNED}"
        return cfg

    def search_periods(self, start: date, end: date) -> SearchPeriods:
        """Lay the search over a log's first and last day: its validation periods end before the oldest holdout."""
        window, cfg = build_window(self.cfg.window, start, end), self.cfg
        periods = window.periods_before_all_holdouts(
            self.validated_settings.validation_origins, supervised=cfg.model.supervised, source=cfg.data.name
        )
        return SearchPeriods(add_validation_origins(window, len(periods)), periods)

    def trial_settings(self, log_fingerprint: str) -> dict[str, Any]:
        """Return all that decides how a trial scores."""
        settings = flatten_settings(self.cfg).items()
        relevant = {name: value for name, value in settings if not name.startswith(WITHOUT_EFFECT_ON_TRIALS)}
        return {**relevant, "log fingerprint": log_fingerprint}

    def study_name(self, trial_settings: Mapping[str, Any]) -> str:
        """Return the name that was typed, or one after what is searched."""
        digest = hashlib.sha256(json.dumps(trial_settings, sort_keys=True).encode()).hexdigest()
        return self.validated_settings.name or f"{self.cfg.model.name} {build_experiment_name(self.cfg)} {digest[:8]}"

    @cached_property
    def _group_options(self) -> dict[tuple[str, str], Any]:
        """Each option of a config group that may be chosen, composed once."""
        groups = [parameter for parameter in self.space.parameters if list_group_options(parameter.key)]
        keys = [(p.key, str(choice)) for p in groups for choice in p.distribution.choices]  # type: ignore[attr-defined]
        return {
            (group, option): compose("sweep", overrides=[*self.overrides, f"{group}={option}"])[group]
            for group, option in keys
        }


def build_candidate_model(cfg: DictConfig) -> CandidateModel:
    """Build the model that a config describes, with the origins that it learns from."""
    return CandidateModel(build_model(cfg.model), cfg.window.training_origins)


def add_validation_origins(window: Window, periods: int) -> Window:
    """Widen a window so that the validation periods before its oldest holdout can be forecast."""
    return replace(window, origins=window.origins + periods - 1)


def replace_seed(cfg: DictConfig, seed: int) -> DictConfig:
    """Copy a config with another seed, which replaces those typed for an estimator too."""
    cfg = copy.deepcopy(cfg)
    cfg.seed = seed
    _replace_seeds_in_place(cfg.model.estimator, seed)
    return cfg


def depends_on_seed(cfg: DictConfig) -> bool:
    """Whether another seed gives another model."""
    model, reseeded_model = (
        OmegaConf.to_container(replace_seed(cfg, seed).model, resolve=True) for seed in (cfg.seed, cfg.seed + 1)
    )
    return model != reseeded_model


def list_group_options(key: str) -> list[str]:
    """List the options of a config group; empty where the key is none."""
    return list(find_option_files(key)) if key.isidentifier() else []


def _replace_seeds_in_place(settings: Any, seed: int) -> None:
    if isinstance(settings, ListConfig):
        for value in settings:
            _replace_seeds_in_place(value, seed)
    elif isinstance(settings, DictConfig):
        for value in settings.values():
            _replace_seeds_in_place(value, seed)
        if RANDOM_SEED in settings:
            settings[RANDOM_SEED] = seed


def _describe_unknown_key(cfg: DictConfig, key: str) -> str:
    parent, _, last = key.rpartition(".")
    while parent and not OmegaConf.is_config(OmegaConf.select(cfg, parent)):
        parent, _, last = parent.rpartition(".")
    node = OmegaConf.select(cfg, parent) if parent else cfg
    names = [str(name) for name in node] if isinstance(node, DictConfig) else [str(i) for i in range(len(node))]
    return f"there is no setting {key} to choose (sweep.space); in {parent or 'the config'}, {suggest(last, names)}"
