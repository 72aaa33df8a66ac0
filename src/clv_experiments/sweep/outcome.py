"""What a search came to: found against configured settings on the holdout, with intervals, and over several seeds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.evaluation.metrics import HIGHER_IS_BETTER, LOWER_IS_BETTER, OBJECTIVES
from clv_experiments.forecasting.evaluation_result import EvaluationResult
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.cell import Cell, Entry
from clv_experiments.leaderboard.standings import standings
from clv_experiments.reporting.formatting import format_difference, format_score, join_names
from clv_experiments.sweep.metric_values import named
from clv_experiments.sweep.objective import Objective
from clv_experiments.sweep.space_reading import LUCK

REPLICATES, CONFIDENCE = 2000, 0.95
VALIDATION, HOLDOUT = "validation", "holdout"


@dataclass(frozen=True)
class Difference:
    """A score of the tuned and of the configured model on the holdout; ``better`` is what tuning gained, above 0 good.

    ``reach`` is half the width of its interval; nan where nothing can be said.
    """

    metric: str
    tuned: float
    configured: float
    better: float
    reach: float


@dataclass(frozen=True)
class Fit:
    """A score of the tuned and of the configured model, fitted with one seed, on validation or on the holdout."""

    seed: int
    period: str
    tuned: float
    configured: float


@dataclass(frozen=True)
class Outcome:
    """What the winner of a study is worth.

    Attributes
    ----------
    trial : int
        The one that won.
    seeds : int
        How many fits were asked for.
    model : str
        What was tuned.
    metrics : list of str
        What by, most important first.
    differences : list of Difference
        One a score, on the same customers.
    fits : list of Fit
        One a seed and period; a single seed where nothing is left to chance.
    """

    trial: int
    seeds: int
    model: str
    metrics: list[str]
    differences: list[Difference]
    fits: list[Fit]

    def as_json(self) -> dict[str, Any]:
        """Return what a storage keeps."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Outcome:
        """Read what a storage kept."""
        differences = [Difference(**difference) for difference in kept["differences"]]
        return cls(**kept | {"differences": differences, "fits": [Fit(**fit) for fit in kept["fits"]]})

    @property
    def sentences(self) -> list[str]:
        """Say whether tuning helped on the holdout, by how much, and whether it is luck."""
        if all(difference.tuned == difference.configured for difference in self.differences):
            return [f"the search found nothing better: {self.model} (tuned) is {self.model} as configured"]
        return [*self._on_the_holdout(), *self._over_seeds()]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a score: ``metric, tuned, configured, better, lower, upper``."""
        frame = pd.DataFrame([asdict(difference) for difference in self.differences])
        reach = frame.pop("reach")
        return frame.assign(lower=frame["better"] - reach, upper=frame["better"] + reach)

    @property
    def seeds_frame(self) -> pd.DataFrame:
        """One row a seed and period: ``seed, period, tuned, configured``."""
        return pd.DataFrame([asdict(fit) for fit in self.fits])

    def _on_the_holdout(self) -> Iterator[str]:
        """Say it by each metric; where a metric has no interval that holds what it promises, by D2 besides."""
        by = [metric for metric in self.metrics if metric in METRICS]
        certain = any(METRICS[metric].tells_ties for metric in by)
        for metric in [*by, *([] if certain else OBJECTIVES[:1])]:
            found = next(difference for difference in self.differences if difference.metric == metric)
            yield f"on the holdout {self.model} (tuned) {_compared(found)}"

    def _over_seeds(self) -> list[str]:
        if len(self.fits) == 2:
            return [f"{self.model} leaves nothing to chance: another seed fits the same"] if self.seeds > 1 else []
        metric = self.metrics[0]
        higher = metric in HIGHER_IS_BETTER
        said = []
        for period in (VALIDATION, HOLDOUT):
            fits = [fit for fit in self.fits if fit.period == period]
            ahead = sum((fit.tuned > fit.configured) == higher and fit.tuned != fit.configured for fit in fits)
            tuned, configured = (_range([getattr(f, which) for f in fits]) for which in ("tuned", "configured"))
            said.append(f"on {period} in {ahead} of {len(fits)} ({tuned} against {configured})")
        return [
            f"by {named(metric)[0]}, fitted with {len(self.fits) // 2} seeds each, tuned is ahead {join_names(said)}"
        ]


def differences(tuned: EvaluationResult, configured: EvaluationResult, seed: int) -> list[Difference]:
    """Set two runs side by side on the same customers, drawn 2,000 times with replacement (paired bootstrap).

    Of several holdout periods each score is the mean; that of bias is the mean of its distances from 0.
    """
    entries = (_entry("tuned", tuned), _entry("configured", configured))
    holdouts = tuple(str(origin.holdout.forecast.period) for origin in tuned.origins)
    cell = Cell(entries=entries, holdouts=holdouts)
    found = standings(cell, OBJECTIVES[0], replicates=REPLICATES, confidence=CONFIDENCE, seed=seed)
    result = []
    for name, scores in found.oriented_scores.items():
        ours, theirs = (float(abs(value) if name in LOWER_IS_BETTER else value) for value in scores)
        better = float(scores[0] - scores[1])
        result.append(Difference(name, ours, theirs, better, float(found.half_widths[name][0, 1])))
    return result


def _compared(found: Difference) -> str:
    """Say which of the two is ahead, by how much, and whether beyond chance."""
    heading, form = named(found.metric)
    tuned, configured = (format_score(score, form) for score in (found.tuned, found.configured))
    low, high = (format_difference(found.better + sign * found.reach, form) for sign in (-1, 1))
    if not METRICS[found.metric].tells_ties:
        return f"has {heading} {tuned} against {configured}: its tail is too heavy to tell that from chance"
    gain = f"{heading} {tuned} against {configured}, a gain of {format_difference(found.better, form)} [{low}, {high}]"
    if not abs(found.better) > found.reach:
        return f"is not better than as configured, beyond chance: {gain}"
    return f"is {'better' if found.better > 0 else 'worse'} than as configured, beyond chance in customers: {gain}"


def _entry(label: str, result: EvaluationResult) -> Entry:
    min_predictions = tuple(origin.holdout.min_prediction for origin in result.origins)
    return Entry(label=label, predictions=result.holdout_predictions, min_predictions=min_predictions)


def fits(
    validation: Objective,
    holdout: Objective,
    tuned: DictConfig,
    configured: DictConfig,
    seeds: int,
    progress: Callable[[int, int], None],
) -> list[Fit]:
    """Fit both settings with several seeds and score them on the validation periods and on the holdouts.

    Parameters
    ----------
    validation, holdout : Objective
        What scores the periods of each.
    tuned, configured : DictConfig
    seeds : int
        From the configured one upwards, also where another was typed; one is enough where a model leaves nothing to
        chance.
    progress : callable
        Is told (done, seeds).
    """
    first = configured.seed
    if all(_seeded(cfg, first) == _seeded(cfg, first + 1) for cfg in (tuned, configured)):
        seeds = 1
    found = []
    for done, seed in enumerate(range(first, first + seeds), 1):
        for period, objective in {VALIDATION: validation, HOLDOUT: holdout}.items():
            both = [objective.mean(_with_seed(cfg, seed)) for cfg in (tuned, configured)]
            found.append(Fit(seed, period, *both))
        progress(done, seeds)
    return found


def _with_seed(cfg: DictConfig, seed: int) -> DictConfig:
    other = copy.deepcopy(cfg)
    other.seed = seed
    _set_seeds(other.model.estimator, seed)
    return other


def _set_seeds(settings: Any, seed: int) -> None:
    if isinstance(settings, ListConfig):
        for value in settings:
            _set_seeds(value, seed)
    elif isinstance(settings, DictConfig):
        for value in settings.values():
            _set_seeds(value, seed)
        if LUCK in settings:
            settings[LUCK] = seed


def _seeded(cfg: DictConfig, seed: int) -> Any:
    """Resolve a model's settings under a seed."""
    return OmegaConf.to_container(_with_seed(cfg, seed).model, resolve=True)


def _range(values: Sequence[float]) -> str:
    low, high = (f"{bound:.4g}" for bound in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
