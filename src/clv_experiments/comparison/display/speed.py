"""The speed benchmark as Markdown with its picture."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.comparison.speed import growth_exponents
from clv_experiments.reporting.chart_style import FAMILIES, INK, TEXT_SIZE, create_chart
from clv_experiments.reporting.prose import render_document

TITLES = {
    "features": "file to features",
    "fit_bg_nbd": "BG/NBD fit",
    "fit_gamma_gamma": "Gamma-Gamma fit",
    "fit_pareto_nbd": "Pareto/NBD fit",
}
STYLES = [FAMILIES[name] for name in ("btyd", "ml", "external", "hybrid", "baseline")]  # of tools in turn
SIZES = {"features": "order lines"}  # of the others: customers


def render_speed_page(
    table: pd.DataFrame, descriptions: Mapping[str, str], command: str, machine: str, figure: str
) -> str:
    """Write the page.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``compare_speed``.
    descriptions : mapping of tool to sentence
    command, machine : str
        What was typed, and where.
    figure : str
        Path of the picture as the page links it.
    """
    exponents = {(task, tool): exponent for task, tool, exponent in growth_exponents(table)}
    tasks = [
        (task, TITLES[task], SIZES.get(task, "customers"), table[table["task"] == task])
        for task in table["task"].unique()
    ]
    return render_document(
        "benchmark/speed.md.jinja", tasks=tasks, exponents=exponents, descriptions=descriptions, command=command,
        machine=machine, figure=figure, reference=table["tool"].iloc[0],
    )  # fmt: skip


def plot_seconds_by_size(table: pd.DataFrame) -> Figure:
    """Draw seconds against size, both on log scales: one panel a task, one line a tool."""
    tasks, tools = table["task"].unique(), table["tool"].unique()
    rows = -(-len(tasks) // 2)
    figure, panels = create_chart(
        "Seconds by size", "both axes logarithmic; without start-up and imports", 1.0 + 3.1 * rows, rows,
        min(len(tasks), 2), share_x=False,
    )  # fmt: skip
    for panel, task in zip(panels, tasks, strict=False):
        of_task = table[table["task"] == task]
        for tool, style in zip(tools, cycle(STYLES), strict=False):
            line = of_task[of_task["tool"] == tool]
            if len(line):
                panel.plot(line["size"], line["seconds"], marker=style.marker, color=style.colour, label=tool)
        panel.set(xscale="log", yscale="log", xlabel=SIZES.get(task, "customers"))
        panel.set_title(TITLES[task], loc="left", fontsize=TEXT_SIZE, fontweight="bold", color=INK)
        panel.legend(fontsize=TEXT_SIZE - 3, frameon=False)
    for panel in panels[:: min(len(tasks), 2)]:
        panel.set_ylabel("seconds")
    for panel in panels[len(tasks) :]:
        panel.set_visible(False)
    return figure
