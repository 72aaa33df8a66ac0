"""The section on next purchases: who is due, how many come back, and how far to believe it."""

from __future__ import annotations

from functools import partial

import pandas as pd

from clv_experiments.decisions.display.next_purchase_figures import plot_reliability, plot_weeks
from clv_experiments.decisions.next_purchase.backtest import reliability
from clv_experiments.decisions.next_purchase.board import ORDERED_BY, NextPurchaseBoard
from clv_experiments.decisions.next_purchase.outlook import LISTED, NextPurchaseOutlook
from clv_experiments.decisions.shop import Shop
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import clean_name, format_day
from clv_experiments.reporting.prose import sentences

say = partial(sentences, "report/next_purchase.jinja")

RANGE = {"expected_lower": "from", "expected_upper": "to"}
SCORES = {"auc": "AUC", "brier": "Brier", "bias": "bias"}


def next_purchase_section(outlook: NextPurchaseOutlook, shop: Shop) -> Section:
    """Answer when customers buy next.

    Parameters
    ----------
    outlook : NextPurchaseOutlook
    shop : Shop
    """
    board = outlook.board
    [question] = say("question")
    return Section(
        "next_purchase",
        question,
        [*say("outlook", outlook, board.calibration(outlook.candidate.name)[0]), say("winner", board)[0]],
        [due_exhibit(outlook, shop), weeks_exhibit(outlook), calibration_exhibit(outlook), board_exhibit(board)],
        say("method", board),
    )


def due_exhibit(outlook: NextPurchaseOutlook, shop: Shop) -> Exhibit:
    """List who is due, and what became of those chosen alike one period before."""
    due = outlook.due
    probability = f"p_within_{due.within_days}_days"
    return Exhibit(
        "next_purchase_due",
        f"Most likely to buy within {due.within_days} days",
        say("due", due, outlook.board, outlook.candidate.name, shop),
        due.table,
        {
            "customer_id": "customer",
            probability: f"P(buys within {due.within_days} days)",
            "next_purchase": "expected on",
            "next_purchase_low": "from",
            "next_purchase_high": "to",
            "expected_spend": "expected spend in the period",
            "days_since_last": "days since the last purchase",
        },
        {probability: "share", "expected_spend": "money", "days_since_last": "count"},
        shown=LISTED,
    )


def weeks_exhibit(outlook: NextPurchaseOutlook) -> Exhibit:
    """Show the customers expected back in each week of the coming period, and how the period before went."""
    weeks, previous, now = outlook.weeks, outlook.previous.cutoff, outlook.now.cutoff
    name = clean_name(outlook.candidate.name, 16)
    figure = plot_weeks(
        {f"after {format_day(previous)}": weeks.before, f"after {format_day(now)}": weeks.ahead},
        outlook.candidate.family,
        f"Each counts once, when first back. Expected by {name}; lines: 95 % by chance",
    )
    table = pd.concat([weeks.ahead.assign(cutoff=now), weeks.before.assign(cutoff=previous)])
    table["cutoff"] = pd.to_datetime(table["cutoff"])
    return Exhibit(
        "next_purchase_weeks",
        "Customers who come back, week by week",
        say("weeks", weeks, previous, now),
        table[["cutoff", *weeks.before.columns]],
        {"cutoff": "weeks after", "last_day": "up to day", **RANGE},
        dict.fromkeys(["expected", "expected_lower", "expected_upper", "came"], "count"),
        figure,
        shown=len(weeks.ahead),
    )


def calibration_exhibit(outlook: NextPurchaseOutlook) -> Exhibit:
    """Compare predicted with actual shares of buyers, of the candidate in use and the best of each other family."""
    board, name = outlook.board, outlook.candidate.name
    families = board.of()["family"]
    lines = {name: str(families[name])}
    for rival, family in families.items():
        if family not in lines.values():
            lines[str(rival)] = str(family)
    table = reliability(board.backtest).sort_values("contender", key=lambda names: names != name, kind="stable")
    subtitle = f"{outlook.previous}; tenths of the customers by probability, with 95 % intervals"
    return Exhibit(
        "next_purchase_calibration",
        "Do as many buy as was predicted?",
        [*say("calibration", name, board.calibration(name)), *say("accuracy", board, name)],
        table,
        {"contender": "candidate", "within_days": "within days", "actual_lower": "from", "actual_upper": "to"},
        dict.fromkeys(["predicted", "actual", "actual_lower", "actual_upper"], "share"),
        plot_reliability(table, lines, subtitle),
        shown=10,
    )


def board_exhibit(board: NextPurchaseBoard) -> Exhibit:
    """Show every score of every candidate; the page has no room for the Brier scores and all but one checkpoint."""
    *earlier, _ = board.backtest.checkpoints
    hidden = [f"{score}_{days}" for score in ("auc", "bias") for days in earlier]
    headings = {"contender": "candidate", "group": "place", ORDERED_BY: "integrated Brier"}
    headings |= {"from_best": "from the best", "from_best_lower": "from", "from_best_upper": "to"}
    headings |= {"date_error": "days off, median"}
    kinds: dict[str, Kind] = {"group": "count", "coverage": "share"}
    for days in board.backtest.checkpoints:
        headings |= {f"{score}_{days}": f"{heading}, {days} days" for score, heading in SCORES.items()}
        kinds[f"bias_{days}"] = "share"
    table = board.wide
    return Exhibit(
        "next_purchase_leaderboard",
        "Who predicts best when customers buy next",
        say("winner", board),
        table,
        headings,
        kinds,
        columns=[name for name in table.columns if not name.startswith(("family", "brier", *hidden))],
    )
