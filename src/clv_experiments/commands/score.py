"""A scored customer list: find the model, read the log, fit, look back, predict in batches, rank, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from hydra.utils import instantiate
from omegaconf import DictConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.model_reference import (
    ModelReference,
    build_btyd_model,
    check_same_features,
    collect_compatibility_warnings,
    replace_spend_only_model,
    resolve_model,
)
from clv_experiments.commands.score_files import (
    CSV,
    PARQUET,
    predict_and_write_expectations,
    rank_and_write_scores,
    scratch_file,
)
from clv_experiments.commands.score_summary import fit_and_score_rfm_summary
from clv_experiments.commands.train import open_run_as_step
from clv_experiments.config.log_and_window import (
    build_scoring_window,
    load_log_from_config,
    read_raw_table,
    read_rfm_summary_from_config,
)
from clv_experiments.config.settings import (
    build_experiment_name,
    check_settings,
    config_records,
    resolve_masked_settings,
)
from clv_experiments.config.shop import build_shop
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.rfm_summary import RfmSummary
from clv_experiments.data.window import Window
from clv_experiments.decisions.customer_scores import Scorer, ScoringModels, fit_scoring_models
from clv_experiments.decisions.display.scores import (
    describe_missed_purchases,
    describe_model_caveats,
    describe_spend_intervals,
    describe_weak_ranking,
    render_readme,
    tier_table,
)
from clv_experiments.decisions.next_purchase.timing import choose_timing_model
from clv_experiments.decisions.past_predictions import (
    IntervalAssessment,
    MissedPurchases,
    assess_intervals,
    assess_past_ranking,
    find_latest_missed_purchases,
    predict_past_periods,
    stored_predictions,
)
from clv_experiments.decisions.shop import Shop
from clv_experiments.evaluation.ranking import RankingAssessment
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.run_records import (
    describe_total_interval,
    log_and_cleaning_records,
    total_interval_records,
)
from clv_experiments.forecasting.suitability import (
    choose_model_or_fallback,
    require_amounts_or_purchase_model,
    require_no_negative_spend,
)
from clv_experiments.reporting.record_files import build_output_folder_path, check_writable, write_folder
from clv_experiments.reporting.records import File, Metric, Record, Table, Tag, Text
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.stored_run import Run

KIND = "score"


def score(
    cfg: DictConfig,
    model_argument: str | None,
    *,
    log: TransactionLog | None = None,
    reference: ModelReference | None = None,
    terminal: Terminal | None = None,
) -> Path:
    """Score all customers of a log, and leave a tracked run behind.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/score.yaml``.
    model_argument : str or None
        What was typed as ``model``; see ``resolve_model``. None takes the model of ``decisions.btyd`` where there is no
        spend to predict, or no log.
    log : TransactionLog, optional
        The log that ``cfg.data`` describes, where it has been read already.
    reference : ModelReference, optional
        The model, in place of what ``model_argument`` names.
    terminal : Terminal, optional
        Shows what is under way.

    Returns
    -------
    Path
        Of the folder with the files.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence; the run is then marked FAILED with that reason.
    """
    check_settings(cfg)
    check_writable(cfg.output, "output")
    build_shop(cfg.decisions, "")  # refuses bad settings before the log is read
    btyd_model, terminal = build_btyd_model(cfg), terminal or Terminal()
    with terminal.show_step("finding the model", "model"):
        request = reference or resolve_model(cfg, model_argument)
    terminal.print_line(f"model: {request.description}")
    with open_run_as_step(cfg, f"{KIND} {request.model.name}", terminal) as run:
        model_is_chosen = bool(model_argument or request.stored)
        run.log([Tag("kind", KIND), *_setting_records(cfg, with_model=model_is_chosen and not request.stored)])

        with terminal.show_step(f"reading and cleaning {cfg.data.name}", "data"):
            history = log or _read_log_or_summary(cfg)
        without_spend = _describe_missing_spend(history)
        if without_spend and not model_argument:
            is_summary = isinstance(history, RfmSummary)
            request = replace_spend_only_model(request, btyd_model, without_spend, refit=is_summary)
            run.rename(f"{KIND} {request.model.name}")
            terminal.print_line(f"model: {request.description}")
        if not model_is_chosen and request.model is not btyd_model:
            run.log([*_setting_records(cfg, with_model=True)])
        if isinstance(history, RfmSummary):
            return fit_and_score_rfm_summary(cfg, history, request, run, terminal)
        return _fit_and_write_scores(cfg, history, request, btyd_model, run, terminal)


def _read_log_or_summary(cfg: DictConfig) -> TransactionLog | RfmSummary:
    raw = read_raw_table(cfg.data)
    return read_rfm_summary_from_config(cfg.data, raw) or load_log_from_config(
        cfg.data, lambda start, end: build_scoring_window(cfg.window, start, end).first_forecast_cutoff, raw
    )


def _fit_and_write_scores(
    cfg: DictConfig,
    log: TransactionLog,
    request: ModelReference,
    btyd_model: Model,
    run: Run,
    terminal: Terminal,
) -> Path:
    """Fit, look back, predict in batches, rank and write."""
    terminal.print_cleaning_report(log)
    window = build_scoring_window(cfg.window, log.start, log.end)
    shop = build_shop(cfg.decisions, log.currency or "")
    request, fallback_note = _use_fallback_if_untrainable(request, log, window)
    context = _build_scoring_context(cfg, Forecaster(log, window), request, btyd_model, shop, terminal)
    scorer = Scorer(context.models, context.assessment.intervals, shop, window.end)

    folder = build_output_folder_path(cfg.output, f"{build_experiment_name(cfg)} {window.end} {request.model.name}")
    with scratch_file(folder) as expectations:
        with _show_timed_bar(terminal, "scoring") as progress:
            predict_and_write_expectations(expectations, log, window, request.model.features, scorer, progress)
        with _show_timed_bar(terminal, "ranking and writing") as progress:
            summary = rank_and_write_scores(folder, expectations, log, scorer, context.missed.customer_ids, progress)

    notes = [*filter(None, [fallback_note]), *_collect_notes(request, log, window, shop, context)]
    text = render_readme(request.description, notes, shop, window.horizon, window.end, has_amounts=log.has_amounts)
    summary_records: list[Record] = [Text("readme.txt", text), Table("summary.csv", summary.table())]
    write_folder(cfg.output, folder.name, summary_records, "the scores")
    run.log([*_build_tags(window, request, context.models, folder), *log_and_cleaning_records(log), *summary_records])
    run.log([File(folder / CSV), File(folder / PARQUET)])
    run.log([Metric(*metric) for metric in (context.assessment.metrics() | summary.totals()).items()])
    run.log([*total_interval_records("expected", context.models.level)])

    terminal.print_table(f"the next {window.horizon} from {window.end}", tier_table(summary, shop.currency))
    for note in notes:
        terminal.print_line(note)
    terminal.print_timings()
    terminal.print_line(f"one row a customer: {folder / CSV}\n{run.location}")
    return folder


@dataclass(frozen=True, eq=False)
class ScoringContext:
    """The fitted models, and what the periods that are over say of them."""

    models: ScoringModels
    assessment: IntervalAssessment
    missed: MissedPurchases
    ranking: RankingAssessment | None


def _build_scoring_context(
    cfg: DictConfig, forecaster: Forecaster, request: ModelReference, btyd_model: Model, shop: Shop, terminal: Terminal
) -> ScoringContext:
    model, stored, window = request.model, request.stored, forecaster.window
    require_no_negative_spend(forecaster.log, "a scored list")
    require_amounts_or_purchase_model(forecaster.log, model)
    if stored:
        check_same_features(
            stored, model, model.features.build_expression(forecaster.log, window.end, window.horizon).columns
        )
    with terminal.show_step(f"fitting on what is known on {window.end}", "fit"):
        models = fit_scoring_models(forecaster, model, btyd_model, stored)
        purchase_model = model if models.btyd is models.spend else btyd_model
        models = replace(models, timing=choose_timing_model(forecaster, window.future_period, purchase_model))
    with terminal.show_step("looking at the periods that are over", "earlier periods"):
        past = stored_predictions(instantiate(cfg.tracking).reader(), stored, window) if stored else None
        past = past or predict_past_periods(forecaster, model, "refitted" if stored else "fitted")
        btyd_past = past if purchase_model is model else None
        missed = find_latest_missed_purchases(forecaster, purchase_model, shop.likely, btyd_past)
        has_amounts = forecaster.log.has_amounts
        assessment = (
            assess_intervals(past, shop.interval) if has_amounts else IntervalAssessment(None, None, past.period)
        )
        return ScoringContext(models, assessment, missed, assess_past_ranking(past))


def _collect_notes(
    request: ModelReference, log: TransactionLog, window: Window, shop: Shop, context: ScoringContext
) -> list[str]:
    """Say what the numbers are and what they are worth, in the order in which a reader asks."""
    models, assessment = context.models, context.assessment
    return [
        *describe_total_interval(models.level, shop.currency, log.measure),
        *collect_compatibility_warnings(request, log.fingerprint, log.currency or "", window.end),
        *models.warnings(),
        *(describe_spend_intervals(assessment, shop.currency) if log.has_amounts else []),
        *describe_weak_ranking(context.ranking, request.model.name, assessment.period, log.measure),
        *describe_model_caveats(models, has_amounts=log.has_amounts),
        *describe_missed_purchases(context.missed, models.btyd_name, shop),
    ]


def _use_fallback_if_untrainable(
    request: ModelReference, log: TransactionLog, window: Window
) -> tuple[ModelReference, str]:
    """Let the fallback of a model that is fitted now stand in where the log lacks what the model learns from."""
    if request.stored:
        return request, ""
    model, note = choose_model_or_fallback(
        request.model, log, has_labels=window.has_training_periods(window.future_period)
    )
    return replace(request, model=model), note


def _describe_missing_spend(history: TransactionLog | RfmSummary) -> str:
    """Say why a model of spend cannot score the customers; empty where it can."""
    if isinstance(history, RfmSummary):
        return f"'{history.name}' is a table of frequency, recency and T"
    return "" if history.has_amounts else f"log '{history.name}' has no amounts"


def _setting_records(cfg: DictConfig, *, with_model: bool) -> list[Record]:
    """Record the settings; a model that is kept, or that ``decisions.btyd`` names, brings its own."""
    model_settings = () if with_model else ("model", "features")
    return config_records({k: v for k, v in resolve_masked_settings(cfg).items() if k not in model_settings})


def _build_tags(window: Window, request: ModelReference, models: ScoringModels, folder: Path) -> Iterator[Tag]:
    yield Tag("model", request.model.name)
    yield Tag("btyd_model", models.btyd_name)
    yield Tag("window", window.horizon.label)
    yield Tag("cutoff", str(window.end))
    yield Tag("scores", str(folder.resolve()))
    yield Tag("code_version", code_version())
    if request.stored:
        yield Tag("model_uri", request.stored.uri)
        yield Tag("evidence", request.stored.evaluation_run_id)


@contextmanager
def _show_timed_bar(terminal: Terminal, title: str) -> Iterator[Callable[[int, int, str], None]]:
    started = perf_counter()
    with terminal.show_bar(title) as progress:
        yield progress
    terminal.add_timings({title: perf_counter() - started})
