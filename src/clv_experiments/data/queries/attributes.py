"""What lines tell besides money: a customer's country, the products that a group of customers buys."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import by_customer


def countries(log: TransactionLog, cutoff: date) -> pd.Series | None:
    """Name the country of each customer: where most of the spend up to the cutoff went.

    Returns
    -------
    pandas.Series or None
        Index ``customer_id`` (sorted); null where no line says. None where the log has no countries.
    """
    if log.lines is None or "country" not in log.lines.columns:
        return None
    t = log.lines.filter(log.lines.date <= ibis.literal(cutoff))
    spent = t.group_by("customer_id", "country").agg(amount=t.amount.sum())
    spent = spent.mutate(known=~spent.country.isnull())
    order = [spent.known.desc(), spent.amount.desc(), spent.country]
    first = spent.mutate(place=ibis.row_number().over(group_by=spent.customer_id, order_by=order))
    return by_customer(first.filter(first.place == 0).select("customer_id", "country"))["country"]


def products(log: TransactionLog, cutoff: date) -> pd.DataFrame | None:
    """Sum what each customer spent on each product up to the cutoff.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``customer_id, product, amount`` (currency), in no order; products by name where the line has one. None
        where the log has no products.
    """
    called = [role for role in ("product_name", "product") if log.lines is not None and role in log.lines.columns]
    if log.lines is None or not called:
        return None
    t = log.lines.filter(log.lines.date <= ibis.literal(cutoff))
    t = t.mutate(called=ibis.coalesce(*(t[role] for role in called)))
    spent = t.filter(~t.called.isnull()).group_by("customer_id", product="called").agg(amount=t.amount.sum())
    return spent.mutate(amount=spent.amount.cast("float64")).to_pyarrow().to_pandas()


YEAR = 365  # days, of which the first purchase day is the first


def first_year(log: TransactionLog, cutoff: date, daily_discount: float) -> pd.DataFrame:
    """Sum each customer's spend of the first year as far as it is known at the cutoff.

    Parameters
    ----------
    log : TransactionLog
    cutoff : date
    daily_discount : float
        What money one day later is worth: (1 + annual rate) ** (-1 / 365.25).

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id`` (sorted), ``first_day``, ``first_spend`` (currency, of the first purchase day) and
        ``repeat_spend`` (of the 364 days after it, discounted to it).
    """
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(cutoff))
    t = t.mutate(first_day=t.date.min().over(group_by=t.customer_id))
    later = t.date.delta(t.first_day, unit="day").cast("float64")
    amount = t.amount.cast("float64")
    worth = amount * (ibis.literal(float(daily_discount)) ** later)
    table = t.group_by("customer_id").agg(
        first_day=t.first_day.min(),
        first_spend=amount.sum(where=later == 0),
        repeat_spend=worth.sum(where=(later > 0) & (later < YEAR)).fill_null(0.0),
    )
    return by_customer(table)
