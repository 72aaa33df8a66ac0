"""Plots of a fitted model: its coefficients, and the repeat spend that a BTYD model expects over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from clv_experiments.errors import ClvError
from clv_experiments.reporting.chart_style import (
    ACTUAL,
    PREDICTED,
    REFERENCE,
    TEXT_SIZE,
    FigureLabels,
    annotate_corner,
    create_figure,
    draw_legend,
    truncate,
)
from clv_experiments.reporting.symlog_scale import format_amount

MAX_ROWS = 20


def plot_estimates(table: pd.DataFrame, labels: FigureLabels) -> Figure:
    """Draw a table of `coefficients`: parameters on a log axis, slopes by one standard deviation, or importances.

    Shows the 20 largest with their 95 % intervals (importances: one standard deviation), where the table has them.
    Raises ClvError where the table lacks `name` or `estimate`.
    """
    missing = {"name", "estimate"} - set(table.columns)
    if missing:
        raise ClvError(f"the table of coefficients has no column {sorted(missing)}; expected that of coefficients()")
    if "standardised_estimate" in table:
        return _plot_standardised_slopes(table[table["name"] != "intercept"], labels)
    if "permutation_importance" in table:
        value, spread = table["permutation_importance"], table["permutation_sd"]
        figure, panel = _plot_estimates(
            "What the forecast relies on", labels, table["name"], value, value - spread, value + spread
        )
        panel.set_xlabel("score lost when shuffled (± 1 sd)", loc="right")
        return figure
    name = table["name"].astype(str) + (" (" + table["part"].astype(str) + ")" if "part" in table else "")
    none = pd.Series(np.nan, index=table.index)
    low, high = table.get("lower_95", none), table.get("upper_95", none)
    figure, panel = _plot_estimates("Fitted parameters", labels, name, table["estimate"], low, high, by_size=False)
    estimates = table["estimate"].dropna()
    if len(estimates) and (estimates > 0).all():
        _set_log_axis_and_limits(panel, estimates, low, high)
    text = "estimate and 95% interval" if low.notna().any() else "estimate"
    panel.set_xlabel(text, loc="right")
    return figure


def weekly_repeat_spend(daily: pd.DataFrame, estimator: Any) -> pd.DataFrame:
    """Sum actual repeat spend by week and set beside it what the fitted model expects of new customers as they age.

    The expectation is unconditional, as in Fader, Hardie and Lee (2005, figure 4): customers who first bought on day b
    have made E[X(t - b)] repeat purchases by day t, each worth the Gamma-Gamma population mean, or one purchase where
    the log has no amounts.

    Parameters
    ----------
    daily : pandas.DataFrame
        Index every day from the log's start to the end of the holdout; ``new_customers``, ``repeat_spend`` (currency).
    estimator : fitted BTYD estimator
        With ``expected_cumulative_purchases(days)`` and ``spend_``.

    Returns
    -------
    pandas.DataFrame
        ``week_end`` (last day of each whole week from the log's start), ``actual``, ``expected`` (currency that week).
    """
    purchases = estimator.expected_cumulative_purchases(np.arange(len(daily), dtype=float))
    expected = np.convolve(daily["new_customers"].to_numpy(dtype=float), purchases)[: len(daily)]
    value = estimator.spend_.mean_spend_ if estimator.spend_ else 1.0
    cumulative = pd.DataFrame(
        {"actual": daily["repeat_spend"].cumsum(), "expected": expected * value},
        index=daily.index,
    )
    weeks = cumulative.iloc[6::7].diff().fillna(cumulative.iloc[6::7])
    return weeks.rename_axis("week_end").reset_index()


def plot_weekly_repeat_spend(weekly: pd.DataFrame, cutoff: pd.Timestamp, labels: FigureLabels) -> Figure:
    """Draw actual and expected repeat spend by week, cumulative above and weekly below.

    `weekly` has one row a week in order: week_end (date), actual and expected (spend of that week). Raises ClvError
    where a column is missing or there is no week.
    """
    missing = {"week_end", "actual", "expected"} - set(weekly.columns)
    if missing or weekly.empty:
        raise ClvError(
            f"the weekly table has columns {list(weekly.columns)} and {len(weekly)} rows; "
            "expected week_end, actual and expected, one row a week"
        )
    figure, panels = create_figure(f"Repeat {labels.measure} over time", labels, heights=(1, 1))
    week, cutoff_day = date2num(weekly["week_end"]), float(date2num(cutoff))
    for panel, cumulated, text in zip(panels, (True, False), ("cumulative", "weekly"), strict=True):
        for column, colour, style in (("actual", ACTUAL, "-"), ("expected", PREDICTED, "--")):
            spend = weekly[column].to_numpy(dtype=float)
            spend = spend.cumsum() if cumulated else spend
            panel.plot(week, spend, color=colour, linewidth=2.5, linestyle=style, label=column)
        panel.axvline(cutoff_day, color=REFERENCE, linewidth=2)
        panel.yaxis.set_major_locator(MaxNLocator(4))
        panel.yaxis.set_major_formatter(format_amount)
        panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
        panel.set_ylabel(labels.amount_label(text))
    dates = AutoDateLocator(minticks=3, maxticks=6)
    panels[1].xaxis.set_major_locator(dates)
    panels[1].xaxis.set_major_formatter(ConciseDateFormatter(dates))
    panels[1].annotate(
        "cutoff", (cutoff_day, 0.9), xycoords=("data", "axes fraction"), xytext=(5, 0),
        textcoords="offset points", fontsize=TEXT_SIZE, color=REFERENCE, va="center",
    )  # fmt: skip
    draw_legend(panels[0], loc="upper left")
    return figure


def _plot_standardised_slopes(table: pd.DataFrame, labels: FigureLabels) -> Figure:
    """Draw slopes for one standard deviation of each feature, so that features of any unit compare."""
    value = table["standardised_estimate"]
    deviation = (value / table["estimate"].where(table["estimate"] != 0)).fillna(0.0)
    low, high = table["boot_lower_95"] * deviation, table["boot_upper_95"] * deviation
    figure, panel = _plot_estimates("What moves the forecast", labels, table["name"], value, low, high)
    interval = ", 95% interval" if low.notna().any() else ""
    panel.set_xlabel(labels.amount_label(f"spend per standard deviation{interval}"), loc="right")
    return figure


def _plot_estimates(
    title: str,
    labels: FigureLabels,
    name: pd.Series,
    value: pd.Series,
    low: pd.Series,
    high: pd.Series,
    by_size: bool = True,
) -> tuple[Figure, Axes]:
    """Draw one row a name, the largest on top, or in the order of the table; at most ``MAX_ROWS``."""
    order = value.astype(float).abs().sort_values(ascending=False, kind="stable").index if by_size else value.index
    top = order[:MAX_ROWS][::-1]
    selection = f" ({MAX_ROWS} of {len(name)})" if len(name) > MAX_ROWS else ""
    figure, (panel,) = create_figure(title + selection, labels)
    if not len(top):
        annotate_corner(panel, "this model has no coefficients")
        panel.set_axis_off()
        return figure, panel
    rows = np.arange(len(top))
    panel.axvline(0, color=REFERENCE, linewidth=2, linestyle="--")
    panel.hlines(rows, low[top], high[top], color=PREDICTED, linewidth=3.5, alpha=0.45)
    panel.plot(value[top], rows, "o", color=PREDICTED, markersize=8)
    panel.set_yticks(rows, [truncate(str(text), 30) for text in name[top]])
    panel.tick_params(axis="y", labelsize=TEXT_SIZE if len(rows) <= 14 else 11)
    panel.set_ylim(-0.6, len(rows) - 0.4)
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_major_formatter(format_amount)
    return figure, panel


def _set_log_axis_and_limits(panel: Axes, value: pd.Series, low: pd.Series, high: pd.Series) -> None:
    """Turn a panel of positive parameters to a log axis, cut where an interval runs a hundred times too far."""
    start, end = value.min(), value.max()
    panel.set_xscale("log")
    panel.set_xlim(max(start / 100, min(start, low.min()) / 1.5), min(end * 100, max(end, high.max()) * 1.5))
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if end < 1000 * start else (1.0,), numticks=6))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(format_amount)
