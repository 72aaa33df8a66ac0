"""Behaviour features: gaps between purchase days, spend per purchase day, recent activity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis

from clv_experiments.data.horizon import Horizon
from clv_experiments.features.history import days_between, divide_or_zero


def behaviour(
    history: ibis.Table, cutoff: date, horizon: Horizon, *, recent_days: Sequence[int] = (7, 14, 30, 60)
) -> dict[str, ibis.Value]:
    """Compute gaps, spend per purchase day and recent activity.

    Gaps are whole days between successive purchase days. A customer with one purchase day has one open gap, whose
    length so far, ``T``, replaces the usual gap.

    Returns
    -------
    dict of str to ibis.Value
        ``gap_mean``, ``gap_std`` (sample standard deviation; 0 below two gaps), ``gap_max`` (days);
        ``hiatus_ratio``: days since the last purchase day over the usual gap; ``first_spend``, ``last_spend``,
        ``largest_spend`` (currency per purchase day); ``spend_per_day``: total spend over T, at least one day;
        ``spend_trend``: spend of the later half of T less the earlier half, over the size of both (from -1 to 1);
        ``purchase_days_7d``, ``spend_7d`` and so on for each of ``recent_days``, the cutoff day included.
    """
    h, end = history, ibis.literal(cutoff)
    gaps = h.count() - 1
    T = days_between(h.date.min(), end)
    usual_gap = ibis.ifelse(gaps > 0, divide_or_zero(h.gap.sum(), gaps), T)
    variance = divide_or_zero(
        h.gap.cast("float64").pow(2).sum() - divide_or_zero(h.gap.sum().cast("float64").pow(2), gaps), gaps - 1
    )
    late = end.delta(h.date, unit="day") * 2 < end.delta(h.first_day, unit="day")
    late_spend = h.amount.sum(where=late).fill_null(0).cast("float64")
    total = h.amount.sum().cast("float64")
    columns: dict[str, ibis.Value] = {
        "gap_mean": usual_gap,
        "gap_std": ibis.ifelse(gaps > 1, ibis.greatest(variance, 0.0), 0.0).sqrt(),
        "gap_max": ibis.ifelse(gaps > 0, h.gap.max().cast("float64"), T),
        "hiatus_ratio": divide_or_zero(days_between(h.date.max(), end), usual_gap),
        "first_spend": h.amount.sum(where=h.date == h.first_day),
        "last_spend": h.amount.sum(where=h.date == h.last_day),
        "largest_spend": h.amount.max(),
        "spend_per_day": divide_or_zero(total, ibis.greatest(T, 1.0)),
        "spend_trend": divide_or_zero(late_spend * 2 - total, h.amount.abs().sum()),
    }
    for days in recent_days:
        recent = h.date > ibis.literal(cutoff - timedelta(days=days))
        columns[f"purchase_days_{days}d"] = recent.sum()
        columns[f"spend_{days}d"] = h.amount.sum(where=recent).fill_null(0)
    return columns
