"""When do customers buy next: who tells it best, how well, and who is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from clv_experiments.decisions.next_purchase.backtest import ORDERED_BY, trial
from clv_experiments.decisions.next_purchase.board import Board, board
from clv_experiments.decisions.next_purchase.calibration import calibration_exhibit
from clv_experiments.decisions.next_purchase.candidates import contenders
from clv_experiments.decisions.next_purchase.outlook import due_customers, due_exhibit
from clv_experiments.decisions.next_purchase.sentences import coming, winner
from clv_experiments.decisions.next_purchase.weekly import weeks_exhibit
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecaster import Forecaster, Model
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import format_count, format_share, join_names

Progress = Callable[[int, int], None]


def next_purchase_section(
    now: Snapshot,
    previous: Snapshot,
    forecaster: Forecaster,
    btyd: Sequence[Model],
    hazard_features: FeatureSet,
    shop: Shop,
    seed: int,
    replicates: int,
    progress: Progress | None = None,
) -> Section:
    """Judge all who can tell of next purchases on the period that is over, and let the best name who is due.

    The BTYD model behind a report's other dates names them, so that dates agree, whoever tells best.

    Parameters
    ----------
    now, previous : Snapshot
        The coming period, and the one before it, which is over.
    forecaster : Forecaster
    btyd : sequence of Model
    hazard_features : FeatureSet
        What the hazard is told of each customer.
    shop : Shop
    seed, replicates : int
        Of the bootstrap, the seed also of the hazard.
    progress : callable, optional
        Is told (done, replicates).

    Raises
    ------
    ClvError
        If ``previous`` is not over.
    """
    ranking = next_purchase_board(
        previous, forecaster, btyd, hazard_features, shop.interval, seed, replicates, progress
    )
    teller = now.btyd_name  # as of every other date in a report
    [due] = contenders(forecaster, now, btyd, hazard_features, seed, only=teller)
    mark = ranking.trial.marks[0]
    expected = due.estimator.purchase_probabilities(due.X, np.array([mark])).sum()
    words = winner(ranking)
    return Section(
        "next_purchase",
        "When do customers buy next?",
        [coming(ranking.trial, teller, expected, len(now.table), now.period.cutoff), words[0]],
        [
            due_exhibit(due_customers(now, due, shop, mark), ranking, due, shop),
            weeks_exhibit(ranking.trial, due, now, previous),
            calibration_exhibit(ranking, teller, str(previous.period)),
            _scores(ranking, words),
        ],
        _method(ranking, shop.interval),
    )


def next_purchase_board(
    previous: Snapshot,
    forecaster: Forecaster,
    btyd: Sequence[Model],
    hazard_features: FeatureSet,
    level: float,
    seed: int,
    replicates: int,
    progress: Progress | None = None,
) -> Board:
    """Set all who can tell of next purchases beside each other, on a period that is over.

    Parameters
    ----------
    level : float
        Of the intervals of the dates.

    Returns
    -------
    Board
        Its ``table`` holds every score of every contender, its ``wide`` one row a contender.

    Raises
    ------
    ClvError
        If the period is not over.
    """
    if not previous.is_over:
        raise ClvError(f"next purchases are judged on a period that is over, got the coming one, {previous.period}")
    fitted = contenders(forecaster, previous, btyd, hazard_features, seed)
    judged = trial(fitted, previous.table["days_to_purchase"], previous.period.days, level)
    return board(judged, replicates, seed, progress)


def _scores(ranking: Board, words: Sequence[str]) -> Exhibit:
    table = ranking.wide
    columns = list(table.columns[7:])
    kinds: dict[str, Kind] = {name: "share" for name in columns if name.startswith("bias") or name == "coverage"}
    names = {"auc": "AUC", "brier": "Brier", "bias": "bias"}
    headings = {"group": "place", ORDERED_BY: "integrated Brier", "from_best": "from the best"}
    headings |= {"from_best_lower": "from", "from_best_upper": "to", "date_error": "days off, median"}
    for name in columns[:-2]:
        what, mark = name.split("_")
        headings[name] = f"{names[what]}, {mark} days"
    return Exhibit(
        "next_purchase_leaderboard",
        "Who tells best when customers buy next",
        words,
        table,
        headings,
        {**kinds, "group": "count"},
        columns=[name for name in table.columns if not name.startswith(("family", "brier", *_middle(columns)))],
    )


def _middle(columns: Sequence[str]) -> list[str]:
    """Name the scores at all but the last number of days: the table of the page has no room for them."""
    marks = sorted({int(name.split("_")[1]) for name in columns[:-2]})
    return [f"{what}_{mark}" for what in ("auc", "bias") for mark in marks[:-1]]


def _method(ranking: Board, level: float) -> list[str]:
    judged = ranking.trial
    rules = [told.name for told in judged.told if told.family == "baseline"]
    return [
        f"All {len(judged.told)} contenders were fitted on what was known at the cutoff and asked about the same "
        f"{format_count(len(judged.waited), 'customer')}: how probable is a purchase within each number of days? "
        "They are "
        "ordered by the integrated Brier score, the mean squared error of that probability over customers and days; 0 "
        "is perfect. AUC is the chance that a buyer ranks above another customer (50% is chance); bias is the mean "
        "probability less the share who bought. Differences carry 95% intervals that hold for all pairs at once; "
        "where one covers zero, contenders share a place.",
        f"Rules of thumb among them: {join_names(rules)}. 'Own rhythm' lets each customer go on as often as so far; "
        "'equally recent' gives the share who bought among earlier customers equally long away, 'everyone alike' that "
        "among all.",
        f"An expected date is the median day, given that a purchase comes in time at all; its range is meant to hold "
        f"{format_share(level)} of the days. The models know no season, so that before a busy season they expect "
        "too few, and "
        "after it too many.",
    ]
