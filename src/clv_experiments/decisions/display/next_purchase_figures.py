"""Pictures of next purchases: promised against actual shares of buyers, and customers who come back week by week."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, PercentFormatter

from clv_experiments.reporting.chart_style import (
    GROUND,
    INK,
    QUIET,
    TEXT_STYLE,
    create_chart,
    family_style,
    ignore_missing_glyphs,
    printable,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 4.5  # inches


def reliability_picture(table: pd.DataFrame, families: dict[str, str], subtitle: str) -> Figure:
    """Draw the share who bought against the probability told, a panel for each number of days.

    Parameters
    ----------
    table : pandas.DataFrame
        As ``reliability`` returns it.
    families : dict of contender to model family
        Those to draw, best first.
    subtitle : str
    """
    marks = list(table["within_days"].unique())
    table = table[table["contender"].isin(families)]
    with ignore_missing_glyphs():
        figure, panels = create_chart(
            "Do as many buy as was promised?", printable(subtitle, 90), HEIGHT, columns=len(marks)
        )
        top = min(1.0, 1.08 * float(table[["predicted", "actual_upper"]].to_numpy().max()))
        for panel, mark in zip(panels, marks, strict=True):
            panel.plot([0, top], [0, top], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
            for name, family in families.items():
                _line(panel, table[(table["contender"] == name) & (table["within_days"] == mark)], name, family)
            panel.set(xlim=(0, top), ylim=(0, top))
            panel.set_title(f"within {mark} days", loc="left", **TEXT_STYLE)
            panel.set_xlabel("probability told", **TEXT_STYLE)
            panel.xaxis.set_major_locator(MaxNLocator(2))
            panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panels[0].set_ylabel("share who bought", **TEXT_STYLE)
        _key(figure, panels[0])
    return figure


def _key(figure: Figure, panel: Axes) -> None:
    """Name the lines in a row of their own, which the layout leaves free however long the names are."""
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1 - 1.05 / HEIGHT))  # type: ignore[union-attr, call-arg]
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, 1 - 0.66 / HEIGHT), "ncols": 3}
    handles, names = panel.get_legend_handles_labels()
    legend = figure.legend(handles, names, fontsize=TEXT_STYLE["fontsize"], frameon=False, labelcolor=INK, **place)
    legend.set_in_layout(False)


def _line(panel: Axes, groups: pd.DataFrame, name: str, family: str) -> None:
    x, y = groups["predicted"].to_numpy(), groups["actual"].to_numpy()
    reach = np.abs(groups[["actual_lower", "actual_upper"]].to_numpy().T - y)
    style = family_style(family)
    panel.errorbar(
        x, y, yerr=reach, color=style.colour, marker=style.marker, markersize=5, linewidth=1.4, elinewidth=1,
        label=printable(name, 18),
    )  # fmt: skip


def weeks_picture(panels_of: Sequence[tuple[str, pd.DataFrame]], family: str, subtitle: str) -> Figure:
    """Draw the customers expected back in each week after a cutoff and, where it is known, how many came.

    Parameters
    ----------
    panels_of : sequence of (title, weeks)
        Weeks as ``by_week`` returns them; ``came`` is drawn where there is such a column.
    family : str
        Of the contender that expects them.
    subtitle : str
        Its names as pictures can show them.
    """
    style = family_style(family)
    with ignore_missing_glyphs():
        figure, panels = create_chart(
            "Customers back, week by week", subtitle, 3.8, columns=len(panels_of), share_x=False
        )
        for panel, (title, weeks) in zip(panels, panels_of, strict=True):
            week = np.arange(1, len(weeks) + 1)
            middle = weeks["expected"].to_numpy()
            reach = np.abs(weeks[["expected_lower", "expected_upper"]].to_numpy().T - middle)
            panel.bar(week, middle, 0.7, color=style.colour, label="expected")
            panel.errorbar(week, middle, yerr=reach, fmt="none", ecolor=INK, elinewidth=1)
            if "came" in weeks:
                panel.plot(
                    week, weeks["came"], linestyle="", marker="o", markersize=7, markerfacecolor=GROUND,
                    markeredgecolor=INK, markeredgewidth=1.6, label="came",
                )  # fmt: skip
                panel.legend(fontsize=TEXT_STYLE["fontsize"], frameon=False, labelcolor=INK, ncols=2)
            panel.set_title(title, loc="left", **TEXT_STYLE)
            panel.set_xlabel("week", **TEXT_STYLE)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel.grid(visible=False, axis="x")
        panels[0].set_ylabel("customers", **TEXT_STYLE)
    return figure
