"""The whole run on one screen: load, forecast (validation, holdout), score, record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from functools import partial
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.config.model_options import baselines, build_model
from clv_experiments.data.engine import open_engine
from clv_experiments.data.log import TransactionLog, load_log
from clv_experiments.data.log_cache import LastLog
from clv_experiments.data.parsing.formats import Reading
from clv_experiments.data.sources.passwords import without_password
from clv_experiments.data.window import Horizon, Period, Window
from clv_experiments.errors import ClvError
from clv_experiments.evaluation import report
from clv_experiments.evaluation.metrics import OBJECTIVES
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.protocols import Verdict, customer_split, out_of_time
from clv_experiments.forecasting.run_records import Search, explain, identity, log_records, remarks
from clv_experiments.reporting.records import Param, Text
from clv_experiments.terminal import Terminal

ALL = "all"  # window.origins: as many as the log allows
WORDS = {"window.origins": ((ALL,), f", or {ALL}"), "window.training_origins": ((None,), ", or null for all")}
LAST_LOG = LastLog()
KEYS = {"source": "data.source._target_", "columns": "data.columns.date", "cleaning": "data.cleaning.returns.policy"}
PROTOCOLS = ("forecast", "customer_split")


def run_experiment(cfg: DictConfig, search: Search | None = None) -> Verdict:
    """Run one experiment and leave one tracked run behind.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.
    search : Search, optional
        Where the model's settings were found.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence; the run is then marked FAILED with that reason.
    """
    check_settings(cfg)
    _day(cfg.window.cutoff, "window.cutoff")
    terminal = Terminal()
    terminal.say(title_of(cfg))
    with ExitStack() as stack:
        with terminal.step("opening the tracking store", "tracking"):
            opened = instantiate(cfg.tracking).run(experiment_of(cfg), cfg.model.name)
            run = stack.enter_context(opened)
        settings = settings_of(cfg)
        run.log([*parameters(settings), Text("config.yaml", OmegaConf.to_yaml(settings))])
        log = read_aloud(cfg.data, lambda start, end: window_of(cfg.window, start, end).earliest_cutoff, terminal)
        terminal.say(f"{log.customers:,} customers, {log.start} to {log.end}")
        run.log([*log_records(log)])
        model = build_model(cfg.model)
        window = window_of(cfg.window, log.start, log.end)
        splitting = cfg.evaluation.protocol == "customer_split"
        origins = window.backtest(supervised=model.supervised and not splitting, source=log.name)
        forecaster = Forecaster(log, window)
        periods = [origin.holdout for origin in origins]
        run.log([*identity(forecaster, model, periods, protocol_identity(cfg))])
        for origin in origins:
            somebody_spent(forecaster, origin.holdout)
        judged_by = (forecaster, model, baselines(cfg), origins, cfg.evaluation.objective, terminal)
        verdict = customer_split(*judged_by, **split_settings(cfg)) if splitting else out_of_time(*judged_by)
        with terminal.step("measuring, explaining, drawing", "evaluation") as progress:
            records = [
                *verdict.records,
                *report.ladder_records(verdict.ladder, verdict.title),
                *explain(
                    forecaster, model, verdict.shown, cfg.seed, cfg.evaluation.bootstrap_replicates, progress, search
                ),
            ]
        with terminal.step("writing the run", "tracking"):
            run.log(records)

        terminal.summary(verdict.ladder, verdict.title)
        for remark in [*remarks(verdict.shown.estimator), *verdict.notes]:
            terminal.say(f"note: {remark}")
        terminal.timing()
        terminal.say(run.location)
    return verdict


def check_settings(cfg: DictConfig) -> None:
    """Refuse settings that could only fail, or mislead, later.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    least = {"seed": 0, "window.origins": 1, "window.training_origins": 1, "evaluation.bootstrap_replicates": 2}
    splitting = cfg.evaluation.protocol == "customer_split"
    for name, bound in (least | ({"evaluation.splits": 1} if splitting else {})).items():
        value = OmegaConf.select(cfg, name)
        words, either = WORDS.get(name, ((), ""))
        if not (type(value) is int and value >= bound) and value not in words:
            raise ClvError(f"{name} must be a whole number of at least {bound}{either}, got '{value}'")
    if splitting:
        _check_split(cfg)
    choices = {"evaluation.objective": OBJECTIVES, "evaluation.protocol": PROTOCOLS}
    for name, known in choices.items():
        value = OmegaConf.select(cfg, name)
        if value not in known:
            raise ClvError(f"{name} must be one of {', '.join(known)}, got '{value}'")
    if not isinstance(cfg.resume, bool):
        raise ClvError(f"resume must be true or false, got '{cfg.resume}'")


def _check_split(cfg: DictConfig) -> None:
    share = cfg.evaluation.test_share
    if not (isinstance(share, int | float) and 0 < share < 1):
        raise ClvError(f"evaluation.test_share must lie between 0 and 1, got '{share}'")
    if cfg.window.origins != 1:
        raise ClvError(
            "evaluation=customer_split splits the customers of one cutoff; type window.origins=1, or "
            f"evaluation=forecast for a backtest over {cfg.window.origins}"
        )


def somebody_spent(forecaster: Forecaster, period: Period) -> None:
    """Refuse a holdout period without spend: no score means anything there.

    Raises
    ------
    ClvError
        Names the period and what to choose instead.
    """
    if forecaster.outcome(period)["spend"].sum() <= 0:
        raise ClvError(
            f"nobody spent anything in the holdout period {period} of log '{forecaster.log.name}' among the "
            f"{len(forecaster.outcome(period)):,} customers known before it; choose another window.cutoff or horizon"
        )


