"""Discounts and coupons on lines of their own, below 0: they lower what the other lines of their order cost."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table

from clv_experiments.data.cleaning.checks import check_choice
from clv_experiments.data.cleaning.report import RETURNED, Step, StepResult
from clv_experiments.data.cleaning.returns import MIN_LOSS_SHARE, MIN_LOSSES
from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.data.parsing.order_allocation import allocate_by_weight, list_order_key_columns

WORDS = (
    "discount|rebate|markdown|coupon|voucher|promotion|promo ?code|loyalty|gift ?card|rabat|nachlass|gutschein|remise|"
    "rabais|r[eé]duction|bon d.achat|descuento|cup[oó]n|sconto|desconto|cupom|korting|upust|alennus|sleva|скидк"
)
NAMES = ("product", "product_name")
DISCOUNT, OFF = "discount: line", "discount: off"  # names of temporary columns
GOODS, SOLD = "discount: goods", "discount: first sold"


def discount_lines(policy: str | None = None) -> Step:
    """Deduct lines below 0 that are discounts from the other lines of their order that day, or of their customer's day.

    Parameters
    ----------
    policy : {None, "deduct", "keep"}
        None deducts lines that are called a discount, whose product was not sold until that day, or that have no
        product, unless so many of these stand alone that they may be losses. ``deduct`` takes every line below 0 of an
        order with sales for a discount, ``keep`` none. ``returns`` decides on what is left, such as a discount that is
        more than its order's sales.

    Raises
    ------
    ClvError
        If the policy is unknown.
    """
    check_choice(policy, (None, "deduct", "keep"), "discount_lines.policy")

    def apply(t: Table) -> Table | StepResult:
        if policy == "keep" or not {*NAMES, "order_id"} & set(t.columns):
            return t
        counts = aggregate_row(t, negative=count_true(_may_be_discount(t)), paid=count_true(t.amount != 0))
        if not counts["negative"]:
            return t
        with_negatives = t.filter(_may_be_discount(t)).select(_order_and_day_key(t)).distinct().cache()
        orders = _add_sales_and_first_sale_date(t.semi_join(with_negatives, _order_and_day_key(t)), t).cache()
        is_discount = _may_be_discount(orders) if policy else _is_discount_line(orders, counts["paid"])
        orders = orders.mutate(**{DISCOUNT: is_discount})
        off = _sum_in_order(orders, orders[DISCOUNT])
        orders = orders.mutate(**{DISCOUNT: orders[DISCOUNT] & (orders[GOODS] + off >= 0)}).cache()
        deducted, notes = _describe_discounts(orders)
        if not deducted:
            return StepResult(t, notes)
        lowered = _deduct_discounts_from_sales(orders).select(t.columns)
        lowered = lowered.cast({"amount": t.amount.type()})  # Spark widens decimals
        return StepResult(t.anti_join(with_negatives, _order_and_day_key(t)).union(lowered).cache(), notes)

    return Step("discount lines", apply)


def _order_and_day_key(t: Table) -> list[str]:
    """Return what tells orders apart, each on its day: no discount lowers what was paid before."""
    return list(dict.fromkeys((*list_order_key_columns(t), "date")))


def _may_be_discount(t: Table) -> BooleanValue:
    """Return which lines may be discounts: below 0, of an order that can be told, and no refund by their status."""
    condition = ibis.and_(t.amount < 0, *(t[column].notnull() for column in _order_and_day_key(t)))
    return (condition & ~t[RETURNED] if RETURNED in t.columns else condition).fill_null(False)


def _product_name_columns(t: Table) -> Sequence[StringValue]:
    return [t[name] for name in NAMES if name in t.columns]


def _is_named_discount(t: Table) -> BooleanValue:
    return ibis.or_(*(name.lower().re_search(WORDS).fill_null(False) for name in _product_name_columns(t)))


def _sum_in_order(t: Table, condition: BooleanValue) -> ibis.expr.types.DecimalValue:
    return ibis.ifelse(condition, t.amount, 0).sum().over(group_by=_order_and_day_key(t)).cast(AMOUNT)


def _add_sales_and_first_sale_date(orders: Table, t: Table) -> Table:
    """Add what the sales of each order come to, and when its products were first sold."""
    if "product" in t.columns:
        first = t.filter(t.amount > 0).group_by("product").agg(**{SOLD: lambda lines: lines.date.min()})
        orders = orders.left_join(first, "product").drop("product_right")
    else:
        orders = orders.mutate(**{SOLD: ibis.null("date")})
    return orders.mutate(**{GOODS: _sum_in_order(orders, orders.amount > 0)})


def _is_discount_line(orders: Table, paid: int) -> BooleanValue:
    """Tell discounts from returns, and from losses, as which many lines without a product stand alone."""
    negative, is_discount = _may_be_discount(orders), _is_named_discount(orders)
    if "product" in orders.columns:
        is_discount |= orders.product.notnull() & (orders[SOLD].isnull() | (orders[SOLD] > orders.date))
    if "order_id" in orders.columns:
        nameless = ibis.and_(negative, *(name.isnull() for name in _product_name_columns(orders)))
        alone = aggregate_row(orders, rows=count_true(nameless & (orders[GOODS] + orders.amount < 0)))["rows"]
        is_discount |= nameless & (alone < max(MIN_LOSSES, MIN_LOSS_SHARE * paid))
    return negative & is_discount


def _deduct_discounts_from_sales(orders: Table) -> Table:
    """Remove the discounts, and share each order's out over its sales by what they cost."""
    off = _sum_in_order(orders, orders[DISCOUNT])
    t = orders.mutate(**{OFF: ibis.ifelse(orders.amount > 0, off, 0).cast(AMOUNT)})
    t = t.filter(~t[DISCOUNT])
    shared = allocate_by_weight(t, OFF, t.amount.cast("float64"), _order_and_day_key(t))
    return shared.mutate(amount=(shared.amount + shared[OFF]).cast(AMOUNT))


def _describe_discounts(orders: Table) -> tuple[int, tuple[str, ...]]:
    """Count the lines that are deducted, and say so, and which others are called discounts."""
    is_deducted = orders[DISCOUNT]
    alone = _may_be_discount(orders) & _is_named_discount(orders) & ~is_deducted
    example = _product_name_columns(orders)[-1] if _product_name_columns(orders) else ibis.null("string")
    row = aggregate_row(
        orders,
        rows=count_true(is_deducted),
        money=ibis.ifelse(is_deducted, -orders.amount, 0).sum(),
        example=ibis.ifelse(is_deducted, example, None).min(),
        alone=count_true(alone),
        alone_money=ibis.ifelse(alone, -orders.amount, 0).sum(),
        alone_example=ibis.ifelse(alone, example, None).min(),
    )
    notes = []
    order_name = "order" if "order_id" in orders.columns else "customer's day"
    if row["rows"]:
        called = f", such as '{row['example']}'," if row["example"] else ""
        notes.append(
            f"{row['rows']:,} line(s) below 0{called} are discounts of {row['money']:,.2f}, deducted from the other "
            f"lines of their {order_name} (data.cleaning.discount_lines.policy=keep takes them for returns)"
        )
    if row["alone"]:
        notes.append(
            f"{row['alone']:,} line(s) below 0 such as '{row['alone_example']}', {row['alone_money']:,.2f} in all, are "
            f"discounts on no {order_name} with such sales, and taken for returns (data.cleaning.returns.policy=net "
            "deducts them from what the customer buys next)"
        )
    return row["rows"], tuple(notes)
