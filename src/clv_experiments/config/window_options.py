"""From the window config to the periods of a log."""

from __future__ import annotations

from datetime import date

from omegaconf import DictConfig

from clv_experiments.config.settings import (
    ALL,
    parse_day,
)
from clv_experiments.data.window import Horizon, Window
from clv_experiments.errors import ClvError


def build_window(cfg: DictConfig, start: date, end: date) -> Window:
    """Lay the window config over a log's first and last day."""
    horizon, cutoff = Horizon.parse(cfg.horizon), parse_day(cfg.cutoff, "window.cutoff")
    window = Window(start, end, horizon, cutoff, 1 if cfg.origins == ALL else cfg.origins, cfg.training_origins)
    return window.with_all_origins() if cfg.origins == ALL else window


def build_future_window(cfg: DictConfig, start: date, end: date) -> Window:
    """Lay the window config over a log as it stood at the end of ``window.cutoff``, by default at its last day.

    What is to be predicted lies after that day; the latest holdout period ends on it.
    """
    if cfg.origins != 1:
        raise ClvError(f"what is to come is predicted from one cutoff; leave out window.origins={cfg.origins}")
    whole = Window(start, end, Horizon.parse(cfg.horizon), training_origins=cfg.training_origins)
    return whole.as_of(parse_day(cfg.cutoff, "window.cutoff"))
