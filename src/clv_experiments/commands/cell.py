"""``clv cell``: write whom to predict, and what may be known of them, for tools elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.train import load_log_as_step
from clv_experiments.config.log_and_window import build_window
from clv_experiments.config.model_options import build_features
from clv_experiments.config.settings import build_experiment_name, check_settings, check_whole_number
from clv_experiments.data.horizon import Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.cell_fingerprint import fingerprint_cell
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.origin_folder import PANEL, write_origin_folder
from clv_experiments.reporting.record_files import build_output_folder_path, check_writable


def write_cell(cfg: DictConfig) -> None:
    """Write a folder for each cutoff of a cell, and say the cell's fingerprint.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/cell.yaml``.

    Raises
    ------
    ClvError
        If the log is too short for the window, or nothing can be written.
    """
    check_settings(cfg)
    check_cell_settings(cfg)
    terminal = Terminal()
    log = load_log_as_step(cfg, terminal)
    terminal.print_cleaning_report(log)
    forecaster = build_forecaster(cfg, log)
    cell = compute_cell_fingerprint(forecaster)
    folder = build_output_folder_path(cfg.output, f"{build_experiment_name(cfg)} {cell}")
    terminal.print_line(f"cell {cell}")
    for period, path in write_cell_folders(cfg, forecaster, folder):
        terminal.print_line(
            f"{path}: {len(forecaster.outcome(period)):,} customers, spend to be predicted from {period}"
        )
        if not (path / PANEL).exists():
            terminal.print_line(f"note: without {PANEL}, since the log holds no earlier period to learn from")


def check_cell_settings(cfg: DictConfig) -> None:
    """Refuse settings of ``clv cell`` alone that could only fail later.

    Raises
    ------
    ClvError
    """
    check_whole_number(cfg, "time_budget", 1)
    check_writable(cfg.output, "output")


def build_forecaster(cfg: DictConfig, log: TransactionLog) -> Forecaster:
    """Build the forecaster of a log and a config's window, for forecasts that are made elsewhere.

    Raises
    ------
    ClvError
        If the config asks for another protocol than that of forecasts.
    """
    if cfg.evaluation.protocol != "forecast":
        raise ClvError("predictions made elsewhere are evaluated out of time; leave out evaluation=")
    return Forecaster(log, build_window(cfg.window, log.start, log.end))


def holdout_periods(forecaster: Forecaster) -> list[Period]:
    """List what is to be predicted, oldest first."""
    return [
        origin.holdout for origin in forecaster.window.backtest_origins(supervised=False, source=forecaster.log.name)
    ]


def compute_cell_fingerprint(forecaster: Forecaster) -> str:
    """Return the fingerprint of the cell of a forecaster's window."""
    return fingerprint_cell(forecaster, holdout_periods(forecaster))


def write_cell_folders(cfg: DictConfig, forecaster: Forecaster, folder: Path) -> Iterator[tuple[Period, Path]]:
    """Write a folder for each cutoff, named after it, which holds nothing later.

    Parameters
    ----------
    cfg : DictConfig
        With ``features``, ``time_budget`` and ``seed``.
    forecaster : Forecaster
    folder : Path

    Yields
    ------
    Period, Path
        As soon as a folder is written, oldest first.
    """
    features, periods = build_features(cfg.features), holdout_periods(forecaster)
    cell = compute_cell_fingerprint(forecaster)
    for period in periods:
        path = folder / str(period.cutoff)
        write_origin_folder(
            path, forecaster, period, features,
            cell=cell, cutoffs=[period.cutoff for period in periods], time_budget=cfg.time_budget, seed=cfg.seed,
        )  # fmt: skip
        yield period, path
