"""What a line came to: quantity times unit price, or an amount, less a discount: a share, a percentage or money."""

from __future__ import annotations

import re
from functools import reduce
from operator import mul
from typing import Any

import ibis
from ibis.expr.types import FloatingValue, NumericValue, Table

from clv_experiments.data.cleaning.report import RAW_PREFIX
from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.formats import AMOUNT, AMOUNT_LIMIT, DISCOUNT_UNITS, ParseOptions
from clv_experiments.data.parsing.order_allocation import allocate_by_weight, list_order_key_columns
from clv_experiments.data.parsing.role_names import SUBTOTALS, normalise_name, usual_name
from clv_experiments.errors import ClvError

PERCENT_NAME = re.compile("%|percent|pct|prozent|procent|porcent|pourcent|rate", re.IGNORECASE)
UNIT_NAME = re.compile("per.?unit|unit.?disc|each", re.IGNORECASE)
MONEY_NAME = re.compile("amount|amt|value|money|total|betrag|montant|importe|valor|kwota|belopp", re.IGNORECASE)
ORDER_NAME = re.compile(
    "order|cart|basket|invoice|total|gesamt|bestell|warenkorb|rechnung|commande|panier|pedido|ordine|carrello"
)
LINE_NAME = re.compile("line|zeile|position|ligne|linea|riga|linha|item")
TOLERATED = 0.01  # of the discounted lines
REPEATED = 0.9  # of the discounted orders: their lines have one discount, though they cost different amounts
MIN_REPEATED = 8  # such orders; fewer may be chance
MIN_SHARE_WITH_CENTS = 0.5  # of the discounts have cents, as hardly any percentage has


def compute_line_values(lines: Table, unit: str | None) -> NumericValue:
    """Return quantity times unit price, less the discount.

    Parameters
    ----------
    lines : ibis.Table
    unit : {None, "share", "percent", "money", "money_per_unit"}
        What the discount is in; None leaves it out. An empty discount is none. One of a whole order must have been
        shared out.
    """
    return _subtract_discount_by_unit(lines, lines.quantity * lines.unit_price, lines.quantity.sign(), unit)


def _subtract_discount_by_unit(lines: Table, gross: NumericValue, sign: NumericValue, unit: str | None) -> NumericValue:
    if unit is None:
        return gross
    discount = lines.discount.abs().fill_null(0)
    if unit == "money":
        return gross - discount * sign
    if unit == "money_per_unit":
        return gross - lines.quantity * discount
    # Three decimals multiplied have more digits than engines keep.
    return gross.cast("float64") * (1 - discount.cast("float64") / (100 if unit == "percent" else 1))


