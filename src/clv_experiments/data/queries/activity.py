"""Activity of all customers: by day, by month and cohort, by customer, by country, by their last gaps."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import fetch_by_customer


def daily_totals(log: TransactionLog, end: date) -> pd.DataFrame:
    """Sum revenue, orders and customers of each day up to the end, inclusive.

    Returns
    -------
    pandas.DataFrame
        Index ``date`` (every day from the log's start), columns ``revenue`` (currency), ``orders`` and ``customers``
        (counts; without order ids a customer's day is one order).
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(end))
    daily = t.group_by("date").agg(
        revenue=t.amount.sum().cast("float64"), orders=t.orders.sum().cast("int64"), customers=t.count().cast("int64")
    )
    frame = daily.to_pyarrow().to_pandas().set_index("date")
    frame.index = pd.DatetimeIndex(frame.index)
    return frame.reindex(pd.date_range(log.start, end, name="date"), fill_value=0)


def cohort_activity(log: TransactionLog, end: date) -> pd.DataFrame:
    """Sum each month up to the end by cohort, which is the month of a customer's first purchase day.

    Returns
    -------
    pandas.DataFrame
        Columns ``cohort``, ``month`` (monthly periods), ``customers`` who bought, ``orders`` (counts) and ``revenue``
        (currency), sorted by the first two; in its first month all customers of a cohort buy.
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(end))
    first_day = t.date.min().over(group_by=t.customer_id)
    t = t.mutate(cohort=first_day.truncate("M"), month=t.date.truncate("M"))
    table = t.group_by("cohort", "month").agg(
        customers=t.customer_id.nunique().cast("int64"),
        orders=t.orders.sum().cast("int64"),
        revenue=t.amount.sum().cast("float64"),
    )
    frame = table.to_pyarrow().to_pandas()
    months = {column: pd.PeriodIndex(pd.to_datetime(frame[column]), freq="M") for column in ("cohort", "month")}
    return frame.assign(**months).sort_values(["cohort", "month"], ignore_index=True)


def spend_by_customer(log: TransactionLog, period: Period) -> pd.Series:
    """Sum each customer's spend in the period, for those who bought in it.

    Returns
    -------
    pandas.Series
        Index ``customer_id`` (sorted), currency.
    """
    t = log.purchase_days
    t = t.filter((t.date > ibis.literal(period.cutoff)) & (t.date <= ibis.literal(period.end)))
    return fetch_by_customer(t.group_by("customer_id").agg(spend=t.amount.sum().cast("float64")))["spend"].astype(float)


def country_activity(log: TransactionLog, period: Period) -> pd.DataFrame | None:
    """Sum the period's revenue by the country of each line.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``country`` (null for lines without one), ``revenue`` (currency) and ``customers`` (count), by
        descending revenue. None where the log has no countries.
    """
    if log.lines is None or "country" not in log.lines.columns:
        return None
    t = log.lines.filter((log.lines.date > ibis.literal(period.cutoff)) & (log.lines.date <= ibis.literal(period.end)))
    table = t.group_by("country").agg(
        revenue=t.amount.sum().cast("float64"), customers=t.customer_id.nunique().cast("int64")
    )
    frame = table.to_pyarrow().to_pandas().sort_values("country", kind="stable")
    return frame.sort_values("revenue", ascending=False, kind="stable", ignore_index=True)


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


def fetch_purchase_days_and_amounts(log: TransactionLog, cutoff: date) -> pd.DataFrame:
    """Fetch the purchase days up to the cutoff, inclusive.

    Returns
    -------
    pandas.DataFrame
        ``customer_id, date, amount`` (currency; 1 where the log has no amounts), sorted by the first two.
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(cutoff))
    frame = t.select("customer_id", "date", amount=t.amount.cast("float64")).to_pyarrow().to_pandas()
    frame["date"] = pd.to_datetime(frame["date"])
    return frame.sort_values(["customer_id", "date"], ignore_index=True)
