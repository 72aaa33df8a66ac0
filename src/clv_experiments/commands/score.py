"""A scored customer list on one screen: read, find the model, predict in parts, rank, write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.model_reference import (
    ModelReference,
    build_btyd_model,
    check_same_columns,
    compatibility_warnings,
    resolve_model,
    stored_errors,
)
from clv_experiments.config.log_options import load_configured_log
from clv_experiments.config.settings import check_settings, experiment_name, resolve_settings, setting_records
from clv_experiments.config.window_options import build_future_window
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.attributes import countries
from clv_experiments.data.queries.customers import known_customers
from clv_experiments.data.window import Window
from clv_experiments.decisions.customer_scores import Ranking, Scorer, read_me
from clv_experiments.decisions.evidence import Evidence, errors, evidence, missed_in, periods_over
from clv_experiments.decisions.score_files import CSV, PARQUET, Parts, score_files, scratch, stored_parts
from clv_experiments.decisions.score_summary import Summary, headline
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import HISTORY
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecaster import Forecaster, Model
from clv_experiments.forecasting.run_records import estimator_warnings, log_records
from clv_experiments.reporting.record_files import check_writable, output_folder, write_folder
from clv_experiments.reporting.records import File, Metric, Record, Table, Tag, Text
from clv_experiments.tracking.code_version import code_version

KIND = "score"
CUSTOMERS_AT_ONCE = 50_000
TO_RANK = ["expected_spend", "frequency", "recency", "T", "total_spend"]


def score(cfg: DictConfig, asked: str | None) -> Path:
    """Score all customers of a log, and leave a tracked run behind.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/score.yaml``.
    asked : str or None
        What was typed as ``model``; see ``resolve_model``.

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
    Shop.of(cfg.decisions, "")  # refuses bad settings before the log is read
    btyd = build_btyd_model(cfg)
    terminal = Terminal()
    with terminal.step("finding the model", "model"):
        request = resolve_model(cfg, asked)
    terminal.say(f"model: {request.said}")
    with ExitStack() as stack:
        with terminal.step("opening the tracking store", "tracking"):
            run = stack.enter_context(
                instantiate(cfg.tracking).run(experiment_name(cfg), f"{KIND} {request.model.name}")
            )
        own = ("model", "features") if request.stored else ()  # a kept model brings its own
        settings = {name: value for name, value in resolve_settings(cfg).items() if name not in own}
        run.log([Tag("kind", KIND), *setting_records(settings), Text("config.yaml", OmegaConf.to_yaml(settings))])
        with terminal.step(f"reading and cleaning {cfg.data.name}", "data"):
            log = load_configured_log(
                cfg.data, lambda start, end: build_future_window(cfg.window, start, end).earliest_cutoff
            )
        terminal.report_log(log)
        window = build_future_window(cfg.window, log.start, log.end)
        shop = Shop.of(cfg.decisions, log.currency or "")
        ready = _prepared(cfg, log, window, request, btyd, shop, terminal)
        place = output_folder(cfg.output, f"{experiment_name(cfg)} {window.end} {request.model.name}")
        summary = _written(log, window, ready, shop, place, terminal)
        facts = [f"Spend is predicted by {request.said}.", *ready.notes]
        about: list[Record] = [
            Text("readme.txt", read_me(shop, window.horizon, window.end, facts)),
            Table("summary.csv", summary.table()),
        ]
        write_folder(cfg.output, place.name, about, "the scores")
        scores = (File(place / name) for name in (CSV, PARQUET))
        run.log([*_identity(window, request, ready, place), *log_records(log), *about, *scores])
        run.log([Metric(name, value) for name, value in {**ready.evidence.metrics(), **summary.totals()}.items()])
        _say(terminal, summary, ready, shop, str(window.horizon), place)
        terminal.say(run.location)
    return place


@dataclass(frozen=True, eq=False)
class ScoringContext:
    """All that customers are scored with.

    Attributes
    ----------
    scorer : Scorer
    model, btyd : Model
        The configurations behind it.
    missed : pandas.Index
        Ids of the customers who were likely to buy in the latest period, and did not.
    evidence : Evidence
    notes : list of str
        What a reader must know.
    """

    scorer: Scorer
    model: Model
    btyd: Model
    missed: pd.Index
    evidence: Evidence
    notes: list[str]


