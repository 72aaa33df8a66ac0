"""Returns and cancellations: dropped, or set against what the same customer buys from then on; losses are neither."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.cleaning.checks import anchor_at_start, check_choice
from clv_experiments.data.cleaning.report import RETURNED, Step, StepResult
from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.errors import ClvError

MIN_LOSSES, MIN_LOSS_SHARE = 20, 0.05  # of the rows: fewer negative ones are returns
MOSTLY_NEGATIVE_SHARE = 0.5  # of the rows: then sales may be written below 0
MIN_MATCHED_SHARE = 0.2  # of the negative rows, by a purchase that they could undo


def returns(policy: str | None = None, cancelled: str | None = None) -> Step:
    """Remove or net cancellations and returns: rows with a negative quantity or amount, or on a cancelled order.

    Parameters
    ----------
    policy : {None, "drop", "net", "keep"}
        ``drop`` removes them. ``net`` also deducts each from the same customer's purchases from that day on (see
        ``net_returns``). ``keep`` takes negative amounts for losses on what was sold. None drops them, unless they look
        like losses.
    cancelled : str, optional
        Regular expression for the beginning of a cancellation's order id.

    Raises
    ------
    ClvError
        If the policy is unknown, or ``cancelled`` no regular expression. When applied: if there are no order ids, or
        without a policy if amounts may be profits and losses.
    """
    check_choice(policy, (None, "drop", "net", "keep"), "returns.policy")
    beginning = anchor_at_start(cancelled, "returns.cancelled")

    def is_return(t: Table) -> BooleanValue:
        condition = t.amount < 0
        if RETURNED in t.columns:
            condition |= t[RETURNED]
        if "quantity" in t.columns:
            condition |= t.quantity < 0
        if beginning:
            if "order_id" not in t.columns:
                raise ClvError(
                    "data.cleaning.returns.cancelled needs order ids, but no column: name data.columns.order_id"
                )
            condition |= t.order_id.re_search(beginning)
        return condition

    if policy == "net":
        return Step("netted returns", lambda t: net_returns(t, is_return(t).fill_null(False)))
    if policy == "keep":
        return Step("returns")
    name = "cancellations and returns"
    if policy == "drop":
        return Step(name, is_removed=is_return)
    return Step(
        name,
        is_removed=is_return,
        counted_conditions=lambda t: {"losses": _is_negative_non_return(t)},
        check=_check_negatives_match_purchases,
    )


def _is_negative_non_return(t: Table) -> BooleanValue:
    is_loss = t.amount < 0
    if RETURNED in t.columns:
        is_loss &= ~t[RETURNED]
    if "quantity" in t.columns:
        is_loss &= (t.quantity >= 0) | t.quantity.isnull()
    return is_loss


def _check_negatives_match_purchases(t: Table, counts: Mapping[str, int]) -> None:
    """Refuse to take negative amounts for returns if many of them have no purchase that they could belong to."""
    losses = counts["losses"]
    if losses < MIN_LOSSES:
        return
    paid = aggregate_row(t, rows=count_true(t.amount != 0))["rows"]
    if losses < MIN_LOSS_SHARE * paid:
        return
    matched = _count_matched_returns(t, _is_negative_non_return(t)) / losses
    if matched < MIN_MATCHED_SHARE:
        raise ClvError(
            f"{losses / paid:.0%} of the amounts are negative, and {matched:.0%} of these {losses:,} match "
            "an earlier purchase of the same customer: type data.cleaning.returns.policy=keep if they are losses, as "
            "in a column of profits (with a model that can learn them, such as model=linear), drop to leave them out "
            f"as returns, or net to deduct them from later purchases{_suggest_settings_for_negatives(t, losses / paid)}"
        )


def _suggest_settings_for_negatives(t: Table, share: float) -> str:
    turn = "; or data.scale=-1 if sales are what is below 0" if share > MOSTLY_NEGATIVE_SHARE else ""
    or_deduct = "; or data.cleaning.discount_lines.policy=deduct if they are discounts on the orders they stand on"
    return turn + (or_deduct if "order_id" in t.columns else "")


def _count_matched_returns(t: Table, is_loss: BooleanValue) -> int:
    """Count the negative rows that undo an amount, or a purchase of a product, of the same customer until that day."""
    keys = ["customer_id", "amount", *(["product"] if "product" in t.columns else [])]
    losses = t.filter(is_loss).mutate(amount=lambda u: -u.amount, row=ibis.row_number()).cache()
    bought = t.filter(t.amount > 0)
    matched = []
    for key in keys[1:]:
        first = bought.group_by("customer_id", key).agg(first=bought.date.min())
        pairs = losses.inner_join(first, ["customer_id", key])
        matched.append(pairs.filter(pairs.first <= pairs.date).select("row"))
    return int(ibis.union(*matched).distinct().count().to_pyarrow().as_py())


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
    days = _compute_purchase_reductions_by_day(t).cache()
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


def _compute_purchase_reductions_by_day(t: Table) -> Table:
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
