"""From the data config to a transaction log, and from the window config to the periods of a log."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

from omegaconf import DictConfig, OmegaConf

from clv_experiments.config.instantiation import instantiate_setting
from clv_experiments.config.settings import ALL, EARLIER, parse_day
from clv_experiments.data.cleaning.clean import GetLearningEnd
from clv_experiments.data.engine import open_engine
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.log import TransactionLog, load_log
from clv_experiments.data.log_cache import LastLogCache
from clv_experiments.data.parsing.formats import ParseOptions
from clv_experiments.data.parsing.money import parse_scale
from clv_experiments.data.raw import RawTable
from clv_experiments.data.rfm_summary import RfmSummary, read_rfm_summary
from clv_experiments.data.window import TRAINING_CUSTOMERS, Window
from clv_experiments.errors import ClvError

LOG_CACHE = LastLogCache()


def read_raw_table(cfg: DictConfig) -> RawTable:
    """Read the raw table that the data config describes."""
    raw: RawTable = instantiate_setting(cfg.source, "data.source")(open_engine(cfg.engine, cfg.spark_master))
    return raw


def read_rfm_summary_from_config(cfg: DictConfig, raw: RawTable) -> RfmSummary | None:
    """Read a raw table as one of frequency, recency and T, or return None where it is a log."""
    return read_rfm_summary(raw, dict(cfg.columns), cfg.name, unit=cfg.get("rfm_unit"), decimal=cfg.decimal)


def load_log_from_config(
    cfg: DictConfig, get_learning_end: GetLearningEnd, raw: RawTable | None = None, *, cached: bool = True
) -> TransactionLog:
    """Read the log that the data config describes; cleaning learns from nothing after ``get_learning_end``.

    ``raw`` is its raw table where that has been read already; where that may be another under the same settings, the
    log must not be taken from, nor kept in, the cache.
    """
    load = partial(
        load_log,
        cfg.name,
        instantiate_setting(cfg.source, "data.source") if raw is None else lambda engine: raw,
        [instantiate_setting(step, f"data.cleaning.{name}") for name, step in cfg.cleaning.items() if step is not None],
        parse_day(cfg.log_end, "data.log_end"),
        cfg.currency,
        where=cfg.where,
        log_start=parse_day(cfg.log_start, "data.log_start"),
        columns=OmegaConf.to_container(cfg.columns),  # type: ignore[arg-type]
        parse_options=ParseOptions(
            date_order=cfg.date_order,
            decimal=cfg.decimal,
            time_zones=cfg.time_zones,
            date_format=cfg.date_format,
            scale=parse_scale(cfg.scale),
            amount_per=cfg.amount_per,
            discount_unit=cfg.discount_unit,
        ),
        engine=open_engine(cfg.engine, cfg.spark_master),
        today=date.today(),
    )
    if not cached:
        return load(get_learning_end=get_learning_end)
    settings = OmegaConf.to_yaml(cfg, resolve=True)
    return LOG_CACHE.get_or_load(settings, get_learning_end, lambda recorded: load(get_learning_end=recorded))


def build_window(cfg: DictConfig, start: date, end: date) -> Window:
    """Build the window that the config describes from a log's first and last day."""
    horizon, cutoff = Horizon.parse(cfg.horizon), parse_day(cfg.cutoff, "window.cutoff")
    window = Window(start, end, horizon, cutoff, 1 if cfg.origins in (ALL, EARLIER) else cfg.origins)
    window = _set_training_limits(window, cfg)
    window = window.shift_back_one_origin() if cfg.origins == EARLIER else window
    return window.maximise_origins() if cfg.origins in (ALL, EARLIER) else window


def build_scoring_window(cfg: DictConfig, start: date, end: date) -> Window:
    """Build the window for scoring a log as of the end of ``window.cutoff``, by default its last day.

    What is to be predicted lies after that day; the latest holdout period ends on it.
    """
    if cfg.origins != 1:
        raise ClvError(f"what is to come is predicted from one cutoff; leave out window.origins={cfg.origins}")
    window = _set_training_limits(Window(start, end, Horizon.parse(cfg.horizon)), cfg)
    return window.truncate_at(parse_day(cfg.cutoff, "window.cutoff"))


def _set_training_limits(window: Window, cfg: DictConfig) -> Window:
    """Limit training panels; runs and options of older versions know of origins alone."""
    customers = OmegaConf.select(cfg, "training_customers") or TRAINING_CUSTOMERS
    return replace(
        window,
        training_origins=cfg.training_origins,
        training_customers=None if customers == ALL else customers,
        training_seed=OmegaConf.select(cfg, "training_seed", default=0),
    )
