"""The report for a shop on one screen: read, predict, decide, write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.insights_report import Report, Snapshots, build_report, describe_models
from clv_experiments.commands.model_reference import ModelReference, build_btyd_model, resolve_model
from clv_experiments.commands.train import open_run_as_step
from clv_experiments.config.conf_folders import packaged_conf_folder
from clv_experiments.config.log_and_window import build_scoring_window, load_log_from_config
from clv_experiments.config.settings import (
    build_experiment_name,
    check_settings,
    config_records,
    flatten_settings,
    resolve_masked_settings,
)
from clv_experiments.config.shop import build_shop
from clv_experiments.data.horizon import Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.window import Window
from clv_experiments.decisions.display.answers import state_assumptions, suggest_settings
from clv_experiments.decisions.next_purchase.timing import add_timing_model
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, take_snapshot
from clv_experiments.errors import ClvError, LogWithoutAmounts, command
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.run_records import estimator_warnings, log_and_cleaning_records, total_interval_records
from clv_experiments.forecasting.suitability import (
    choose_model_or_fallback,
    require_holdout_spend,
    require_no_negative_spend,
)
from clv_experiments.reporting.formatting import format_dates, format_day, format_share
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.record_files import check_writable, write_folder
from clv_experiments.reporting.records import Record, Tag, Text
from clv_experiments.reporting.report_page import render_report_page
from clv_experiments.reporting.workbook import require_excel_writer
from clv_experiments.tracking.code_version import code_version

KIND = "insights"
PAGE = "insights.html"
ABOUT = "report/about.jinja"
PAST_PERIODS = 4  # periods that are over and predicted again: of 3 months, one for each season
MIN_REPLICATES = 50


def write_insights(cfg: DictConfig, model_argument: str | None) -> Path:
    """Write one report, and leave it in a tracked run.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/insights.yaml``.
    model_argument : str or None
        What was typed as ``model``; None takes the champion, or the default model where there is none.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence; the run is then marked FAILED with that reason.
    """
    _check_settings_of_report(cfg)
    btyd = build_btyd_model(cfg)
    terminal = Terminal()
    with open_run_as_step(cfg, KIND, terminal) as run:
        request = resolve_model(cfg, model_argument)
        terminal.print_line(f"model: {request.settings_description}, fitted anew at each cutoff")
        run.log([Tag("kind", KIND), *config_records(resolve_masked_settings(cfg))])
        with terminal.show_step(f"reading and cleaning {cfg.data.name}", "data"):
            log = load_log_from_config(
                cfg.data, lambda start, end: _earliest_cutoff(build_scoring_window(cfg.window, start, end))
            )
        terminal.print_cleaning_report(log)
        _require_amounts(log)
        require_no_negative_spend(log, "the report")
        shop = build_shop(cfg.decisions, log.currency or "")
        forecaster = Forecaster(log, build_scoring_window(cfg.window, log.start, log.end))
        has_labels = forecaster.window.is_long_enough(supervised=True)
        model, fallback_note = choose_model_or_fallback(request.model, log, has_labels=has_labels)
        if fallback_note:
            terminal.print_line(f"note: {fallback_note}")
        snapshots = _forecast_snapshots(forecaster, model, btyd, terminal)
        report = build_report(cfg, forecaster, snapshots, shop, terminal)
        with terminal.show_step("drawing and writing", "writing"):
            page = _render_page(cfg, forecaster, snapshots, shop, request, report)
            files = [Text(PAGE, page), *report.files]
            total = total_interval_records("expected", snapshots.now.model.level)
            run.log([*log_and_cleaning_records(log), *_build_identity_tags(forecaster, snapshots), *total, *files])
            title = f"{build_experiment_name(cfg)} {forecaster.window.end}"
            path = write_folder(cfg.output, title, files, "the report") / PAGE
        for answer in report.answers:
            terminal.print_line(f"{answer.question} {answer.headline}.")
        for section in report.sections:
            terminal.print_line(section.summary[0])
        terminal.print_timings()
        terminal.print_line(f"\n{run.location}\nto read, print and share: {path}")
    return path


def _check_settings_of_report(cfg: DictConfig) -> None:
    """Refuse bad settings before the log is read."""
    check_settings(cfg)
    if not (type(cfg.replicates) is int and cfg.replicates >= MIN_REPLICATES):
        raise ClvError(f"replicates must be a whole number of at least {MIN_REPLICATES}, got '{cfg.replicates}'")
    check_writable(cfg.output, "output")
    if cfg.excel:
        require_excel_writer("excel=true")
    build_shop(cfg.decisions, "")


def _require_amounts(log: TransactionLog) -> None:
    if not log.has_amounts:
        raise LogWithoutAmounts(
            f"the report is about spend, and log '{log.name}' has no amounts; type {command('score')} with "
            "the same settings and model=mbg_nbd for each customer's purchases, or name data.columns.amount"
        )


def _render_page(
    cfg: DictConfig, forecaster: Forecaster, snapshots: Snapshots, shop: Shop, request: ModelReference, report: Report
) -> str:
    window, now, changed = forecaster.window, datetime.now().astimezone(), _find_changed_shop_settings(cfg)
    return render_report_page(
        f"{forecaster.log.name}, {format_day(window.end)}",
        f"Customers from {format_dates(window.future_period)}: what they bring, and what to do",
        report.answers,
        state_assumptions(shop, changed),
        suggest_settings(command(KIND), changed),
        report.sections,
        _list_facts(forecaster, snapshots, shop, request),
        _describe_method(request, window, snapshots),
        shop.currency,
        f"{format_day(now)}, {now:%H:%M}",
    )


def _forecast_snapshots(forecaster: Forecaster, model: Model, btyd: Model, terminal: Terminal) -> Snapshots:
    window, supervised, source = forecaster.window, model.supervised, forecaster.log.name
    origin = window.backtest_origins(supervised=supervised, source=source)[0]
    earlier = (
        window.periods_before_all_holdouts(None, supervised=supervised, source=source) if origin.validation else []
    )
    require_holdout_spend(forecaster.log, origin.holdout, forecaster.outcome(origin.holdout)["spend"])

    def forecast(period: Period) -> Snapshot:
        with terminal.show_step(f"forecasting {period}", "forecasts"):
            return take_snapshot(forecaster, period, model, btyd)

    def with_choice(period: Period) -> Snapshot:
        made = forecast(period)
        return add_timing_model(made, forecaster, model if made.btyd_name == model.name else btyd)

    return Snapshots(
        with_choice(window.future_period),
        [with_choice(origin.holdout), *(forecast(period) for period in earlier[: PAST_PERIODS - 1])],
    )


def _earliest_cutoff(window: Window) -> date:
    """Return the earliest cutoff that is forecast from: nothing after it may shape the log's cleaning."""
    return next(c for k in range(PAST_PERIODS, -2, -1) if (c := window.period(k).cutoff) >= window.start)


