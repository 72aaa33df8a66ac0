"""What customers did after a cutoff: spend, the time to the next purchase, and the daily spend of tracking plots."""

from __future__ import annotations

import ibis
import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import fetch_by_customer


def holdout_spend_and_purchase_days(log: TransactionLog, period: Period) -> pd.DataFrame:
    """Sum spend and purchase days in the period of each customer known at the cutoff.

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id`` (sorted; all whose first purchase day is on or before the cutoff), columns ``spend``
        (currency, 0 if none) and ``purchase_days`` (count).
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(period.end))
    later = t.date > ibis.literal(period.cutoff)
    table = t.group_by("customer_id").agg(
        first_day=t.date.min(),
        spend=t.amount.sum(where=later).fill_null(0).cast("float64"),
        purchase_days=later.sum().cast("int64"),
    )
    return fetch_by_customer(table.filter(table.first_day <= ibis.literal(period.cutoff)).drop("first_day"))


def days_to_purchase(log: TransactionLog, period: Period) -> pd.Series:
    """Count the days from the cutoff to each customer's first purchase day in the period.

    Returns
    -------
    pandas.Series
        Index ``customer_id`` as of ``holdout_spend_and_purchase_days``; from 1 to the days of the period, NaN where
        there is no purchase.
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(period.end))
    later = t.date > ibis.literal(period.cutoff)
    table = t.group_by("customer_id").agg(first_day=t.date.min(), next_day=t.date.min(where=later))
    table = table.filter(table.first_day <= ibis.literal(period.cutoff))
    days = table.next_day.delta(ibis.literal(period.cutoff), unit="day").cast("float64")
    return fetch_by_customer(table.select("customer_id", days_to_purchase=days))["days_to_purchase"].astype(float)


def new_customers_and_repeat_spend(log: TransactionLog, period: Period) -> pd.DataFrame:
    """Count new customers and sum repeat spend of each day up to the period's end, for customers known at the cutoff.

    Returns
    -------
    pandas.DataFrame
        Index ``date`` (every day from the log's start to the period's end), columns ``new_customers`` and
        ``repeat_spend`` (currency; first purchase days left out).
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(period.end))
    t = t.mutate(first_day=t.date.min().over(group_by=t.customer_id))
    t = t.filter(t.first_day <= ibis.literal(period.cutoff))
    first = t.date == t.first_day
    daily = t.group_by("date").agg(
        new_customers=first.sum().cast("int64"),
        repeat_spend=t.amount.sum(where=~first).fill_null(0).cast("float64"),
    )
    frame = daily.to_pyarrow().to_pandas().set_index("date")
    frame.index = pd.DatetimeIndex(frame.index)
    return frame.reindex(pd.date_range(log.start, period.end, name="date"), fill_value=0)
