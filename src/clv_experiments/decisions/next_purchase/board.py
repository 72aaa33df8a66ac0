"""The leaderboard of next purchases: every score with its bootstrap interval, differences from the best, ties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.comparison.standings import compare_with_best_and_baseline, simultaneous_pairwise_half_widths
from clv_experiments.decisions.next_purchase.backtest import Backtest
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.confidence_intervals import Estimate, percentile_interval
from clv_experiments.evaluation.metrics import roc_auc_by_sample

ORDERED_BY = "integrated_brier"
BATCH = 1_000_000  # resampled customers that are counted at a time
CONFIDENCE = 0.95  # of all differences from the best at once

Progress = Callable[[int, int], None]
Verdict = Literal["within chance", "too many", "too few"]
Scorer = Callable[[Floats], Floats]  # counts of the customers (n, samples) to scores (samples, candidates)


def bootstrap_scores(
    backtest: Backtest, replicates: int, seed: int, progress: Progress | None = None
) -> dict[str, tuple[Floats, Floats]]:
    """Score all candidates on the same bootstrap samples of the customers.

    Returns
    -------
    dict of str to (scores, replicates)
        On the customers as they are, shape (candidates,), and on customers drawn with replacement, shape (replicates,
        candidates): ``integrated_brier`` (mean squared error of the probability, over customers and over the days of
        the period), ``brier_30``, ``auc_30``, ``bias_30`` (mean probability less the share who bought) and so on for
        each checkpoint, ``date_error`` (median absolute error of the expected day among those who bought, in days) and
        ``coverage`` (share of those whose day the interval held). nan where nobody bought, or for ``auc`` everybody.
    """
    scorers = dict(_iterate_scorers(backtest))
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
    return {name: (scorer(everyone)[0], np.concatenate(samples[name])) for name, scorer in scorers.items()}


def _iterate_scorers(backtest: Backtest) -> Iterator[tuple[str, Scorer]]:
    waits, predictions = backtest.days_to_purchase.to_numpy(), backtest.predictions
    everyone, buyers = np.ones(len(waits)), (~np.isnan(waits)).astype(float)
    yield ORDERED_BY, _mean_scorer([backtest.squared_errors(prediction) for prediction in predictions], everyone)
    for days in backtest.checkpoints:
        bought = backtest.bought_within(days)
        probabilities = [backtest.probability_within(days, prediction) for prediction in predictions]
        yield f"brier_{days}", _mean_scorer([(p - bought) ** 2 for p in probabilities], everyone)
        yield f"auc_{days}", _auc_scorer(bought, probabilities)
        yield f"bias_{days}", _mean_scorer([p - bought for p in probabilities], everyone)
    rows = np.flatnonzero(buyers)
    yield "date_error", _lower_median_scorer([np.abs(p.median - waits)[rows] for p in predictions], rows)
    yield "coverage", _mean_scorer([((p.low <= waits) & (waits <= p.high)).astype(float) for p in predictions], buyers)


def _mean_scorer(values: Sequence[Floats], among: Floats) -> Scorer:
    columns = np.column_stack(values)

    def score(counts: Floats) -> Floats:
        weights = (counts * among[:, None]).T
        total = weights.sum(axis=1, keepdims=True)
        return np.where(total > 0, weights @ columns / np.maximum(total, 1), np.nan)

    return score


def _auc_scorer(bought: np.ndarray, probabilities: Sequence[Floats]) -> Scorer:
    return lambda counts: np.column_stack([roc_auc_by_sample(bought, p, counts) for p in probabilities])


def _lower_median_scorer(values: Sequence[Floats], rows: np.ndarray) -> Scorer:
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


@dataclass(frozen=True)
class CheckpointCalibration:
    """How many customers were expected to buy within some days, and how many did."""

    within_days: int
    customers: int
    bought: int
    expected: float
    verdict: Verdict  # of the expected number
    excess: Estimate  # customers by which it was too high or too low, as the verdict says


@dataclass(frozen=True, eq=False)
class NextPurchaseBoard:
    """Which candidate predicts best when customers buy next.

    The table has one row a score and candidate, candidates of each score best first: ``score`` (as
    ``bootstrap_scores`` names it), ``contender``, ``family``, ``value``, ``lower``, ``upper`` (its interval), and the
    columns of ``compare_with_best_and_baseline``, in which scores are oriented so that higher is better.
    """

    backtest: Backtest
    table: pd.DataFrame

    def select_score(self, score: str = ORDERED_BY) -> pd.DataFrame:
        """Return the rows of one score indexed by candidate, best first."""
        return self.table[self.table["score"] == score].set_index("contender")

    def estimate(self, score: str, name: str) -> Estimate:
        """Return one candidate's score with its interval."""
        return Estimate(*self.select_score(score).loc[name, ["value", "lower", "upper"]].astype(float))

    def deficit(self, name: str) -> Estimate:
        """Return how far a candidate is behind the best by the score that orders."""
        return Estimate(
            *(-self.select_score().loc[name, ["from_best", "from_best_upper", "from_best_lower"]].astype(float))
        )

    @property
    def names(self) -> list[str]:
        """The candidates, best first."""
        return self.select_score().index.tolist()

    @property
    def tied(self) -> list[str]:
        """The candidates that share first place, best first."""
        return self.select_score().query("group == 1").index.tolist()

    @property
    def baseline_names(self) -> list[str]:
        """The rules of thumb among the candidates, best first."""
        return self.select_score().query("family == 'baseline'").index.tolist()

    @property
    def result(self) -> Literal["alone", "all tied", "some tied", "clear"]:
        """Whether one candidate wins."""
        if len(self.names) == 1:
            return "alone"
        if len(self.tied) == len(self.names):
            return "all tied"
        return "some tied" if len(self.tied) > 1 else "clear"

    def calibration(self, name: str) -> list[CheckpointCalibration]:
        """Compare expected with actual numbers of buyers at every checkpoint."""
        backtest, checks = self.backtest, []
        n = len(backtest.days_to_purchase)
        for days in backtest.checkpoints:
            expected = float(backtest.probability_within(days, backtest.prediction(name)).sum())
            bought, bias = int(backtest.bought_within(days).sum()), self.estimate(f"bias_{days}", name)
            excess = Estimate(abs(expected - bought), n * abs(bias).low, n * abs(bias).high)
            verdict: Verdict = "within chance"
            if bias.is_significant:
                verdict = "too many" if bias.value > 0 else "too few"
            checks.append(CheckpointCalibration(days, n, bought, expected, verdict, excess))
        return checks

    @property
    def wide_table(self) -> pd.DataFrame:
        """One row a candidate, best first: its tie group, the score that orders and its difference, all others."""
        first = self.select_score()[["group", "family", "value", "from_best", "from_best_lower", "from_best_upper"]]
        others = {name: self.select_score(name)["value"] for name in self.table["score"].unique() if name != ORDERED_BY}
        return first.rename(columns={"value": ORDERED_BY}).assign(**others).reset_index()


