"""Attributes of each customer at a cutoff: country, spend by product, spend of the first year."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import fetch_by_customer


def top_spend_country_by_customer(log: TransactionLog, cutoff: date) -> pd.Series | None:
    """Find the country of each customer: the one with most of their spend up to the cutoff.

    Returns
    -------
    pandas.Series or None
        Index ``customer_id`` (sorted); null where no line has a country. None where the log has no countries.
    """
    if log.lines is None or "country" not in log.lines.columns:
        return None
    t = log.lines.filter(log.lines.date <= ibis.literal(cutoff))
    spend = t.group_by("customer_id", "country").agg(amount=t.amount.sum())
    spend = spend.mutate(has_country=~spend.country.isnull())
    order = [spend.has_country.desc(), spend.amount.desc(), spend.country]
    ranked = spend.mutate(rank=ibis.row_number().over(group_by=spend.customer_id, order_by=order))
    return fetch_by_customer(ranked.filter(ranked["rank"] == 0).select("customer_id", "country"))["country"]


def spend_by_customer_and_product(log: TransactionLog, cutoff: date) -> pd.DataFrame | None:
    """Sum each customer's spend on each product up to the cutoff.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``customer_id, product, amount`` (currency), in no order; ``product`` is the name where a line has one,
        else the code. None where the log has no products.
    """
    roles = [role for role in ("product_name", "product") if log.lines is not None and role in log.lines.columns]
    if log.lines is None or not roles:
        return None
    t = log.lines.filter(log.lines.date <= ibis.literal(cutoff))
    t = t.mutate(label=ibis.coalesce(*(t[role] for role in roles)))
    spend = t.filter(~t.label.isnull()).group_by("customer_id", product="label").agg(amount=t.amount.sum())
    return spend.mutate(amount=spend.amount.cast("float64")).to_pyarrow().to_pandas()


YEAR = 365  # days, including the first purchase day
PRESENT_VALUE_TYPE = "decimal(28, 10)"


def first_and_repeat_year_spend(log: TransactionLog, cutoff: date, daily_discount: float) -> pd.DataFrame:
    """Sum each customer's spend in the year from their first purchase day, as far as known at the cutoff.

    Parameters
    ----------
    log : TransactionLog
    cutoff : date
    daily_discount : float
        Value of money one day later: (1 + annual rate) ** (-1 / 365.25).

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id`` (sorted), columns ``first_day``, ``first_spend`` (currency, of the first purchase day)
        and ``repeat_spend`` (currency, of the 364 days after it, discounted to it).
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(cutoff))
    t = t.mutate(first_day=t.date.min().over(group_by=t.customer_id))
    later = t.date.delta(t.first_day, unit="day").cast("float64")
    amount = t.amount.cast("float64")
    # As decimals, since a sum of floats depends on the order in which an engine's threads add them.
    present_value = (amount * (ibis.literal(float(daily_discount)) ** later)).cast(PRESENT_VALUE_TYPE)
    table = t.group_by("customer_id").agg(
        first_day=t.first_day.min(),
        first_spend=t.amount.sum(where=later == 0).cast("float64"),
        repeat_spend=present_value.sum(where=(later > 0) & (later < YEAR)).fill_null(0).cast("float64"),
    )
    return fetch_by_customer(table)
