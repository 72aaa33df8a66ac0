"""Amounts and unit prices in different units of money, such as cents beside euros, as quantity times price tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ibis.expr.types import Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.data.parsing.money import is_role_in_cents
from clv_experiments.data.parsing.order_allocation import list_order_key_columns
from clv_experiments.errors import ClvError

RATIOS = (1, 100, 1000, Decimal("0.01"), Decimal("0.001"))  # of an amount to quantity times unit price
BAND = 2.0  # a ratio is one of these within this factor: taxes and discounts change it less
NEARLY_ALL, SOME, MIN_LINES = 0.9, 0.05, 5


@dataclass(frozen=True)
class _AmountPriceRatioCounts:
    """How many lines, and orders with one amount on all their lines, have an amount of each ratio."""

    lines_by_ratio: Mapping[Decimal | int, int]
    orders_by_ratio: Mapping[Decimal | int, int]
    all_lines: int
    all_orders: int
    fractional_amounts: int  # amounts that are not whole

    def find_main_ratio(self) -> Decimal | int | None:
        """Return the ratio of nearly all lines or, of totals that stand on each line, of nearly all orders."""
        fits = (
            ratio
            for ratio in RATIOS
            if self.lines_by_ratio[ratio] >= NEARLY_ALL * self.all_lines
            or self.orders_by_ratio[ratio] >= NEARLY_ALL * self.all_orders
        )
        return next(fits, None) if self.all_lines >= MIN_LINES else None

    def find_second_ratio(self) -> Decimal | int | None:
        """Return a ratio above 1 that a part of the lines has, where nearly all others have 1."""
        once, several, nearly_all = self.lines_by_ratio[1], SOME * self.all_lines, NEARLY_ALL * self.all_lines
        larger = (ratio for ratio in RATIOS if ratio > 1 and min(self.lines_by_ratio[ratio], once) > several)
        return next(
            (r for r in larger if self.all_lines >= MIN_LINES and self.lines_by_ratio[r] + once >= nearly_all), None
        )


def align_price_unit(
    lines: Table, columns: ColumnRoles, scale: Decimal | None, log: str
) -> tuple[Table, Decimal | int | None, list[str]]:
    """Bring unit prices into the unit of the amounts, where nearly all amounts are 100 times quantity times price.

    Parameters
    ----------
    lines : ibis.Table
        Typed lines with ``amount``, ``unit_price`` and perhaps ``quantity``; others are returned as they are.
    columns : ColumnRoles
    scale : Decimal, optional
        What the user typed that amounts are to be multiplied by: then nothing is open.
    log : str
        Name of the log, for messages.

    Returns
    -------
    ibis.Table
    Decimal or int or None
        The ratio of amounts to quantity times price as it was; None where they don't tell.
    list of str
        Notes, for the user to see.

    Raises
    ------
    ClvError
        If amounts are 1000 times as large, or 100 times with decimals: either column may be in another unit.
    """
    if not {"amount", "unit_price"} <= set(lines.columns):
        return lines, None, []
    by_role = columns.by_role
    counts = _count_ratios(lines)
    ratio = counts.find_main_ratio()
    is_open = scale is None and not is_role_in_cents(columns, "amount")
    if ratio is None:
        return lines, None, _describe_mixture(counts, by_role) if is_open else []
    if ratio == 1:
        return lines, ratio, []
    if is_open and ratio > 1 and (ratio != 100 or counts.fractional_amounts):
        raise ClvError(
            f"{_describe_comparison(counts, ratio, by_role)} in log '{log}': type data.scale={1 / Decimal(ratio):f} if "
            f"amounts are in a smaller unit, or data.scale=1 if they are what was paid"
            f"{_suggest_quantity_times_price(by_role)}"
        )
    aligned = lines.mutate(unit_price=(lines.unit_price.cast("float64") * float(ratio)).round(4).cast(AMOUNT))
    return aligned, ratio, [_describe_cents_decision(counts, ratio, columns)] if is_open else []


def _count_ratios(lines: Table) -> _AmountPriceRatioCounts:
    key = list_order_key_columns(lines)
    units = lines.quantity.cast("float64") if "quantity" in lines.columns else 1.0
    t = lines.mutate(gross=units * lines.unit_price.cast("float64"), paid=lines.amount.cast("float64"))
    t = t.filter((t.gross != 0) & (t.paid != 0))
    ratios = {f"line {ratio}": (t.paid / t.gross).abs().between(*_tolerance_bounds(ratio)) for ratio in RATIOS}
    orders = t.group_by(key).agg(
        rows=t.count(),
        least=t.paid.min(),
        most=t.paid.max(),
        gross=t.gross.sum(),
        fractions=count_true(t.paid != t.paid.round()),
        **{name: count_true(condition) for name, condition in ratios.items()},
    )
    is_told = (orders.least == orders.most) & orders[key[1]].notnull() & (orders.gross != 0)
    of_order = (orders.most / orders.gross.nullif(0)).abs()
    sums: dict[str, Any] = {name: orders[name].sum() for name in (*ratios, "rows", "fractions")}
    sums |= {f"order {ratio}": count_true(is_told & of_order.between(*_tolerance_bounds(ratio))) for ratio in RATIOS}
    row = aggregate_row(orders, orders=orders.count(), **sums)
    by_kind = {kind: {ratio: row[f"{kind} {ratio}"] or 0 for ratio in RATIOS} for kind in ("line", "order")}
    return _AmountPriceRatioCounts(
        by_kind["line"], by_kind["order"], row["rows"] or 0, row["orders"], row["fractions"] or 0
    )


def _tolerance_bounds(ratio: Decimal | int) -> tuple[float, float]:
    return float(ratio) / BAND, float(ratio) * BAND


def _describe_comparison(counts: _AmountPriceRatioCounts, ratio: Decimal | int, by_role: Mapping[str, str]) -> str:
    of_lines = counts.lines_by_ratio[ratio] >= counts.orders_by_ratio[ratio]
    fits, of = (
        (counts.lines_by_ratio[ratio], counts.all_lines)
        if of_lines
        else (counts.orders_by_ratio[ratio], counts.all_orders)
    )
    product = " x ".join(by_role[role] for role in ("quantity", "unit_price") if role in by_role)
    times = f"{ratio:,} times" if ratio > 1 else f"1/{1 / Decimal(ratio):,.0f} of"
    return f"{by_role['amount']} is about {times} {product} on {fits:,} of {of:,} {'lines' if of_lines else 'orders'}"


def _suggest_quantity_times_price(by_role: Mapping[str, str]) -> str:
    return ", or data.columns.amount=false for quantity times unit_price" if "quantity" in by_role else ""


def _describe_cents_decision(counts: _AmountPriceRatioCounts, ratio: Decimal | int, columns: ColumnRoles) -> str:
    by_role = columns.by_role
    comparison, price = _describe_comparison(counts, ratio, by_role), by_role["unit_price"]
    if ratio > 1:
        return (
            f"{comparison}, and whole: it is in cents, and multiplied by 0.01 (data.scale=1 if it "
            f"is not{_suggest_quantity_times_price(by_role)})"
        )
    is_told = is_role_in_cents(columns, "unit_price")
    why = "is in cents by its name" if is_told else "seems to be in cents, or the price of several units"
    return f"{comparison}: {price} {why}, and {by_role['amount']} is taken as what was paid (data.scale says otherwise)"


def _describe_mixture(counts: _AmountPriceRatioCounts, by_role: Mapping[str, str]) -> list[str]:
    ratio = counts.find_second_ratio()
    if ratio is None:
        return []
    return [
        f"{_describe_comparison(counts, ratio, by_role)} and once that on most others: if amounts are in two units, "
        "data.columns.amount=false takes quantity times unit_price"
    ]
