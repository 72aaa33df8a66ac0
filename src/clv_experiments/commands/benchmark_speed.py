"""``clv benchmark speed``: this project, DuckDB's own SQL and other tools on the same simulated files, side by side."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory

from clv_experiments.commands.benchmark_page import EXAMPLES, write_page
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.comparison.display.speed import plot_seconds_by_size, render_speed_page
from clv_experiments.comparison.external_tools import find_external_tools
from clv_experiments.comparison.speed import SCRIPT, compare_speed
from clv_experiments.data.sources.benchmark_inputs import simulate_order_lines, simulate_rfm_summary
from clv_experiments.errors import ClvError
from clv_experiments.reporting.records import FigureRecord, Table, Text

OURS = "clv_experiments"
LINE_TASKS, CUSTOMER_TASKS = ("features",), ("fit_bg_nbd", "fit_gamma_gamma", "fit_pareto_nbd")
CUSTOMERS = (1_000, 10_000, 100_000, 1_000_000)


def benchmark_speed(
    tasks: Sequence[str],
    lines: Sequence[int],
    customers: Sequence[int],
    tool_names: Sequence[str],
    interpreters: Mapping[str, str],
    output: str,
    command: Sequence[str],
    *,
    repeats: int,
    time_limit: float,
) -> None:
    """Measure all tools and write page, picture and table.

    Parameters
    ----------
    tasks : sequence of str
        None takes all.
    lines, customers : sequence of int
        Sizes of the files of order lines, and of customers with frequency, recency, T and monetary_value.
    tool_names : sequence of str
        Names of folders below ``examples/``; none takes all.
    interpreters : mapping of tool to interpreter
    output : str
        Folder of the page, its picture and its table.
    command : sequence of str
        What was typed, for the page.
    repeats : int
        Runs of each, of which the median counts.
    time_limit : float
        Seconds of one process.

    Raises
    ------
    ClvError
        If there is no such tool or task, nothing could be measured, or the page cannot be written.
    """
    unknown = [task for task in tasks if task not in (*LINE_TASKS, *CUSTOMER_TASKS)]
    if unknown:
        raise ClvError(f"there is no task '{unknown[0]}'; there are {', '.join((*LINE_TASKS, *CUSTOMER_TASKS))}")
    terminal, names = Terminal(), tool_names and [OURS, *tool_names]
    tools = find_external_tools(EXAMPLES, names, interpreters, SCRIPT)
    tools.sort(key=lambda tool: tool.name != OURS)
    with TemporaryDirectory() as folder:
        files = _write_task_files(tasks or (*LINE_TASKS, *CUSTOMER_TASKS), lines, customers, Path(folder))
        table = compare_speed(tools, files, repeats=repeats, time_limit=time_limit, progress=terminal.print_line)
    machine = f"{cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    present = set(table["tool"])
    descriptions = {tool.name: tool.description for tool in tools if tool.name in present}
    page = render_speed_page(table, descriptions, shlex.join(command), machine, "speed.png")
    figure = FigureRecord("speed.png", plot_seconds_by_size(table))
    write_page(output, [Text("speed.md", page), Table("speed.csv", table), figure], terminal)


def _write_task_files(
    tasks: Sequence[str], lines: Sequence[int], customers: Sequence[int], folder: Path
) -> dict[tuple[str, int], Path]:
    """Write what the tasks read, one file a size, and return the file of each task and size."""
    files = {}
    for task in tasks:
        for size in sorted(lines if task in LINE_TASKS else customers):
            path = folder / f"{'lines' if task in LINE_TASKS else 'customers'}-{size}.parquet"
            if not path.exists():
                table = simulate_order_lines(size) if task in LINE_TASKS else simulate_rfm_summary(size)
                table.to_parquet(path)
            files[task, size] = path
    return files
