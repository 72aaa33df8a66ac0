"""The section on next purchases: how many are expected soon, and how far to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.decisions.next_purchase.backtest import build_reliability_table
from clv_experiments.decisions.next_purchase.outlook import NextPurchaseOutlook
from clv_experiments.reporting.chart_style import (
    BLUE,
    GREY,
    GROUND,
    INK,
    QUIET,
    TEXT_KWARGS,
    TEXT_SIZE,
    create_chart,
    draw_legend_above,
    family_style,
    format_percent_ticks,
    make_printable,
)
from clv_experiments.reporting.exhibit import WIDE, Exhibit, Section, invert_column_kinds
from clv_experiments.reporting.formatting import format_dates, format_day
from clv_experiments.reporting.section_template import SectionTemplate
from clv_experiments.reporting.symlog_scale import format_amount

TEMPLATE = SectionTemplate("report/next_purchase.jinja")
HEIGHT = 4.5  # inches


def next_purchase_section(outlook: NextPurchaseOutlook) -> Section:
    """Answer when customers buy next."""
    board = outlook.board
    checks = board.calibration(outlook.model_name)
    before = pd.DataFrame(checks)[["within_days", "expected", "bought"]]
    buyers = before.rename(columns={"expected": "expected_before", "bought": "bought_before"})
    buyers["expected_now"] = outlook.expected_buyers
    subtitle = f"after {format_day(outlook.previous_period.cutoff)}, and after {format_day(outlook.period.cutoff)}"
    draw = partial(draw_buyers, buyers, subtitle)
    answer = TEMPLATE.render_macro("outlook", outlook, checks[0])
    return TEMPLATE.build_section(
        "next_purchase",
        answer,
        [TEMPLATE.build_exhibit("next_purchase_buyers", TEMPLATE.render_macro("calibration", checks), buyers, draw)],
        TEMPLATE.render_macro("method", board),
        [build_candidate_board_exhibit(outlook), calibration_exhibit(outlook)],
    )


def draw_buyers(buyers: pd.DataFrame, subtitle: str, width: float) -> Figure:
    """Draw how many customers were expected to buy within some days, how many did, and how many are expected now."""
    figure, (panel,) = create_chart("Customers who buy within so many days", subtitle, 4.4, width=width)
    looks: dict[str, dict[str, Any]] = {
        "expected_before": {"facecolor": GROUND, "edgecolor": GREY, "linewidth": 1.6, "label": "expected then"},
        "bought_before": {"color": GREY, "label": "bought"},
        "expected_now": {"color": BLUE, "label": "expected now"},
    }
    y = np.arange(len(buyers))
    for position, (column, look) in enumerate(looks.items()):
        bars = panel.barh(y + 0.27 * (position - 1), buyers[column], 0.25, **look)
        panel.bar_label(bars, [f"{value:,.0f}" for value in buyers[column]], padding=3, **TEXT_KWARGS)
    panel.set_yticks(y, [f"{days} days" for days in buyers["within_days"]])
    panel.invert_yaxis()
    panel.margins(x=0.14)
    panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    panel.xaxis.set_major_formatter(format_amount)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel("customers")
    draw_legend_above(panel, ncols=3 if width == WIDE else 1)
    return figure


def calibration_exhibit(outlook: NextPurchaseOutlook) -> Exhibit:
    """Compare predicted with actual shares of buyers, of the candidate in use and the best of each other family."""
    board, name = outlook.board, outlook.model_name
    families = board.select_score()["family"].sort_index(key=lambda names: names != name, kind="stable")
    lines: dict[Any, str] = families.drop_duplicates().to_dict()
    table = build_reliability_table(board.backtest).sort_values(
        "contender", key=lambda names: names != name, kind="stable"
    )
    subtitle = f"tenths of the customers by probability, {format_dates(outlook.previous_period)}"
    return TEMPLATE.build_exhibit(
        "next_purchase_calibration",
        TEMPLATE.render_macro("accuracy", board, name),
        table,
        partial(draw_reliability, table, lines, subtitle),
        page_rows=10,
    )


def build_candidate_board_exhibit(outlook: NextPurchaseOutlook) -> Exhibit:
    """Show every score of every candidate; the page has no room for the Brier scores and all but one checkpoint."""
    board = outlook.board
    (*hidden_days, days), table = board.backtest.checkpoints, board.wide_table
    hidden = [f"{score}_{earlier}" for score in ("auc", "bias") for earlier in hidden_days]
    return TEMPLATE.build_exhibit(
        "next_purchase_leaderboard",
        [*TEMPLATE.render_macro("winner", board), *TEMPLATE.render_macro("in_use", board, outlook.model_name)],
        table,
        headings={f"auc_{days}": f"AUC, {days} days", f"bias_{days}": f"bias, {days} days"},
        kinds=invert_column_kinds(share=[f"bias_{days}"]),
        columns=[name for name in table.columns if not name.startswith(("family", "brier", *hidden))],
    )


def draw_reliability(table: pd.DataFrame, families: Mapping[str, str], subtitle: str, width: float) -> Figure:
    """Draw the share who bought against the predicted probability (``build_reliability_table``), a panel for each time.

    ``families`` maps the candidates to draw to their model family, in the order of the key.
    """
    checkpoints = list(table["within_days"].unique())
    table = table[table["contender"].isin(families)]
    across = (1, len(checkpoints)) if width == WIDE else (len(checkpoints), 1)
    height = HEIGHT if width == WIDE else 1.5 + 2.4 * len(checkpoints)
    figure, panels = create_chart("Do as many buy as was predicted?", subtitle, height, *across, width=width)
    top = min(1.0, 1.08 * float(table[["predicted", "actual_upper"]].to_numpy().max()))
    for panel, days in zip(panels, checkpoints, strict=True):
        panel.plot([0, top], [0, top], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        for name, family in families.items():
            groups = table[(table["contender"] == name) & (table["within_days"] == days)]
            style, ends = family_style(family), groups[["actual_lower", "actual_upper"]].to_numpy().T
            panel.errorbar(
                groups["predicted"], groups["actual"], yerr=np.abs(ends - groups["actual"].to_numpy()), markersize=5,
                color=style.colour, marker=style.marker, linewidth=1.4, elinewidth=1, label=make_printable(name, 18),
            )  # fmt: skip
        panel.set(xlim=(0, top), ylim=(0, top), xlabel="predicted probability")
        panel.set_title(f"within {days} days", loc="left", **TEXT_KWARGS)
        panel.xaxis.set_major_locator(MaxNLocator(2))
        format_percent_ticks(panel.xaxis, panel.yaxis)
    panels[0].set_ylabel("share who bought")
    handles, names = panels[0].get_legend_handles_labels()  # once for all panels, below them: names may be long
    columns = 3 if width == WIDE else 1
    figure.legend(
        handles, names, loc="outside lower left", ncols=columns, fontsize=TEXT_SIZE, frameon=False, labelcolor=INK
    )
    return figure
