"""Figures of next purchases: predicted against actual shares of buyers, and customers who come back week by week."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

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

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 4.5  # inches


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