def _prepared(
    cfg: DictConfig,
    log: TransactionLog,
    window: Window,
    request: ModelReference,
    beside: Model,
    shop: Shop,
    terminal: Terminal,
) -> ScoringContext:
    model, forecaster = request.model, Forecaster(log, window)
    estimator, columns = _fitted(forecaster, request, terminal)
    btyd = model if hasattr(estimator, "discounted_purchases") else beside
    with terminal.step("looking at the periods that are over", "earlier periods"):
        latest, earlier = periods_over(window, supervised=model.supervised, source=log.name)
        kept = stored_errors(instantiate(cfg.tracking).reader(), request.stored, window) if request.stored else None
        made = None if kept else errors(forecaster, model, latest)
        again = ", made by the same settings fitted before it," if request.stored else ""
        known = kept or (f"{latest}{again}", made, errors(forecaster, model, earlier))
        proof = evidence(shop.interval, shop.currency, *known)
        if made is None or btyd is not model:
            latest, _ = periods_over(window, supervised=False, source=log.name)
            made = errors(Forecaster(log, window), btyd, latest)
        missed, sentence = missed_in(latest, made, btyd.name, shop)
    with terminal.step(f"telling purchases by {btyd.name}", "btyd"):
        teller = estimator if btyd is model else Forecaster(log, window).forecast_future(btyd).estimator
    scorer = Scorer(estimator, columns, teller, btyd.name, proof.intervals, shop, window.end)
    fits = {model.name: estimator, btyd.name: teller}
    said = [f"{name}: {remark}." for name, fit in fits.items() for remark in estimator_warnings(fit)]
    notes = [
        *compatibility_warnings(request, log.fingerprint, log.currency or "", window.end),
        *said,
        proof.said,
        sentence,
    ]
    return ScoringContext(scorer, model, btyd, missed, proof, notes)


def _fitted(forecaster: Forecaster, request: ModelReference, terminal: Terminal) -> tuple[Any, tuple[str, ...]]:
    """Return the estimator and the features that it takes: the kept one, or one that is fitted on all that is known."""
    model, window, stored = request.model, forecaster.window, request.stored
    if stored is None:
        with terminal.step(f"fitting {model.name} on what is known on {window.end}", "fit"):
            made = forecaster.forecast_future(model)
        return made.estimator, tuple(map(str, made.X.columns))
    check_same_columns(stored, model, model.features.table(forecaster.log, window.end, window.horizon).columns)
    if "horizon_days" in stored.estimator.get_params():
        stored.estimator.set_params(horizon_days=float(window.future_period.days))
    return stored.estimator, stored.columns


def _written(
    log: TransactionLog, window: Window, ready: ScoringContext, shop: Shop, place: Path, terminal: Terminal
) -> Summary:
    """Predict in parts, rank all customers, and write what is decided of them in parts."""
    summary = Summary()
    features = FeatureSet("scores", [*HISTORY.blocks, *ready.model.features.blocks])
    country, everyone, done = countries(log, window.end), known_customers(log.purchase_days, window.end), 0
    started = perf_counter()
    with scratch(place) as path:
        with Parts(path) as expected, terminal.bar("scoring") as progress:
            for X in features.parts(log, window.end, window.horizon, CUSTOMERS_AT_ONCE):
                expected.write(ready.scorer.expected(X).reset_index())
                done += len(X)
                progress(done, everyone, "customers")
        terminal.add_timings({"scoring": perf_counter() - started})
        started = perf_counter()
        customers = pd.concat([*stored_parts(path, TO_RANK)])
        ranking = Ranking.of(customers, shop, ready.missed, window.end)
        with score_files(place) as files, terminal.bar("ranking and writing") as progress:
            for part in stored_parts(path):
                rows = ranking.decided(part.set_index("customer_id"), country)
                files.write(rows)
                summary.add(rows)
                progress(int(summary.totals()["customers"]), everyone, "customers")
    terminal.add_timings({"writing": perf_counter() - started})
    return summary


def _identity(window: Window, request: ModelReference, ready: ScoringContext, place: Path) -> Iterator[Record]:
    yield Tag("model", ready.model.name)
    yield Tag("btyd_model", ready.btyd.name)
    yield Tag("window", window.horizon.label)
    yield Tag("cutoff", str(window.end))
    yield Tag("scores", str(place.resolve()))
    yield Tag("code_version", code_version())
    if request.stored:
        yield Tag("model_uri", request.stored.uri)
        yield Tag("evidence", request.stored.evidence)


def _say(terminal: Terminal, summary: Summary, ready: ScoringContext, shop: Shop, ahead: str, place: Path) -> None:
    headings, rows = headline(summary, shop.currency)
    terminal.table(f"the next {ahead} from {ready.scorer.cutoff}", headings, rows)
    for note in ready.notes:
        terminal.say(note)
    terminal.show_timings()
    terminal.say(f"one row a customer: {place / CSV}")
