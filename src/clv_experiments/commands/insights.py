"""The report for a shop on one screen: read, predict, decide, write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.model_reference import ModelReference, build_btyd_model, resolve_model
from clv_experiments.config.log_and_window import build_future_window, load_configured_log
from clv_experiments.config.model_options import build_features, build_models
from clv_experiments.config.settings import check_settings, experiment_name, resolve_settings, setting_records
from clv_experiments.data.queries.attributes import products
from clv_experiments.data.window import Period, Window
from clv_experiments.decisions.best_customers import rank_customers
from clv_experiments.decisions.customer_scores import Ranking, Scorer
from clv_experiments.decisions.display.acquisition import acquisition_section
from clv_experiments.decisions.display.best_customers import best_customers_section
from clv_experiments.decisions.display.budget import budget_section
from clv_experiments.decisions.display.drivers import drivers_section
from clv_experiments.decisions.display.missed import missed_section
from clv_experiments.decisions.display.next_purchase import next_purchase_section
from clv_experiments.decisions.display.overview import overview_section
from clv_experiments.decisions.display.scores import (
    interval_sentences,
    model_sentences,
    ranking_sentences,
    timing_sentences,
)
from clv_experiments.decisions.display.segments import segments_section
from clv_experiments.decisions.drivers import estimate_drivers
from clv_experiments.decisions.missed import missed_mask
from clv_experiments.decisions.next_purchase.outlook import next_purchase_outlook
from clv_experiments.decisions.next_purchase.timing import with_timing
from clv_experiments.decisions.overview.business import describe_business
from clv_experiments.decisions.past_predictions import IntervalAssessment, PastPredictions, assess_intervals
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, snapshot
from clv_experiments.errors import ClvError, LogWithoutAmounts, command
from clv_experiments.evaluation.ranking import assess_ranking
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.run_records import estimator_warnings, log_records, total_records
from clv_experiments.forecasting.suitability import choose_learnable, require_no_losses
from clv_experiments.reporting.exhibit import Section
from clv_experiments.reporting.formatting import format_day, format_share
from clv_experiments.reporting.prose import sentences
from clv_experiments.reporting.record_files import check_writable, write_folder
from clv_experiments.reporting.records import Record, Tag, Text
from clv_experiments.reporting.report_page import report_page
from clv_experiments.tracking.code_version import code_version

KIND = "insights"
PAGE = "insights.html"
ABOUT = "report/about.jinja"
PAST_PERIODS = 4  # periods that are over and predicted again: of 3 months, one for each season
MIN_REPLICATES = 50
FEW = 100  # customers below which a report says that there are too few


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
    check_settings(cfg)
    if not (type(cfg.replicates) is int and cfg.replicates >= MIN_REPLICATES):
        raise ClvError(f"replicates must be a whole number of at least {MIN_REPLICATES}, got '{cfg.replicates}'")
    check_writable(cfg.output, "output")
    Shop.of(cfg.decisions, "")  # refuses bad settings before the log is read
    btyd = build_btyd_model(cfg)
    terminal = Terminal()
    with ExitStack() as stack:
        with terminal.step("opening the tracking store", "tracking"):
            run = stack.enter_context(instantiate(cfg.tracking).run(experiment_name(cfg), KIND))
        request = resolve_model(cfg, model_argument)
        terminal.print_line(f"model: {request.settings_description}, fitted anew at each cutoff")
        settings = resolve_settings(cfg)
        run.log([*setting_records(settings), Tag("kind", KIND), Text("config.yaml", OmegaConf.to_yaml(settings))])
        with terminal.step(f"reading and cleaning {cfg.data.name}", "data"):
            log = load_configured_log(
                cfg.data, lambda start, end: _learn_until(build_future_window(cfg.window, start, end))
            )
        terminal.report_log(log)
        if not log.has_amounts:
            raise LogWithoutAmounts(
                f"the report is about spend, and log '{log.name}' has no amounts; type {command('score')} with "
                "the same settings and model=mbg_nbd for each customer's purchases, or name data.columns.amount"
            )
        require_no_losses(log, "the report")
        shop = Shop.of(cfg.decisions, log.currency or "")
        forecaster = Forecaster(log, build_future_window(cfg.window, log.start, log.end))
        has_labels = forecaster.window.is_long_enough(supervised=True)
        model, fallback_note = choose_learnable(request.model, log, has_labels=has_labels)
        if fallback_note:
            terminal.print_line(f"note: {fallback_note}")
        snapshots = _forecast_snapshots(forecaster, model, btyd, terminal)
        sections = list(_build_sections(cfg, forecaster, snapshots, shop, terminal))
        with terminal.step("drawing and writing", "writing"):
            page = report_page(
                f"{log.name}, as of {format_day(forecaster.window.end)}",
                f"What to expect of {forecaster.window.future_period}, and what to do about it",
                sections,
                _facts(forecaster, snapshots, shop, request),
                _method(request, forecaster.window, snapshots),
                shop.currency,
                f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
            )
            files: list[Record] = [Text(PAGE, page)]
            files += [record for section in sections for exhibit in section.exhibits for record in exhibit.records()]
            total = total_records("expected", snapshots.now.model.level)
            run.log([*log_records(log), *_identity(forecaster, snapshots), *total, *files])
            title = f"{experiment_name(cfg)} {forecaster.window.end}"
            path = write_folder(cfg.output, title, files, "the report") / PAGE
        for section in sections:
            for sentence in section.summary:
                terminal.print_line(sentence)
        terminal.print_timings()
        terminal.print_line(f"\n{run.location}\nto read, print and share: {path}")
    return path


@dataclass(frozen=True)
class Snapshots:
    """The coming period, and the periods that are over, latest first: at most ``PAST_PERIODS``, at least one."""

    now: Snapshot
    past: Sequence[Snapshot]

    @property
    def previous(self) -> Snapshot:
        """The latest period that is over."""
        return self.past[0]


def _forecast_snapshots(forecaster: Forecaster, model: Model, btyd: Model, terminal: Terminal) -> Snapshots:
    window, supervised, source = forecaster.window, model.supervised, forecaster.log.name
    origin = window.backtest(supervised=supervised, source=source)[0]
    earlier = window.validation(None, supervised=supervised, source=source) if origin.validation else []
    forecaster.require_holdout_spend(origin.holdout)

    def forecast(period: Period) -> Snapshot:
        with terminal.step(f"forecasting {period}", "forecasts"):
            return snapshot(forecaster, period, model, btyd)

    def with_choice(period: Period) -> Snapshot:
        made = forecast(period)
        return with_timing(made, forecaster, model if made.btyd_name == model.name else btyd)

    return Snapshots(
        with_choice(window.future_period),
        [with_choice(origin.holdout), *(forecast(period) for period in earlier[: PAST_PERIODS - 1])],
    )


def _learn_until(window: Window) -> date:
    """Return the earliest cutoff that is forecast from: nothing after it may shape the log's cleaning."""
    return next(c for k in range(PAST_PERIODS, -2, -1) if (c := window.period(k).cutoff) >= window.start)


