"""The leaderboard of next purchases: every score with its bootstrap interval, differences from the best, ties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.decisions.next_purchase.backtest import Backtest
from clv_experiments.decisions.next_purchase.scores import ORDERED_BY, BootstrapScore, Progress, bootstrap_scores
from clv_experiments.evaluation.resampling import Estimate
from clv_experiments.evaluation.validation import Floats
from clv_experiments.leaderboard.standings import rank_groups, simultaneous_half_widths

CONFIDENCE = 0.95


@dataclass(frozen=True)
class CheckpointCalibration:
    """How many customers were expected to buy within some days, and how many did.

    Attributes
    ----------
    within_days, customers, bought : int
    expected : float
    verdict : {"within chance", "too many", "too few"}
        Of the expected number.
    excess : Estimate
        By how many customers it was too high or too low, as the verdict says.
    """

    within_days: int
    customers: int
    bought: int
    expected: float
    verdict: Literal["within chance", "too many", "too few"]
    excess: Estimate


@dataclass(frozen=True, eq=False)
class NextPurchaseBoard:
    """Which candidate predicts best when customers buy next.

    Attributes
    ----------
    backtest : Backtest
    table : pandas.DataFrame
        One row a score and candidate, candidates of each score best first. Columns: ``score`` (as ``bootstrap_scores``
        names it), ``contender``, ``family``, ``value``, ``lower``, ``upper`` (its interval), ``rank`` (equal scores
        share their mean rank), ``group`` (1 = tied with the best), ``best``, ``from_best``, ``from_best_lower``,
        ``from_best_upper``: difference of oriented scores, positive = better, with simultaneous intervals.
    """

    backtest: Backtest
    table: pd.DataFrame

    def of(self, score: str = ORDERED_BY) -> pd.DataFrame:
        """Return the rows of one score indexed by candidate, best first."""
        return self.table[self.table["score"] == score].set_index("contender")

    def estimate(self, score: str, name: str) -> Estimate:
        """Return one candidate's score with its interval."""
        return Estimate(*self.of(score).loc[name, ["value", "lower", "upper"]].astype(float))

    def deficit(self, name: str) -> Estimate:
        """Return how far a candidate is behind the best by the score that orders."""
        return Estimate(*(-self.of().loc[name, ["from_best", "from_best_upper", "from_best_lower"]].astype(float)))

    @property
    def names(self) -> list[str]:
        """The candidates, best first."""
        return [str(name) for name in self.of().index]

    @property
    def tied(self) -> list[str]:
        """The candidates that share first place, best first."""
        rows = self.of()
        return [str(name) for name in rows.index[rows["group"] == 1]]

    @property
    def rules(self) -> list[str]:
        """The rules of thumb among the candidates, best first."""
        rows = self.of()
        return [str(name) for name in rows.index[rows["family"] == "baseline"]]

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
            low, high = sorted((n * bias.low, n * bias.high), key=abs)
            excess = Estimate(abs(expected - bought), abs(low), abs(high))
            verdict: Literal["within chance", "too many", "too few"] = "too many" if bias.value > 0 else "too few"
            if bias.low <= 0 <= bias.high or np.isnan(bias.value):
                verdict = "within chance"
            checks.append(CheckpointCalibration(days, n, bought, expected, verdict, excess))
        return checks

    @property
    def wide(self) -> pd.DataFrame:
        """One row a candidate, best first: its tie group, the score that orders and its difference, all others."""
        first = self.of()[["group", "family", "value", "from_best", "from_best_lower", "from_best_upper"]]
        others = {name: self.of(name)["value"] for name in self.table["score"].unique() if name != ORDERED_BY}
        return first.rename(columns={"value": ORDERED_BY}).assign(**others).reset_index()


def compare_candidates(
    backtest: Backtest, replicates: int, seed: int, progress: Progress | None = None
) -> NextPurchaseBoard:
    """Rank all candidates of a backtest on every score.

    Parameters
    ----------
    backtest : Backtest
    replicates, seed : int
        Of the paired customer bootstrap.
    progress : callable, optional
        Is told (done, replicates).
    """
    names = np.array([prediction.name for prediction in backtest.predictions], dtype=object)
    families = np.array([prediction.family for prediction in backtest.predictions], dtype=object)
    tables = []
    for name, score in bootstrap_scores(backtest, replicates, seed, progress).items():
        lower, upper = _percentiles(score.replicates)
        columns = {"score": name, "contender": names, "family": families, "value": score.values}
        table = pd.DataFrame(columns | {"lower": lower, "upper": upper})
        table = table.join(_differences(names, name, score, backtest.level))
        tables.append(table.sort_values(["rank", "contender"], kind="stable"))
    return NextPurchaseBoard(backtest, pd.concat(tables, ignore_index=True))


def _percentiles(replicates: Floats) -> Floats:
    """Return the ends of each candidate's interval, shape (2, candidates); replicates without a score are left out."""
    complete = replicates[~np.isnan(replicates).any(axis=1)]
    if not len(complete):
        return np.full((2, replicates.shape[1]), np.nan)
    return np.quantile(complete, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)


def _differences(names: np.ndarray, score: str, bootstrap: BootstrapScore, level: float) -> pd.DataFrame:
    values, replicates = (_oriented(score, each, level) for each in (bootstrap.values, bootstrap.replicates))
    half_width = simultaneous_half_widths(values, replicates, CONFIDENCE)
    best = int(np.argmax(np.where(np.isnan(values), -np.inf, values)))
    difference = values - values[best]
    return pd.DataFrame(
        {
            "rank": pd.Series(-values).rank().to_numpy(),
            "group": rank_groups(values, half_width),
            "best": names[best],
            "from_best": difference,
            "from_best_lower": difference - half_width[best],
            "from_best_upper": difference + half_width[best],
        }
    )


def _oriented(score: str, values: Floats, level: float) -> Floats:
    """Turn a score into one that is better when higher: all but the AUC are best near a target."""
    if score.startswith("auc"):
        return values
    return -np.abs(values - (level if score == "coverage" else 0.0))
