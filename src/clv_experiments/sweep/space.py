"""What a study may choose: named parameters, each a config key with a range or choices, some only under conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import BaseTrial

EDGE_SHARE = 0.01  # share of a range, on the scale that is searched, that counts as its end

ParamValue = bool | int | float | str | None
Edge = Literal["lowest", "highest"]


@dataclass(frozen=True)
class Parameter:
    """One thing to choose.

    Attributes
    ----------
    name : str
        Short, as tables and pictures show it.
    key : str
        The setting of the config that it sets.
    distribution : optuna.distributions.BaseDistribution
    conditions : mapping of another parameter's name to the values under which this one is chosen
        Empty: always.
    otherwise : mapping of ``key`` to value
        What is set where it is not chosen; empty: what is configured stays.
    limit : tuple of float
        Numbers beyond which nothing lies: an end of the range that is one of them is no edge.
    """

    name: str
    key: str
    distribution: BaseDistribution
    conditions: Mapping[str, tuple[ParamValue, ...]] = field(default_factory=dict)
    otherwise: Mapping[str, ParamValue] = field(default_factory=dict)
    limit: tuple[float, ...] = ()

    def is_active(self, params: Mapping[str, ParamValue]) -> bool:
        """Whether it is to be chosen, given what was chosen before it."""
        return all(name in params and params[name] in values for name, values in self.conditions.items())

    def edge_at(self, value: ParamValue) -> Edge | None:
        """Return the end of the range that a value lies at; None where at none that matters."""
        distribution = self.distribution
        if not isinstance(distribution, IntDistribution | FloatDistribution):
            return None
        low, high, point = np.array([distribution.low, distribution.high, value], dtype=float)
        if distribution.log:
            low, high, point = np.log([low, high, point])
        margin = EDGE_SHARE * (high - low)
        if point <= low + margin and distribution.low not in self.limit:
            return "lowest"
        return "highest" if point >= high - margin and distribution.high not in self.limit else None


@dataclass(frozen=True)
class EdgeChoice:
    """A chosen value that lies at an end of its range, beyond which better ones may lie."""

    parameter: Parameter
    value: ParamValue
    edge: Edge


@dataclass(frozen=True)
class SearchSpace:
    """All that a study may choose, in the order in which it is chosen."""

    parameters: tuple[Parameter, ...]

    def suggest(self, trial: BaseTrial) -> dict[str, ParamValue]:
        """Let a trial choose: value by name, without the parameters whose condition is not met."""
        params: dict[str, ParamValue] = {}
        for parameter in self.parameters:
            if parameter.is_active(params):
                params[parameter.name] = _suggest_value(trial, parameter.name, parameter.distribution)
        return params

    def to_settings(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return what a choice sets: value by config key."""
        settings: dict[str, ParamValue] = {}
        for parameter in self.parameters:
            settings |= {parameter.key: params[parameter.name]} if parameter.name in params else parameter.otherwise
        return settings

    def configured_params(self, configured_value: Callable[[str], Any]) -> dict[str, ParamValue] | None:
        """Return the choice that the configured settings are; None where the space does not contain it."""
        params: dict[str, ParamValue] = {}
        for parameter in self.parameters:
            value = configured_value(parameter.key)
            if parameter.is_active(params):
                if not distribution_contains(parameter.distribution, value):
                    return None
                params[parameter.name] = value
            elif parameter.otherwise and value != parameter.otherwise[parameter.key]:
                return None
        return params

    def find_edge_choices(self, params: Mapping[str, ParamValue]) -> list[EdgeChoice]:
        """List the chosen values that lie at an end of their range."""
        return [
            EdgeChoice(parameter, params[parameter.name], edge)
            for parameter in self.parameters
            if parameter.name in params and (edge := parameter.edge_at(params[parameter.name]))
        ]


def format_value(value: ParamValue) -> str:
    """Write a value as tables do: four digits, and the words of YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def distribution_contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value can be drawn."""
    if isinstance(distribution, CategoricalDistribution):
        return any(type(value) is type(choice) and value == choice for choice in distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    kind = int if isinstance(distribution, IntDistribution) else int | float
    if isinstance(value, bool) or not isinstance(value, kind) or not distribution.low <= value <= distribution.high:
        return False
    return distribution.step is None or is_integer((value - distribution.low) / distribution.step)


def is_integer(number: float) -> bool:
    """Whether a number is whole, but for rounding."""
    return bool(np.isclose(number, round(number)))


def _suggest_value(trial: BaseTrial, name: str, distribution: BaseDistribution) -> ParamValue:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    suggest = trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
    return suggest(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)  # type: ignore
