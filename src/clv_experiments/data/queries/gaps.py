"""Gaps between purchase days: how even the last two of each customer are."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.log import TransactionLog


def count_last_two_gaps(log: TransactionLog, cutoff: date) -> pd.DataFrame:
    """Count customers by their last two gaps up to the cutoff, for those who have two.

    A gap is counted in days on which anybody bought, so that a shop that closes on Sundays, or whose dates are those of
    weeks or months, has no regular customers on that account alone.

    Returns
    -------
    pandas.DataFrame
        ``earlier``, ``later`` (from 1), ``customers``, sorted by the first two.
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(cutoff))
    days = t.select("date").distinct()
    days = days.mutate(day=ibis.row_number().over(order_by=days.date))
    t = t.select("customer_id", "date").join(days, "date")
    by_customer = ibis.window(group_by=t.customer_id, order_by=t.date)
    before, earliest = t.day.lag(1).over(by_customer), t.day.lag(2).over(by_customer)
    is_last = t.date == t.date.max().over(group_by=t.customer_id)
    gaps = t.select(earlier=before - earliest, later=t.day - before, is_last=is_last)
    gaps = gaps.filter(gaps.is_last & (gaps.earlier > 0))  # no third day: null
    counts = gaps.group_by("earlier", "later").agg(customers=gaps.count().cast("int64"))
    return counts.to_pyarrow().to_pandas().sort_values(["earlier", "later"], ignore_index=True)
