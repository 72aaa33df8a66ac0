"""``clv submit``: check predictions made elsewhere, score them, and leave a run that stands on the board."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from clv_experiments.commands.benchmark_page import EXAMPLES
from clv_experiments.commands.cell import build_forecaster, compute_cell_fingerprint, write_cell_folders
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.train import load_log_as_step
from clv_experiments.comparison.external_tools import SCRIPT, ExternalTool, find_external_tools, run_tool
from clv_experiments.comparison.selection import find_run_not_to_repeat
from clv_experiments.config.conf_folders import find_option_files
from clv_experiments.config.model_options import build_all_baselines
from clv_experiments.config.settings import (
    build_experiment_name,
    check_settings,
    check_whole_number,
    config_records,
    format_protocol_label,
    resolve_masked_settings,
    setting_records,
)
from clv_experiments.data.log import TransactionLog
from clv_experiments.errors import ClvError, UnsuitableLog
from clv_experiments.evaluation.metrics import choose_objective
from clv_experiments.evaluation.score_records import baseline_comparison_records, holdout_records
from clv_experiments.forecasting.evaluation_result import EvaluationResult, EvaluationTask, Progress
from clv_experiments.forecasting.external import ExternalForecaster, external_model, validate_cell_predictions
from clv_experiments.forecasting.out_of_time import evaluate_out_of_time
from clv_experiments.forecasting.run_records import cell_identity_records, log_and_cleaning_records
from clv_experiments.forecasting.suitability import require_holdout_spend
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.records import Param, Record, Tag
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.stored_run import RUN

SUBMIT_SETTINGS = ("predictions", "tool", "python", "time_budget", "time_limit", "name", "provenance", "cell")


def submit(cfg: DictConfig) -> None:
    """Score predictions made elsewhere, or by a tool that is run here, and leave a tracked run behind.

    With ``resume=true`` only if it is not there yet, and a log unsuitable for the window is no error.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/submit.yaml``.

    Raises
    ------
    ClvError
        If the predictions are not those of the cell, or the tool fails, in one sentence; no run is left then.
    """
    check_settings(cfg)
    source = read_prediction_files(cfg.predictions) if cfg.tool is None else find_tool(cfg)
    name, provenance = cfg.name, cfg.provenance
    if isinstance(source, ExternalTool):
        name, provenance = name or source.name, provenance or source.description
    check_submission_name(name)
    terminal = Terminal()
    if cfg.resume:
        params = {param.name: param.value for param in setting_records(_prediction_task_settings(cfg))}
        reader, experiment = instantiate(cfg.tracking).reader(), build_experiment_name(cfg)
        if completed := find_run_not_to_repeat(reader, experiment, {**params, "model.name": name}):
            terminal.print_line(f"{experiment}, {name}: there already (run {completed.run_id})")
            return
    try:
        task, result = _load_and_evaluate(cfg, source, name, terminal)
    except UnsuitableLog as error:
        if not cfg.resume:
            raise
        terminal.print_line(f"left out: {error}")
        return
    with instantiate(cfg.tracking).run(build_experiment_name(cfg), name) as run:
        run.log([*submission_records(cfg, task, result, name, provenance)])
    terminal.print_summary(result.comparison, result.title)
    terminal.print_line(run.location)


def _prediction_task_settings(cfg: DictConfig) -> dict[str, Any]:
    """Resolve the settings that say what was predicted, not by what."""
    return {key: value for key, value in resolve_masked_settings(cfg).items() if key not in (*SUBMIT_SETTINGS, "model")}


def _load_and_evaluate(
    cfg: DictConfig, source: pd.DataFrame | ExternalTool, name: str, terminal: Terminal
) -> tuple[EvaluationTask, EvaluationResult]:
    log = load_log_as_step(cfg, terminal)
    predictions = predict_cell_with_tool(cfg, log, source, terminal) if isinstance(source, ExternalTool) else source
    with terminal.show_progress() as progress:
        return evaluate_predictions(cfg, log, predictions, name, progress)


def evaluate_predictions(
    cfg: DictConfig, log: TransactionLog, predictions: pd.DataFrame, name: str, progress: Progress
) -> tuple[EvaluationTask, EvaluationResult]:
    """Check predictions against the cell of a log and a window config, and score them beside the baselines."""
    forecaster = build_forecaster(cfg, log)
    cell = compute_cell_fingerprint(forecaster)
    tables = validate_cell_predictions(predictions, forecaster, name, cell=cell, claimed_cell=cfg.get("cell"))
    external = ExternalForecaster(forecaster, tables)
    objective = choose_objective(cfg.evaluation.objective, has_losses=log.has_losses)
    task = EvaluationTask(external, external_model(name), build_all_baselines(cfg), external.origins(), objective)
    for origin in task.origins:
        require_holdout_spend(forecaster.log, origin.holdout, forecaster.outcome(origin.holdout)["spend"])
    return task, evaluate_out_of_time(task, progress)


def find_tool(cfg: DictConfig) -> ExternalTool:
    """Find the tool that is to predict.

    Raises
    ------
    ClvError
        If there is none of that name, or predictions are given too.
    """
    if cfg.predictions is not None:
        raise ClvError("a tool makes its own predictions; leave out predictions= or tool=")
    for setting in ("time_budget", "time_limit"):
        check_whole_number(cfg, setting, 1)
    folder = Path(str(cfg.tool)).expanduser()
    folder = folder if (folder / SCRIPT).is_file() else EXAMPLES / str(cfg.tool)
    interpreters = {} if cfg.python is None else {folder.name: str(cfg.python)}
    (tool,) = find_external_tools(folder.parent, [folder.name], interpreters)
    return tool


def predict_cell_with_tool(
    cfg: DictConfig, log: TransactionLog, tool: ExternalTool, terminal: Terminal
) -> pd.DataFrame:
    """Let a tool predict every cutoff of a cell, each from a folder that holds nothing later.

    Returns
    -------
    pandas.DataFrame
        As ``clv submit`` reads it: ``customer_id, cutoff, y_pred``, one row a customer and cutoff.

    Raises
    ------
    ClvError
        If the tool is not installed, fails, or takes longer than ``time_limit``.
    """
    forecaster, tables = build_forecaster(cfg, log), []
    with TemporaryDirectory() as folder:
        for period, path in write_cell_folders(cfg, forecaster, Path(folder)):
            with terminal.show_step(f"{tool.name} predicts {period}", tool.name):
                predicted, _ = run_tool(tool, path, forecaster.outcome(period).index, cfg.time_limit)
            tables.append(predicted.rename_axis("customer_id").reset_index().assign(cutoff=str(period.cutoff)))
    return pd.concat(tables, ignore_index=True)


def submission_records(
    cfg: DictConfig, task: EvaluationTask, result: EvaluationResult, name: str, provenance: str | None
) -> Iterator[Record]:
    """Record what a run of a model records, but for what only a model fitted here has."""
    log, latest = task.forecaster.log, result.latest_forecast
    yield Tag("kind", RUN)
    yield from config_records(_prediction_task_settings(cfg))
    yield Param("model.name", name)
    yield from log_and_cleaning_records(log)
    yield from cell_identity_records(task, format_protocol_label(cfg))
    yield Tag("code_version", code_version())
    yield Tag("provenance", provenance or "not said")
    yield from result.records
    yield from baseline_comparison_records(result.comparison, result.title)
    labels = FigureLabels(
        name, f"{log.name}, {latest.period}", f"next {task.forecaster.window.horizon}", log.currency, log.measure
    )
    yield from holdout_records(latest.table, labels, has_losses=log.has_losses)


def check_submission_name(name: str | None) -> None:
    """Refuse a name that says nothing, or that a model here has.

    Raises
    ------
    ClvError
    """
    if not name:
        raise ClvError("predictions need a name on the board; type name=my_model")
    if str(name) in find_option_files("model"):
        raise ClvError(f"'{name}' is a model here already; type another name=")


def read_prediction_files(path: str | None) -> pd.DataFrame:
    """Read predictions from Parquet or CSV: one file, or all that a pattern such as ``cells/*/mine.parquet`` matches.

    Raises
    ------
    ClvError
        If there is no such file, or one cannot be read.
    """
    if path is None:
        raise ClvError("no predictions were given; type predictions=<a Parquet or CSV file>")
    file = Path(path).expanduser()
    files = [file] if file.is_file() else sorted(map(Path, glob(str(file), recursive=True)))
    files = [file for file in files if file.is_file()]
    if not files:
        raise ClvError(f"there is no file {path} (predictions)")
    return pd.concat([_read_predictions_file(file) for file in files], ignore_index=True)


def _read_predictions_file(file: Path) -> pd.DataFrame:
    """Read one file; ids stay as they are written."""
    is_csv = file.suffix.lower() == ".csv"
    try:
        if is_csv:
            return pd.read_csv(file, dtype={"customer_id": str, "cell": str})
        return pd.read_parquet(file)
    except (ValueError, OSError) as error:
        raise ClvError(
            f"{file} cannot be read as {'CSV' if is_csv else 'Parquet'}: "
            f"{' '.join(str(error).split())[:200]} (predictions)"
        ) from error
