"""The settings of a sweep, checked before anything is computed, as typed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.config.model_options import MODELS
from clv_experiments.config.settings import ALL, check_settings
from clv_experiments.errors import ClvError, suggest
from clv_experiments.evaluation.metrics import HIGHER_IS_BETTER, LOWER_IS_BETTER
from clv_experiments.sweep.sampling import PRUNERS, SAMPLERS

SPACES = MODELS.parent / "sweep"
MAX_LENGTH = 250  # characters of a text, which databases hold


@dataclass(frozen=True)
class SweepSettings:
    """How a study searches, as ``conf/sweep.yaml`` explains; None: no limit, or the default.

    Attributes
    ----------
    metrics : list of str
        Most important first.
    validation_origins : int or None
        None: as many as the log reaches.
    """

    n_trials: int | None
    timeout: float | None
    metrics: list[str]
    validation_origins: int | None
    sampler: str
    pruner: str
    seed: int
    seeds: int
    name: str | None
    storage: str | None

    @property
    def directions(self) -> list[str]:
        """For each metric whether Optuna is to ``maximize`` or to ``minimize`` it."""
        return ["maximize" if metric in HIGHER_IS_BETTER else "minimize" for metric in self.metrics]


def read_sweep_settings(cfg: DictConfig) -> SweepSettings:
    """Read the settings of a sweep; refuse those that could only fail, or mislead, later.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    check_settings(cfg)
    sweep = cfg.sweep
    known = [str(name) for name in OmegaConf.load(SPACES.with_suffix(".yaml")).sweep]
    for unknown in (str(name) for name in sweep if name not in known):  # which a + would let in
        raise ClvError(f"there is no setting sweep.{unknown}; {suggest(unknown, known)}")
    if cfg.evaluation.protocol != "forecast":
        raise ClvError("a sweep needs a validation period, which evaluation=customer_split has not; leave it out")
    _check_numbers(sweep)
    _check_words(sweep)
    metrics = _read_metrics(sweep)
    if sweep.pruner != "none" and (metrics[1:] or sweep.validation_origins == 1):
        raise ClvError(
            f"sweep.pruner={sweep.pruner} stops trials after some of several validation origins, by one metric; type "
            "sweep.validation_origins=all and one sweep.metric, or sweep.pruner=none"
        )
    _require_space(sweep, cfg.model.name)
    own: dict[str, Any] = {name: sweep[name] for name in ("n_trials", "timeout", "seed", "seeds", "name", "storage")}
    origins = None if sweep.validation_origins == ALL else sweep.validation_origins
    return SweepSettings(**own, metrics=metrics, validation_origins=origins, sampler=sweep.sampler, pruner=sweep.pruner)


def _check_numbers(sweep: DictConfig) -> None:
    for name, least in {"n_trials": 1, "seed": 0, "seeds": 1, "validation_origins": 1}.items():
        words = {"n_trials": (None,), "validation_origins": (ALL,)}.get(name, ())
        if not (type(sweep[name]) is int and sweep[name] >= least) and sweep[name] not in words:
            either = {"n_trials": ", or null", "validation_origins": ", or all"}.get(name, "")
            raise ClvError(f"sweep.{name} must be a whole number of at least {least}{either}, got '{sweep[name]}'")
    timeout = sweep.timeout
    if timeout is not None and not (type(timeout) in (int, float) and timeout > 0):
        raise ClvError(f"sweep.timeout must be seconds above 0, or null, got '{timeout}'")
    if sweep.n_trials is None and timeout is None:
        raise ClvError("a sweep must end: type sweep.n_trials=50, or sweep.timeout=600 (seconds), or both")


def _check_words(sweep: DictConfig) -> None:
    for name, options in {"sampler": list(SAMPLERS), "pruner": list(PRUNERS)}.items():
        if sweep[name] not in options:
            raise ClvError(f"sweep.{name} must be one of {', '.join(options)}, got '{sweep[name]}'")
    for name in ("name", "storage"):
        if not isinstance(sweep[name], str | None):
            raise ClvError(f"sweep.{name} must be a text, got '{sweep[name]}'; type \"sweep.{name}='...'\"")
        if len(sweep[name] or "") > MAX_LENGTH:
            raise ClvError(f"sweep.{name} must have at most {MAX_LENGTH} characters, got {len(sweep[name])}")


def _require_space(sweep: DictConfig, model: str) -> None:
    if not isinstance(sweep.space, DictConfig):
        raise ClvError(f"sweep.space holds a parameter a name, as in conf/sweep; it cannot be '{sweep.space}'")
    if not sweep.space:
        spaces = sorted(path.stem for path in SPACES.glob("*.yaml"))
        raise ClvError(
            f"nothing is to be chosen for {model}; conf/sweep has spaces for {', '.join(spaces)}, and others "
            "can be typed, such as '+sweep.space.depth={key: model.estimator.max_depth, low: 2, high: 9}'"
        )


def _read_metrics(sweep: DictConfig) -> list[str]:
    metrics = list(sweep.metric) if isinstance(sweep.metric, ListConfig) else [sweep.metric]
    known = (*HIGHER_IS_BETTER, *LOWER_IS_BETTER)
    for name in metrics or [None]:
        if name not in known:
            raise ClvError(f"sweep.metric must be one or several of {', '.join(known)}, got '{name}'")
    if len(set(metrics)) < len(metrics):
        raise ClvError(f"sweep.metric names something twice: {', '.join(metrics)}")
    return metrics
