"""One trial: settings chosen, composed into a config, fitted and scored on the validation periods alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra import compose
from omegaconf import DictConfig, OmegaConf
from optuna import Trial, TrialPruned

from clv_experiments.config.model_options import MODELS, build_model
from clv_experiments.config.window_options import build_window
from clv_experiments.data.window import Period, Window
from clv_experiments.errors import ClvError, nearest
from clv_experiments.forecasting.evaluation_result import EvaluatedForecast, evaluate
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.sweep.space import Space, Value
from clv_experiments.sweep.space_reading import read_space
from clv_experiments.tracking.stored_run import is_interrupt

GROUPS = MODELS.parent
SCORES, SECONDS = "scores", "seconds"  # attributes of a trial
MISSING = object()


@dataclass(frozen=True, eq=False)
class Settings:
    """What a trial starts from, and how a choice is set into it.

    Attributes
    ----------
    cfg : DictConfig
        As composed, with the settings that were typed.
    typed : sequence of str
        The overrides that the user typed.
    """

    cfg: DictConfig
    typed: Sequence[str]

    @cached_property
    def space(self) -> Space:
        """What may be chosen.

        Raises
        ------
        ClvError
            If the space cannot be read, or names a key that the config has not.
        """
        return read_space(OmegaConf.to_container(self.cfg.sweep.space), self.configured, options)  # type: ignore[arg-type]

    @cached_property
    def _composed(self) -> dict[tuple[str, str], Any]:
        """Compose each option of a config group that may be chosen, once."""
        groups = [p for p in self.space.parameters if options(p.key)]
        wanted = [(p.key, str(choice)) for p in groups for choice in p.distribution.choices]  # type: ignore[attr-defined]
        return {
            (group, option): compose("sweep", overrides=[*self.typed, f"{group}={option}"])[group]
            for group, option in wanted
        }

    def configured(self, key: str) -> Any:
        """Return the value that is configured for a key; of a config group the name of its option.

        Raises
        ------
        ClvError
            If the config has no such key.
        """
        if options(key):
            return self.cfg[key].name
        value = OmegaConf.select(self.cfg, key, default=MISSING)
        if value is MISSING:
            raise ClvError(_unknown(self.cfg, key))
        if OmegaConf.is_config(value):
            raise ClvError(
                f"{key} (sweep.space) holds several settings; name one of them, such as {key}.{next(iter(value), 0)}"
            )
        return value

    def with_choice(self, chosen: Mapping[str, Value]) -> DictConfig:
        """Compose the config of a choice."""
        cfg = copy.deepcopy(self.cfg)
        settings = self.space.settings(chosen)
        for key in sorted(settings, key=lambda key: not options(key)):  # an option first, then what is changed in it
            if options(key):
                cfg[key] = self._composed[key, str(settings[key])]
            else:
                OmegaConf.update(cfg, key, settings[key])
        return cfg


class Objective:
    """Scores choices on validation periods that end before any holdout begins.

    Parameters
    ----------
    settings : Settings
    forecaster : Forecaster
        Of the window that ``search_window`` gives; features and labels are computed once for all trials.
    periods : sequence of Period
        To be validated on, latest first.
    metrics : sequence of str
        The trial's values, in this order: the mean over the periods.
    """

    def __init__(
        self, settings: Settings, forecaster: Forecaster, periods: Sequence[Period], metrics: Sequence[str]
    ) -> None:
        self.settings = settings
        self.forecaster = forecaster
        self.periods = periods
        self.metrics = metrics

    def prepare(self) -> None:
        """Compute the features and labels of all trials to come."""
        space = self.settings.space
        groups = [(p.name, p.distribution.choices) for p in space.parameters if options(p.key)]  # type: ignore[attr-defined]
        others = [self.settings.with_choice({name: choice}) for name, choices in groups for choice in choices]
        for model in (build_model(cfg.model) for cfg in (self.settings.cfg, *others)):
            for period in self.periods:
                self.forecaster.features(period.cutoff, model.features)
                self.forecaster.training_mean(period)
                if model.supervised:
                    self.forecaster.training_panel(period, model.features)

    def __call__(self, trial: Trial) -> list[float]:
        """Choose, fit, score.

        Raises
        ------
        TrialPruned
            If the scores of the first periods are not worth the rest.
        ClvError
            If the model cannot be fitted, or has no such score.
        """
        try:
            return self._values(trial)
        except RuntimeError as error:
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            raise

    def _values(self, trial: Trial) -> list[float]:
        cfg = self.settings.with_choice(self.settings.space.chosen(trial))
        scored: list[EvaluatedForecast] = []
        for step, period in enumerate(self.periods):
            scored.append(self.score(cfg, period))
            if len(self.periods) > 1 and len(self.metrics) == 1:
                trial.report(self._value(self.metrics[0], scored), step)  # so far, as the value of the trial will be
                if trial.should_prune():
                    break
        seconds = sum(found.forecast.seconds[part] for found in scored for part in ("fit", "predict"))
        trial.set_user_attr(SCORES, means(scored))
        trial.set_user_attr(SECONDS, seconds)
        if len(scored) < len(self.periods):
            raise TrialPruned(f"after {len(scored)} of {len(self.periods)} validation origins")
        return [self._value(metric, scored) for metric in self.metrics]

    def score(self, cfg: DictConfig, period: Period) -> EvaluatedForecast:
        """Forecast one period with the model of a config and score it."""
        window = self.forecaster.window
        training = build_window(cfg.window, window.start, window.end).training_origins
        forecaster = self.forecaster.with_window(replace(window, training_origins=training))
        return evaluate(forecaster, period, build_model(cfg.model))

    def mean(self, cfg: DictConfig) -> float:
        """Return the first metric of a config's model, mean over the periods."""
        return self._value(self.metrics[0], [self.score(cfg, period) for period in self.periods])

    def _value(self, metric: str, scored: Sequence[EvaluatedForecast]) -> float:
        found = [
            abs(s.scores[metric]) if metric == "aggregate_bias" else s.scores[metric]
            for s in scored
            if metric in s.scores
        ]
        if len(found) < len(scored):
            raise ClvError(f"model '{self.settings.cfg.model.name}' has no score {metric} (sweep.metric)")
        value = float(np.mean(found))
        if not np.isfinite(value):
            raise ClvError(f"the validation score {metric} has no value for these settings")
        return value


def means(scored: Sequence[EvaluatedForecast]) -> dict[str, float]:
    """Average every score over the periods."""
    return {str(name): float(value) for name, value in pd.DataFrame([s.scores for s in scored]).mean().items()}


def search_window(window: Window, periods: int) -> Window:
    """Widen a window so that the validation periods before its oldest holdout can be forecast."""
    return replace(window, origins=window.origins + periods - 1)


@cache
def options(key: str) -> list[str]:
    """List the options of a config group; empty where the key is none."""
    return sorted(path.stem for path in Path(GROUPS, key).glob("*.yaml")) if key.isidentifier() else []


def _unknown(cfg: DictConfig, key: str) -> str:
    above, _, last = key.rpartition(".")
    while above and not OmegaConf.is_config(OmegaConf.select(cfg, above)):
        above, _, last = above.rpartition(".")
    node = OmegaConf.select(cfg, above) if above else cfg
    known = [str(name) for name in node] if isinstance(node, DictConfig) else [str(i) for i in range(len(node))]
    return f"there is no setting {key} to choose (sweep.space); in {above or 'the config'}, {nearest(last, known)}"
