"""The section on next purchases: how many are expected soon, and how far to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.decisions.next_purchase.backtest import reliability
from clv_experiments.decisions.next_purchase.outlook import NextPurchaseOutlook
from clv_experiments.reporting.chart_style import (
    INK,
    QUIET,
    TEXT_SIZE,
    TEXT_STYLE,
    create_chart,
    family_style,
    printable,
    write_percents,
)
from clv_experiments.reporting.exhibit import Exhibit, Section, column_kinds
from clv_experiments.reporting.section_template import SectionTemplate

TEMPLATE = SectionTemplate(
    "report/next_purchase.jinja",
    column_kinds(share=["predicted", "actual", "actual_lower", "actual_upper", "coverage"], count=["group"]),
)
SCORES = {"auc": "AUC", "brier": "Brier", "bias": "bias"}
HEIGHT = 4.5  # inches


def next_purchase_section(outlook: NextPurchaseOutlook) -> Section:
    """Answer when customers buy next."""
    board = outlook.board
    calibration = board.calibration(outlook.candidate.name)
    return TEMPLATE.section(
        "next_purchase",
        [*TEMPLATE.render("outlook", outlook, calibration[0]), TEMPLATE.render("winner", board)[0]],
        [calibration_exhibit(outlook), board_exhibit(outlook)],
        TEMPLATE.render("method", board),
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
    return TEMPLATE.exhibit(
        "next_purchase_calibration",
        [*TEMPLATE.render("calibration", name, board.calibration(name)), *TEMPLATE.render("accuracy", board, name)],
        table,
        plot_reliability(table, lines, subtitle),
        page_rows=10,
    )


def board_exhibit(outlook: NextPurchaseOutlook) -> Exhibit:
    """Show every score of every candidate; the page has no room for the Brier scores and all but one checkpoint."""
    board = outlook.board
    checkpoints, table = board.backtest.checkpoints, board.wide
    hidden = [f"{score}_{days}" for score in ("auc", "bias") for days in checkpoints[:-1]]
    scores = {f"{score}_{days}": f"{name}, {days} days" for days in checkpoints for score, name in SCORES.items()}
    return TEMPLATE.exhibit(
        "next_purchase_leaderboard",
        [*TEMPLATE.render("winner", board), *TEMPLATE.render("in_use", board, outlook.candidate.name)],
        table,
        headings=scores,
        kinds=column_kinds(share=[f"bias_{days}" for days in checkpoints]),
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
    figure, panels = create_chart("Do as many buy as was predicted?", subtitle, HEIGHT, columns=len(checkpoints))
    top = min(1.0, 1.08 * float(table[["predicted", "actual_upper"]].to_numpy().max()))
    for panel, days in zip(panels, checkpoints, strict=True):
        panel.plot([0, top], [0, top], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        for name, family in families.items():
            groups = table[(table["contender"] == name) & (table["within_days"] == days)]
            style, ends = family_style(family), groups[["actual_lower", "actual_upper"]].to_numpy().T
            panel.errorbar(
                groups["predicted"], groups["actual"], yerr=np.abs(ends - groups["actual"].to_numpy()), markersize=5,
                color=style.colour, marker=style.marker, linewidth=1.4, elinewidth=1, label=printable(name, 18),
            )  # fmt: skip
        panel.set(xlim=(0, top), ylim=(0, top), xlabel="predicted probability")
        panel.set_title(f"within {days} days", loc="left", **TEXT_STYLE)
        panel.xaxis.set_major_locator(MaxNLocator(2))
        write_percents(panel.xaxis, panel.yaxis)
    panels[0].set_ylabel("share who bought")
    _add_key(figure, panels[0])
    return figure


def _add_key(figure: Figure, panel: Axes) -> None:
    """Name the lines in a row of their own, which the layout leaves free however long the names are."""
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1 - 1.05 / HEIGHT))  # type: ignore[union-attr, call-arg]
    position: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, 1 - 0.66 / HEIGHT), "ncols": 3}
    handles, names = panel.get_legend_handles_labels()
    legend = figure.legend(handles, names, fontsize=TEXT_SIZE, frameon=False, labelcolor=INK, **position)
    legend.set_in_layout(False)
