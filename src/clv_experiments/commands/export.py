"""``clv export``: write a BTYD model as SQL statements, which forecast customers where their table is."""

from __future__ import annotations

import re
from datetime import date

from omegaconf import DictConfig, ListConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.model_reference import ModelReference, resolve_model
from clv_experiments.commands.train import load_log_as_step
from clv_experiments.config.log_and_window import build_scoring_window
from clv_experiments.config.settings import build_experiment_name, check_settings, parse_day
from clv_experiments.data.horizon import Horizon
from clv_experiments.errors import ClvError, command, suggest
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import OWN
from clv_experiments.forecasting.sql.statement import (
    COMPILERS_BY_DIALECT,
    RFM_SUMMARY,
    TRANSACTIONS,
    ForecastQuery,
    SourceTable,
    build_forecast_query,
)
from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.reporting.record_files import build_output_folder_path, check_writable, write_folder
from clv_experiments.reporting.records import Text


def export(cfg: DictConfig, model_argument: str | None) -> None:
    """Write one SQL statement for each dialect.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/export.yaml``.
    model_argument : str or None
        What was typed as ``model``; see ``resolve_model``.

    Raises
    ------
    ClvError
        If the model is no BTYD model at its own level, or a setting is bad.
    """
    check_settings(cfg)
    check_export_settings(cfg)
    terminal, source = Terminal(), SourceTable(cfg.table, cfg.rows)
    with terminal.show_step("finding the model", "model"):
        reference = resolve_model(cfg, model_argument)
    terminal.print_line(f"model: {reference.description}")
    check_exportable(reference)
    estimator, cutoff = _load_or_fit_model(cfg, reference, terminal)
    period = Horizon.parse(cfg.window.horizon).period_after(cutoff)
    estimator.set_params(horizon_days=float(period.days))
    with terminal.show_step("comparing the statement with the model", "statement"):
        forecasts = build_forecast_query(estimator, source, cutoff)
    statements = [
        Text(
            f"{dialect}.sql",
            _format_header(reference, forecasts, source, cutoff, period.days) + forecasts.to_sql(dialect),
        )
        for dialect in cfg.dialects
    ]
    folder = build_output_folder_path(cfg.output, f"{build_experiment_name(cfg)} {cutoff} {reference.model.name}")
    write_folder(cfg.output, folder.name, statements, "the statements")
    for statement in statements:
        terminal.print_line(str(folder / statement.name))


def check_export_settings(cfg: DictConfig) -> None:
    """Refuse settings of ``clv export`` alone that could only fail later.

    Raises
    ------
    ClvError
    """
    check_writable(cfg.output, "output")
    if not isinstance(cfg.dialects, ListConfig) or not cfg.dialects:
        raise ClvError(f"dialects must be a list such as [duckdb], got '{cfg.dialects}'")
    for dialect in cfg.dialects:
        if dialect not in COMPILERS_BY_DIALECT:
            raise ClvError(f"there is no dialect '{dialect}' (dialects); {suggest(str(dialect), COMPILERS_BY_DIALECT)}")
    if cfg.rows not in (TRANSACTIONS, RFM_SUMMARY):
        raise ClvError(f"rows must be {TRANSACTIONS} or {RFM_SUMMARY}, got '{cfg.rows}'")
    if not re.fullmatch(r"[^\W\d][\w$-]*(\.[^\W\d][\w$-]*){0,2}", str(cfg.table)):
        raise ClvError(f"table must name a table, such as orders or shop.orders, got '{cfg.table}'")


def check_exportable(reference: ModelReference) -> None:
    """Refuse what cannot be written as SQL.

    Raises
    ------
    ClvError
        Names the model, and what to type instead.
    """
    model = reference.model
    advice = f"type model=mbg_nbd, or score customers with {command('score')}"
    if not isinstance(model.estimator, BtydRegressor):
        raise ClvError(
            f"{model.name} cannot be exported: only a BTYD model, such as mbg_nbd, is a formula of frequency, recency "
            f"and T; {advice}"
        )
    if model.level != OWN:
        raise ClvError(
            f"{model.name} cannot be exported: its predictions are brought to a level (level={model.level}), which is "
            f"forecast from the whole log; {advice}"
        )


def _load_or_fit_model(cfg: DictConfig, reference: ModelReference, terminal: Terminal) -> tuple[BtydRegressor, date]:
    """Return the fitted model, and the cutoff: the last day that it has seen, or the one that was typed."""
    if reference.stored:
        assert reference.trained_until
        return reference.stored.estimator, parse_day(cfg.window.cutoff, "window.cutoff") or reference.trained_until
    log = load_log_as_step(cfg, terminal, build_scoring_window)
    terminal.print_cleaning_report(log)
    window = build_scoring_window(cfg.window, log.start, log.end)
    with terminal.show_step(f"fitting on what is known on {window.end}", "fit"):
        return Forecaster(log, window).fit_future(reference.model).estimator, window.end


def _format_header(
    reference: ModelReference, forecasts: ForecastQuery, source: SourceTable, cutoff: date, days: int
) -> str:
    description = " ".join(reference.description.split())
    lines = [
        f"Forecasts of {description}.",
        f"Over the {days} days after {cutoff}, one row a customer whose first purchase was by then.",
        f"In DuckDB within {forecasts.max_relative_difference:.0e} of the model's own, relative, "
        "for all kinds of histories.",
        f"Reads {source.name}: {READS[source.rows]}.",
    ]
    return "".join(f"-- {line}\n" for line in lines)


READS = {
    TRANSACTIONS: "customer_id, date, amount, cleaned as the model's log was",
    RFM_SUMMARY: "customer_id, frequency, recency, T (days), monetary_value, as of the cutoff",
}
