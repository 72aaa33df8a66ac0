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
