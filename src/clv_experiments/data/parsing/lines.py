"""From a raw table to typed lines: each role a column of one type, and a clear refusal of what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping

from ibis.expr.types import Table

from clv_experiments.data.cleaning.report import SOURCE
from clv_experiments.data.parsing.columns import OF_AN_ORDER, Columns, quoted
from clv_experiments.data.parsing.format_inference import count_true, first_cells, infer_formats
from clv_experiments.data.parsing.formats import (
    AMOUNT,
    LARGEST,
    ParseOptions,
    add_amount,
    add_day,
    add_identifier,
    add_text,
)
from clv_experiments.errors import ClvError

NUMBERS = ("amount", "quantity", "unit_price")
TYPED, TEXT = "typed: ", "text"  # names of columns added on the way
SURE_DATES = {
    None: "1997-12-31",
    "dmy": "1997-12-31 or 31/12/1997",
    "mdy": "1997-12-31 or 12/31/1997",
    "ymd": "1997-12-31 or 97-12-31",
}


def read_lines(
    raw: Table, columns: Columns, reading: ParseOptions, log: str, whole_rows: bool
) -> tuple[Table, list[str]]:
    """Type the columns of a raw log.

    Parameters
    ----------
    raw : ibis.Table
    columns : Columns
    reading : Reading
    log : str
        Name of the log, for messages.
    whole_rows : bool
        Keep the raw columns too, each under ``source: <name>``.

    Returns
    -------
    ibis.Table
        A row a line of the source: ``customer_id``, ``date``, ``amount`` (the amount, or quantity times unit price)
        and the other roles that the log has. Null where a cell is empty.
    list of str
        How text was read that could be read in two ways.

    Raises
    ------
    ClvError
        If there is no row, a cell holds something that cannot be read, all amounts are negative, or a column that was
        guessed to be the amount repeats the total of an order.
    """
    by_role = columns.by_role
    _types_fit(raw, by_role, log)
    numbers = [by_role[role] for role in NUMBERS if role in by_role]
    reading, notes = infer_formats(raw, by_role["date"], numbers, reading, "currency" in by_role, log)
    typed = raw
    for role, column in by_role.items():
        if role == "date":
            typed = add_day(typed, column, reading.date_order, TYPED + role)
        elif role in NUMBERS:
            typed = add_amount(typed, column, reading.decimal or ".", TYPED + role)
        else:
            typed = add_identifier(typed, column, TYPED + role)
    kept = raw.columns if whole_rows else dict.fromkeys(by_role.values())
    lines = typed.select(
        **{role: typed[TYPED + role] for role in by_role}, **{SOURCE + column: typed[column] for column in kept}
    ).cache()
    _all_readable(lines, by_role, reading, log)
    if "order_id" in by_role and columns.guessed_from("amount", OF_AN_ORDER):
        _once_an_order(lines, by_role["amount"], log)
    if "amount" not in by_role:
        lines = _add_product(lines, log)
    _purchases_there(lines, log)
    return lines if whole_rows else lines.drop(*(SOURCE + column for column in kept)), notes


def _types_fit(raw: Table, by_role: Mapping[str, str], log: str) -> None:
    for column in by_role.values():
        kind = raw[column].type()
        if kind.is_nested() or kind.is_binary():
            raise ClvError(f"column '{column}' of log '{log}' holds {kind} values; text, a number or a date is needed")
    # The day of an instant depends on the machine's time zone, and so would every result.
    if getattr(raw[by_role["date"]].type(), "timezone", None):
        raise ClvError(
            f"column '{by_role['date']}' of log '{log}' carries a time zone; give the shop's local date or time "
            "without one: in SQL with AT TIME ZONE 'Europe/London', in pandas with .dt.tz_convert('Europe/London')"
            ".dt.tz_localize(None)"
        )


def _all_readable(lines: Table, by_role: Mapping[str, str], reading: ParseOptions, log: str) -> None:
    suspects = {role: lines[SOURCE + column].notnull() & lines[role].isnull() for role, column in by_role.items()}
    found = lines.aggregate(**{role: count_true(suspect) for role, suspect in suspects.items()})
    for role, some in found.to_pyarrow().to_pylist()[0].items():
        if not some:
            continue
        column = SOURCE + by_role[role]
        unreadable = add_text(lines.filter(suspects[role]), column, TEXT)
        unreadable = unreadable.filter(unreadable[TEXT].notnull())
        rows = unreadable.count().to_pyarrow().as_py()
        if rows:
            if role == "date":
                expected = f"a date like {SURE_DATES[reading.date_order]}"
            elif role in NUMBERS:
                expected = f"a number below {LARGEST:,.0f}"
            else:
                expected = "a whole number of at most 15 digits (all that a float keeps: store longer ones as text)"
            raise ClvError(
                f"column '{by_role[role]}' of log '{log}' has {rows:,} row(s) that cannot be read as {expected}, such "
                f"as {', '.join(first_cells(unreadable, column))}; correct them or leave them empty"
            )


def _once_an_order(lines: Table, column: str, log: str) -> None:
    paid = lines.filter(lines.order_id.notnull() & (lines.amount != 0))
    orders = paid.group_by("order_id").agg(rows=paid.count(), least=paid.amount.min(), most=paid.amount.max())
    repeated = orders.filter((orders.rows > 1) & (orders.least == orders.most))
    found = repeated.aggregate(orders=repeated.count(), first=repeated.order_id.min()).to_pyarrow().to_pylist()[0]
    if found["orders"]:
        raise ClvError(
            f"column '{column}' of log '{log}' looks like the total of a whole order, and {found['orders']:,} order(s) "
            f"have it on each of several rows, such as order '{found['first']}'; keep one row of each, or type "
            f"data.columns.amount={quoted(column)} if each row has its own amount"
        )


def _add_product(lines: Table, log: str) -> Table:
    quantity, unit_price = lines.quantity, lines.unit_price
    too_large = (quantity.cast("float64") * unit_price.cast("float64")).abs() >= LARGEST
    rows = lines.aggregate(rows=count_true(too_large)).to_pyarrow()["rows"][0].as_py()
    if rows:
        raise ClvError(f"log '{log}' has {rows:,} row(s) whose quantity times unit_price is {LARGEST:,.0f} or more")
    return lines.mutate(amount=(quantity * unit_price).round(4).cast(AMOUNT))


def _purchases_there(lines: Table, log: str) -> None:
    found = lines.aggregate(rows=lines.count(), least=lines.amount.min(), most=lines.amount.max())
    size = found.to_pyarrow().to_pylist()[0]
    if size["rows"] == 0:
        raise ClvError(f"log '{log}' has a header but no row")
    if size["most"] is not None and size["most"] < 0:
        raise ClvError(
            f"all amounts of log '{log}' are negative, from {size['least']:f} to {size['most']:f}; purchases must be "
            "positive and returns negative: turn the sign of the amounts"
        )
