"""A metric over the finished trials of a study, limited where a few bad trials would hide what tells others apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.evaluation.array_checks import Floats

# A trial is far behind that lies this many times as far behind as this share of trials.
OUTLIER_FACTOR, TYPICAL_SHARE = 5.0, 0.75


@dataclass(frozen=True)
class MetricFormat:
    """How a metric is headed and written."""

    heading: str
    number_format: str


FORMATS_OF_DISTANCES = {"aggregate_bias": MetricFormat("|bias|", "{:.1%}")}  # a study searches by its distance from 0


@dataclass(frozen=True, eq=False)
class MetricValues:
    """One metric over the finished trials.

    Attributes
    ----------
    metric : str
    higher_is_better : bool
    trials : sequence of FrozenTrial
        Finished ones, at least one, by number.
    values : array, shape (trials,)
    """

    metric: str
    higher_is_better: bool
    trials: Sequence[FrozenTrial]
    values: Floats

    @property
    def format(self) -> MetricFormat:
        """How the metric is headed and written."""
        return metric_format(self.metric)

    @cached_property
    def regret(self) -> Floats:
        """How far each trial lies behind the best, not below 0."""
        return self.values.max() - self.values if self.higher_is_better else self.values - self.values.min()

    @property
    def ranked_trials(self) -> list[FrozenTrial]:
        """The trials, best first, ties by number."""
        return [self.trials[position] for position in np.argsort(self.regret, kind="stable")]

    @cached_property
    def limit(self) -> float:
        """The worst value that is not far behind nearly all others."""
        margin = OUTLIER_FACTOR * float(np.quantile(self.regret, TYPICAL_SHARE, method="lower"))
        typical = self.values[self.regret <= margin] if margin else self.values
        return float(typical.min() if self.higher_is_better else typical.max())

    @cached_property
    def clipped_values(self) -> dict[int, float]:
        """The value by number of the trial, those beyond the limit at the limit."""
        clipped = self.values.clip(min=self.limit) if self.higher_is_better else self.values.clip(max=self.limit)
        return {trial.number: float(value) for trial, value in zip(self.trials, clipped, strict=True)}

    @property
    def n_clipped(self) -> int:
        """How many trials are worse than the limit."""
        return int((self.values != list(self.clipped_values.values())).sum())


def metric_values(study: Study, metrics: Sequence[str]) -> list[MetricValues]:
    """Return each metric over the finished trials; empty where no trial is finished."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not finished:
        return []
    higher = [direction is StudyDirection.MAXIMIZE for direction in study.directions]
    return [
        MetricValues(metric, higher[index], finished, np.array([metric_value(trial, index) for trial in finished]))
        for index, metric in enumerate(metrics)
    ]


def metric_value(trial: FrozenTrial, index: int) -> float:
    """Return a trial's value of one of the metrics; nan where the trial is not finished."""
    return float(trial.values[index]) if trial.state is TrialState.COMPLETE else float("nan")


def metric_format(metric: str) -> MetricFormat:
    """Return how a metric that a study searches by is headed and written.

    Examples
    --------
    >>> metric_format("d2_tweedie"), metric_format("decile_mape")
    (MetricFormat(heading='D2', number_format='{:.3f}'), MetricFormat(heading='decile mape', number_format='{:.4g}'))
    """
    if metric in FORMATS_OF_DISTANCES:
        return FORMATS_OF_DISTANCES[metric]
    if metric in METRICS:
        return MetricFormat(METRICS[metric].heading, METRICS[metric].number_format)
    return MetricFormat(metric.replace("_", " "), "{:.4g}")
