"""Scores of predicted waiting times, on the customers of a backtest and on bootstrap samples of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clv_experiments.decisions.next_purchase.backtest import Backtest
from clv_experiments.evaluation.metrics import roc_auc_by_sample
from clv_experiments.evaluation.validation import Floats

ORDERED_BY = "integrated_brier"
BATCH = 1_000_000  # resampled customers that are counted at a time

Progress = Callable[[int, int], None]
Scorer = Callable[[Floats], Floats]  # counts of the customers (n, samples) to scores (samples, candidates)


@dataclass(frozen=True, eq=False)
class BootstrapScore:
    """A score of all candidates on the customers as they are, and on customers drawn with replacement.

    Attributes
    ----------
    values : array, shape (candidates,)
    replicates : array, shape (replicates, candidates)
    """

    values: Floats
    replicates: Floats


def bootstrap_scores(
    backtest: Backtest, replicates: int, seed: int, progress: Progress | None = None
) -> dict[str, BootstrapScore]:
    """Score all candidates on the same bootstrap samples of the customers.

    Returns
    -------
    dict of str to BootstrapScore
        ``integrated_brier`` (mean squared error of the probability, over customers and over the days of the period),
        ``brier_30``, ``auc_30``, ``bias_30`` (mean probability less the share who bought) and so on for each
        checkpoint, ``date_error`` (median absolute error of the expected day among those who bought, in days) and
        ``coverage`` (share of those whose day the interval held). nan where nobody bought, or for ``auc`` everybody.
    """
    scorers = dict(_scorers(backtest))
    n = len(backtest.days_to_purchase)
    samples: dict[str, list[Floats]] = {name: [] for name in scorers}
    rng, size = np.random.default_rng(seed), max(1, BATCH // n)
    for start in range(0, replicates, size):
        width = min(size, replicates - start)
        counts = np.ascontiguousarray(rng.multinomial(n, np.full(n, 1 / n), width).T, dtype=float)
        for name, scorer in scorers.items():
            samples[name].append(scorer(counts))
        if progress:
            progress(start + width, replicates)
    everyone = np.ones((n, 1))
    return {name: BootstrapScore(scorers[name](everyone)[0], np.concatenate(samples[name])) for name in scorers}


def _scorers(backtest: Backtest) -> Iterator[tuple[str, Scorer]]:
    waits, predictions = backtest.days_to_purchase.to_numpy(), backtest.predictions
    everyone, buyers = np.ones(len(waits)), (~np.isnan(waits)).astype(float)
    outcomes = waits[:, None] <= backtest.days
    yield ORDERED_BY, _mean([((p.probabilities - outcomes) ** 2).mean(axis=1) for p in predictions], everyone)
    for days in backtest.checkpoints:
        bought = backtest.bought_within(days)
        probabilities = [backtest.probability_within(days, prediction) for prediction in predictions]
        yield f"brier_{days}", _mean([(p - bought) ** 2 for p in probabilities], everyone)
        yield f"auc_{days}", _auc(bought, probabilities)
        yield f"bias_{days}", _mean([p - bought for p in probabilities], everyone)
    rows = np.flatnonzero(buyers)
    yield "date_error", _lower_median([np.abs(p.median - waits)[rows] for p in predictions], rows)
    yield "coverage", _mean([((p.low <= waits) & (waits <= p.high)).astype(float) for p in predictions], buyers)


def _mean(values: Sequence[Floats], among: Floats) -> Scorer:
    columns = np.column_stack(values)

    def score(counts: Floats) -> Floats:
        weights = (counts * among[:, None]).T
        total = weights.sum(axis=1, keepdims=True)
        return np.where(total > 0, weights @ columns / np.maximum(total, 1), np.nan)

    return score


def _auc(bought: np.ndarray, probabilities: Sequence[Floats]) -> Scorer:
    return lambda counts: np.column_stack([roc_auc_by_sample(bought, p, counts) for p in probabilities])


def _lower_median(values: Sequence[Floats], rows: np.ndarray) -> Scorer:
    """Take the lower median of values that belong to some rows of the counts."""
    orders = [np.argsort(value, kind="stable") for value in values]

    def score(counts: Floats) -> Floats:
        if not len(rows):
            return np.full((counts.shape[1], len(values)), np.nan)
        medians = []
        for value, order in zip(values, orders, strict=True):
            running = np.cumsum(counts[rows[order]], axis=0)
            total = running[-1]
            medians.append(np.where(total > 0, value[order][(running >= total / 2).argmax(axis=0)], np.nan))
        return np.column_stack(medians)

    return score