def _score_customers(snapshots: Snapshots, shop: Shop, assessment: IntervalAssessment) -> pd.DataFrame:
    """Score every customer as scripts/score.py does."""
    now, past, cutoff = snapshots.now, snapshots.previous.table, snapshots.now.period.cutoff
    X = now.table.join(now.model.X[now.model.X.columns.difference(now.table.columns)])
    columns = tuple(str(column) for column in now.model.X.columns)
    scorer = Scorer(
        now.model.estimator, columns, now.btyd.estimator, now.btyd_name, assessment.intervals, shop, cutoff, now.rhythm
    )
    missed = past.index[missed_mask(past["p_purchase"], past["purchase_days"], shop.likely)]
    scored = Ranking.of(now.table, shop, missed, cutoff).rank(scorer.score_customers(X), now.table.get("country"))
    return scored.assign(total_spend=now.table["total_spend"].loc[scored["customer_id"]].to_numpy())


def _build_sections(
    cfg: DictConfig, forecaster: Forecaster, snapshots: Snapshots, shop: Shop, terminal: Terminal
) -> Iterator[Section]:
    """Answer the questions of the report, in the order of the page."""
    log, window, bootstrap = forecaster.log, forecaster.window, (cfg.seed, cfg.replicates)
    earlier = snapshots.past[1].model.table if snapshots.past[1:] else None
    assessment = assess_intervals(
        PastPredictions(snapshots.previous.period, snapshots.previous.model.table, earlier), shop.interval
    )
    scored = _score_customers(snapshots, shop, assessment)
    with terminal.step("who is worth most", "customers"):
        yield best_customers_section(
            rank_customers(scored, snapshots.now, snapshots.past),
            interval_sentences(assessment, shop.currency),
            shop,
            window.horizon,
        )
    with terminal.step("who was expected and did not come", "missed"):
        yield missed_section(snapshots.now, snapshots.previous, shop, *bootstrap)
    with terminal.step("how to split the budget", "budget"):
        yield budget_section(
            snapshots.now, snapshots.past, scored.set_index("customer_id")["segment"], shop, *bootstrap
        )
        yield acquisition_section(forecaster, snapshots.now, shop, *bootstrap)
    with terminal.step("who comes next, and when", "next purchase") as progress:
        btyd_models = build_models(cfg, lambda option: option.family == "btyd")
        outlook = next_purchase_outlook(
            snapshots.now,
            snapshots.previous,
            forecaster,
            btyd_models,
            build_features(cfg.features),
            shop,
            *bootstrap,
            progress,
        )
        yield next_purchase_section(outlook)
    with terminal.step("finding segments", "segments"):
        yield segments_section(snapshots.now, snapshots.previous, shop, products(log, window.end), *bootstrap)
    with terminal.step("what drives value", "drivers"):
        yield drivers_section(estimate_drivers(forecaster), window.horizon)
    with terminal.step("looking at the business", "overview"):
        yield overview_section(describe_business(log, window.end))