def add_amount_from_price(
    lines: Table, discount_column: str | None, options: ParseOptions, log: str, largest: float
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
    largest : float
        No quantity times unit price is above it.

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
    gross = absolute_gross_value(lines)
    counts = {"too_large": count_true(gross >= AMOUNT_LIMIT)} if largest >= AMOUNT_LIMIT else {}
    counts |= _discount_aggregates(lines, gross, discount_column) if discount_column else {}
    summary = aggregate_row(lines, **counts)
    if summary.get("too_large"):
        raise ClvError(
            f"log '{log}' has {summary['too_large']:,} row(s) whose quantity times unit_price is "
            f"{AMOUNT_LIMIT:,.0f} or more"
        )
    unit = _infer_discount_unit(discount_column, lines, gross, summary, options, log) if discount_column else None
    priced, unit_shared = _allocate_order_discounts(lines, gross, unit)
    priced = priced.mutate(amount=compute_line_values(priced, unit_shared).round(4).cast(AMOUNT))
    return priced, [_describe_discount_unit(discount_column, unit)] if unit else []


def subtract_discount(
    lines: Table, columns: ColumnRoles, options: ParseOptions, log: str, is_before: bool
) -> tuple[Table, list[str]]:
    """Subtract discounts from amounts, where the user says what they are in or the amounts must be before discount.

    They must be where a discount below 0, which is written to be added, stands beside a subtotal, or beside an amount
    that is quantity times unit price.

    Parameters
    ----------
    lines : ibis.Table
        With ``amount``, ``discount`` and its raw cells.
    columns : ColumnRoles
    options : ParseOptions
    log : str
        Name of the log, for messages.
    is_before : bool
        Whether the amounts are quantity times unit price where there is a discount.

    Returns
    -------
    ibis.Table
    list of str
        Notes, for the user to see.

    Raises
    ------
    ClvError
        If discounts can be read in several ways, or the amounts are before discount and nothing says whether to
        subtract it.
    """
    amount, column = columns.by_role["amount"], columns.by_role["discount"]
    gross = lines.amount.cast("float64").abs().fill_null(0)
    summary = summarise_discounts(lines, gross, column)
    is_subtotal = is_before or usual_name("amount", amount) in SUBTOTALS
    if not options.discount_unit and not (summary["all_below_0"] and is_subtotal):
        if is_before:
            raise ClvError(
                f"column '{amount}' of log '{log}' is quantity times unit_price on {summary['discounted']:,} row(s) "
                f"with a discount in '{column}': type data.columns.amount=false to subtract it, or "
                "data.columns.discount=false if the price contains it"
            )
        kind = "money"
        if summary["discounted"]:
            kind = next(iter(infer_discount_units(column, summary | _summarise_order_discounts(lines, gross))), kind)
        return lines, [
            f"{column} is not subtracted from {amount}, taken as what was paid (data.discount_unit={kind} subtracts it)"
        ]
    summary |= {"several_units": 0}  # beside an amount it is not off each unit
    unit = _infer_discount_unit(column, lines, gross, summary, options, log)
    if unit == "money_per_unit" and "quantity" not in lines.columns:
        raise ClvError(
            f"data.discount_unit=money_per_unit needs the units of each line of log '{log}': name data.columns.quantity"
        )
    shared, unit_shared = _allocate_order_discounts(lines, gross, unit)
    value = _subtract_discount_by_unit(shared, shared.amount, shared.amount.sign(), unit_shared)
    return shared.mutate(amount=value.round(4).cast(AMOUNT)), [_describe_discount_unit(column, unit)] if unit else []


def _describe_discount_unit(column: str | None, unit: str) -> str:
    return f"{column} is {DISCOUNT_UNITS[unit]}, and subtracted (data.columns.discount=false leaves it out)"


def summarise_discounts(lines: Table, gross: FloatingValue, column: str) -> dict[str, Any]:
    """Count what tells the unit of the discounts in a column, for ``infer_discount_units``."""
    return aggregate_row(lines, **_discount_aggregates(lines, gross, column))


def _discount_aggregates(lines: Table, gross: FloatingValue, column: str) -> dict[str, Any]:
    discount = lines.discount.abs()
    price = lines.unit_price.cast("float64").abs() if "unit_price" in lines.columns else gross
    several = lines.quantity.abs() != 1 if "quantity" in lines.columns else ibis.literal(False)
    is_sold = (discount != 0) & (gross != 0)
    tenths = lines.discount * 10
    return {
        "discounted": count_true(is_sold),
        "most": ibis.ifelse(is_sold, discount, None).max(),
        "above_line": count_true(is_sold & (discount > gross + 0.005)),
        "above_price": count_true(is_sold & (discount > price + 0.005)),
        "several_units": count_true(is_sold & several),
        "percent_signs": count_true(lines[RAW_PREFIX + column].cast("string").contains("%")),
        "in_cents": count_true(is_sold & (tenths != tenths.round())),
        "all_below_0": (lines.discount.max() <= 0) & (lines.discount.min() < 0),
    }


def _summarise_order_discounts(lines: Table, gross: FloatingValue) -> dict[str, Any]:
    """Count orders whose lines cost different amounts and have one discount, on each of them or on one only."""
    key = list_order_key_columns(lines)
    t = lines.mutate(worth=gross, off=lines.discount.abs().fill_null(0))
    t = t.filter((t.worth != 0) & t[key[1]].notnull())
    least, most = t.off.min(), t.off.max()
    differ = t.worth.min() != t.worth.max()
    orders = t.group_by(key).agg(least=least, most=most, off=t.off.sum(), differ=differ, gross=t.worth.sum())
    discounted = orders.differ & (orders.most > 0)
    repeated = discounted & (orders.least == orders.most)
    return aggregate_row(
        orders,
        orders=count_true(discounted),
        repeated=count_true(repeated),
        single=count_true(discounted & (orders.off == orders.most)),
        amounts=orders.most.nunique(where=repeated),
        above_order=count_true(discounted & (orders.most.cast("float64") > orders.gross + 0.005)),
    )


def absolute_gross_value(lines: Table) -> FloatingValue:
    """Return quantity times unit price, or the amount where either is unknown, without its sign."""
    factors = ("quantity", "unit_price") if {"quantity", "unit_price"} <= set(lines.columns) else ("amount",)
    return reduce(mul, (lines[column].cast("float64") for column in factors)).abs().fill_null(0)


def _allocate_order_discounts(lines: Table, gross: FloatingValue, unit: str | None) -> tuple[Table, str | None]:
    """Turn a discount of whole orders, on each line or on one, into one of lines; return also its unit then."""
    if unit != "money_per_order":
        return lines, unit
    of_order = ibis.window(group_by=list_order_key_columns(lines))
    given = lines.discount.abs().nullif(0)
    is_one = given.min().over(of_order) == given.max().over(of_order)
    filled = lines.mutate(discount=ibis.ifelse(is_one, given.max().over(of_order), lines.discount).cast(AMOUNT))
    return allocate_by_weight(filled, "discount", gross).cache(), "money"


def _infer_discount_unit(
    column: str, lines: Table, gross: FloatingValue, summary: dict[str, Any], options: ParseOptions, log: str
) -> str | None:
    if options.discount_unit:
        return options.discount_unit
    if not summary["discounted"]:
        return None
    if "order_id" in lines.columns or ORDER_NAME.search(normalise_name(column)):
        summary |= _summarise_order_discounts(lines, gross)
    units = infer_discount_units(column, summary)
    if len(units) == 1:
        return units[0]
    alternatives = [f"data.discount_unit={unit} if it is {DISCOUNT_UNITS[unit]}" for unit in units or DISCOUNT_UNITS]
    raise ClvError(
        f"column '{column}' of log '{log}', up to {summary['most']:f}, could be a discount in several units: type "
        f"{', '.join(alternatives)}, or data.columns.discount=false if the price contains it"
    )


def infer_discount_units(column: str, summary: dict[str, Any]) -> list[str]:
    """Return the units that a column of discounts may be in, by its name and by ``summarise_discounts``."""
    most, tolerated = summary["most"], TOLERATED * summary["discounted"]
    relative = ["share"] if most <= 1 else ["percent"] if most <= 100 else []
    if summary["percent_signs"]:
        return ["percent"]
    if relative and (PERCENT_NAME.search(column) or (most <= 1 and not MONEY_NAME.search(column))):
        return relative
    if summary["all_below_0"]:  # money that is added; a percentage has no sign
        relative = []
    orders = summary.get("orders", 0)
    once = ["money_per_order"] if summary.get("above_order", 0) <= TOLERATED * orders else []
    if ORDER_NAME.search(normalise_name(column)) and once and _is_order_discount(summary):
        is_money = MONEY_NAME.search(column) or summary["in_cents"] > MIN_SHARE_WITH_CENTS * summary["discounted"]
        return once if is_money else relative + once
    money = ["money"] if summary["above_line"] <= tolerated else []
    per_unit = ["money_per_unit"] if summary["above_price"] <= tolerated else []
    if (
        LINE_NAME.search(normalise_name(column))
        and money
        and summary["in_cents"] > MIN_SHARE_WITH_CENTS * summary["discounted"]
    ):
        return money
    if UNIT_NAME.search(column):
        return per_unit or relative
    if summary["several_units"] and not MONEY_NAME.search(column):
        money = money + per_unit
    if summary.get("repeated", 0) > REPEATED * orders:
        is_sure = summary["repeated"] == orders >= MIN_REPEATED and summary["amounts"] > 1
        money = once if is_sure and once else money + once
    return money if MONEY_NAME.search(column) else relative + money


def _is_order_discount(summary: dict[str, Any]) -> bool:
    """Return whether the lines of an order have one discount, on each of them or on one only."""
    return bool(summary["orders"]) and max(summary["repeated"], summary["single"]) > REPEATED * summary["orders"]
