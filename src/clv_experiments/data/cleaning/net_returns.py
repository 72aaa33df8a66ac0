"""Net returns against purchases, so that no day learns of a later return."""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.cleaning.report import StepResult
from clv_experiments.data.parsing.cells import aggregate_row
from clv_experiments.data.parsing.formats import AMOUNT


def net_returns(lines: Table, is_return: BooleanValue) -> StepResult:
    """Remove the returns and reduce each customer's purchases by the amounts they returned.

    - A return reduces what the customer buys that day; the rest is credit for the days that follow, until it is used
      up. No earlier day changes, since nobody knew of the return then.
    - Only purchases in the log can be returned: whatever exceeds all that the customer has spent so far refunds
      purchases from before the log, and is no credit.
    - A day with returns of at least its purchases is no purchase day, and its rows are removed: to BTYD models an order
      that is cancelled the same day would otherwise be a purchase of nothing. A purchase paid for with credit from an
      earlier day is one, and keeps its row with an amount of 0.
    - Within a day the largest rows are reduced first.

    Rows without a customer, a date or an amount neither give nor use credit.

    Parameters
    ----------
    lines : ibis.Table
    is_return : ibis boolean column of ``lines``, without nulls

    Returns
    -------
    StepResult
        The columns of ``lines``, and how much of the returns is left that nothing was set against.
    """
    t = lines.mutate(returned=is_return)
    days = _compute_refunds_by_day(t).cache()
    t = t.left_join(days, ["customer_id", "date"]).select(*t.columns, "refund", "undone")
    t = t.filter(~t.returned & ~t.undone.fill_null(False))
    # Which of two equal rows is reduced matters only where a later step removes one of them: keep the order definite.
    ties = [t[column] for column in ("order_id", "product") if column in t.columns]
    largest_first = ibis.window(
        group_by=[t.customer_id, t.date], order_by=[t.amount.desc(), *ties], preceding=None, following=0
    )
    running_total = t.amount.sum().over(largest_first)
    reduced = ibis.greatest(running_total - t.refund, 0) - ibis.greatest(running_total - t.amount - t.refund, 0)
    has_refund = t.amount.notnull() & t.refund.notnull()
    t = t.mutate(amount=ibis.ifelse(has_refund, reduced, t.amount).cast(AMOUNT)).select(*lines.columns).cache()
    return StepResult(t, _describe_unmatched_returns(days))


def _describe_unmatched_returns(days: Table) -> tuple[str, ...]:
    """Say how much the customers gave back that reduced no purchase."""
    of_each = days.group_by("customer_id").agg(returned=days.given_back.sum(), used=days.refund.sum())
    unused = of_each.returned - of_each.used
    sums = aggregate_row(
        of_each, returned=of_each.returned.sum(), unused=unused.sum(), customers=of_each.count(where=unused > 0)
    )
    if not sums["unused"]:
        return ()
    return (
        f"of {sums['returned']:,.2f} in returns, {sums['unused']:,.2f} from {sums['customers']:,} customer(s) found no "
        "purchase to be set against: they gave back what they bought before the log, or bought nothing after it",
    )


def _compute_refunds_by_day(t: Table) -> Table:
    """Compute by how much each customer's purchases of a day are reduced, and whether that day's returns undo them."""
    complete = t.filter(t.customer_id.notnull() & t.date.notnull() & t.amount.notnull())
    days = complete.group_by("customer_id", "date").agg(
        bought=complete.amount.sum(where=~complete.returned).fill_null(0),
        returned=complete.amount.abs().sum(where=complete.returned).fill_null(0),
    )
    so_far = ibis.window(group_by="customer_id", order_by="date", preceding=None, following=0)
    days = days.mutate(balance=(days.bought - days.returned).sum().over(so_far))
    # Spend less returns so far, never below zero: the excess refunds purchases from before the log.
    days = days.mutate(balance=days.balance - ibis.least(days.balance.min().over(so_far), 0))
    # Only a balance above all earlier ones is new money; up to that level, credit pays.
    days = days.mutate(spent=days.balance.max().over(so_far))
    before = days.spent.lag().over(group_by=days.customer_id, order_by=days.date).fill_null(0)
    return days.select(
        "customer_id",
        "date",
        given_back=days.returned,
        refund=days.bought - (days.spent - before),
        undone=(days.returned > 0) & (days.returned >= days.bought),
    )
