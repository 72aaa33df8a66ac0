"""The settings of a sweep and the space that it searches, checked before anything is computed, as typed values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from clv_experiments.config.conf_folders import find_option_files, packaged_conf_folder
from clv_experiments.config.settings import ALL, check_settings, check_whole_number
from clv_experiments.errors import ClvError, suggest
from clv_experiments.evaluation.metrics import HIGHER_IS_BETTER, SCORES
from clv_experiments.sweep.sampling import PRUNERS, SAMPLERS
from clv_experiments.sweep.space import (
    Parameter,
    ParamValue,
    SearchSpace,
    distribution_contains,
    format_value,
    is_integer,
)

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
    names = [str(name) for name in OmegaConf.load(packaged_conf_folder() / "sweep.yaml").sweep]
    for unknown in (str(name) for name in sweep if name not in names):  # which a + would let in
        raise ClvError(f"there is no setting sweep.{unknown}; {suggest(unknown, names)}")
    if cfg.evaluation.protocol != "forecast":
        raise ClvError("a sweep needs a validation period, which evaluation=customer_split has not; leave it out")
    _check_numeric_options(cfg)
    _check_sampler_pruner_name_and_storage(sweep)
    metrics = _read_metrics(sweep)
    if sweep.pruner != "none" and (metrics[1:] or sweep.validation_origins == 1):
        raise ClvError(
            f"sweep.pruner={sweep.pruner} stops trials after some of several validation origins, by one metric; type "
            "sweep.validation_origins=all and one sweep.metric, or sweep.pruner=none"
        )
    _require_space(sweep, cfg.model.name)
    return SweepSettings(
        n_trials=sweep.n_trials,
        timeout=sweep.timeout,
        metrics=metrics,
        validation_origins=None if sweep.validation_origins == ALL else sweep.validation_origins,
        sampler=sweep.sampler,
        pruner=sweep.pruner,
        seed=sweep.seed,
        seeds=sweep.seeds,
        name=sweep.name,
        storage=sweep.storage,
    )


def _check_numeric_options(cfg: DictConfig) -> None:
    for name, minimum in {"n_trials": 1, "seed": 0, "seeds": 1, "validation_origins": 1}.items():
        check_whole_number(cfg, f"sweep.{name}", minimum)
    timeout = cfg.sweep.timeout
    if timeout is not None and not (type(timeout) in (int, float) and timeout > 0):
        raise ClvError(f"sweep.timeout must be seconds above 0, or null, got '{timeout}'")
    if cfg.sweep.n_trials is None and timeout is None:
        raise ClvError("a sweep must end: type sweep.n_trials=50, or sweep.timeout=600 (seconds), or both")


def _check_sampler_pruner_name_and_storage(sweep: DictConfig) -> None:
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
        raise ClvError(
            f"nothing is to be chosen for {model}; conf/sweep has spaces for {', '.join(find_option_files('sweep'))}, "
            "and others can be typed, such as '+sweep.space.depth={key: model.estimator.max_depth, low: 2, high: 9}'"
        )


def _read_metrics(sweep: DictConfig) -> list[str]:
    metrics = list(sweep.metric) if isinstance(sweep.metric, ListConfig) else [sweep.metric]
    for name in metrics or [None]:
        if name not in SCORES:
            raise ClvError(f"sweep.metric must be one or several of {', '.join(SCORES)}, got '{name}'")
    if len(set(metrics)) < len(metrics):
        raise ClvError(f"sweep.metric names something twice: {', '.join(metrics)}")
    return metrics


LARGEST = 10**15  # of a range's ends, so that Optuna tells whole numbers apart
FIELDS = ("key", "low", "high", "log", "step", "choices", "when", "otherwise", "limit")
RANGE_ONLY_FIELDS = ("low", "high", "log", "step", "limit")  # fields that mean nothing beside choices
# Every other key says what is predicted, how it is judged or where it is kept.
ORIGINS_KEY = "window.training_origins"
TUNABLE_KEYS = ("features", ORIGINS_KEY, "model.features", "model.estimator")
RANDOM_SEED = "random_state"


def read_space(
    space: Mapping[str, Any], configured_value: Callable[[str], Any], group_options: Callable[[str], list[str]]
) -> SearchSpace:
    """Read a space as YAML gives it.

    Parameters
    ----------
    space : mapping of name to fields
        ``key`` and either ``low`` and ``high`` (whole numbers make a range of whole numbers; ``log``, ``step``) or
        ``choices``; ``when`` (values of a parameter above it), ``otherwise`` and ``limit``, as in ``Parameter``.
    configured_value : callable
        Gives the value configured for a key, or raises ClvError where there is no such key.
    group_options : callable
        Lists the options of a config group; empty where the key is none.

    Raises
    ------
    ClvError
        Names the parameter, the field, what it must be and what it is.
    """
    parameters: dict[str, Parameter] = {}
    for name, fields in space.items():
        parameters[str(name)] = _read_parameter(str(name), fields, parameters, configured_value, group_options)
    by_key: dict[str, str] = {}
    for parameter in parameters.values():
        if parameter.key in by_key:
            settings = f"sweep.space.{by_key[parameter.key]} and sweep.space.{parameter.name}"
            raise ClvError(f"{settings} set the same key {parameter.key}; remove one: ~sweep.space.{parameter.name}")
        by_key[parameter.key] = parameter.name
    return SearchSpace(tuple(parameters.values()))


def _read_parameter(
    name: str,
    fields: Any,
    earlier_parameters: Mapping[str, Parameter],
    configured_value: Callable[[str], Any],
    group_options: Callable[[str], list[str]],
) -> Parameter:
    setting = f"sweep.space.{name}"
    if not isinstance(fields, Mapping) or not fields.get("key"):
        raise ClvError(f"{setting} must say which key it sets, such as {{key: model.estimator.alpha, low: 1, high: 9}}")
    for unknown in (word for word in fields if word not in FIELDS):
        raise ClvError(f"there is no setting {setting}.{unknown}; {suggest(unknown, FIELDS)}")
    key = str(fields["key"])
    is_tunable = any(key == tunable or key.startswith(f"{tunable}.") for tunable in TUNABLE_KEYS)
    if not is_tunable or key.endswith(f".{RANDOM_SEED}"):
        raise ClvError(
            f"{setting} sets {key}, which no study may choose: only features, window.training_origins and what stands "
            f"below model.estimator, other than a {RANDOM_SEED}"
        )
    has_choices = "choices" in fields
    configured_value(key)  # refuses a key that is not there
    if group_options(key) and not has_choices:
        raise ClvError(f"{setting} chooses among {', '.join(group_options(key))}; list them as choices")
    when = dict(_read_conditions(setting, fields.get("when") or {}, earlier_parameters))
    if "otherwise" in fields and not when:
        raise ClvError(f"{setting}.otherwise says what is set where it is not chosen; add when, or remove otherwise")
    distribution = _read_choices(setting, key, fields, group_options) if has_choices else _read_range(setting, fields)
    if key == ORIGINS_KEY:
        _check_origins(setting, distribution)
    otherwise = {key: fields["otherwise"]} if "otherwise" in fields else {}
    return Parameter(name, key, distribution, when, otherwise, _read_limit(setting, fields.get("limit")))


def _read_choices(
    setting: str, key: str, fields: Mapping[str, Any], group_options: Callable[[str], list[str]]
) -> CategoricalDistribution:
    choices, group = fields["choices"], group_options(key)
    if not isinstance(choices, list) or len(choices) < 2:
        raise ClvError(f"{setting}.choices must be a list of two or more, got {choices}")
    for name in (name for name in RANGE_ONLY_FIELDS if name in fields):
        raise ClvError(f"{setting} has choices, beside which {name} means nothing; remove one of them")
    for choice in choices:
        if not isinstance(choice, ParamValue):
            raise ClvError(f"{setting}.choices must hold numbers, words, true, false or null, got {choice}")
        if group and choice not in group:
            raise ClvError(
                f"there is no {key}={format_value(choice)} ({setting}.choices); {suggest(str(choice), group)}"
            )
    if len(set(choices)) < len(choices):
        raise ClvError(f"{setting}.choices names something twice: {choices}")
    return CategoricalDistribution(choices)


def _read_range(setting: str, fields: Mapping[str, Any]) -> IntDistribution | FloatDistribution:
    low: Any = fields.get("low")
    high: Any = fields.get("high")
    step, log = fields.get("step"), fields.get("log")
    numbers = {"low": low, "high": high} | ({} if step is None else {"step": step})
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
            raise ClvError(
                f"{setting} must have choices, or numbers for low and high, of at most {LARGEST:.0e}; its {name} is "
                f"'{format_value(value)}'"
            )
    if not isinstance(log, bool | None):
        raise ClvError(f"{setting}.log must be true or false, got '{log}'")
    if not low < high:
        raise ClvError(f"{setting}.low must lie below high, got {low} and {high}")
    if log and (low <= 0 or step is not None):
        raise ClvError(
            f"{setting} with log=true must have low above 0 and no step, got low {low} and step {format_value(step)}"
        )
    if step is not None and not (step > 0 and is_integer((high - low) / step)):
        raise ClvError(f"{setting}.step must lead from low to high in whole steps, got {step} from {low} to {high}")
    if all(isinstance(value, int) for value in numbers.values()):
        return IntDistribution(low, high, log=bool(log), step=step or 1)
    return FloatDistribution(low, high, log=bool(log), step=step)


def _check_origins(setting: str, distribution: BaseDistribution) -> None:
    ends = [distribution.low] if isinstance(distribution, IntDistribution) else getattr(distribution, "choices", [0.5])
    if not all(value is None or (type(value) is int and value >= 1) for value in ends):
        raise ClvError(f"{setting} must choose whole numbers of at least 1, or null for all ({ORIGINS_KEY})")


def _read_limit(setting: str, limit: Any) -> tuple[float, ...]:
    limits = limit if isinstance(limit, list) else [] if limit is None else [limit]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in limits):
        raise ClvError(f"{setting}.limit must be a number beyond which nothing lies, or a list of two, got '{limit}'")
    return tuple(limits)


def _read_conditions(
    setting: str, when: Any, parameters: Mapping[str, Parameter]
) -> Iterator[tuple[str, tuple[ParamValue, ...]]]:
    if not isinstance(when, Mapping):
        raise ClvError(f"{setting}.when must name a parameter and its values, such as {{booster: [dart]}}, got {when}")
    for name, values in when.items():
        if name not in parameters:
            raise ClvError(
                f"{setting}.when names '{name}', which is no parameter above it; {suggest(name, parameters)} (or leave "
                f"out this one too: ~{setting})"
            )
        accepted = tuple(values) if isinstance(values, list) else (values,)
        for value in accepted:
            if not distribution_contains(parameters[name].distribution, value):
                raise ClvError(f"{setting}.when waits for {name}={format_value(value)}, which {name} never takes")
        yield name, accepted
