"""A metric over the finished trials of a study, cut where a few bad trials would hide what tells the others apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.evaluation.validation import Floats
from clv_experiments.leaderboard.bootstrap import METRICS

USUAL, FAR = 0.75, 5.0  # a trial is beyond the scale that lies this many times as far behind as this share of trials
ABSOLUTE = {"aggregate_bias": ("|bias|", "{:.1%}")}  # a study searches by its distance from 0


@dataclass(frozen=True, eq=False)
class Values:
    """One metric over the finished trials.

    Attributes
    ----------
    metric : str
    higher : bool
        Whether higher is better.
    trials : sequence of FrozenTrial
        Finished ones, at least one, by number.
    values : array, shape (trials,)
    """

    metric: str
    higher: bool
    trials: Sequence[FrozenTrial]
    values: Floats

    @property
    def heading(self) -> str:
        """Name the metric in a few letters."""
        return named(self.metric)[0]

    @cached_property
    def behind(self) -> Floats:
        """How far each trial lies behind the best, not below 0."""
        return self.values.max() - self.values if self.higher else self.values - self.values.min()

    @property
    def best(self) -> int:
        """Position of the best trial, the first of several."""
        return int(np.argmin(self.behind))

    @cached_property
    def order(self) -> list[int]:
        """Positions of the trials, best first, ties by number."""
        return [int(place) for place in np.argsort(self.behind, kind="stable")]

    @cached_property
    def limit(self) -> float:
        """The worst value that is shown at its place."""
        reach = FAR * float(np.quantile(self.behind, USUAL, method="lower"))
        within = self.values[self.behind <= reach] if reach else self.values
        return float(within.min() if self.higher else within.max())

    @property
    def beyond(self) -> np.ndarray:
        """Which trials are worse than the limit."""
        return self.values < self.limit if self.higher else self.values > self.limit

    @property
    def drawn(self) -> Floats:
        """The values, those beyond the limit at the limit."""
        return self.values.clip(min=self.limit) if self.higher else self.values.clip(max=self.limit)

    @property
    def remark(self) -> str:
        """Say how many trials lie beyond the limit; empty where none does."""
        count = int(self.beyond.sum())
        trials = f"{count} trial{'s' * (count > 1)}"
        limit = named(self.metric)[1].format(self.limit)
        return f"{trials} {'below' if self.higher else 'above'} {limit} at the edge" if count else ""


def values_of(study: Study, metrics: Sequence[str]) -> list[Values]:
    """Return each metric over the finished trials; empty where no trial is finished."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    finished = sorted(finished, key=lambda trial: trial.number)
    if not finished:
        return []
    table = np.array([[value_of(trial, place) for place in range(len(metrics))] for trial in finished])
    higher = [direction is StudyDirection.MAXIMIZE for direction in study.directions]
    return [Values(*one) for one in zip(metrics, higher, [finished] * len(metrics), table.T, strict=True)]


def value_of(trial: FrozenTrial, place: int) -> float:
    """Return a trial's value of the metric at a place; nan where the trial is not finished."""
    return float(trial.values[place]) if trial.state is TrialState.COMPLETE else float("nan")


def named(metric: str) -> tuple[str, str]:
    """Return the heading and the format of a metric that a study searches by.

    Examples
    --------
    >>> named("d2_tweedie"), named("aggregate_bias"), named("decile_mape")
    (('D2', '{:.3f}'), ('|bias|', '{:.1%}'), ('decile mape', '{:.4g}'))
    """
    if metric in ABSOLUTE:
        return ABSOLUTE[metric]
    if metric in METRICS:
        return METRICS[metric].heading, METRICS[metric].form
    return metric.replace("_", " "), "{:.4g}"
