"""``clv benchmark accuracy``: the default and other tools on the same customers and cutoffs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from hydra.errors import HydraException

from clv_experiments.commands.benchmark_page import EXAMPLES, write_page
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.comparison.accuracy import ToolLimits, compare_with_first_model, predict_cell_with_all_tools
from clv_experiments.comparison.display.accuracy import BenchmarkedLog, plot_accuracy_differences, render_accuracy_page
from clv_experiments.comparison.external_tools import ExternalTool, find_external_tools
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.config.composition import compose_config
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.model_options import build_features, build_model
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.records import FigureRecord, Table, Text

MANUAL_MARK = "<!-- what follows is written by hand and stays -->"


def benchmark_accuracy(
    logs: Sequence[str],
    tool_names: Sequence[str],
    interpreters: Mapping[str, str],
    limits: ToolLimits,
    output: str,
    command: Sequence[str],
) -> pd.DataFrame:
    """Measure the default and other tools on each log, and write page, picture and table.

    Parameters
    ----------
    logs : sequence of str
        Settings of train.py for each log, as they are typed.
    tool_names : sequence of str
        Names of folders below ``examples/``; none takes all.
    interpreters : mapping of tool to interpreter
    limits : ToolLimits
    output : str
        Folder of the page, its picture and its table.
    command : sequence of str
        What was typed, for the page.

    Returns
    -------
    pandas.DataFrame
        As of ``compare_with_first_model``, for all logs.

    Raises
    ------
    ClvError
        If there is no such tool, a log cannot be read, or the page cannot be written.
    """
    terminal = Terminal()
    tools = find_external_tools(EXAMPLES, tool_names, interpreters)
    results = [_benchmark_log(shlex.split(log), tools, limits, terminal) for log in logs]
    present = {model for result in results for model in result.rows["model"]}
    descriptions = {tool.name: tool.description for tool in tools if tool.name in present}
    page = render_accuracy_page(results, descriptions, shlex.join(command), limits.time_budget, "accuracy.png")
    table = pd.concat([result.rows for result in results], ignore_index=True)
    page += f"\n{MANUAL_MARK}{_read_handwritten_part(Path(output, 'accuracy.md'))}"
    figure = FigureRecord("accuracy.png", plot_accuracy_differences(results))
    write_page(output, [Text("accuracy.md", page), Table("accuracy.csv", table), figure], terminal)
    return table


def _benchmark_log(
    overrides: list[str], tools: Sequence[ExternalTool], limits: ToolLimits, terminal: Terminal
) -> BenchmarkedLog:
    try:
        cfg = compose_config("config", ["window=3m", "window.origins=all", *overrides])
    except HydraException as error:
        reason = str(error).strip().splitlines()[0]
        raise ClvError(f"--logs '{shlex.join(overrides)}' cannot be read: {reason}") from error
    log = load_log_from_config(cfg.data, lambda start, end: build_window(cfg.window, start, end).first_forecast_cutoff)
    forecaster = Forecaster(log, build_window(cfg.window, log.start, log.end))
    origins = forecaster.window.backtest_origins(supervised=True, source=log.name)
    with TemporaryDirectory() as folder:
        cell = predict_cell_with_all_tools(
            forecaster, [origin.holdout for origin in origins], build_model(cfg.model), build_features(cfg.features),
            tools, Path(folder), limits=limits, seed=cfg.seed, progress=terminal.print_line,
        )  # fmt: skip
    result = compute_standings(cell, cfg.evaluation.objective, seed=cfg.seed)
    customers = [origin.n_customers for origin in cell.origins]
    return BenchmarkedLog(compare_with_first_model(result), cell.holdouts, customers, cell.excluded_runs)


def _read_handwritten_part(path: Path) -> str:
    """Return what is written by hand on a page that is there already."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    return old.partition(MANUAL_MARK)[2] or "\n"
