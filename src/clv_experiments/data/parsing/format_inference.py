"""How to read text that could be read in two ways: the log's own rows decide, or the user is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from ibis.expr.types import BooleanValue, Table

from clv_experiments.data.parsing.cells import aggregate_row, count_true, quote_cells
from clv_experiments.data.parsing.date_inference import infer_dates
from clv_experiments.data.parsing.formats import ParseOptions, add_amount, add_currency
from clv_experiments.errors import ClvError

PREFIX = "parsed: "  # of the columns added here
CURRENCY = f"{PREFIX}currency"
POINT, COMMA = f"{PREFIX}decimal point", f"{PREFIX}decimal comma"


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
    decimal = options.decimal
    texts = [column for column in numbers if raw[column].type().is_string()]
    if decimal is None:
        decimal, decimal_notes = _infer_decimal(raw, texts, log) if texts else (".", [])
        notes += decimal_notes
    if not has_currency:
        for column in texts:
            _check_currency_signs(raw, column, log)
    return replace(options, decimal=decimal), notes


def _infer_decimal(raw: Table, columns: Sequence[str], log: str) -> tuple[str, list[str]]:
    parsed = {column: add_amount(add_amount(raw, column, ".", POINT), column, ",", COMMA) for column in columns}
    conditions = {column: _compare_decimals(t) for column, t in parsed.items()}
    counts: Counter[str] = Counter()
    for column, t in parsed.items():
        counts.update(aggregate_row(t, **{case: count_true(where) for case, where in conditions[column].items()}))
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
    summary = aggregate_row(raw, least=raw[CURRENCY].min(), most=raw[CURRENCY].max())
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
