"""How well probabilities and dates of next purchases fit what came, under any counts of the customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from clv_experiments.decisions.next_purchase.candidates import Contender
from clv_experiments.decisions.next_purchase.dates import waiting_days
from clv_experiments.evaluation.checks import Floats

MARKS = (30, 60, 90)  # days, as shops ask
STEPS = 30  # of the horizon over which the Brier score is averaged
CHUNK = 1_000_000  # resampled customers that are counted at a time
ORDERED_BY = "integrated_brier"


@dataclass(frozen=True, eq=False)
class Told:
    """What one contender said of each customer, in the order of the waits it is judged by.

    Attributes
    ----------
    name, family : str
    probabilities : array, shape (n, days)
        P(a purchase comes within each of the days).
    expected, low, high : array, shape (n,)
        Median and interval of the wait in days, given that it ends within the period.
    """

    name: str
    family: str
    probabilities: Floats
    expected: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class Trial:
    """All contenders before the same customers and the same period, which is over.

    Attributes
    ----------
    waited : pandas.Series
        Days from the cutoff to the next purchase, nan where there was none in the period; indexed by customer_id.
    days : array of int
        Days at which the contenders were asked; the last is the period's.
    marks : list of int
        Those of 30, 60 and 90 that the period holds; its length where it holds none.
    told : list of Told
    level : float
        Of the intervals of the dates.
    """

    waited: pd.Series
    days: np.ndarray
    marks: list[int]
    told: list[Told]
    level: float

    def of(self, name: str) -> Told:
        """Return what one contender said."""
        return next(told for told in self.told if told.name == name)

    def within(self, told: Told, days: int) -> Floats:
        """Return the probability of a purchase within some of the days, shape (n,)."""
        return told.probabilities[:, np.searchsorted(self.days, days)]

    def bought(self, days: int) -> np.ndarray:
        """Return whether each customer bought within so many days, shape (n,)."""
        return (self.waited <= days).to_numpy()


def trial(fitted: Sequence[Contender], waited: pd.Series, horizon_days: int, level: float) -> Trial:
    """Ask all contenders about the customers whose waits are known.

    Parameters
    ----------
    fitted : sequence of Contender
    waited : pandas.Series
        Indexed as every contender's ``X``.
    horizon_days : int
        Of the period.
    level : float
        Of the intervals of the dates, such as 0.8.
    """
    marks = [mark for mark in MARKS if mark <= horizon_days] or [horizon_days]
    steps = np.linspace(horizon_days / STEPS, horizon_days, STEPS).round().clip(1).astype(int)
    days = np.unique([*steps, *marks])
    told = []
    for one in fitted:
        probabilities = one.estimator.purchase_probabilities(one.X.loc[waited.index], days)
        dates = waiting_days(probabilities, days, np.array([0.5, (1 - level) / 2, (1 + level) / 2]))
        told.append(Told(one.name, one.family, probabilities, *dates.T))
    return Trial(waited, days, marks, told, level)


def resampled(
    judged: Trial, replicates: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Score all contenders on the customers as they are, and on customers drawn with replacement, the same for all.

    Returns
    -------
    found : dict of score to array, shape (contenders,)
        ``integrated_brier`` (mean squared error of the probability, over customers and over the days of the period),
        ``brier_30``, ``auc_30``, ``bias_30`` (mean probability less the share who bought) and so on for each mark,
        ``date_error`` (median absolute error of the expected day among those who bought, in days) and ``coverage``
        (share of those whose day the interval held). nan where nobody bought, or for ``auc`` everybody.
    drawn : dict of score to array, shape (replicates, contenders)
    """
    scorers = dict(_scorers(judged))
    n = len(judged.waited)
    found = {name: scorer(np.ones((n, 1)))[0] for name, scorer in scorers.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in scorers}
    rng, size = np.random.default_rng(seed), max(1, CHUNK // n)
    for start in range(0, replicates, size):
        width = min(size, replicates - start)
        counts = np.ascontiguousarray(rng.multinomial(n, np.full(n, 1 / n), width).T, dtype=float)
        for name, scorer in scorers.items():
            drawn[name].append(scorer(counts))
        if progress:
            progress(start + width, replicates)
    return found, {name: np.concatenate(chunks) for name, chunks in drawn.items()}


Scorer = Callable[[Floats], Floats]  # counts of the customers (n, replicates) to scores (replicates, contenders)


def _scorers(judged: Trial) -> Iterator[tuple[str, Scorer]]:
    waited = judged.waited.to_numpy()
    everyone, buyers = np.ones(len(waited)), (~np.isnan(waited)).astype(float)
    came = waited[:, None] <= judged.days
    yield ORDERED_BY, _mean([((t.probabilities - came) ** 2).mean(axis=1) for t in judged.told], everyone)
    for mark in judged.marks:
        bought = judged.bought(mark)
        within = [judged.within(told, mark) for told in judged.told]
        yield f"brier_{mark}", _mean([(p - bought) ** 2 for p in within], everyone)
        yield f"auc_{mark}", _auc(within, bought)
        yield f"bias_{mark}", _mean([p - bought for p in within], everyone)
    who = np.flatnonzero(buyers)
    yield "date_error", _median([np.abs(told.expected - waited)[who] for told in judged.told], who)
    held = [(told.low <= waited) & (waited <= told.high) for told in judged.told]
    yield "coverage", _mean([one.astype(float) for one in held], buyers)


def _mean(values: Sequence[Floats], among: Floats) -> Scorer:
    columns = np.column_stack(values)

    def score(counts: Floats) -> Floats:
        weights = (counts * among[:, None]).T
        total = weights.sum(axis=1, keepdims=True)
        return np.where(total > 0, weights @ columns / np.maximum(total, 1), np.nan)

    return score


def _auc(chances: Sequence[Floats], bought: np.ndarray) -> Scorer:
    """Rank a buyer above another: ties count half (Mann and Whitney 1947)."""
    ladders = [_Ladder(chance, bought) for chance in chances]

    def score(counts: Floats) -> Floats:
        buyers = counts[bought].sum(axis=0)
        pairs = (buyers * (counts.sum(axis=0) - buyers))[:, None]
        won = np.column_stack([ladder.won(counts) for ladder in ladders])
        return np.where(pairs > 0, won / np.maximum(pairs, 1), np.nan)

    return score


class _Ladder:
    """Customers by probability, laid out so that pairs won under any counts are sums of segments.

    Only the steps on which buyers stand matter; the others are summed between them.
    """

    def __init__(self, chance: Floats, bought: np.ndarray) -> None:
        step = np.unique(chance, return_inverse=True)[1]
        wanted = np.unique(step[bought])
        # Rows alternate: who stands below a wanted step, who stands on it; beyond the last of them nobody loses.
        row = 2 * np.searchsorted(wanted, step) + np.isin(step, wanted)
        self.others = self._sums(np.flatnonzero(~bought & (step <= step[bought].max(initial=-1))), row, 2 * len(wanted))
        self.buyers = self._sums(np.flatnonzero(bought), row // 2, len(wanted))

    @staticmethod
    def _sums(who: np.ndarray, row: np.ndarray, rows: int) -> Any:
        return csr_array((np.ones(len(who)), (row[who], who)), shape=(rows, len(row)))

    def won(self, counts: Floats) -> Floats:
        """Count the pairs in which the buyer stands higher, shape (replicates,)."""
        others = self.others @ counts
        below = np.cumsum(others, axis=0)[0::2] + others[1::2] / 2
        return ((self.buyers @ counts) * below).sum(axis=0)


def _median(values: Sequence[Floats], who: np.ndarray) -> Scorer:
    """Find the lower median of some customers' values."""
    orders = [np.argsort(value, kind="stable") for value in values]

    def score(counts: Floats) -> Floats:
        if not len(who):
            return np.full((counts.shape[1], len(values)), np.nan)
        columns = []
        for value, order in zip(values, orders, strict=True):
            risen = np.cumsum(counts[who[order]], axis=0)
            columns.append(np.where(risen[-1] > 0, value[order][(risen >= risen[-1] / 2).argmax(axis=0)], np.nan))
        return np.column_stack(columns)

    return score
