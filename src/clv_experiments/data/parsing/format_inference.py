"""How to read text that could be read in two ways: the log's own rows decide, or the user is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true, quote_cells
from clv_experiments.data.parsing.date_inference import infer_dates
from clv_experiments.data.parsing.formats import (
    THOUSANDS_SUFFIX,
    ParseOptions,
    add_amount_columns,
    add_currency_columns,
)
from clv_experiments.errors import ClvError

POINT, COMMA, CURRENCY = "decimal point: ", "decimal comma: ", "currency: "  # prefixes of the columns added here


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
    options, notes = infer_dates(raw, dates, options, log)
    texts = [column for column in numbers if raw[column].type().is_string()]
    decimal = options.decimal or "."
    if texts and not (options.decimal and has_currency):
        cells = _count_decimal_marks(raw, texts)
        if options.decimal is None:
            decimal, decimal_notes = _choose_decimal_mark(cells, log)
            notes += decimal_notes
        if not has_currency:
            _check_currency_signs(cells, log)
        notes += [f"{cells.quote('thousands', 1)[0]} and the like are thousands"] if cells.total("thousands") else []
    return replace(options, decimal=decimal), notes


@dataclass(frozen=True)
class _DecimalMarkCounts:
    """Columns of text read with either decimal mark, and what was counted in each."""

    table: Table
    columns: Sequence[str]
    counts: dict[str, Any]

    def total(self, case: str) -> int:
        return sum(self.counts[f"{case} {column}"] for column in self.columns)

    def quote(self, case: str, rows: int) -> list[str]:
        cells = (
            quote_cells(self.table, column, _decimal_mark_conditions(self.table, column)[case], rows)
            for column in self.columns
        )
        return list(chain.from_iterable(cells))[:rows]


def _count_decimal_marks(raw: Table, columns: Sequence[str]) -> _DecimalMarkCounts:
    """Count in one query what speaks for each decimal mark, and find the first and last currency sign."""
    table = add_amount_columns(raw.select(*columns), {POINT + column: column for column in columns}, ".")
    table = add_amount_columns(table, {COMMA + column: column for column in columns}, ",")
    table = add_currency_columns(table, {CURRENCY + column: column for column in columns})
    counts = {
        f"{case} {column}": count_true(condition)
        for column in columns
        for case, condition in _decimal_mark_conditions(table, column).items()
    }
    signs = {f"least {column}": table[CURRENCY + column].min() for column in columns}
    signs |= {f"most {column}": table[CURRENCY + column].max() for column in columns}
    return _DecimalMarkCounts(table, columns, aggregate_row(table, **counts, **signs))


def _choose_decimal_mark(cells: _DecimalMarkCounts, log: str) -> tuple[str, list[str]]:
    names = f"(column {', '.join(map(repr, cells.columns))})"
    points, commas = cells.total("point"), cells.total("comma")
    if points and commas:
        raise ClvError(
            f"amounts of log '{log}' {names} begin their decimals with . and with , such as "
            f"{', '.join(cells.quote('point', 1) + cells.quote('comma', 1))}; write them all like 1234.50"
        )
    if commas:
        return ",", [f"decimals begin with a comma, as {commas:,} row(s) show"]
    if cells.total("either") and not points:
        raise ClvError(
            f"amounts of log '{log}' such as {', '.join(cells.quote('either', 3))} {names} could be thousands or "
            "decimals, and no row tells: type data.decimal=. or data.decimal=','"
        )
    return ".", []


def _check_currency_signs(cells: _DecimalMarkCounts, log: str) -> None:
    for column in cells.columns:
        least, most = cells.counts[f"least {column}"], cells.counts[f"most {column}"]
        if least != most:
            raise ClvError(
                f"column '{column}' of log '{log}' has amounts in {least} and in {most}; give one "
                "currency, or a column that says which (data.columns.currency) and rates (data.cleaning.currency)"
            )


def _decimal_mark_conditions(table: Table, column: str) -> dict[str, BooleanValue]:
    """Find cells that are numbers with one decimal mark only, different ones with either, or thousands."""
    point, comma = table[POINT + column], table[COMMA + column]
    return {
        "point": point.notnull() & comma.isnull(),
        "comma": comma.notnull() & point.isnull(),
        "either": point != comma,
        "thousands": table[column].re_search(THOUSANDS_SUFFIX) & (point.notnull() | comma.notnull()),
    }
