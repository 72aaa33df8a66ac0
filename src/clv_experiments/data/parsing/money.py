"""Amounts and unit prices in another unit of money, such as cents, as their names or quantity times price tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ibis import literal
from ibis.expr.types import Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.column_contents import ColumnSample
from clv_experiments.data.parsing.columns import ColumnRoles
from clv_experiments.data.parsing.formats import AMOUNT, AMOUNT_LIMIT
from clv_experiments.data.parsing.order_allocation import list_order_key_columns
from clv_experiments.data.parsing.role_names import MONEY_ROLES, is_name_in_cents, normalise_name
from clv_experiments.errors import ClvError

CENTS_WORD = re.compile("(?:^| )(?:cents|centimes|centavos|pence|minor units?|minor) ?$", re.IGNORECASE)
# Stripe's, Square's and Adyen's interfaces give whole cents, of which such columns tell.
MINOR_UNIT_COLUMN_NAMES = (
    "unitamount", "unitamountdecimal", "amountcaptured", "amountcapturable", "amountsubtotal", "amountreceived",
    "totalmoneyamount", "amountmoneyamount", "basepricemoneyamount", "grosssalesmoneyamount",
)  # fmt: skip
SCALE_TYPE = "decimal(18, 8)"
CENT = Decimal("0.01")
MIN_WHOLE, TYPICAL_CENTS, MOST_ROUND = 100, 500, 0.3
CENTS_RATIO = 100  # times quantity times unit price, as amounts in cents beside prices in the currency are
SMALLEST, LARGEST = Decimal("0.00000001"), Decimal(10**9)
RATIOS = (1, 100, 1000, Decimal("0.01"), Decimal("0.001"))  # of an amount to quantity times unit price
RATIO_TOLERANCE_FACTOR = 2.0  # a ratio is one of these within this factor: taxes and discounts change it less
NEARLY_ALL, SOME, MIN_LINES = 0.9, 0.05, 5


def has_cents_in_name(column: str) -> bool:
    """Return whether the name of any column of money says that it is in hundredths, as ``tax_cents`` does.

    So are all amounts of exports that are known by columns such as ``unit_amount``, if they are whole numbers.
    """
    words = " ".join(re.split(r"[\W_]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", column)))
    return bool(CENTS_WORD.search(words)) or normalise_name(column) in MINOR_UNIT_COLUMN_NAMES


def _is_role_in_cents(columns: ColumnRoles, role: str) -> bool:
    """Return whether the name of a role's column, or its cells, say that it is in cents."""
    column = columns.by_role.get(role)
    return column is not None and (column in columns.cells_in_cents or is_name_in_cents(column))


def parse_scale(value: object) -> Decimal | None:
    """Parse what money is multiplied by.

    Raises
    ------
    ClvError
        If it is no number, 0, or has more than eight decimals.
    """
    if value is None:
        return None
    try:
        scale = Decimal(str(value))
    except InvalidOperation:
        scale = Decimal("NaN")
    if not scale.is_finite() or not SMALLEST <= abs(scale) <= LARGEST or scale % SMALLEST:
        raise ClvError(
            "data.scale must be a number of at most eight decimals, such as 0.01 for cents or -1 to turn the sign, or "
            f"null, got '{value}'"
        )
    return scale


@dataclass(frozen=True)
class _AmountPriceRatioCounts:
    """How many lines, and orders with one amount on all their lines, have an amount of each ratio."""

    lines_by_ratio: Mapping[Decimal | int, int]
    orders_by_ratio: Mapping[Decimal | int, int]
    all_lines: int
    all_orders: int
    fractional_amounts: int  # amounts that are not whole

    def find_ratio_of_nearly_all(self) -> Decimal | int | None:
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


