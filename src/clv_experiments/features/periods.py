"""Spend by period back from the cutoff, named as marketers know them."""

from __future__ import annotations

from datetime import date, timedelta

import ibis

from clv_experiments.data.window import Horizon
from clv_experiments.errors import ClvError
from clv_experiments.features.history import ratio


def periods(
    history: ibis.Table,
    cutoff: date,
    horizon: Horizon,
    *,
    count: int = 4,
    length: str | None = None,
    per: str = "purchase_day",
) -> dict[str, ibis.Value]:
    """Sum, count and average what was bought in each period back from the cutoff.

    ``M_1`` is the period to predict, ``M_2`` the latest known one, ``M_3`` the one before, and so on for ``count``
    periods: ``sales_avg_M_2`` (mean spend of a purchase day), ``sales_count_M_2`` (purchase days), ``sales_sum_M_2``.
    All are 0 where the customer bought nothing. ``length`` is that of a period, by default the horizon; ``per`` says
    what is counted, ``purchase_day`` or ``order``.

    Raises
    ------
    ClvError
        If ``per`` is neither, or ``length`` is no length of time.
    """
    if per not in ("purchase_day", "order"):
        raise ClvError(f"periods count per purchase_day or per order, got per='{per}' (features)")
    step = Horizon.parse(length) if length else horizon
    first = cutoff + timedelta(days=1)
    columns: dict[str, dict[str, ibis.Value]] = {"avg": {}, "count": {}, "sum": {}}
    for back in range(count):
        inside = (history.date >= ibis.literal(step.shift(first, -back - 1))) & (
            history.date < ibis.literal(step.shift(first, -back))
        )
        spend = history.amount.sum(where=inside).fill_null(0)
        bought = inside.sum() if per == "purchase_day" else history.orders.sum(where=inside).fill_null(0)
        columns["avg"][f"sales_avg_M_{back + 2}"] = ratio(spend, bought)
        columns["count"][f"sales_count_M_{back + 2}"] = bought
        columns["sum"][f"sales_sum_M_{back + 2}"] = spend
    return columns["avg"] | columns["count"] | columns["sum"]
