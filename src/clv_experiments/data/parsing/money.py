"""Amounts in another unit of money, such as cents."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from ibis import literal
from ibis.expr.types import Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.formats import AMOUNT, AMOUNT_LIMIT
from clv_experiments.data.parsing.role_names import MONEY_ROLES, is_in_cents
from clv_experiments.errors import ClvError

SCALE = "decimal(18, 8)"
CENT = Decimal("0.01")
SMALLEST, LARGEST = Decimal("0.00000001"), Decimal(10**9)


def parse_scale(value: object) -> Decimal | None:
    """Parse what money is multiplied by.

    Raises
    ------
    ClvError
        If it is no positive number, or has more than eight decimals.
    """
    if value is None:
        return None
    try:
        scale = Decimal(str(value))
    except InvalidOperation:
        scale = Decimal("NaN")
    if not scale.is_finite() or not SMALLEST <= scale <= LARGEST or scale % SMALLEST:
        raise ClvError(
            f"data.scale must be a positive number of at most eight decimals, such as 0.01 for cents, or null, got "
            f"'{value}'"
        )
    return scale


def scale_money(lines: Table, by_role: Mapping[str, str], scale: Decimal | None, log: str) -> tuple[Table, list[str]]:
    """Multiply amounts and unit prices, which are exact decimals, by the scale, and note it.

    Parameters
    ----------
    lines : ibis.Table
    by_role : mapping of role to column
        Names of columns in the raw log, which may say that they are in cents.
    scale : Decimal, optional
        None leaves amounts as they are, but for those in cents.
    log : str
        Name of the log, for messages.

    Raises
    ------
    ClvError
        If a product needs more than four decimals or becomes too large.
    """
    cents = [by_role[role] for role in MONEY_ROLES if role in by_role and is_in_cents(by_role[role])]
    factor = CENT if scale is None and cents else scale
    columns = [role for role in MONEY_ROLES if role in lines.columns]
    if factor is None or factor == 1:
        return lines, []
    products = {column: lines[column] * literal(f"{factor:f}").cast(SCALE) for column in columns}
    lost = [product.round(4) != product for product in products.values()]
    large = [(lines[column].cast("float64") * float(factor)).abs() >= AMOUNT_LIMIT for column in columns]
    bad = {f"bad{k}": count_true(condition) for k, condition in enumerate([*lost, *large])}
    rows = sum(aggregate_row(lines, **bad).values())
    if rows:
        raise ClvError(
            f"{rows:,} amount(s) of log '{log}' times data.scale={factor:f} need more than four decimals, or reach "
            f"{AMOUNT_LIMIT:,.0f}; give another scale, or null"
        )
    scaled = {column: product.round(4).cast(AMOUNT) for column, product in products.items()}
    why = f"{cents[0]} is in cents by its name, so " if scale is None else ""
    other = "data.scale=1 says otherwise" if scale is None else "data.scale"
    return lines.mutate(**scaled), [f"{why}amounts were multiplied by {factor:f} ({other})"]
