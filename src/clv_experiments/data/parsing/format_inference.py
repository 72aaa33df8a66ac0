"""How to read text that could be read in two ways: the log's own rows decide, or the user is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain, combinations
from operator import and_, or_
from typing import Any

import ibis
from ibis.expr.types import BooleanValue, Table, Value

from clv_experiments.data.parsing.formats import (
    DATE_ORDERS,
    EITHER_ORDER,
    YEAR_FIRST,
    ParseOptions,
    add_amount,
    add_currency,
    add_day,
    add_text,
    add_time_zone,
)
from clv_experiments.errors import ClvError

PREFIX = "parsed: "  # of the columns added here
TEXT, ZONE, CURRENCY = f"{PREFIX}text", f"{PREFIX}time zone", f"{PREFIX}currency"
POINT, COMMA = f"{PREFIX}decimal point", f"{PREFIX}decimal comma"
FIRST_PART = {"dmy": "the day", "mdy": "the month", "ymd": "the year"}
MAX_CELL_LENGTH = 60  # characters, in a message


def infer_formats(
    raw: Table, dates: str, numbers: Sequence[str], options: ParseOptions, has_currency: bool, log: str
) -> tuple[ParseOptions, list[str]]:
    """Decide from all rows how to read text that could be read in two ways.

    Parameters
    ----------
    raw : ibis.Table
    dates : str
        Column of the dates.
    numbers : sequence of str
        Columns of amounts, quantities and prices.
    options : ParseOptions
        What the user typed; only what is None is decided.
    has_currency : bool
        Whether a column holds each row's currency, so that signs may differ.
    log : str
        Name of the log, for messages.

    Returns
    -------
    ParseOptions
    list of str
        Notes on what was decided, for the user to see.

    Raises
    ------
    ClvError
        If dates or amounts can be read in two ways and no row decides, if rows contradict each other, or if dates
        carry different time zones or amounts different currency signs.
    """
    notes: list[str] = []
    order, decimal = options.date_order, options.decimal
    if raw[dates].type().is_string():
        if options.time_zones is None:
            notes += _check_time_zones(raw, dates, log)
        if order is None:
            order, order_notes = _infer_date_order(raw, dates, log)
            notes += order_notes
    texts = [column for column in numbers if raw[column].type().is_string()]
    if decimal is None:
        decimal, decimal_notes = _infer_decimal(raw, texts, log) if texts else (".", [])
        notes += decimal_notes
    if not has_currency:
        for column in texts:
            _check_currency_signs(raw, column, log)
    return replace(options, date_order=order, decimal=decimal), notes


def quote_cells(raw: Table, column: str, where: BooleanValue | None = None, rows: int = 3) -> list[str]:
    """Quote the first cells of a column, optionally of the rows that fulfil a condition; long cells are cut.

    Parameters
    ----------
    raw : ibis.Table
    column : str
    where : ibis expression of ``raw``, optional
        Null counts as false; by default all rows.
    rows : int
        At most so many cells.
    """
    matches = raw if where is None else raw.filter(where.fill_null(False))
    cells = matches.select(cell=matches[column].cast("string")).limit(rows).to_pyarrow()["cell"]
    texts = [str(cell).strip() for cell in cells.to_pylist()]
    return [repr(text if len(text) <= MAX_CELL_LENGTH else text[:MAX_CELL_LENGTH] + "…") for text in texts]


def count_true(condition: BooleanValue) -> Value:
    """Count the rows that fulfil a condition; null counts as false."""
    return condition.fill_null(False).sum().fill_null(0)


def _check_time_zones(raw: Table, column: str, log: str) -> list[str]:
    raw = add_time_zone(add_text(raw, column, TEXT), column, ZONE)
    zone, missing = raw[ZONE], raw[TEXT].notnull() & raw[ZONE].isnull()
    summary = _aggregate_row(raw, least=zone.min(), most=zone.max(), missing=count_true(missing))
    if summary["least"] is None:
        return []
    if summary["missing"] or summary["least"] != summary["most"]:
        examples = quote_cells(raw, column, zone == summary["least"], 1)
        examples += quote_cells(raw, column, missing if summary["missing"] else zone == summary["most"], 1)
        raise ClvError(
            f"column '{column}' of log '{log}' mixes time zones, such as {', '.join(examples)}; give every row the "
            "shop's local time, or type data.time_zones=written if that is what they are (summer time changes the "
            "offset)"
        )
    return [f"dates end in the offset {summary['least']}, which was left out: the day written is the day"]


def _infer_date_order(raw: Table, column: str, log: str) -> tuple[str, list[str]]:
    raw = _parse_in_each_order(raw, column)
    days = {order: raw[PREFIX + order] for order in DATE_ORDERS}
    valid = {order: day.notnull() for order, day in days.items()}
    is_date = reduce(or_, valid.values())
    invalid = {order: is_date & ~valid[order] for order in DATE_ORDERS}
    counts = _aggregate_row(raw, ymd_dates=count_true(valid["ymd"]), **{k: count_true(v) for k, v in invalid.items()})
    candidates = [order for order in DATE_ORDERS if order != "ymd" or counts["ymd_dates"]]
    possible = [order for order in candidates if not counts[order]]
    if not possible:
        misfits = dict.fromkeys(
            cell for order in reversed(candidates) for cell in quote_cells(raw, column, invalid[order], 1)
        )
        raise ClvError(
            f"column '{column}' of log '{log}' has dates that no one order of day, month and year fits, such as "
            f"{', '.join(misfits)}; write them all like 2020-12-31"
        )
    first = possible[0]
    if len(possible) > 1:
        differ = reduce(or_, (days[one] != days[other] for one, other in combinations(possible, 2)))
        examples = quote_cells(raw, column, differ)
        if examples:
            raise ClvError(
                f"dates of log '{log}' such as {', '.join(examples)} (column '{column}') could begin with "
                f"{' or '.join(FIRST_PART[order] for order in possible)}, and no row tells: type "
                f"{' or '.join(f'data.date_order={order}' for order in possible)}"
            )
        return first, []  # any that are left, like 05/05/2020, are the same in either order
    decisive = is_date & ~reduce(and_, (valid[order] for order in candidates))
    rows = _aggregate_row(raw, rows=count_true(decisive))["rows"]
    return first, [f"dates begin with {FIRST_PART[first]}, as {rows:,} row(s) show"]


def _parse_in_each_order(raw: Table, column: str) -> Table:
    """Parse ambiguous dates in each order; a year of two digits comes first only in front of a hyphen."""
    raw = add_text(raw, column, TEXT)
    raw = raw.filter(raw[TEXT].re_search(EITHER_ORDER) | raw[TEXT].re_search(YEAR_FIRST))
    for order in DATE_ORDERS:
        raw = add_day(raw, column, order, PREFIX + order)
    year_first = ibis.ifelse(raw[TEXT].re_search("^[0-9]{2}-"), raw[f"{PREFIX}ymd"], None)
    raw = raw.mutate(**{f"{PREFIX}ymd": year_first})
    return raw.select(column, *(PREFIX + order for order in DATE_ORDERS)).cache()  # aggregated several times


def _infer_decimal(raw: Table, columns: Sequence[str], log: str) -> tuple[str, list[str]]:
    parsed = {column: add_amount(add_amount(raw, column, ".", POINT), column, ",", COMMA) for column in columns}
    conditions = {column: _compare_decimals(t) for column, t in parsed.items()}
    counts: Counter[str] = Counter()
    for column, t in parsed.items():
        counts.update(_aggregate_row(t, **{case: count_true(where) for case, where in conditions[column].items()}))
    names = f"(column {', '.join(map(repr, columns))})"

    def examples(case: str, rows: int) -> list[str]:
        cells = (quote_cells(t, column, conditions[column][case], rows) for column, t in parsed.items())
        return list(chain.from_iterable(cells))[:rows]

    if counts["point"] and counts["comma"]:
        raise ClvError(
            f"amounts of log '{log}' {names} begin their decimals with . and with , such as "
            f"{', '.join(examples('point', 1) + examples('comma', 1))}; write them all like 1234.50"
        )
    if counts["comma"]:
        return ",", [f"decimals begin with a comma, as {counts['comma']:,} row(s) show"]
    if counts["either"] and not counts["point"]:
        raise ClvError(
            f"amounts of log '{log}' such as {', '.join(examples('either', 3))} {names} could be thousands or "
            "decimals, and no row tells: type data.decimal=. or data.decimal=','"
        )
    return ".", []


def _check_currency_signs(raw: Table, column: str, log: str) -> None:
    raw = add_currency(raw, column, CURRENCY)
    summary = _aggregate_row(raw, least=raw[CURRENCY].min(), most=raw[CURRENCY].max())
    if summary["least"] != summary["most"]:
        raise ClvError(
            f"column '{column}' of log '{log}' has amounts in {summary['least']} and in {summary['most']}; give one "
            "currency, or a column that says which (data.columns.currency) and rates (data.cleaning.currency)"
        )


def _compare_decimals(parsed: Table) -> dict[str, BooleanValue]:
    """Find cells that are numbers with one decimal mark only, or different numbers with either."""
    point, comma = parsed[POINT], parsed[COMMA]
    return {
        "point": point.notnull() & comma.isnull(),
        "comma": comma.notnull() & point.isnull(),
        "either": point != comma,
    }


def _aggregate_row(table: Table, **values: Value) -> dict[str, Any]:
    return table.aggregate(**values).to_pyarrow().to_pylist()[0]
