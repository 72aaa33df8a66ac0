"""Spend by period before the cutoff, under the names that marketers know."""

from __future__ import annotations

from datetime import date, timedelta

import ibis

from clv_experiments.data.horizon import Horizon
from clv_experiments.errors import ClvError
from clv_experiments.features.history import divide_or_zero


def periods(
    history: ibis.Table,
    cutoff: date,
    horizon: Horizon,
    *,
    count: int = 4,
    length: str | None = None,
    per: str = "purchase_day",
) -> dict[str, ibis.Value]:
    """Sum, count and average the purchases of each period before the cutoff.

    ``M_1`` is the period to predict, ``M_2`` the latest known one, ``M_3`` the one before, and so on.

    Parameters
    ----------
    history : ibis.Table
        See ``add_first_last_day_and_gap``.
    cutoff : date
    horizon : Horizon
    count : int
        Number of periods.
    length : str, optional
        Of a period, such as ``1 month``; by default the horizon.
    per : {"purchase_day", "order"}
        What is counted and averaged over.

    Returns
    -------
    dict of str to ibis.Value
        For each period ``sales_avg_M_2`` (mean spend per purchase day, currency), ``sales_count_M_2`` (purchase days)
        and ``sales_sum_M_2`` (currency), all 0 where the customer bought nothing.

    Raises
    ------
    ClvError
        If ``per`` is neither, or ``length`` cannot be parsed.
    """
    if per not in ("purchase_day", "order"):
        raise ClvError(f"periods count per purchase_day or per order, got per='{per}' (features)")
    step = Horizon.parse(length) if length else horizon
    first = cutoff + timedelta(days=1)
    columns: dict[str, dict[str, ibis.Value]] = {"avg": {}, "count": {}, "sum": {}}
    for lag in range(count):
        inside = (history.date >= ibis.literal(step.shift_day(first, -lag - 1))) & (
            history.date < ibis.literal(step.shift_day(first, -lag))
        )
        spend = history.amount.sum(where=inside).fill_null(0)
        purchases = inside.sum() if per == "purchase_day" else history.orders.sum(where=inside).fill_null(0)
        columns["avg"][f"sales_avg_M_{lag + 2}"] = divide_or_zero(spend, purchases)
        columns["count"][f"sales_count_M_{lag + 2}"] = purchases
        columns["sum"][f"sales_sum_M_{lag + 2}"] = spend
    return columns["avg"] | columns["count"] | columns["sum"]
