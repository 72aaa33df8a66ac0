"""Rhythm: how regular purchase days are, how long it has been since the last, and how large purchases are."""

from __future__ import annotations

from datetime import date

import ibis

from clv_experiments.data.horizon import Horizon
from clv_experiments.features.history import days_between, divide_or_zero

LOG_STEPS = 2**32  # logarithms are whole multiples of this part, so that sums are exact in any order


def rhythm(history: ibis.Table, cutoff: date, horizon: Horizon) -> dict[str, ibis.Value]:
    """Compute the last gap, how gaps vary, the silence since the last purchase day, and sizes of purchases.

    Returns
    -------
    dict of str to ibis.Value
        ``gap_last`` (days between the last two purchase days; of a customer with one purchase day ``T``); ``gap_cv``
        (standard deviation of the gaps over their mean; 0 below two gaps); ``days_since_last``;
        ``silence_over_longest_gap`` (days since the last purchase day over the longest gap, of one purchase day 1);
        ``active_share`` (of ``T`` until the last purchase day); ``smallest_spend`` (of a purchase day, currency);
        ``typical_spend`` (geometric mean of purchase days with spend, currency; 0 where there is none).
    """
    h, end = history, ibis.literal(cutoff)
    T, silence = days_between(h.date.min(), end), days_between(h.date.max(), end)
    gaps = (h.count() - 1).cast("float64")
    mean_gap = divide_or_zero(h.gap.sum(), gaps)
    variance = divide_or_zero(h.gap.cast("float64").pow(2).sum(), gaps) - mean_gap * mean_gap
    spent = h.amount > 0
    steps = (ibis.ifelse(spent, h.amount, 1).cast("float64").ln() * LOG_STEPS).round().cast("int64")
    mean_log = divide_or_zero(steps.sum(where=spent), spent.sum()) / LOG_STEPS
    return {
        "gap_last": ibis.ifelse(gaps > 0, h.gap.sum(where=h.date == h.last_day).cast("float64"), T),
        "gap_cv": ibis.ifelse(gaps > 1, divide_or_zero(ibis.greatest(variance, 0.0).sqrt(), mean_gap), 0.0),
        "days_since_last": silence,
        "silence_over_longest_gap": ibis.ifelse(gaps > 0, divide_or_zero(silence, h.gap.max()), 1.0),
        "active_share": divide_or_zero(T - silence, T),
        "smallest_spend": h.amount.min(),
        "typical_spend": ibis.ifelse(spent.sum() > 0, mean_log.exp(), 0.0),
    }


def log_gap_sum(history: ibis.Table, cutoff: date, horizon: Horizon) -> dict[str, ibis.Value]:
    """Sum the logarithms of each customer's gaps, in days: all that a fit to gamma gaps needs besides rfm."""
    steps = (ibis.ifelse(history.gap > 0, history.gap, 1).cast("float64").ln() * LOG_STEPS).round().cast("int64")
    return {"log_gaps": steps.sum() / LOG_STEPS}
