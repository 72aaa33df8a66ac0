"""The leaderboard of next purchases: every score with its interval, differences from the best, ties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.decisions.next_purchase.backtest import ORDERED_BY, Trial, resampled
from clv_experiments.evaluation.checks import Floats
from clv_experiments.leaderboard.standings import groups, simultaneous

CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Board:
    """Who tells best when customers buy next.

    Attributes
    ----------
    trial : Trial
    table : pandas.DataFrame
        One row a score and contender, contenders of each score best first. Columns: ``score`` (as ``resampled`` names
        it), ``contender``, ``family``, ``value``, ``lower``, ``upper`` (its interval), ``rank`` (equal scores share
        their mean rank), ``group`` (1 = tied with the best), ``best``, ``from_best``, ``from_best_lower``,
        ``from_best_upper``: difference in goodness, positive = better, with intervals that hold for all pairs at once.
    """

    trial: Trial
    table: pd.DataFrame

    def of(self, score: str = ORDERED_BY) -> pd.DataFrame:
        """Return the rows of one score indexed by contender, best first."""
        return self.table[self.table["score"] == score].set_index("contender")

    def row(self, score: str, contender: str) -> pd.Series:
        """Return the row of one score and contender."""
        return self.table[(self.table["score"] == score) & (self.table["contender"] == contender)].iloc[0]

    @property
    def wide(self) -> pd.DataFrame:
        """One row a contender, best first: place among ties, the score that orders and its difference, all others."""
        first = self.of()[["group", "family", "value", "from_best", "from_best_lower", "from_best_upper"]]
        others = {name: self.of(name)["value"] for name in self.table["score"].unique() if name != ORDERED_BY}
        return first.rename(columns={"value": ORDERED_BY}).assign(**others).reset_index()


def board(judged: Trial, replicates: int, seed: int, progress: Callable[[int, int], None] | None = None) -> Board:
    """Set all contenders beside each other.

    Parameters
    ----------
    judged : Trial
    replicates, seed : int
        Of the paired customer bootstrap.
    progress : callable, optional
        Is told (done, replicates).
    """
    found, drawn = resampled(judged, replicates, seed, progress)
    labels = np.array([told.name for told in judged.told], dtype=object)
    families = np.array([told.family for told in judged.told], dtype=object)
    frames = []
    for name, values in found.items():
        good = _goodness(name, judged.level)
        frame = _differences(labels, good(values), simultaneous(good(values), good(drawn[name]), CONFIDENCE))
        known = drawn[name][~np.isnan(drawn[name]).any(axis=1)]
        lower, upper = (
            np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
            if len(known)
            else (np.full((2, len(labels)), np.nan))
        )
        columns = {"score": name, "contender": labels, "family": families, "value": values}
        columns |= {"lower": lower, "upper": upper}
        frames.append(pd.DataFrame(columns).join(frame).sort_values(["rank", "contender"], kind="stable"))
    return Board(judged, pd.concat(frames, ignore_index=True))


def _goodness(score: str, level: float) -> Callable[[Floats], Floats]:
    """Return what turns a score into something that is better when higher."""
    if score.startswith("auc"):
        return np.positive
    target = level if score == "coverage" else 0.0
    return lambda values: -np.abs(values - target)


def _differences(labels: np.ndarray, goodness: Floats, reach: Floats) -> pd.DataFrame:
    best = int(np.argmax(np.where(np.isnan(goodness), -np.inf, goodness)))
    difference = goodness - goodness[best]
    return pd.DataFrame(
        {
            "rank": pd.Series(-goodness).rank().to_numpy(),
            "group": groups(goodness, reach),
            "best": labels[best],
            "from_best": difference,
            "from_best_lower": difference - reach[best],
            "from_best_upper": difference + reach[best],
        }
    )