def _method(request: ModelReference, window: Window, snapshots: Snapshots) -> list[str]:
    """Say how all of it was made, and whether the model was chosen by what the report evaluates it on."""
    method = sentences(ABOUT, "method")
    if request.trained_until and request.trained_until > snapshots.past[-1].period.cutoff:
        method += sentences(ABOUT, "model_choice", request.model.name, request.trained_until, window.end)
    return method


def _warnings(snapshots: Snapshots) -> list[str]:
    """Say what may mislead a reader who does not know it."""
    customers = len(snapshots.now.table)
    too_few = sentences(ABOUT, "too_few", customers) if customers < FEW else []
    of_models = [*estimator_warnings(snapshots.now.model.estimator), *estimator_warnings(snapshots.now.btyd.estimator)]
    now, previous = snapshots.now, snapshots.previous
    ranking = assess_ranking(previous.table["y_true"], previous.table["expected_spend"])
    return [
        *too_few,
        *dict.fromkeys(of_models),
        *ranking_sentences(ranking, now.model_name, previous.period, "spend"),
        *model_sentences(
            now.model_name, now.btyd_name, now.timing_name, now.rhythm or now.btyd.estimator, has_amounts=False
        ),
        *timing_sentences(now.timing, now.btyd_name),
    ]


def _facts(forecaster: Forecaster, snapshots: Snapshots, shop: Shop, request: ModelReference) -> list[tuple[str, str]]:
    log, window = forecaster.log, forecaster.window
    return [
        ("log", f"{log.name}, {format_day(log.start)} to {format_day(window.end)}"),
        ("customers", f"{len(snapshots.now.table):,}"),
        ("period ahead", str(window.future_period)),
        ("spend", request.settings_description if request.stored else f"{request.model.name} as configured"),
        ("purchases, CLV", snapshots.now.btyd_name),
        ("P(alive), P(buys), dates", snapshots.now.timing_name),
        *[("note", warning) for warning in _warnings(snapshots)],
        ("margin", format_share(shop.margin)),
        ("discount rate", f"{format_share(shop.annual_discount_rate)} a year"),
        ("currency", shop.currency or "not said"),
    ]


def _identity(forecaster: Forecaster, snapshots: Snapshots) -> Iterator[Record]:
    yield Tag("model", snapshots.now.model_name)
    yield Tag("btyd_model", snapshots.now.btyd_name)
    yield Tag("window", forecaster.window.horizon.label)
    yield Tag("cutoff", str(forecaster.window.end))
    yield Tag("code_version", code_version())
