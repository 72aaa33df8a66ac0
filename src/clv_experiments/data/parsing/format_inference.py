"""How a log's text is meant where it could be read in two ways: its own rows decide, or the user is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from operator import and_, or_
from typing import Any

import ibis
from ibis.expr.types import BooleanValue, Table, Value

from clv_experiments.data.parsing.formats import (
    EITHER_ORDER,
    ORDERS,
    YEAR_FIRST,
    ParseOptions,
    add_amount,
    add_currency,
    add_day,
    add_text,
    add_time_zone,
)
from clv_experiments.errors import ClvError

READ = "read: "  # begins the names of columns added on the way
TEXT, ONE, OTHER = f"{READ}text", f"{READ}one way", f"{READ}other way"
WAYS = ("one", "other", "either")
BEGINS = {"dmy": "the day", "mdy": "the month", "ymd": "the year"}
LONGEST_SHOWN = 60  # characters of a cell that a message quotes


def infer_formats(
    raw: Table, dates: str, numbers: Sequence[str], reading: ParseOptions, has_currency: bool, log: str
) -> tuple[ParseOptions, list[str]]:
    """Decide from all rows how text that could be read in two ways is meant.

    Parameters
    ----------
    raw : ibis.Table
    dates : str
        Column of the dates.
    numbers : sequence of str
        Columns of amounts, quantities and prices.
    reading : Reading
        What the user said; only what is None is decided.
    has_currency : bool
        Whether a column says each row's currency, so that signs may differ.
    log : str
        Name of the log, for messages.

    Returns
    -------
    Reading
    list of str
        What was decided, for the user to see.

    Raises
    ------
    ClvError
        If dates or amounts can be read in two ways and no row tells which, rows contradict each other, dates carry
        different time zones, or amounts different currency signs.
    """
    notes: list[str] = []
    order, decimal = reading.date_order, reading.decimal
    if raw[dates].type().is_string():
        if reading.time_zones is None:
            notes += _one_time_zone(raw, dates, log)
        if order is None:
            order, said = _date_order(raw, dates, log)
            notes += said
    texts = [column for column in numbers if raw[column].type().is_string()]
    if decimal is None:
        decimal, said = _decimal(raw, texts, log) if texts else (".", [])
        notes += said
    if not has_currency:
        for column in texts:
            _one_currency(raw, column, log)
    return replace(reading, date_order=order, decimal=decimal), notes


def first_cells(raw: Table, column: str, where: BooleanValue | None = None, rows: int = 3) -> list[str]:
    """Quote the first cells of a column, long ones cut, where something holds.

    Parameters
    ----------
    raw : ibis.Table
    column : str
    where : ibis expression of ``raw``, optional
        Null counts as false; by default all rows.
    rows : int
        How many cells at most.
    """
    kept = raw if where is None else raw.filter(where.fill_null(False))
    found = kept.select(cell=kept[column].cast("string")).limit(rows)
    texts = [str(cell).strip() for cell in found.to_pyarrow()["cell"].to_pylist()]
    return [repr(text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…") for text in texts]


def count_true(condition: BooleanValue) -> Value:
    """Count the rows for which something holds; null counts as false."""
    return condition.fill_null(False).sum().fill_null(0)


def _one_time_zone(raw: Table, column: str, log: str) -> list[str]:
    raw = add_time_zone(add_text(raw, column, TEXT), column, ONE)
    zone, bare = raw[ONE], raw[TEXT].notnull() & raw[ONE].isnull()
    found = _aggregated(raw, least=zone.min(), most=zone.max(), bare=count_true(bare))
    if found["least"] is None:
        return []
    if found["bare"] or found["least"] != found["most"]:
        shown = first_cells(raw, column, zone == found["least"], 1)
        shown += first_cells(raw, column, bare if found["bare"] else zone == found["most"], 1)
        raise ClvError(
            f"column '{column}' of log '{log}' mixes time zones, such as {', '.join(shown)}; give every row the shop's "
            "local time, or type data.time_zones=written if that is what they are (summer time changes the offset)"
        )
    return [f"dates end in the offset {found['least']}, which was left out: the day written is the day"]


def _date_order(raw: Table, column: str, log: str) -> tuple[str, list[str]]:
    raw = _in_each_order(raw, column)
    days = {order: raw[READ + order] for order in ORDERS}
    reads = {order: day.notnull() for order, day in days.items()}
    dated = reduce(or_, reads.values())
    unread = {order: dated & ~reads[order] for order in ORDERS}
    found = _aggregated(raw, years=count_true(reads["ymd"]), **{order: count_true(unread[order]) for order in ORDERS})
    asked = [order for order in ORDERS if order != "ymd" or found["years"]]
    possible = [order for order in asked if not found[order]]
    if not possible:
        misfits = dict.fromkeys(
            cell for order in reversed(asked) for cell in first_cells(raw, column, unread[order], 1)
        )
        raise ClvError(
            f"column '{column}' of log '{log}' has dates that no one order of day, month and year fits, such as "
            f"{', '.join(misfits)}; write them all like 2020-12-31"
        )
    first = possible[0]
    if len(possible) > 1:
        differ = reduce(or_, (days[one] != days[other] for one, other in combinations(possible, 2)))
        shown = first_cells(raw, column, differ)
        if shown:
            raise ClvError(
                f"dates of log '{log}' such as {', '.join(shown)} (column '{column}') could begin with "
                f"{' or '.join(BEGINS[order] for order in possible)}, and no row tells: type "
                f"{' or '.join(f'data.date_order={order}' for order in possible)}"
            )
        return first, []  # any that are left, like 05/05/2020, are the same in either order
    tells = dated & ~reduce(and_, (reads[order] for order in asked))
    rows = _aggregated(raw, rows=count_true(tells))["rows"]
    return first, [f"dates begin with {BEGINS[first]}, as {rows:,} row(s) show"]


def _in_each_order(raw: Table, column: str) -> Table:
    """Read the dates whose order is open in each one; slashes and points never stand behind a year of two digits."""
    raw = add_text(raw, column, TEXT)
    raw = raw.filter(raw[TEXT].re_search(EITHER_ORDER) | raw[TEXT].re_search(YEAR_FIRST))
    for order in ORDERS:
        raw = add_day(raw, column, order, READ + order)
    year_first = ibis.ifelse(raw[TEXT].re_search("^[0-9]{2}-"), raw[f"{READ}ymd"], None)
    raw = raw.mutate(**{f"{READ}ymd": year_first})
    return raw.select(column, *(READ + order for order in ORDERS)).cache()  # is asked several things


def _decimal(raw: Table, columns: Sequence[str], log: str) -> tuple[str, list[str]]:
    read = {column: add_amount(add_amount(raw, column, ".", ONE), column, ",", OTHER) for column in columns}
    counts = [_aggregated(t, **{way: count_true(where) for way, where in _ways(t).items()}) for t in read.values()]
    found = {way: sum(count[way] for count in counts) for way in WAYS}
    where = f"(column {', '.join(map(repr, columns))})"

    def shown(way: str, rows: int) -> list[str]:
        return [cell for column, t in read.items() for cell in first_cells(t, column, _ways(t)[way], rows)][:rows]

    if found["one"] and found["other"]:
        raise ClvError(
            f"amounts of log '{log}' {where} begin their decimals with . and with , such as "
            f"{', '.join(shown('one', 1) + shown('other', 1))}; write them all like 1234.50"
        )
    if found["other"]:
        return ",", [f"decimals begin with a comma, as {found['other']:,} row(s) show"]
    if found["either"] and not found["one"]:
        raise ClvError(
            f"amounts of log '{log}' such as {', '.join(shown('either', 3))} {where} could be thousands or decimals, "
            "and no row tells: type data.decimal=. or data.decimal=','"
        )
    return ".", []


def _one_currency(raw: Table, column: str, log: str) -> None:
    raw = add_currency(raw, column, ONE)
    found = _aggregated(raw, least=raw[ONE].min(), most=raw[ONE].max())
    if found["least"] != found["most"]:
        raise ClvError(
            f"column '{column}' of log '{log}' has amounts in {found['least']} and in {found['most']}; give one "
            "currency, or a column that says which (data.columns.currency) and rates (data.cleaning.currency)"
        )


def _ways(read: Table) -> dict[str, BooleanValue]:
    """Tell cells that can be read in one of two ways only, or in both with different results."""
    one, other = read[ONE], read[OTHER]
    return {
        "one": one.notnull() & other.isnull(),
        "other": other.notnull() & one.isnull(),
        "either": one != other,
    }


def _aggregated(read: Table, **values: Value) -> dict[str, Any]:
    return read.aggregate(**values).to_pyarrow().to_pylist()[0]
