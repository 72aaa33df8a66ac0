"""What a line came to: quantity times unit price, less a discount that may be a share, a percentage or money."""

from __future__ import annotations

import re
from typing import Any

import ibis
from ibis.expr.types import FloatingValue, NumericValue, Table

from clv_experiments.data.cleaning.report import RAW_PREFIX
from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.formats import AMOUNT, AMOUNT_LIMIT, DISCOUNT_UNITS, ParseOptions
from clv_experiments.data.parsing.sharing import order_key, share_out
from clv_experiments.errors import ClvError

IN_WORDS = {
    "share": "a share of the price",
    "percent": "a percentage of the price",
    "money": "money off the line",
    "money_per_unit": "money off each unit",
    "money_per_order": "money off the whole order, once for all its lines",
}
PERCENT_NAME = re.compile("%|percent|pct|prozent|procent|porcent|pourcent|rate", re.IGNORECASE)
UNIT_NAME = re.compile("per.?unit|unit.?disc|each", re.IGNORECASE)
MONEY_NAME = re.compile("amount|amt|value|money|betrag|montant|importe|valor|kwota|belopp", re.IGNORECASE)
TOLERATED = 0.01  # of the discounted lines
REPEATED = 0.9  # of the discounted orders: their lines have one discount, though they cost different amounts
MIN_REPEATED = 8  # such orders; fewer may be chance


def value_lines(lines: Table, unit: str | None) -> NumericValue:
    """Return quantity times unit price, less the discount.

    Parameters
    ----------
    lines : ibis.Table
    unit : {None, "share", "percent", "money", "money_per_unit"}
        What the discount is in; None leaves it out. An empty discount is none. One of a whole order must have been
        shared out.
    """
    quantity, price = lines.quantity, lines.unit_price
    if unit is None:
        return quantity * price
    discount = lines.discount.abs().fill_null(0)
    if unit == "money":
        return quantity * price - discount * quantity.sign()
    if unit == "money_per_unit":
        return quantity * (price - discount)
    # Three decimals multiplied have more digits than engines keep.
    factor = 1 - discount.cast("float64") / (100 if unit == "percent" else 1)
    return quantity.cast("float64") * price.cast("float64") * factor


def add_amount_from_price(
    lines: Table, discount_column: str | None, options: ParseOptions, log: str
) -> tuple[Table, list[str]]:
    """Add the amount that quantity, unit price and discount make.

    Parameters
    ----------
    lines : ibis.Table
        With ``quantity``, ``unit_price`` and, where there is a column of discounts, ``discount`` and its raw cells.
    discount_column : str, optional
        Name of that column.
    options : ParseOptions
    log : str
        Name of the log, for messages.

    Returns
    -------
    ibis.Table
    list of str
        Notes, for the user to see.

    Raises
    ------
    ClvError
        If an amount is too large, or if discounts can be read in several ways.
    """
    too_large = (lines.quantity.cast("float64") * lines.unit_price.cast("float64")).abs() >= AMOUNT_LIMIT
    discounts = _summarise_discounts(lines, discount_column) if discount_column else {}
    summary = lines.aggregate(too_large=count_true(too_large), **discounts).to_pyarrow().to_pylist()[0]
    if summary["too_large"]:
        raise ClvError(
            f"log '{log}' has {summary['too_large']:,} row(s) whose quantity times unit_price is "
            f"{AMOUNT_LIMIT:,.0f} or more"
        )
    if discount_column and "order_id" in lines.columns and not options.discount_unit:
        summary |= _summarise_orders(lines)
    unit = _infer_discount_unit(discount_column, summary, options, log) if discount_column else None
    priced = _share_out_discounts(lines) if unit == "money_per_order" else lines
    value = value_lines(priced, "money" if unit == "money_per_order" else unit)
    priced = priced.mutate(amount=value.round(4).cast(AMOUNT))
    if unit is None:
        return priced, []
    return priced, [
        f"{discount_column} is {IN_WORDS[unit]}, and subtracted (data.columns.discount=false leaves it out)"
    ]


def _summarise_discounts(lines: Table, column: str) -> dict[str, Any]:
    discount = lines.discount.abs()
    price = lines.unit_price.cast("float64").abs()
    value = price * lines.quantity.cast("float64").abs()
    is_sold = (discount != 0) & (value != 0)
    return {
        "discounted": count_true(is_sold),
        "most": ibis.ifelse(is_sold, discount, None).max(),
        "above_line": count_true(is_sold & (discount > value + 0.005)),
        "above_price": count_true(is_sold & (discount > price + 0.005)),
        "several_units": count_true(is_sold & (lines.quantity.abs() != 1)),
        "percent_signs": count_true(lines[RAW_PREFIX + column].cast("string").contains("%")),
    }


def _summarise_orders(lines: Table) -> dict[str, Any]:
    """Count orders whose lines have one discount, though they cost different amounts."""
    t = lines.mutate(worth=_gross(lines), off=lines.discount.abs().fill_null(0))
    t = t.filter((t.worth != 0) & t.order_id.notnull())
    least, most = t.off.min(), t.off.max()
    differ = t.worth.min() != t.worth.max()
    orders = t.group_by(order_key(t)).agg(least=least, most=most, differ=differ, gross=t.worth.sum())
    discounted = orders.differ & (orders.most > 0)
    repeated = discounted & (orders.least == orders.most)
    return aggregate_row(
        orders,
        orders=count_true(discounted),
        repeated=count_true(repeated),
        amounts=orders.most.nunique(where=repeated),
        above_order=count_true(repeated & (orders.most.cast("float64") > orders.gross + 0.005)),
    )


def _gross(lines: Table) -> FloatingValue:
    return (lines.quantity.cast("float64") * lines.unit_price.cast("float64")).abs().fill_null(0)


def _share_out_discounts(lines: Table) -> Table:
    return share_out(lines, "discount", _gross(lines)).cache()


def _infer_discount_unit(column: str, summary: dict[str, Any], options: ParseOptions, log: str) -> str | None:
    if options.discount_unit:
        return options.discount_unit
    if not summary["discounted"]:
        return None
    units = _possible_units(column, summary)
    if len(units) == 1:
        return units[0]
    alternatives = [f"data.discount_unit={unit} if it is {IN_WORDS[unit]}" for unit in units or DISCOUNT_UNITS]
    raise ClvError(
        f"column '{column}' of log '{log}', up to {summary['most']:f}, could be a discount in several units: type "
        f"{', '.join(alternatives)}, or data.columns.discount=false if the price contains it"
    )


def _possible_units(column: str, summary: dict[str, Any]) -> list[str]:
    most, tolerated = summary["most"], TOLERATED * summary["discounted"]
    relative = ["share"] if most <= 1 else ["percent"] if most <= 100 else []
    if summary["percent_signs"]:
        return ["percent"]
    if relative and (PERCENT_NAME.search(column) or (most <= 1 and not MONEY_NAME.search(column))):
        return relative
    money = ["money"] if summary["above_line"] <= tolerated else []
    per_unit = ["money_per_unit"] if summary["above_price"] <= tolerated else []
    if UNIT_NAME.search(column):
        return per_unit or relative
    if summary["several_units"] and not MONEY_NAME.search(column):
        money = money + per_unit
    if summary.get("repeated", 0) > REPEATED * summary.get("orders", 0):
        once = ["money_per_order"] if summary["above_order"] <= TOLERATED * summary["repeated"] else []
        is_sure = summary["repeated"] == summary["orders"] >= MIN_REPEATED and summary["amounts"] > 1
        money = once if is_sure and once else money + once
    return money if MONEY_NAME.search(column) else relative + money
