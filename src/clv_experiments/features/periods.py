"""Spend by period back from the cutoff, named as marketers know them."""

from __future__ import annotations

from datetime import date, timedelta

import ibis

from clv_experiments.data.window import Horizon
from clv_experiments.features.history import ratio


def periods(history: ibis.Table, cutoff: date, horizon: Horizon, *, count: int = 4) -> dict[str, ibis.Value]:
    """Sum, count and average the purchase days of each period of one horizon's length.

    ``M_1`` is the period to predict, ``M_2`` the latest known one, ``M_3`` the one before, and so on for ``count``
    periods: ``sales_avg_M_2`` (mean spend of a purchase day), ``sales_count_M_2`` (purchase days), ``sales_sum_M_2``.
    All are 0 where the customer bought nothing.
    """
    first = cutoff + timedelta(days=1)
    columns: dict[str, dict[str, ibis.Value]] = {"avg": {}, "count": {}, "sum": {}}
    for back in range(count):
        inside = (history.date >= ibis.literal(horizon.shift(first, -back - 1))) & (
            history.date < ibis.literal(horizon.shift(first, -back))
        )
        spend, days = history.amount.sum(where=inside).fill_null(0), inside.sum()
        columns["avg"][f"sales_avg_M_{back + 2}"] = ratio(spend, days)
        columns["count"][f"sales_count_M_{back + 2}"] = days
        columns["sum"][f"sales_sum_M_{back + 2}"] = spend
    return columns["avg"] | columns["count"] | columns["sum"]
