"""Returns set against purchases without telling any day what came back later."""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.parsing.formats import AMOUNT


def net_returns(lines: Table, is_return: BooleanValue) -> Table:
    """Remove the returns and lower each customer's purchases by what they gave back.

    - A return is set against what the customer buys that day; what is left over is credit for the days that follow,
      until it is used up. No earlier day changes, since on that day nobody knew of the return.
    - Nothing can be given back that was not bought in the log: what goes beyond all that the customer has spent so far
      refunds purchases from before the log, and is no credit.
    - A day on which as much or more came back as was bought is no purchase day: its rows are removed. An order that is
      cancelled within the day would else count as a purchase to BTYD models, of nothing. A purchase paid for by credit
      from an earlier day is one, and keeps its row with an amount of 0.
    - Within a day the largest rows are lowered first.

    Rows without a customer, a date or an amount neither give nor take credit.

    Parameters
    ----------
    lines : ibis.Table
    is_return : ibis boolean column of ``lines``, without nulls

    Returns
    -------
    ibis.Table
        The columns of ``lines``.
    """
    t = lines.mutate(returned=is_return)
    t = t.left_join(_refunds(t), ["customer_id", "date"]).select(*t.columns, "refund", "undone")
    t = t.filter(~t.returned & ~t.undone.fill_null(False))
    # Which of two equal rows is lowered shows only where a later step removes one of them: the order is made definite.
    ties = [t[column] for column in ("order_id", "product") if column in t.columns]
    largest_first = ibis.window(
        group_by=[t.customer_id, t.date], order_by=[t.amount.desc(), *ties], preceding=None, following=0
    )
    so_far = t.amount.sum().over(largest_first)
    lowered = ibis.greatest(so_far - t.refund, 0) - ibis.greatest(so_far - t.amount - t.refund, 0)
    known = t.amount.notnull() & t.refund.notnull()
    return t.mutate(amount=ibis.ifelse(known, lowered, t.amount).cast(AMOUNT)).select(*lines.columns).cache()


def _refunds(t: Table) -> Table:
    """By how much each customer's purchases of a day are lowered, and whether the day itself undid them."""
    whole = t.filter(t.customer_id.notnull() & t.date.notnull() & t.amount.notnull())
    days = whole.group_by("customer_id", "date").agg(
        bought=whole.amount.sum(where=~whole.returned).fill_null(0),
        back=whole.amount.abs().sum(where=whole.returned).fill_null(0),
    )
    until = ibis.window(group_by="customer_id", order_by="date", preceding=None, following=0)
    days = days.mutate(balance=(days.bought - days.back).sum().over(until))
    # Spend less returns so far, where it never falls below nothing: what goes below came from before the log.
    days = days.mutate(balance=days.balance - ibis.least(days.balance.min().over(until), 0))
    # Only a balance above all earlier ones is new money; up to there, credit pays.
    days = days.mutate(spent=days.balance.max().over(until))
    before = days.spent.lag().over(group_by=days.customer_id, order_by=days.date).fill_null(0)
    return days.select(
        "customer_id",
        "date",
        refund=days.bought - (days.spent - before),
        undone=(days.back > 0) & (days.back >= days.bought),
    )
