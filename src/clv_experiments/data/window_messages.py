"""How a log is too short for a window, and what to type instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clv_experiments.data.window import Window


def describe_short_log(window: Window, supervised: bool, source: str) -> str:
    """Say how many days a backtest needs, how many the log has, and what would be possible."""
    oldest, end = window.origins - 1, window.period(0).end
    first = window.first_day_after_period(oldest + 3) if supervised else window.period(oldest).cutoff
    parts = "history, training labels and holdout" if supervised else "history and holdout"
    return (
        f"the log is too short for a horizon of {window.horizon} and {window.origins} origin(s): "
        f"{(end - first).days + 1} days are needed ({parts}), '{source}' has {(end - window.start).days + 1} "
        f"({window.start} to {end}); " + ", or ".join(_list_alternatives(window, supervised))
    )


def _list_alternatives(window: Window, supervised: bool) -> list[str]:
    alternatives = []
    if longest := window.longest_horizon(supervised=supervised):
        alternatives.append(f"the longest horizon that works is {longest}: type window.horizon='{longest}'")
    if window.cutoff and replace(window, cutoff=None).is_long_enough(supervised=supervised):
        alternatives.append("take a later window.cutoff")
    if window.origins > 1:
        alternatives.append("take fewer window.origins")
    if supervised and window.is_long_enough(supervised=False):
        alternatives.append("choose a model that needs no labels, such as model=bg_nbd")
    return alternatives


def describe_missing_validation(window: Window, available: int, required: int, supervised: bool, source: str) -> str:
    """Say how many validation periods there are, and what to type for as many as are required."""
    advice = f"type sweep.validation_origins={available}" if available else "type a shorter window.horizon"
    labels = 1 if supervised else 0
    possible = [
        origins
        for origins in range(1, window.origins)
        if window.has_full_horizon_before(origins + required - 1 + labels)
    ]
    fewer = f", or window.origins={possible[-1]}" if possible else ""
    return (
        f"log '{source}' holds {available} validation period(s) of {window.horizon} before the holdout of "
        f"{window.origins} origin(s), {required} asked for; {advice}{fewer}"
    )
