"""The section on next purchases: who is due, how many come back, and how far to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.decisions.next_purchase.backtest import reliability
from clv_experiments.decisions.next_purchase.board import ORDERED_BY, NextPurchaseBoard
from clv_experiments.decisions.next_purchase.outlook import LISTED, NextPurchaseOutlook
from clv_experiments.decisions.shop import Shop
from clv_experiments.reporting.chart_style import (
    GROUND,
    INK,
    QUIET,
    TEXT_SIZE,
    TEXT_STYLE,
    create_chart,
    family_style,
    ignore_missing_glyphs,
    printable,
    write_percents,
)
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import clean_name, format_day
from clv_experiments.reporting.prose import sentences

say = partial(sentences, "report/next_purchase.jinja")

RANGE = {"expected_lower": "from", "expected_upper": "to"}
SCORES = {"auc": "AUC", "brier": "Brier", "bias": "bias"}

HEIGHT = 4.5  # inches


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


def plot_reliability(table: pd.DataFrame, families: Mapping[str, str], subtitle: str) -> Figure:
    """Draw the share who bought against the predicted probability, a panel for each number of days.

    Parameters
    ----------
    table : pandas.DataFrame
        As ``reliability`` returns it.
    families : mapping of candidate to model family
        Those to draw, the first on top of the key.
    subtitle : str
    """
    checkpoints = list(table["within_days"].unique())
    table = table[table["contender"].isin(families)]
    with ignore_missing_glyphs():
        figure, panels = create_chart("Do as many buy as was predicted?", subtitle, HEIGHT, columns=len(checkpoints))
        top = min(1.0, 1.08 * float(table[["predicted", "actual_upper"]].to_numpy().max()))
        for panel, days in zip(panels, checkpoints, strict=True):
            panel.plot([0, top], [0, top], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
            for name, family in families.items():
                _plot_line(panel, table[(table["contender"] == name) & (table["within_days"] == days)], name, family)
            panel.set(xlim=(0, top), ylim=(0, top))
            panel.set_title(f"within {days} days", loc="left", **TEXT_STYLE)
            panel.set_xlabel("predicted probability")
            panel.xaxis.set_major_locator(MaxNLocator(2))
            write_percents(panel.xaxis, panel.yaxis)
        panels[0].set_ylabel("share who bought")
        _add_key(figure, panels[0])
    return figure


def _plot_line(panel: Axes, groups: pd.DataFrame, name: str, family: str) -> None:
    style = family_style(family)
    panel.errorbar(
        groups["predicted"], groups["actual"], yerr=_margins(groups, "actual"), color=style.colour,
        marker=style.marker, markersize=5, linewidth=1.4, elinewidth=1, label=printable(name, 18),
    )  # fmt: skip


def _margins(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return how far a column's interval extends below and above it, shape (2, n)."""
    ends = table[[f"{column}_lower", f"{column}_upper"]].to_numpy()
    return np.abs(ends.T - table[column].to_numpy())


def _add_key(figure: Figure, panel: Axes) -> None:
    """Name the lines in a row of their own, which the layout leaves free however long the names are."""
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1 - 1.05 / HEIGHT))  # type: ignore[union-attr, call-arg]
    position: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, 1 - 0.66 / HEIGHT), "ncols": 3}
    handles, names = panel.get_legend_handles_labels()
    legend = figure.legend(handles, names, fontsize=TEXT_SIZE, frameon=False, labelcolor=INK, **position)
    legend.set_in_layout(False)


def plot_weeks(weeks: Mapping[str, pd.DataFrame], family: str, subtitle: str) -> Figure:
    """Draw the customers expected back in each week after a cutoff and, where it is known, how many came.

    Parameters
    ----------
    weeks : mapping of title to pandas.DataFrame
        A panel each, as ``expected_by_week`` returns them; ``came`` is drawn where there is such a column.
    family : str
        Of the candidate that expects them.
    subtitle : str
    """
    with ignore_missing_glyphs():
        figure, panels = create_chart("Customers back, week by week", subtitle, 3.8, columns=len(weeks), share_x=False)
        for panel, (title, table) in zip(panels, weeks.items(), strict=True):
            week = np.arange(1, len(table) + 1)
            panel.bar(week, table["expected"], 0.7, color=family_style(family).colour, label="expected")
            panel.errorbar(
                week, table["expected"], yerr=_margins(table, "expected"), fmt="none", ecolor=INK, elinewidth=1
            )
            if "came" in table:
                panel.plot(
                    week, table["came"], linestyle="", marker="o", markersize=7, markerfacecolor=GROUND,
                    markeredgecolor=INK, markeredgewidth=1.6, label="came",
                )  # fmt: skip
                panel.legend(fontsize=TEXT_SIZE, frameon=False, labelcolor=INK, ncols=2)
            panel.set_title(title, loc="left", **TEXT_STYLE)
            panel.set_xlabel("week")
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel.grid(visible=False, axis="x")
        panels[0].set_ylabel("customers")
    return figure
