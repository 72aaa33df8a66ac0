"""The settings of a sweep, checked before anything is computed."""

from __future__ import annotations

from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.config.model_options import MODELS
from clv_experiments.config.settings import ALL, check_settings
from clv_experiments.errors import ClvError, nearest
from clv_experiments.evaluation.metrics import HIGHER_IS_BETTER, LOWER_IS_BETTER
from clv_experiments.sweep.sampling import PRUNERS, SAMPLERS

SPACES = MODELS.parent / "sweep"
LONGEST = 250  # characters of a text, which databases hold


def check(cfg: DictConfig) -> None:
    """Refuse settings that could only fail, or mislead, later.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    check_settings(cfg)
    sweep = cfg.sweep
    known = [str(name) for name in OmegaConf.load(SPACES.with_suffix(".yaml")).sweep]
    for unknown in (str(name) for name in sweep if name not in known):  # which a + would let in
        raise ClvError(f"there is no setting sweep.{unknown}; {nearest(unknown, known)}")
    if cfg.evaluation.protocol != "forecast":
        raise ClvError("a sweep needs a validation period, which evaluation=customer_split has not; leave it out")
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
    for name, known in {"sampler": list(SAMPLERS), "pruner": list(PRUNERS)}.items():
        if sweep[name] not in known:
            raise ClvError(f"sweep.{name} must be one of {', '.join(known)}, got '{sweep[name]}'")
    for name in ("name", "storage"):
        if not isinstance(sweep[name], str | None):
            raise ClvError(f"sweep.{name} must be a text, got '{sweep[name]}'; type \"sweep.{name}='...'\"")
        if len(sweep[name] or "") > LONGEST:
            raise ClvError(f"sweep.{name} must have at most {LONGEST} characters, got {len(sweep[name])}")
    found = metrics(cfg)
    if sweep.pruner != "none" and (found[1:] or sweep.validation_origins == 1):
        raise ClvError(
            f"sweep.pruner={sweep.pruner} stops trials after some of several validation origins, by one metric; type "
            "sweep.validation_origins=all and one sweep.metric, or sweep.pruner=none"
        )
    if not isinstance(sweep.space, DictConfig):
        raise ClvError(f"sweep.space holds a parameter a name, as in conf/sweep; it cannot be '{sweep.space}'")
    if not sweep.space:
        spaces = sorted(path.stem for path in SPACES.glob("*.yaml"))
        raise ClvError(
            f"nothing is to be chosen for {cfg.model.name}; conf/sweep has spaces for {', '.join(spaces)}, and others "
            "can be typed, such as '+sweep.space.depth={key: model.estimator.max_depth, low: 2, high: 9}'"
        )


def metrics(cfg: DictConfig) -> list[str]:
    """Return the metrics to search by, most important first.

    Raises
    ------
    ClvError
        If there is none, one is not known, or one is named twice.
    """
    asked = list(cfg.sweep.metric) if isinstance(cfg.sweep.metric, ListConfig) else [cfg.sweep.metric]
    known = (*HIGHER_IS_BETTER, *LOWER_IS_BETTER)
    for name in asked or [None]:
        if name not in known:
            raise ClvError(f"sweep.metric must be one or several of {', '.join(known)}, got '{name}'")
    if len(set(asked)) < len(asked):
        raise ClvError(f"sweep.metric names something twice: {', '.join(asked)}")
    return asked


def directions(names: list[str]) -> list[str]:
    """Return for each metric whether Optuna is to ``maximize`` or to ``minimize`` it."""
    return ["maximize" if name in HIGHER_IS_BETTER else "minimize" for name in names]
