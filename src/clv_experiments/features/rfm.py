"""Frequency, recency, T and monetary value: all that a BTYD model needs of a customer."""

from __future__ import annotations

from datetime import date

import ibis

from clv_experiments.data.horizon import Horizon
from clv_experiments.features.history import days_between, divide_or_zero


def rfm(history: ibis.Table, cutoff: date, horizon: Horizon) -> dict[str, ibis.Value]:
    """Summarise each customer as Fader, Hardie and Lee (2005) do, in days.

    ``frequency`` purchase days after the first; ``recency`` first to last purchase day; ``T`` first purchase day to
    cutoff; ``monetary_value`` mean spend of a repeat purchase day (0 where there is none).
    """
    frequency = history.count() - 1
    repeat = history.date > history.first_day
    return {
        "frequency": frequency,
        "recency": days_between(history.date.min(), history.date.max()),
        "T": days_between(history.date.min(), ibis.literal(cutoff)),
        "monetary_value": divide_or_zero(history.amount.sum(where=repeat), frequency),
    }


def first_spend(history: ibis.Table, cutoff: date, horizon: Horizon) -> dict[str, ibis.Value]:
    """Sum what each customer spent on the first purchase day (currency), which ``monetary_value`` leaves out."""
    return {"first_spend": history.amount.sum(where=history.date == history.first_day)}


def total_spend(history: ibis.Table, cutoff: date, horizon: Horizon) -> dict[str, ibis.Value]:
    """Sum each customer's spend up to the cutoff (currency), with ``T`` (days) beside it."""
    return {"total_spend": history.amount.sum(), "T": days_between(history.date.min(), ibis.literal(cutoff))}