def align_price_unit_with_amount(
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
    ratio = counts.find_ratio_of_nearly_all()
    is_open = scale is None and not _is_role_in_cents(columns, "amount")
    if ratio is None:
        return lines, None, _describe_mixture(counts, by_role) if is_open else []
    if ratio == 1:
        return lines, ratio, []
    if is_open and ratio > 1 and (ratio != CENTS_RATIO or counts.fractional_amounts):
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
    return float(ratio) / RATIO_TOLERANCE_FACTOR, float(ratio) * RATIO_TOLERANCE_FACTOR


def _describe_comparison(counts: _AmountPriceRatioCounts, ratio: Decimal | int, by_role: Mapping[str, str]) -> str:
    of_lines = counts.lines_by_ratio[ratio], counts.all_lines, "lines"
    of_orders = counts.orders_by_ratio[ratio], counts.all_orders, "orders"
    fits, of, what = of_lines if of_lines[0] >= of_orders[0] else of_orders
    product = " x ".join(by_role[role] for role in ("quantity", "unit_price") if role in by_role)
    times = f"{ratio:,} times" if ratio > 1 else f"1/{1 / Decimal(ratio):,.0f} of"
    return f"{by_role['amount']} is about {times} {product} on {fits:,} of {of:,} {what}"


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
    is_told = _is_role_in_cents(columns, "unit_price")
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


def scale_money(
    lines: Table,
    columns: ColumnRoles,
    scale: Decimal | None,
    log: str,
    contents: ColumnSample,
    ratio: Decimal | int | None,
) -> tuple[Table, list[str]]:
    """Multiply amounts, unit prices and refunds, which are exact decimals, by the scale, and note it.

    Parameters
    ----------
    lines : ibis.Table
    columns : ColumnRoles
        Their names in the raw log, or their cells, may say that they are in cents.
    scale : Decimal, optional
        None leaves amounts as they are, but for those in cents.
    log : str
        Name of the log, for messages.
    contents : ColumnSample
        Of the raw log, whose other columns may say that money is in cents.
    ratio : Decimal or int, optional
        Of amounts to quantity times unit price, as ``align_price_unit_with_amount`` returns it.

    Raises
    ------
    ClvError
        If a product needs more than four decimals or becomes too large.
    """
    factors, notes = _choose_scale_factors(lines, columns, scale, contents, ratio)
    if not factors:
        return lines, notes
    products = {role: lines[role] * literal(f"{factor:f}").cast(SCALE_TYPE) for role, factor in factors.items()}
    bad = {f"lost {role}": product.round(4) != product for role, product in products.items() if role != "unit_price"}
    bad |= {
        f"large {role}": (lines[role].cast("float64") * float(factor)).abs() >= AMOUNT_LIMIT
        for role, factor in factors.items()
    }
    rows = sum(aggregate_row(lines, **{name: count_true(condition) for name, condition in bad.items()}).values())
    if rows:
        raise ClvError(
            f"{rows:,} amount(s) of log '{log}' times data.scale={max(factors.values()):f} need more than four "
            f"decimals, or reach {AMOUNT_LIMIT:,.0f}; give another scale, or null"
        )
    scaled = lines.mutate(**{role: product.round(4).cast(AMOUNT) for role, product in products.items()})
    if scale is not None and scale < 0 and "quantity" in lines.columns:  # goods that leave may be counted below 0
        scaled = scaled.mutate(quantity=scaled.quantity.abs() * scaled.amount.sign())
    return scaled, notes


def _choose_scale_factors(
    lines: Table, columns: ColumnRoles, scale: Decimal | None, contents: ColumnSample, ratio: Decimal | int | None
) -> tuple[dict[str, Decimal], list[str]]:
    """Choose what each column is multiplied by: as typed, or 0.01 where it is in cents, and note why.

    Where only another column says so, amounts and refunds are in cents if they are whole numbers.
    """
    roles = [role for role in MONEY_ROLES if role in lines.columns]
    if scale is not None:
        note = f"amounts were multiplied by {scale:f} (data.scale)"
        return (dict.fromkeys(roles, scale), [note]) if scale != 1 else ({}, [])
    named = [role for role in roles if _is_role_in_cents(columns, role)]
    saying = [columns.by_role[role] for role in named] or list(filter(has_cents_in_name, contents.raw.columns))
    if not saying and ratio != CENTS_RATIO:
        return {}, _describe_whole_amounts(columns, contents)
    fractions = aggregate_row(lines, **{role: count_true(lines[role] != lines[role].round()) for role in roles})
    in_cents = {role for role in roles if role in named or not fractions[role]}
    if ratio is not None and ratio < 1 and "amount" not in named:
        in_cents -= {"amount"}
    elif "unit_price" in named and (ratio == 1 or "amount" not in columns.by_role):
        in_cents |= {"amount"}
    # Prices are aligned with amounts, or are what they were made of.
    in_cents = in_cents | {"unit_price"} if "amount" in in_cents else in_cents - {"unit_price"}
    factors = {role: CENT for role in roles if role in in_cents}
    if not factors or (ratio == CENTS_RATIO and "amount" not in named):  # which align_price_unit_with_amount has noted
        return factors, []
    what = "amounts were" if "amount" in factors else f"{columns.by_role['refunded']} was"
    why = f"{saying[0]} is in cents" + (" by its name" if saying[0] not in columns.cells_in_cents else "")
    return factors, [f"{why}, so {what} multiplied by {CENT:f} (data.scale=1 says otherwise)"]


def _describe_whole_amounts(columns: ColumnRoles, contents: ColumnSample) -> list[str]:
    """Say that all amounts are whole numbers, where they are as large as cents are, and seldom round."""
    column = columns.by_role.get("amount", columns.by_role.get("unit_price"))
    if column is None or contents.kind(column).name != "whole":
        return []
    numbers = contents.numbers(column).abs()
    numbers = numbers[numbers > 0]
    is_typical = len(numbers) >= MIN_WHOLE and numbers.median() >= TYPICAL_CENTS
    if not is_typical or (numbers % 1 != 0).any() or (numbers % 10 == 0).mean() > MOST_ROUND:
        return []
    middle = f"half of them above {numbers.median():,.0f}"
    return [f"{column} holds whole numbers, {middle}: if these are cents, type data.scale=0.01"]
