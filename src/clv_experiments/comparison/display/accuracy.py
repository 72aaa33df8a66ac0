"""The accuracy benchmark as Markdown with its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.comparison.accuracy import METRICS
from clv_experiments.comparison.bootstrap import METRICS as BOARD_METRICS
from clv_experiments.reporting.chart_style import (
    BLUE,
    REFERENCE_LINE,
    TEXT_KWARGS,
    TEXT_SIZE,
    axis_span_without_outliers,
    create_chart,
    draw_marker,
    label_rows,
    make_printable,
)
from clv_experiments.reporting.formatting import format_difference, format_score
from clv_experiments.reporting.prose import render_document

PLOTTED_METRICS = {"normalised_gini": "Gini", "d2_tweedie": "D2", "aggregate_bias": "size of the bias"}
FORMS = {name: BOARD_METRICS[name].number_format for name in METRICS}
SIZE_FORM = "{:.1%}"  # of a bias without its sign


@dataclass(frozen=True)
class BenchmarkedLog:
    """One log of the benchmark.

    Attributes
    ----------
    rows : pandas.DataFrame
        From ``compare_with_first_model``.
    holdouts : sequence of str
        Oldest first.
    customers : sequence of int
        At each cutoff.
    excluded_runs : sequence of str
        One sentence a tool.
    """

    rows: pd.DataFrame
    holdouts: Sequence[str]
    customers: Sequence[int]
    excluded_runs: Sequence[str]


def render_accuracy_page(
    logs: Sequence[BenchmarkedLog], descriptions: Mapping[str, str], command: str, time_budget: float, figure: str
) -> str:
    """Write the page.

    Parameters
    ----------
    logs : sequence of BenchmarkedLog
    descriptions : mapping of tool to sentence
    command : str
        What was typed.
    time_budget : float
        Seconds that a search had at each origin.
    figure : str
        Path of the picture as the page links it.
    """
    tables = [(log, _format_table_rows(log.rows)) for log in logs]
    return render_document(
        "benchmark/accuracy.md.jinja", tables=tables, descriptions=descriptions, command=command,
        time_budget=time_budget, figure=figure, reference=logs[0].rows["model"].iloc[0],
    )  # fmt: skip


def _format_table_rows(rows: pd.DataFrame) -> list[list[str]]:
    """Write one row a model: its scores with their differences from the first, the bias with and without its sign."""
    table_rows = []
    for model in rows["model"].unique():
        row = rows[rows["model"] == model].set_index("metric")
        cells = [model]
        for metric in METRICS:
            score, sign, form = row.loc[metric], 1.0, FORMS[metric]
            cells.append(format_score(score["score"], form))
            if metric == "aggregate_bias":
                sign, form = -1.0, SIZE_FORM
                cells.append(format_score(abs(score["oriented"]), form))
            cells.append(_format_difference_with_interval(score, sign, form))
        table_rows.append([*cells, f"{row['seconds'].iloc[0]:.0f}"])
    return table_rows


def _format_difference_with_interval(row: pd.Series, sign: float, number_format: str) -> str:
    """Write a difference with its interval; a sign of -1 turns "higher is better" back."""
    if row["difference"] == row["lower"] == row["upper"] == 0:
        return ""
    low, high = sorted(sign * row[side] for side in ("lower", "upper"))
    ends = " to ".join(format_difference(end, number_format) for end in (low, high))
    return f"{format_difference(sign * row['difference'], number_format)} ({ends})"


def plot_accuracy_differences(logs: Sequence[BenchmarkedLog]) -> Figure:
    """Draw each tool's difference from the default by log and score, with its paired interval.

    An axis ends where a tool far behind would squash the others; an arrow stands for what lies beyond.
    """
    reference = logs[0].rows["model"].iloc[0]
    names = list(dict.fromkeys(model for log in logs for model in log.rows["model"] if model != reference))
    figure, panels = create_chart(
        f"Other tools beside {reference}: left of the line is worse",
        "paired 95 % intervals; filled = leaves out zero; arrow = further than drawn",
        1.3 + len(logs) * (0.75 + 0.3 * len(names)), len(logs), len(PLOTTED_METRICS), share_x=False,
    )  # fmt: skip
    for panel, (log, metric) in zip(panels, [(log, metric) for log in logs for metric in PLOTTED_METRICS], strict=True):
        rows = log.rows[log.rows["metric"] == metric].set_index("model").reindex(names)
        _draw_differences(panel, rows, FORMS[metric])
        panel.set_xlabel(PLOTTED_METRICS[metric])
        if metric == next(iter(PLOTTED_METRICS)):
            first = log.rows.iloc[0]
            panel.set_title(
                make_printable(f"{first['data']}, {first['horizon']}, {len(log.holdouts)} origins", 60), loc="left",
                fontsize=TEXT_SIZE, fontweight="bold",
            )  # fmt: skip
    label_rows(panels[0], [make_printable(name) for name in names])
    return figure


def _draw_differences(panel: Axes, rows: pd.DataFrame, number_format: str) -> None:
    span = axis_span_without_outliers(-np.fmin(*rows[["difference", "lower"]].to_numpy(float).T))
    right = max(0.08 * span, float(np.nanmax([*rows["upper"], 0.0])) * 1.1)
    panel.axvline(0, **REFERENCE_LINE)
    panel.set_xlim(-1.08 * span, right)
    panel.grid(visible=False, axis="y")
    for y, (_, row) in zip(np.arange(len(rows))[::-1], rows.iterrows(), strict=True):
        if np.isnan(row["difference"]):
            panel.text(-span, y, "left out", va="center", **TEXT_KWARGS)
            continue
        off_axis = row["difference"] < -1.03 * span
        panel.hlines(y, *np.clip([row["lower"], row["upper"]], -1.08 * span, None), color=BLUE, linewidth=3, alpha=0.55)
        significant = row["lower"] > 0 or row["upper"] < 0
        draw_marker(
            panel, -1.03 * span if off_axis else row["difference"], y, BLUE, "<" if off_axis else "o", significant
        )
    panel.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    compact_form = number_format.replace(".3f", ".2f").replace(".1%", ".0%")
    panel.xaxis.set_major_formatter(lambda value, _: format_difference(value, compact_form))
