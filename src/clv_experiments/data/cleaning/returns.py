"""Returns and cancellations: dropped, or set against what the same customer buys; losses are neither."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import ibis
from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.cleaning.checks import anchor_at_start, check_choice
from clv_experiments.data.cleaning.net_returns import net_returns
from clv_experiments.data.cleaning.report import RETURNED, Step, removal_step
from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.errors import ClvError

MIN_LOSSES, MIN_LOSS_SHARE = 20, 0.05  # of the rows: fewer negative ones are returns
MOST_NEGATIVE = 0.5  # of the rows: then sales may be written below 0
MAX_MATCHED = 0.2  # of the negative rows, by a purchase that they could undo


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
        return Step("returns", lambda t: t)
    if policy == "drop":
        return removal_step("cancellations and returns", is_return)
    return removal_step(
        "cancellations and returns", is_return, lambda t: {"losses": _may_be_loss(t)}, _check_negatives_are_returns
    )


def _may_be_loss(t: Table) -> BooleanValue:
    is_loss = t.amount < 0
    if RETURNED in t.columns:
        is_loss &= ~t[RETURNED]
    if "quantity" in t.columns:
        is_loss &= (t.quantity >= 0) | t.quantity.isnull()
    return is_loss


def _check_negatives_are_returns(t: Table, counts: Mapping[str, int]) -> None:
    """Refuse to take negative amounts for returns if many of them have no purchase that they could belong to."""
    losses = counts["losses"]
    if losses < MIN_LOSSES:
        return
    paid = aggregate_row(t, rows=count_true(t.amount != 0))["rows"]
    if losses < MIN_LOSS_SHARE * paid:
        return
    matched = _count_matched_returns(t, _may_be_loss(t)) / losses
    if matched < MAX_MATCHED:
        raise ClvError(
            f"{losses / paid:.0%} of the amounts are negative, and {matched:.0%} of these {losses:,} match "
            "an earlier purchase of the same customer: type data.cleaning.returns.policy=keep if they are losses, as "
            "in a column of profits (with a model that can learn them, such as model=linear), drop to leave them out "
            f"as returns, or net to deduct them from later purchases{_suggest_alternatives(t, losses / paid)}"
        )


def _suggest_alternatives(t: Table, share: float) -> str:
    turn = "; or data.scale=-1 if sales are what is below 0" if share > MOST_NEGATIVE else ""
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
    return int(reduce(lambda one, other: one.union(other), matched).distinct().count().to_pyarrow().as_py())
