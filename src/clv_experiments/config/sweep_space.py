"""A space as YAML gives it, read or refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from clv_experiments.errors import ClvError, suggest
from clv_experiments.sweep.space import Parameter, Space, Value, contains, format_value, is_whole

FIELDS = ("key", "low", "high", "log", "step", "choices", "when", "otherwise", "limit")
RANGE = ("low", "high", "log", "step", "limit")  # fields that mean nothing beside choices
# Every other key says what is predicted, how it is judged or where it is kept.
ORIGINS = "window.training_origins"
OPEN = ("features", ORIGINS, "model.features", "model.estimator")
RANDOM_SEED = "random_state"


def read_space(
    space: Mapping[str, Any], configured: Callable[[str], Any], options: Callable[[str], list[str]]
) -> Space:
    """Read a space as YAML gives it.

    Parameters
    ----------
    space : mapping of name to fields
        ``key`` and either ``low`` and ``high`` (whole numbers make a range of whole numbers; ``log``, ``step``) or
        ``choices``; ``when`` (values of a parameter above it), ``otherwise`` and ``limit``, as in ``Parameter``.
    configured : callable
        Gives the value configured for a key, or raises ClvError where there is no such key.
    options : callable
        Lists the options of a config group; empty where the key is none.

    Raises
    ------
    ClvError
        Names the parameter, the field, what it must be and what it is.
    """
    parameters: dict[str, Parameter] = {}
    for name, fields in space.items():
        parameters[str(name)] = _read_parameter(str(name), fields, parameters, configured, options)
    by_key: dict[str, str] = {}
    for parameter in parameters.values():
        if parameter.key in by_key:
            both = f"sweep.space.{by_key[parameter.key]} and sweep.space.{parameter.name}"
            raise ClvError(f"{both} set the same key {parameter.key}; remove one: ~sweep.space.{parameter.name}")
        by_key[parameter.key] = parameter.name
    return Space(tuple(parameters.values()))


def _read_parameter(
    name: str,
    fields: Any,
    above: Mapping[str, Parameter],
    configured: Callable[[str], Any],
    options: Callable[[str], list[str]],
) -> Parameter:
    setting = f"sweep.space.{name}"
    if not isinstance(fields, Mapping) or not fields.get("key"):
        raise ClvError(f"{setting} must say which key it sets, such as {{key: model.estimator.alpha, low: 1, high: 9}}")
    for unknown in (word for word in fields if word not in FIELDS):
        raise ClvError(f"there is no setting {setting}.{unknown}; {suggest(unknown, FIELDS)}")
    key = str(fields["key"])
    if not any(key == open_ or key.startswith(f"{open_}.") for open_ in OPEN) or key.endswith(f".{RANDOM_SEED}"):
        raise ClvError(
            f"{setting} sets {key}, which no study may choose: only features, window.training_origins and what stands "
            f"below model.estimator, other than a {RANDOM_SEED}"
        )
    configured(key)  # refuses a key that is not there
    if options(key) and "choices" not in fields:
        raise ClvError(f"{setting} chooses among {', '.join(options(key))}; list them as choices")
    when = dict(_read_conditions(setting, fields.get("when") or {}, above))
    if "otherwise" in fields and not when:
        raise ClvError(f"{setting}.otherwise says what is set where it is not chosen; add when, or remove otherwise")
    distribution = _read_choices(setting, key, fields, options) if "choices" in fields else _read_range(setting, fields)
    if key == ORIGINS:
        _check_origins(setting, distribution)
    otherwise = {key: fields["otherwise"]} if "otherwise" in fields else {}
    return Parameter(name, key, distribution, when, otherwise, _read_limit(setting, fields.get("limit")))


def _read_choices(
    setting: str, key: str, fields: Mapping[str, Any], options: Callable[[str], list[str]]
) -> CategoricalDistribution:
    choices, group = fields["choices"], options(key)
    if not isinstance(choices, list) or len(choices) < 2:
        raise ClvError(f"{setting}.choices must be a list of two or more, got {choices}")
    for name in (name for name in RANGE if name in fields):
        raise ClvError(f"{setting} has choices, beside which {name} means nothing; remove one of them")
    for choice in choices:
        if not isinstance(choice, Value):
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
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise ClvError(
                f"{setting} must have choices, or numbers for low and high; its {name} is '{format_value(value)}'"
            )
    if not isinstance(log, bool | None):
        raise ClvError(f"{setting}.log must be true or false, got '{log}'")
    if not low < high:
        raise ClvError(f"{setting}.low must lie below high, got {low} and {high}")
    if log and (low <= 0 or step is not None):
        raise ClvError(
            f"{setting} with log=true must have low above 0 and no step, got low {low} and step {format_value(step)}"
        )
    if step is not None and not (step > 0 and is_whole((high - low) / step)):
        raise ClvError(f"{setting}.step must lead from low to high in whole steps, got {step} from {low} to {high}")
    if all(isinstance(value, int) for value in numbers.values()):
        return IntDistribution(low, high, log=bool(log), step=step or 1)
    return FloatDistribution(low, high, log=bool(log), step=step)


def _check_origins(setting: str, distribution: BaseDistribution) -> None:
    ends = [distribution.low] if isinstance(distribution, IntDistribution) else getattr(distribution, "choices", [0.5])
    if not all(value is None or (type(value) is int and value >= 1) for value in ends):
        raise ClvError(f"{setting} must choose whole numbers of at least 1, or null for all ({ORIGINS})")


def _read_limit(setting: str, limit: Any) -> tuple[float, ...]:
    limits = limit if isinstance(limit, list) else [] if limit is None else [limit]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in limits):
        raise ClvError(f"{setting}.limit must be a number beyond which nothing lies, or a list of two, got '{limit}'")
    return tuple(limits)


def _read_conditions(
    setting: str, when: Any, above: Mapping[str, Parameter]
) -> Iterator[tuple[str, tuple[Value, ...]]]:
    if not isinstance(when, Mapping):
        raise ClvError(f"{setting}.when must name a parameter and its values, such as {{booster: [dart]}}, got {when}")
    for name, values in when.items():
        if name not in above:
            raise ClvError(
                f"{setting}.when names '{name}', which is no parameter above it; {suggest(name, above)} (or leave out "
                f"this one too: ~{setting})"
            )
        accepted = tuple(values) if isinstance(values, list) else (values,)
        for value in accepted:
            if not contains(above[name].distribution, value):
                raise ClvError(f"{setting}.when waits for {name}={format_value(value)}, which {name} never takes")
        yield name, accepted
