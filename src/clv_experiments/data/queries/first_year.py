"""What each customer brought in the first year: the first purchase day, and the repeat purchases after it."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import by_customer

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
