"""The picture of what goes with spend: each link with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from clv_experiments.reporting.chart_style import FAMILIES, QUIET, TEXT_STYLE, create_chart, name_rows, printable
from clv_experiments.reporting.formatting import format_difference

# Factors of spend that an axis names, by the largest factor between its ends.
FACTORS = {
    2.0: tuple(round(0.5 + 0.1 * step, 1) for step in range(14)),
    20.0: (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0),
    np.inf: (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
}


def picture_of_links(table: pd.DataFrame, subtitle: str) -> Figure:
    """Draw the effect of one more step of each feature on a log axis, filled where it is claimed.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``drivers_section.compared``, without features that were left out.
    subtitle : str
        What was fitted on.
    """
    figure, (panel,) = create_chart("What goes with spend", printable(subtitle, 90), 1.8 + 0.5 * len(table))
    colour = FAMILIES["btyd"].colour
    panel.axvline(0, color=QUIET, linewidth=1.5, linestyle="--")
    for place, row in zip(np.arange(len(table))[::-1], table.to_dict("records"), strict=True):
        middle, low, high = np.log1p([row["effect"], row["lower_95"], row["upper_95"]])
        claimed = row["claim"] in ("more", "less")
        panel.hlines(place, low, high, color=colour if claimed else QUIET, linewidth=3, alpha=0.5)
        panel.plot(
            [middle], [place], "o", color=colour if claimed else QUIET, markersize=9, markeredgewidth=1.8,
            markerfacecolor=colour if claimed else "none",
        )  # fmt: skip
    name_rows(panel, [printable(row, 42) for row in table["step"]])
    low, high = panel.get_xlim()
    factors = next(named for most, named in FACTORS.items() if high - low <= np.log(most))
    panel.xaxis.set_major_locator(FixedLocator([x for x in np.log(factors) if low <= x <= high]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: format_difference(float(np.expm1(value)), "{:+.0%}"))
    )
    panel.set_xlabel("difference in spend, all else equal; 95% interval; filled = claimed", loc="right", **TEXT_STYLE)
    return figure