def split_settings(cfg: DictConfig) -> dict[str, Any]:
    """Collect what ``evaluation=customer_split`` is told besides."""
    settings = cfg.evaluation
    return {
        "splits": settings.splits,
        "test_share": settings.test_share,
        "seed": cfg.seed,
        "published": dict(settings.published),
    }


def protocol_identity(cfg: DictConfig) -> str:
    """Name the protocol; where customers are split, with what decides who is compared with whom."""
    settings = cfg.evaluation
    drawn = f" {settings.splits} x {settings.test_share} seed {cfg.seed}" if settings.protocol != "forecast" else ""
    return f"{settings.protocol}{drawn}"


def title_of(cfg: DictConfig) -> str:
    """Say in one line what a run is about."""
    horizon = Horizon.parse(cfg.window.horizon)
    return f"{cfg.model.name} with features {cfg.model.features.name} on {cfg.data.name}, next {horizon}"


def experiment_of(cfg: DictConfig) -> str:
    """Name the MLflow experiment that a log and a horizon are filed under: ``cdnow/3m``."""
    return f"{cfg.data.name}/{Horizon.parse(cfg.window.horizon).label}"


def settings_of(cfg: DictConfig) -> dict[str, Any]:
    """Resolve the composed settings, without passwords: what a run is known by."""
    return shareable(OmegaConf.to_container(cfg, resolve=True))


def flattened(cfg: DictConfig) -> dict[str, Any]:
    """Name every setting as a run's parameters do: ``window.horizon``."""
    return {record.name: record.value for record in parameters(settings_of(cfg))}


def shareable(settings: Any) -> Any:
    """Copy composed settings without the passwords that connections hold."""
    if isinstance(settings, dict):
        return {name: shareable(value) for name, value in settings.items()}
    if isinstance(settings, list):
        return [shareable(value) for value in settings]
    return without_password(settings) if isinstance(settings, str) else settings


def parameters(settings: dict[str, Any]) -> Iterator[Param]:
    """Flatten the composed settings; the features are those of the model."""
    own = {name: value for name, value in settings.items() if name != "features"}
    yield from (Param(name, value) for name, value in _flat(own, ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flat(below, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.dumps(value) if isinstance(value, list) else value


def read_log(cfg: DictConfig, learn_until: Callable[[date, date], date]) -> TransactionLog:
    """Read the log that the data config describes; cleaning learns from nothing after the day ``learn_until`` gives."""
    for name in ("source", "columns", "cleaning"):
        if not isinstance(cfg[name], DictConfig):
            raise ClvError(f"data.{name} holds settings of its own, such as {KEYS[name]}; it cannot be '{cfg[name]}'")
    for name, step in cfg.cleaning.items():
        if not isinstance(step, DictConfig | None):
            raise ClvError(f"data.cleaning.{name} must be null or have settings of its own, such as .policy={step}")
    load = partial(
        load_log,
        cfg.name,
        instantiate(cfg.source),
        [instantiate(step) for step in cfg.cleaning.values() if step is not None],
        _day(cfg.log_end, "data.log_end"),
        cfg.currency,
        log_start=_day(cfg.log_start, "data.log_start"),
        columns=OmegaConf.to_container(cfg.columns),  # type: ignore[arg-type]
        reading=Reading(cfg.date_order, cfg.decimal, cfg.time_zones),
        engine=open_engine(cfg.engine, cfg.spark_master),
        today=date.today(),
    )
    return LAST_LOG.read(OmegaConf.to_yaml(cfg, resolve=True), learn_until, lambda until: load(learn_until=until))


def read_aloud(cfg: DictConfig, learn_until: Callable[[date, date], date], terminal: Terminal) -> TransactionLog:
    """Read the log as ``read_log`` does, and say what was guessed on the way and what cleaning removed."""
    with terminal.step(f"reading and cleaning {cfg.name}", "data"):
        log = read_log(cfg, learn_until)
    for note in log.notes:
        terminal.say(f"note: {note}")
    terminal.receipt(log.report)
    return log


def window_of(cfg: DictConfig, start: date, end: date) -> Window:
    """Lay the window config over a log's first and last day."""
    horizon, cutoff = Horizon.parse(cfg.horizon), _day(cfg.cutoff, "window.cutoff")
    window = Window(start, end, horizon, cutoff, 1 if cfg.origins == ALL else cfg.origins, cfg.training_origins)
    return window.with_all_origins() if cfg.origins == ALL else window


def known_window(cfg: DictConfig, start: date, end: date) -> Window:
    """Lay the window config over a log as it stood at the end of ``window.cutoff``, by default at its last day.

    What is to be predicted lies after that day; the latest holdout period ends on it.
    """
    if cfg.origins != 1:
        raise ClvError(f"what is to come is predicted from one cutoff; leave out window.origins={cfg.origins}")
    whole = Window(start, end, Horizon.parse(cfg.horizon), training_origins=cfg.training_origins)
    return whole.known_at(_day(cfg.cutoff, "window.cutoff"))


def _day(text: str | None, where: str) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text is not None else None
    except ValueError as error:
        raise ClvError(f"'{text}' is not a date; it must read like 1998-03-31 ({where})") from error
