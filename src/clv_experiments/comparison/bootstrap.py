"""The paired customer bootstrap: every score of every model on the same resampled customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import poisson

from clv_experiments.comparison.cell import OriginPredictions
from clv_experiments.evaluation import metrics
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.score_records import HEADLINE

CHUNK = 1_000_000  # resampled customers that are counted at a time
# How often a customer counts, by 16 uniform bits: quantiles of the Poisson distribution of mean 1.
COUNTS = poisson.ppf((np.arange(2**16) + 0.5) / 2**16, 1.0).astype(np.float32)


@dataclass(frozen=True)
class LeaderboardMetric:
    """A score of the board.

    Attributes
    ----------
    heading, number_format : str
        Its column heading and its number format, such as ``{:.3f}``.
    orient : callable
        Turns scores into values that are better when higher.
    has_rank_groups : bool
        False where spend is too heavy-tailed for an interval to have its nominal coverage, as with squared errors.
    """

    heading: str
    number_format: str
    orient: Callable[[Floats], Floats] = np.positive
    has_rank_groups: bool = True


@dataclass(frozen=True, eq=False)
class BootstrapScores:
    """Scores of every model on resampled customers.

    Attributes
    ----------
    scores, oriented : dict of metric to array, shape (replicates, models)
        Mean score over origins, and mean oriented score (higher is better): the score, its negative for an error, minus
        its distance from 0 for the bias. nan where a replicate has no value, such as one without a buyer.
    """

    scores: dict[str, Floats]
    oriented: dict[str, Floats]


# What is resampled, under the names of `metrics.compute_scores`.
METRICS = {
    "d2_tweedie": LeaderboardMetric(*HEADLINE["d2_tweedie"]),
    "normalised_gini": LeaderboardMetric(*HEADLINE["normalised_gini"]),
    "spearman": LeaderboardMetric(*HEADLINE["spearman"]),
    "top_10_share": LeaderboardMetric("top 10 %", "{:.1%}"),
    "top_20_share": LeaderboardMetric("top 20 %", "{:.1%}"),
    "aggregate_bias": LeaderboardMetric(*HEADLINE["aggregate_bias"], lambda bias: -np.abs(bias)),
    "rmse": LeaderboardMetric("RMSE", "{:,.2f}", np.negative, has_rank_groups=False),
    "r2": LeaderboardMetric("R2", "{:.3f}", has_rank_groups=False),
    "mae": LeaderboardMetric("MAE", "{:,.2f}", np.negative),
    "crps": LeaderboardMetric("CRPS", "{:,.2f}", np.negative),
}


def applicable_metrics(*, has_losses: bool, has_crps: bool = False) -> dict[str, LeaderboardMetric]:
    """Return those of METRICS that mean something of the log, and that the models have.

    Parameters
    ----------
    has_losses : bool
        Whether spend may lie below 0.
    has_crps : bool
        Whether all models have a CRPS at some origin.
    """
    names = metrics.list_applicable_scores(METRICS, has_losses=has_losses)
    return {name: METRICS[name] for name in names if has_crps or name != "crps"}


def score_predictions_by_model(origin: OriginPredictions, *, has_losses: bool = False) -> dict[str, Floats]:
    """Score the original customers: one value a model, shape (models,), for every metric that the origin has."""
    by_model = [
        metrics.compute_scores(origin.y_true, predicted, origin.d2_floor, origin.bought, has_losses=has_losses)
        for predicted in origin.y_pred.T
    ]
    points = {
        name: np.array([scores[name] for scores in by_model]) for name in applicable_metrics(has_losses=has_losses)
    }
    return points if origin.crps is None else points | {"crps": origin.crps.mean(axis=0)}


def bootstrap_scores(
    origins: Sequence[OriginPredictions],
    replicates: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    has_losses: bool = False,
) -> BootstrapScores:
    """Score every model on resampled customers, the same ones for all models (Efron 1979).

    Each customer counts as often as a Poisson draw of mean 1 says (Hanley and MacGibbon 2006, "Creating
    non-parametric bootstrap samples using Poisson frequencies"), which hangs on nothing but the seed, the replicate and
    the customer's id (Chamandy, Muralidharan, Najmi and Naidu 2012, "Estimating Uncertainty for Massive Data Streams"):
    customers count equally often at every origin and in every cell that they belong to, whoever else is in it. Each
    origin is scored by itself, and the mean is taken over the origins that have the score.

    Parameters
    ----------
    origins : sequence of OriginPredictions
        Models in the same order in each.
    replicates : int
    seed : int
    progress : callable, optional
        Called with (done, replicates).
    has_losses : bool
        Whether spend may lie below 0, where some scores mean nothing.
    """
    by_name = applicable_metrics(has_losses=has_losses, has_crps=any(origin.crps is not None for origin in origins))
    customers, positions = np.unique(np.concatenate([origin.customer_id for origin in origins]), return_inverse=True)
    rows_by_origin = np.split(positions, np.cumsum([len(origin.customer_id) for origin in origins])[:-1])
    scorers = [_OriginScorer(origin) for origin in origins]
    scores: dict[str, list[Floats]] = {name: [] for name in by_name}
    oriented: dict[str, list[Floats]] = {name: [] for name in by_name}
    done = 0
    for counts in _resample_counts(customers, replicates, seed):
        by_origin = [scorer.scores(counts[rows]) for scorer, rows in zip(scorers, rows_by_origin, strict=True)]
        for name, metric in by_name.items():
            values = [of_origin[name] for of_origin in by_origin if name in of_origin]
            scores[name].append(np.mean(values, axis=0))
            oriented[name].append(np.mean([metric.orient(value) for value in values], axis=0))
        done += counts.shape[1]
        if progress:
            progress(done, replicates)
    return BootstrapScores(
        {name: np.concatenate(chunks) for name, chunks in scores.items()},
        {name: np.concatenate(chunks) for name, chunks in oriented.items()},
    )


def _resample_counts(customers: NDArray[np.object_], replicates: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield how often each customer counts, shape (customers, some replicates); float32 counts are exact."""
    ids = pd.util.hash_array(customers.astype(object), categorize=False)
    keys = np.random.SeedSequence(seed).generate_state(replicates, np.uint64)
    size = max(1, CHUNK // len(customers))
    for start in range(0, replicates, size):
        yield COUNTS[_splitmix64(ids[:, None] ^ keys[start : start + size]) >> np.uint64(48)]


def _splitmix64(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64 bits, in place, so that equal steps look random (Steele, Lea and Flood 2014, SplitMix64)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    return bits


class _OriginScorer:
    """Scores one origin under any counts of its customers, from sums and sorted sums that are prepared once."""

    def __init__(self, origin: OriginPredictions) -> None:
        y, predicted = origin.y_true, origin.y_pred
        spend = np.maximum(y, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):  # of a log with losses the least prediction may be below 0
            deviances = metrics.tweedie_deviances(spend[:, None], np.maximum(predicted, origin.d2_floor))
        self.models = predicted.shape[1]
        moments = np.column_stack([np.ones_like(y), y, y**2, spend, np.sqrt(spend)])
        errors = [predicted, deviances, (predicted - y[:, None]) ** 2, np.abs(predicted - y[:, None])]
        errors += [] if origin.crps is None else [origin.crps]
        self.sums = np.column_stack([moments, *errors])
        self.spenders = np.flatnonzero(y)
        self.spend = y[self.spenders][:, None]
        self.by_actual = _SortedColumn(y, self.spenders)
        self.by_predicted = [_SortedColumn(column, self.spenders) for column in predicted.T]

    def scores(self, counts: NDArray[np.float32]) -> dict[str, Floats]:
        """Score all models under counts of shape (n, replicates): arrays of shape (replicates, models)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._scores_from_sums(counts) | self._scores_from_ranks(counts)

    def _scores_from_sums(self, counts: NDArray[np.float32]) -> dict[str, Floats]:
        sums = counts.T.astype(np.float64) @ self.sums
        n, total, squares, spend, roots = (sums[:, [i]] for i in range(5))
        errors = sums[:, 5:]
        predicted, deviance, squared, absolute, *crps = np.split(errors, errors.shape[1] // self.models, axis=1)
        # Deviance of the replicate's own mean, Tweedie power 1.5: its three terms collapse to two means.
        mean = np.sqrt(spend * n)
        null = 8.0 * (mean - roots)
        varies = squares - total**2 / n
        # Where all resampled customers spent the same, both variances are rounding errors.
        return {
            "aggregate_bias": np.where(total > 0, predicted / total - 1.0, np.nan),
            "d2_tweedie": np.where(null <= 1e-12 * mean, np.nan, 1.0 - deviance / null),
            "rmse": np.sqrt(squared / n),
            "r2": np.where(varies <= 1e-12 * squares, np.nan, 1.0 - squared / varies),
            "mae": absolute / n,
        } | ({"crps": crps[0] / n} if crps else {})

    def _scores_from_ranks(self, counts: NDArray[np.float32]) -> dict[str, Floats]:
        n = counts.sum(axis=0, dtype=np.float64)
        cubes = _sum_of_cubes(counts)
        weights = counts[self.spenders].astype(np.float64)
        spend = self.spend * weights
        total = spend.sum(axis=0)
        actual_ranks, _, actual_variance = self.by_actual.weighted_ranks(counts, cubes, n)
        perfect = np.einsum("cr,cr->r", spend, actual_ranks)
        # Customers who spent nothing share one rank, and ranks add up to zero, so only spenders' terms are needed.
        non_spenders = n - weights.sum(axis=0)
        mean_rank_of_others = np.where(
            non_spenders > 0, -np.einsum("cr,cr->r", weights, actual_ranks) / non_spenders, 0.0
        )
        rises = weights * (actual_ranks - mean_rank_of_others)
        columns: dict[str, list[Floats]] = defaultdict(list)
        for ranking in self.by_predicted:
            ranks, tied, variance = ranking.weighted_ranks(counts, cubes, n)
            area = np.einsum("cr,cr->r", spend, ranks)
            columns["normalised_gini"].append(np.where(perfect > 0, area / perfect, np.nan))
            covariance = np.einsum("cr,cr->r", rises, ranks)
            correlation = np.where(variance > 0, covariance / np.sqrt(actual_variance * variance), 0.0)
            columns["spearman"].append(np.where(actual_variance > 0, correlation, np.nan))
            for name, share in (("top_10_share", 0.1), ("top_20_share", 0.2)):
                inside = np.clip((share * n - n / 2 + ranks + tied / 2) / tied, 0.0, 1.0)
                captured = np.einsum("cr,cr->r", spend, np.where(weights > 0, inside, 0.0))
                columns[name].append(np.where(total > 0, captured / total, np.nan))
        return {name: np.column_stack(values) for name, values in columns.items()}


class _SortedColumn:
    """One column of values in sorted order, laid out so that ranks under any counts are sums of segments.

    Only the ranks of ``ranked_customers`` are needed (those who spent), so the others are summed between them.
    """

    def __init__(self, values: Floats, ranked_customers: NDArray[np.int64]) -> None:
        _, group, size = np.unique(values, return_inverse=True, return_counts=True)
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(size)
        groups, self.group_of = np.unique(group[ranked_customers], return_inverse=True)
        # Rows alternate: what lies before a ranked group, the group itself; columns are customers.
        bounds = np.concatenate([[0], np.column_stack([ends[groups] - size[groups], ends[groups]]).ravel()])
        self.segments = self._segment_sum_matrix(order[: bounds[-1]], bounds, len(values))
        tied = size > 1
        starts = np.concatenate([[0], np.cumsum(size[tied])])
        self.shared = order[np.repeat(tied, size)]
        self.ties = self._segment_sum_matrix(self.shared, starts, len(values))

    @staticmethod
    def _segment_sum_matrix(order: NDArray[np.int64], bounds: NDArray[np.int64], customers: int) -> csr_array:
        shape = (len(bounds) - 1, customers)
        return csr_array((np.ones(len(order), dtype=np.float32), order, bounds), shape=shape)

    def weighted_ranks(self, counts: NDArray[np.float32], cubes: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
        """Return centred average ranks of those customers, how many share each, and the sum of squares over all.

        ``cubes`` is the sum of cubed counts, ``n`` that of counts, both of shape (replicates,).
        """
        sums = (self.segments @ counts).astype(np.float64)
        tied = sums[1::2]
        ranks = np.cumsum(sums, axis=0)[1::2] - tied / 2 - n / 2
        untied = cubes - _sum_of_cubes(counts[self.shared])
        variance = (n**3 - untied - _sum_of_cubes(self.ties @ counts)) / 12.0
        return ranks[self.group_of], tied[self.group_of], variance


def _sum_of_cubes(counts: NDArray[np.float32]) -> Floats:
    return np.einsum("cr,cr,cr->r", counts, counts, counts, dtype=np.float64)
