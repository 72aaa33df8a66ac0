"""The pictures of the business overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from clv_experiments.evaluation.checks import Floats
from clv_experiments.reporting.chart_style import (
    BAND,
    FAMILIES,
    INK,
    QUIET,
    TEXT_STYLE,
    create_chart,
    name_rows,
    printable,
)
from clv_experiments.reporting.figure_style import TEXT_SIZE, format_amount
from clv_experiments.reporting.formatting import format_difference

FIRST, SECOND = FAMILIES["btyd"].colour, FAMILIES["ml"].colour
DARKEST = 0.6  # opacity of the fullest cell of a heat map, on which ink still reads


def columns_by_month(title: str, parts: Mapping[str, pd.Series], whole: pd.Series, currency: str) -> Figure:
    """Draw one column a month, its parts on top of each other; months that are not whole are paler."""
    figure, (panel,) = create_chart(title, _subtitle(whole), 3.6)
    places, below = np.arange(len(whole)), np.zeros(len(whole))
    for (name, values), colour in zip(parts.items(), (FIRST, SECOND), strict=False):
        height = values.to_numpy(dtype=float)
        for kept, opacity in ((whole.to_numpy(), 1.0), (~whole.to_numpy(), 0.4)):
            label = name if len(parts) > 1 and opacity == 1 else None
            panel.bar(
                places[kept],
                height[kept],
                0.8,
                bottom=below[kept],
                color=colour,
                alpha=opacity,
                linewidth=0,
                label=label,
            )
        below = below + height
    if len(parts) > 1:
        _legend(panel)
    panel.set_ylabel(f"revenue ({printable(currency, 6)})", **TEXT_STYLE)
    panel.yaxis.set_major_formatter(FuncFormatter(format_amount))
    panel.grid(visible=False, axis="x")
    _name_months(panel, pd.PeriodIndex(whole.index))
    return figure


def lines_by_month(title: str, measures: Mapping[str, pd.Series], whole: pd.Series) -> Figure:
    """Draw up to three measures relative to their mean over the whole months; other months are left out."""
    figure, (panel,) = create_chart(title, "each relative to its mean month", 3.6)
    kept = whole.to_numpy() if whole.any() else np.full(len(whole), True)
    places = np.arange(len(whole))[kept]
    panel.axhline(1, color=QUIET, linewidth=1.5, linestyle="--")
    for (name, values), style in zip(measures.items(), (FAMILIES[f] for f in ("btyd", "ml", "hybrid")), strict=False):
        height = values.to_numpy(dtype=float)[kept]
        mean = np.nansum(height) / max(np.isfinite(height).sum(), 1)
        panel.plot(
            places, height / mean if mean > 0 else height, color=style.colour, marker=style.marker, markersize=5,
            linewidth=1.8, label=printable(name),
        )  # fmt: skip
    _legend(panel)
    panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.grid(visible=False, axis="x")
    _name_months(panel, pd.PeriodIndex(whole.index))
    return figure


def retention_map(retention: pd.DataFrame) -> Figure:
    """Draw the share of each cohort that bought in later months, the darker the more.

    Parameters
    ----------
    retention : pandas.DataFrame
        From ``retention.retention_of``.
    """
    shares = retention.drop(columns="customers").to_numpy(dtype=float)
    seen = ~np.isnan(shares).all(axis=0)
    width = int(np.flatnonzero(seen)[-1]) + 1
    most = max(float(np.nanmax(shares)), 1e-9)
    figure, (panel,) = create_chart(
        "Who comes back", "share of each cohort that bought, by months after the first purchase",
        1.5 + 0.27 * len(shares),
    )  # fmt: skip
    for row, values in enumerate(shares):
        place = len(shares) - 1 - row
        for later, value in enumerate(values[:width], start=1):
            if not np.isnan(value):
                cell = Rectangle((later - 0.48, place - 0.46), 0.96, 0.92, color=FIRST, alpha=DARKEST * value / most)
                panel.add_patch(cell)
                panel.text(later, place, f"{100 * value:.0f}", ha="center", va="center", fontsize=10, color=INK)
    name_rows(panel, [f"{cohort}  ({int(n):,})" for cohort, n in retention["customers"].items()])
    panel.grid(visible=False)
    panel.set_xlim(0.5, max(width, 6) + 0.5)
    panel.set_xticks(range(1, width + 1), [f"+{later}" for later in range(1, width + 1)])
    panel.set_xlabel("months after the first; % of the cohort's customers (their number in brackets)", **TEXT_STYLE)
    return figure


def lorenz_curve(customers: Floats, revenue: Floats, gini: float) -> Figure:
    """Draw the Lorenz curve over the diagonal of equal spend, thinned to what can be seen."""
    figure, (panel,) = create_chart("Share of revenue by share of customers", f"Gini coefficient {gini:.2f}", 4.2)
    kept = np.unique(np.linspace(0, len(customers) - 1, 300).astype(int))
    panel.fill_between(customers[kept], revenue[kept], customers[kept], color=BAND, linewidth=0)
    panel.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1.5)
    panel.plot(customers[kept], revenue[kept], color=FIRST, linewidth=2.2)
    panel.text(0.42, 0.47, "all spend the same", ha="right", fontsize=TEXT_SIZE, color=QUIET)
    lower = float(np.interp(0.9, customers, revenue))
    panel.plot([0.9], [lower], "o", color=SECOND, markersize=8)
    panel.annotate(
        f"top 10%: {1 - lower:.0%}", (0.9, lower), xytext=(-12, 0), textcoords="offset points", ha="right", va="center",
        **TEXT_STYLE,
    )  # fmt: skip
    panel.set_xlim(-0.03, 1.01)  # room between the two zeros
    panel.set_ylim(-0.03, 1.01)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.set_xlabel("customers, those who spend least first", **TEXT_STYLE)
    panel.set_ylabel("share of revenue", **TEXT_STYLE)
    return figure


def bars_by_name(title: str, names: Sequence[str], values: Sequence[float], currency: str) -> Figure:
    """Draw one bar a name with its share."""
    figure, (panel,) = create_chart(printable(title, 70), "share of revenue beside each bar", 1.6 + 0.3 * len(names))
    places, total = np.arange(len(names))[::-1], sum(values)
    panel.barh(places, values, 0.7, color=FIRST, linewidth=0)
    for place, value in zip(places, values, strict=True):
        panel.annotate(
            f"{value / total:.1%}" if total > 0 else "–", (max(value, 0.0), place), xytext=(5, 0),
            textcoords="offset points", va="center", **TEXT_STYLE,
        )  # fmt: skip
    name_rows(panel, [printable(name) for name in names])
    panel.set_xlim(min(0.0, *values) if values else 0.0, 1.14 * max(*values, 1e-9, 0.0))
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_major_formatter(FuncFormatter(format_amount))
    panel.set_xlabel(f"revenue ({printable(currency, 6)})", **TEXT_STYLE)
    return figure


def months_of_year(table: pd.DataFrame) -> Figure:
    """Draw the effect of each month of the year with its interval; filled where the interval excludes zero."""
    figure, (panel,) = create_chart(
        "Revenue by month of the year", "against the mean month, growth taken out; 95% intervals", 3.6
    )
    names = [str(name)[:3] for name in table["month_of_year"]]
    _intervals(panel, names, table["effect"], table["lower_95"], table["upper_95"], 0.0)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_difference(value, "{:+.0%}")))
    return figure


def weekdays(table: pd.DataFrame, order: str, even: float) -> Figure:
    """Draw the share of each day of the week with its interval; filled where the interval excludes an even share."""
    figure, (panel,) = create_chart(
        f"{order.capitalize()}s by day of the week",
        "dashed: an even week; 95% intervals" if table["lower"].notna().any() else "dashed: an even week",
        3.2,
    )
    names = [str(name)[:3] for name in table["weekday"]]
    lower, upper = table["lower"].fillna(table["order_share"]), table["upper"].fillna(table["order_share"])
    _intervals(panel, names, table["order_share"], lower, upper, even)
    panel.set_ylim(0, 1.08 * max(float(upper.max()), even))
    panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.set_ylabel(f"share of {order}s", **TEXT_STYLE)
    return figure


def _intervals(
    panel: Axes, names: Sequence[str], value: pd.Series, lower: pd.Series, upper: pd.Series, none: float
) -> None:
    """Draw a marker and its interval a name, over a line where there is no effect."""
    panel.axhline(none, color=QUIET, linewidth=1.5, linestyle="--")
    rows = zip(value, lower, upper, strict=True)
    for place, (middle, low, high) in enumerate(rows):
        clear = low > none or high < none
        panel.vlines(place, low, high, color=FIRST, linewidth=3, alpha=0.4)
        face = FIRST if clear else "none"
        panel.plot([place], [middle], "o", color=FIRST, markersize=8, markeredgewidth=1.8, markerfacecolor=face)
    panel.set_xticks(range(len(names)), names)
    panel.grid(visible=False, axis="x")


def _legend(panel: Axes) -> None:
    """Draw the legend above a panel."""
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "ncols": 3, "borderaxespad": 0.2}
    panel.legend(fontsize=TEXT_SIZE, frameon=False, labelcolor=INK, **place)


def _subtitle(whole: pd.Series) -> str:
    return f"{len(whole)} months" if whole.all() else "paler: months that the log does not hold whole"


def _name_months(panel: Axes, months: pd.PeriodIndex) -> None:
    """Write at most twelve months below a panel."""
    step = max(1, -(-len(months) // 12))
    places = np.arange(len(months))[::-step][::-1]
    panel.set_xticks(places, [months[place].strftime("%b\n%Y") for place in places])
    panel.set_xlim(-0.6, len(months) - 0.4)
