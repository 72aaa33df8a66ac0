"""The picture of what sets those who stayed away apart from those who came."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.decisions.missed.traits import TRAITS
from clv_experiments.reporting.chart_style import (
    FAMILIES,
    GROUND,
    QUIET,
    TEXT_STYLE,
    create_chart,
    name_rows,
    printable,
)


def difference_plot(table: pd.DataFrame, subtitle: str) -> Figure:
    """Draw each difference with its interval; those that exclude zero are filled.

    Parameters
    ----------
    table : pandas.DataFrame
        As of ``differences``.
    subtitle : str
    """
    height = 1.7 + 0.34 * len(table)
    figure, (panel,) = create_chart("What sets those who stayed away apart", printable(subtitle, 84), height)
    panel.axvline(0, color=QUIET, linewidth=1.2)
    for place, row in enumerate(table.to_dict("records")):
        y = len(table) - 1 - place
        colour = FAMILIES["ml"].colour if row["apart"] else QUIET
        inside = colour if row["apart"] else GROUND
        panel.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2.2, solid_capstyle="round")
        panel.plot(row["difference"], y, "o", color=colour, markersize=8, markerfacecolor=inside)
    name_rows(panel, [TRAITS[name].heading for name in table["trait"]])
    panel.set_xlabel("less  ←  difference in standard deviations  →  more", **TEXT_STYLE)
    return figure