def _find_changed_shop_settings(cfg: DictConfig) -> set[str]:
    """Name the settings of decisions that differ from the ones that come with the package."""
    packaged = flatten_settings(DictConfig(OmegaConf.load(packaged_conf_folder() / "decisions" / "shop.yaml")))
    return {name for name, value in flatten_settings(cfg.decisions).items() if value != packaged.get(name)}


def _describe_method(request: ModelReference, window: Window, snapshots: Snapshots) -> list[str]:
    """Say how all of it was made, and whether the model was chosen by what the report evaluates it on."""
    method = render_paragraphs(ABOUT, "method")
    if request.trained_until and request.trained_until > snapshots.past[-1].period.cutoff:
        method += render_paragraphs(ABOUT, "model_choice", request.model.name, request.trained_until, window.end)
    return method


def _collect_warnings(snapshots: Snapshots) -> list[str]:
    """Say what may mislead a reader who does not know it."""
    of_models = [*estimator_warnings(snapshots.now.model.estimator), *estimator_warnings(snapshots.now.btyd.estimator)]
    of_rows = [format_dates(sentence) for sentence in describe_models(snapshots, with_clv=False)]
    return [*dict.fromkeys(of_models), *of_rows]


def _list_facts(
    forecaster: Forecaster, snapshots: Snapshots, shop: Shop, request: ModelReference
) -> list[tuple[str, str]]:
    log, window = forecaster.log, forecaster.window
    return [
        ("log", f"{log.name}, {format_day(log.start)} to {format_day(window.end)}"),
        ("customers", f"{len(snapshots.now.table):,}"),
        ("period ahead", format_dates(window.future_period)),
        ("spend", request.settings_description if request.stored else f"{request.model.name} as configured"),
        ("purchases, CLV", snapshots.now.btyd_name),
        ("P(alive), P(buys), dates", snapshots.now.timing_name),
        *[("note", warning) for warning in _collect_warnings(snapshots)],
        ("margin", format_share(shop.margin)),
        ("discount rate", f"{format_share(shop.annual_discount_rate)} a year"),
        ("currency", shop.currency or "not said"),
    ]


def _build_identity_tags(forecaster: Forecaster, snapshots: Snapshots) -> Iterator[Record]:
    yield Tag("model", snapshots.now.model_name)
    yield Tag("btyd_model", snapshots.now.btyd_name)
    yield Tag("window", forecaster.window.horizon.label)
    yield Tag("cutoff", str(forecaster.window.end))
    yield Tag("code_version", code_version())
