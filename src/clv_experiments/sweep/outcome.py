"""What tuning gained: the winner against the configured settings on the holdout, with intervals, over several seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.cell import Cell, Entry
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.evaluation.metrics import BEST_AT_ZERO, HIGHER_IS_BETTER, OBJECTIVE_NAMES, choose_objective
from clv_experiments.forecasting.evaluation_result import EvaluationResult
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.sweep.metric_values import MetricFormat, metric_format
from clv_experiments.sweep.objective import CandidateModel, Objective

REPLICATES, CONFIDENCE = 2000, 0.95

Conclusion = Literal["better", "worse", "undecided", "heavy tail"]


@dataclass(frozen=True)
class ScoreDifference:
    """A score of the tuned and of the configured model on the holdout.

    Attributes
    ----------
    metric : str
    tuned, configured : float
    gain : float
        What tuning gained, above 0 where it helped, whichever way the metric runs.
    half_width : float
        Of the interval of the gain; nan where nothing can be said.
    """

    metric: str
    tuned: float
    configured: float
    gain: float
    half_width: float

    @property
    def format(self) -> MetricFormat:
        """How the metric is headed and written."""
        return metric_format(self.metric)

    @property
    def lower(self) -> float:
        """Lower end of the interval of the gain."""
        return self.gain - self.half_width

    @property
    def upper(self) -> float:
        """Upper end of the interval of the gain."""
        return self.gain + self.half_width

    @property
    def conclusion(self) -> Conclusion:
        """Whether the tuned model is ahead beyond chance in customers; of heavy-tailed scores no interval tells."""
        if not METRICS[self.metric].has_rank_groups:
            return "heavy tail"
        if not abs(self.gain) > self.half_width:
            return "undecided"
        return "better" if self.gain > 0 else "worse"


@dataclass(frozen=True)
class SeedFit:
    """A score of the tuned and of the configured model, fitted with one seed, on ``validation`` or on ``holdout``."""

    seed: int
    period: str
    tuned: float
    configured: float


@dataclass(frozen=True)
class SeedComparison:
    """Fits of both models with several seeds, on one kind of period.

    Attributes
    ----------
    period : str
    fits : sequence of SeedFit
    wins : int
        Seeds with which the tuned model is ahead.
    """

    period: str
    fits: Sequence[SeedFit]
    wins: int

    @property
    def tuned_range(self) -> tuple[float, float]:
        """Lowest and highest score of the tuned model."""
        return min(fit.tuned for fit in self.fits), max(fit.tuned for fit in self.fits)

    @property
    def configured_range(self) -> tuple[float, float]:
        """Lowest and highest score of the configured model."""
        return min(fit.configured for fit in self.fits), max(fit.configured for fit in self.fits)


@dataclass(frozen=True)
class TuningOutcome:
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
    differences : list of ScoreDifference
        One a score, on the same customers.
    fits : list of SeedFit
        One a seed and period; a single seed where nothing is left to chance.
    """

    trial: int
    seeds: int
    model: str
    metrics: list[str]
    differences: list[ScoreDifference]
    fits: list[SeedFit]

    def to_json(self) -> dict[str, Any]:
        """Return what a storage keeps."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> TuningOutcome:
        """Read what a storage kept."""
        differences = [ScoreDifference(**difference) for difference in stored["differences"]]
        return cls(**stored | {"differences": differences, "fits": [SeedFit(**fit) for fit in stored["fits"]]})

    @property
    def has_same_scores(self) -> bool:
        """Whether the tuned model scores as the configured one in everything."""
        return all(difference.tuned == difference.configured for difference in self.differences)

    @property
    def searched_metric_differences(self) -> list[ScoreDifference]:
        """Differences by each metric that was searched by; D2 besides, where none of them has an honest interval.

        Of a log with losses the ranking takes the place of D2.
        """
        metrics = [metric for metric in self.metrics if metric in METRICS]
        by_metric = {difference.metric: difference for difference in self.differences}
        if not any(METRICS[metric].has_rank_groups for metric in metrics):
            metrics.append(next(metric for metric in OBJECTIVE_NAMES if metric in by_metric))
        return [by_metric[metric] for metric in metrics]

    @property
    def is_deterministic(self) -> bool:
        """Whether one fit was enough, though several were asked for."""
        return len(self.fits) == 2 and self.seeds > 1

    @property
    def seed_comparisons(self) -> list[SeedComparison]:
        """Both models by the first metric, over several seeds; empty after a single one."""
        if len(self.fits) == 2:
            return []
        sign = 1 if self.metrics[0] in HIGHER_IS_BETTER else -1
        comparisons = []
        for period in dict.fromkeys(fit.period for fit in self.fits):
            fits = [fit for fit in self.fits if fit.period == period]
            wins = sum(sign * (fit.tuned - fit.configured) > 0 for fit in fits)
            comparisons.append(SeedComparison(period, fits, wins))
        return comparisons

    @property
    def sentences(self) -> list[str]:
        """Say whether tuning helped on the holdout, by how much, and whether it is luck."""
        return render_paragraphs("sweep/outcome.jinja", "outcome", self, metric_format(self.metrics[0]).heading)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a score: ``metric, tuned, configured, better`` (the gain), ``lower, upper``."""
        rows = [(d.metric, d.tuned, d.configured, d.gain, d.lower, d.upper) for d in self.differences]
        return pd.DataFrame(rows, columns=["metric", "tuned", "configured", "better", "lower", "upper"])

    @property
    def seeds_frame(self) -> pd.DataFrame:
        """One row a seed and period: ``seed, period, tuned, configured``."""
        return pd.DataFrame([asdict(fit) for fit in self.fits])


