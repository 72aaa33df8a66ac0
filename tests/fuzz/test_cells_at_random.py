"""Cells of a log at random: what is read of one is what plain Python reads, or nothing; none is given another value."""

import re
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from attempts import COUNT, needs_alarms, try_inputs

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.parsing.dates import add_day_column
from clv_experiments.data.parsing.formats import (
    AMOUNT_LIMIT,
    EMPTY_CELLS,
    WHITESPACE,
    add_amount_column,
    add_identifier_column,
)

pytestmark = [pytest.mark.slow, pytest.mark.fuzz, needs_alarms]
ENGINE = DuckDb()
CELLS = 500  # that one query reads
SLIPS = [*"0123456789.,-+()eE'%$€ /:TZ\t\n\\\"#£¥_\u00a0\u200b−٣１½🙂", "CR", "USD", "kr", "e5", "AM"]
AMOUNTS = ["12.50", "1,234.56", "1.234,56", "-3", "(4.00)", "$5", "5 €", "1e3", "0", "1'000.5", "99999999999999",
           ".5", "26,-",
           "12,34,567.00", "USD 7.10-", "1 234,5", "3.00 CR", "0.00005", "nan", ""]  # fmt: skip
DATES = ["2023-01-31", "31/01/2023", "1/31/2023", "20230131", "31 Jan 2023", "January 31, 2023", "2023-01-31T10:20:30Z",
         "31.1.23", "2023-01-31 23:59:59.999", "23-01-31", "2023-01-31 10:00 PM", "20230131235959", "1969-12-31",
         "9999-12-31",
         "2024-02-29", "Tue, 31 Jan 2023", "2023/1/1", ""]  # fmt: skip
IDENTIFIERS = ["17850", "17850.0", "A-17", " 007 ", "1.2E+12", "null", "x@y.com", "é", "1" * 20, "-5", "1_000"]
COMPACT = ("([0-9]{4})([0-9]{2})([0-9]{2})", "([0-9]{1,2})([0-9]{2})([0-9]{4})")


def changed(rng, cells):
    """One of the cells with characters that slipped in or out."""
    text = rng.choice(cells)
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        at = rng.randrange(len(text) + 1)
        text = rng.choice(
            (text[:at] + rng.choice(SLIPS) + text[at:], text[:at] + text[at + 1 :], text[at:] + text[:at])
        )
    return text


def read(add, cells, *settings):
    """What becomes of each cell."""
    table = pa.table({"position": range(len(cells)), "x": pa.array(cells, pa.string())})
    return add(ENGINE.register_arrow("rows", table), "x", *settings, "result").order_by("position").to_pyarrow()[
        "result"
    ].to_pylist()  # fmt: skip


def check_cells(add, bases, settings, is_wrong):
    """Return a check of many cells by one query; ``is_wrong`` takes the cell, what was read and the settings."""

    def check(rng):
        cells, chosen = [changed(rng, bases) for _ in range(CELLS)], rng.choice(settings)
        values = read(add, cells, *chosen)
        wrong = [(cell, value, *chosen) for cell, value in zip(cells, values, strict=True)
                 if value is not None and is_wrong(cell, value, *chosen)]  # fmt: skip
        assert wrong == [], wrong
        return any(value is not None for value in values)

    return check


def is_other_amount(cell, value, decimal):
    """Whether an amount has other digits than its cell, another sign, or is not what pandas reads."""
    text = re.sub(f"^{WHITESPACE}+|{WHITESPACE}+$", "", cell).replace("−", "-").removeprefix("kr.")
    text = re.sub("[.,][-–—]+$", "", text)
    if abs(value) >= AMOUNT_LIMIT or text.lower() in EMPTY_CELLS:
        return True
    scientific = re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", text)
    if decimal == "." or scientific or text.isdigit():
        with suppress(ValueError):
            return abs(Decimal(repr(float(pd.to_numeric(text)))) - value) > Decimal("0.00005")
    whole, _, decimals = text.rpartition(decimal) if decimal in text else (text, "", "")
    digits = "".join(re.findall("[0-9]", whole)) + "." + "".join(re.findall("[0-9]", decimals))
    size = abs(Decimal(digits if digits != "." else "0"))
    is_negative = "-" in text or "(" in text or text.lower().endswith("cr")
    sign_differs = value != 0 and (value < 0) != is_negative
    return abs(abs(value) - size) > Decimal("0.00005") or sign_differs


def is_other_day(cell, value, order):
    """Whether a day has a year, month or day that its cell does not have."""
    text = cell.lower()
    compact = [re.sub(digits, r" \1 \2 \3 ", text) for digits in COMPACT]
    numbers = [int(number) for way in (text, *compact) for number in re.findall("[0-9]+", way)]
    has_year = value.year in numbers or value.year % 100 in numbers
    has_month = value.month in numbers or value.strftime("%b").lower() in text
    if not (has_year and has_month and value.day in numbers):
        return True
    with suppress(ValueError, OverflowError):
        return pd.Timestamp(text).date() != value and order is None and date.fromisoformat(text.strip()[:10]) != value
    return False


def is_other_identifier(cell, value):
    """Whether an identifier is anything but its cell, or the whole number that it is."""
    text = re.sub(f"^{WHITESPACE}+|{WHITESPACE}+$", "", cell)
    return value not in (text, re.sub(r"^(-?[0-9]+)[.]0+$", r"\1", text)) or text.lower() in EMPTY_CELLS


@pytest.mark.parametrize(
    ("kind", "add", "bases", "settings", "is_wrong"),
    [
        ("amounts", add_amount_column, AMOUNTS, [(".",), (",",)], is_other_amount),
        ("dates", add_day_column, DATES, [(None,), ("dmy",), ("mdy",), ("ymd",)], is_other_day),
        ("identifiers", add_identifier_column, IDENTIFIERS, [()], is_other_identifier),
    ],
)
def test_no_cell_is_given_another_value(kind, add, bases, settings, is_wrong, capsys):
    try_inputs(f"{CELLS} cells of {kind}", check_cells(add, bases, settings, is_wrong), capsys, count=-(-COUNT // 50))
