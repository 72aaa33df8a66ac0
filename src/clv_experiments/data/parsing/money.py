"""Amounts in another unit of money, such as cents."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from ibis import literal
from ibis.expr.types import Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true
from clv_experiments.data.parsing.formats import AMOUNT, AMOUNT_LIMIT
from clv_experiments.errors import ClvError

SCALE = "decimal(18, 8)"
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


def scale_money(table: Table, columns: Sequence[str], scale: Decimal | None, log: str) -> tuple[Table, list[str]]:
    """Multiply exact decimals by the scale, and note it.

    Parameters
    ----------
    table : ibis.Table
    columns : sequence of str
        Columns of amounts and prices.
    scale : Decimal, optional
        None leaves them as they are.
    log : str
        Name of the log, for messages.

    Raises
    ------
    ClvError
        If a product needs more than four decimals or becomes too large.
    """
    if scale is None or not columns:
        return table, []
    factor = literal(f"{scale:f}").cast(SCALE)
    products = {column: table[column] * factor for column in columns}
    lost = [product.round(4) != product for product in products.values()]
    large = [(table[column].cast("float64") * float(scale)).abs() >= AMOUNT_LIMIT for column in columns]
    bad = {f"bad{k}": count_true(condition) for k, condition in enumerate([*lost, *large])}
    rows = sum(aggregate_row(table, **bad).values())
    if rows:
        raise ClvError(
            f"{rows:,} amount(s) of log '{log}' times data.scale={scale:f} need more than four decimals, or reach "
            f"{AMOUNT_LIMIT:,.0f}; give another scale, or null"
        )
    scaled = {column: product.round(4).cast(AMOUNT) for column, product in products.items()}
    return table.mutate(**scaled), [f"amounts were multiplied by {scale:f} (data.scale)"]