def score_differences(
    tuned: EvaluationResult, configured: EvaluationResult, seed: int, *, has_losses: bool = False
) -> list[ScoreDifference]:
    """Set two runs side by side on the same customers, drawn 2,000 times with replacement (paired bootstrap).

    Of several holdout periods each score is the mean; that of bias is the mean of its distances from 0.
    """
    cell = _build_leaderboard_cell(tuned, configured, has_losses)
    objective = choose_objective(OBJECTIVE_NAMES[0], has_losses=has_losses)
    board = compute_standings(cell, objective, replicates=REPLICATES, confidence=CONFIDENCE, seed=seed)
    differences = []
    for metric, oriented in board.oriented_scores.items():
        scores = np.abs(oriented) if metric in BEST_AT_ZERO else oriented
        gain, half_width = float(oriented[0] - oriented[1]), float(board.half_widths[metric][0, 1])
        differences.append(ScoreDifference(metric, float(scores[0]), float(scores[1]), gain, half_width))
    return differences


def _build_leaderboard_cell(tuned: EvaluationResult, configured: EvaluationResult, has_losses: bool) -> Cell:
    """Lay two runs out as a leaderboard does."""
    entries = tuple(
        Entry(
            label=label,
            predictions=result.holdout_predictions,
            d2_floors=tuple(origin.holdout.d2_floor for origin in result.origins),
        )
        for label, result in {"tuned": tuned, "configured": configured}.items()
    )
    holdouts = tuple(str(origin.holdout.forecast.period) for origin in tuned.origins)
    return Cell(entries=entries, holdouts=holdouts, has_losses=has_losses)


def fit_and_score_with_seeds(
    validation_objective: Objective,
    holdout_objective: Objective,
    build_tuned: Callable[[int], CandidateModel],
    build_configured: Callable[[int], CandidateModel],
    seeds: Sequence[int],
    progress: Callable[[int, int], None],
) -> list[SeedFit]:
    """Fit both models with several seeds and score them on the validation periods and on the holdouts.

    Parameters
    ----------
    validation_objective, holdout_objective : Objective
        What scores the periods of each.
    build_tuned, build_configured : callable
        Build the model that draws from a seed.
    seeds : sequence of int
    progress : callable
        Called with (done, seeds).
    """
    fits = []
    for done, seed in enumerate(seeds, 1):
        candidates = build_tuned(seed), build_configured(seed)
        for period, objective in {"validation": validation_objective, "holdout": holdout_objective}.items():
            fits.append(SeedFit(seed, period, *(objective.score(candidate) for candidate in candidates)))
        progress(done, len(seeds))
    return fits