def compare_candidates(
    backtest: Backtest, replicates: int, seed: int, progress: Progress | None = None
) -> NextPurchaseBoard:
    """Rank all candidates of a backtest on every score; ``progress`` is told (done, replicates)."""
    names, families = zip(*((prediction.name, prediction.family) for prediction in backtest.predictions), strict=True)
    tables = []
    for name, (scores, drawn) in bootstrap_scores(backtest, replicates, seed, progress).items():
        oriented, samples = (_orient_score(name, each, backtest.level) for each in (scores, drawn))
        table = compare_with_best_and_baseline(
            names, families, oriented, simultaneous_pairwise_half_widths(oriented, samples, CONFIDENCE)
        )
        lower, upper = percentile_interval(drawn)
        table = table.rename(columns={"model": "contender"})
        table = table.assign(score=name, value=scores, lower=lower, upper=upper)
        tables.append(table.sort_values(["rank", "contender"], kind="stable"))
    return NextPurchaseBoard(backtest, pd.concat(tables, ignore_index=True))


def _orient_score(score: str, values: Floats, level: float) -> Floats:
    """Turn a score into one that is better when higher: all but the AUC are best near a target."""
    if score.startswith("auc"):
        return values
    return -np.abs(values - (level if score == "coverage" else 0.0))
