"""What a cell looks like before its column has a role: a number, a date or text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

MIN_NUMBERED_PERIODS = 3  # so many headings 1, 2, 3 number periods
EMPTY_CELLS = {"", "na", "n/a", "#n/a", "nan", "nat", "null", "none"}
CURRENCY = r"(?:[A-Z]{0,2}[$]|[£€¥₹₩₽₺₫₪₱฿₴₦]|[A-Z]{3})"
NUMBER = re.compile(rf"\(?[-+]?(?:{CURRENCY} ?)?[-+]?\d[\d.,' ]*(?:[eE][-+]?\d+)?(?: ?{CURRENCY}| ?%)?\)?")
DATE = re.compile(
    r"(?:\d{4}([-/.])(?:\d{1,2}|W\d{1,2})(?:\1\d{1,2})?"  # 2020-01-31, 2020-01, 2020-W05
    r"|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2})"
    r"|\d{1,2}[-. ]{0,2}[^\W\d_]{3,10}[-., ]{0,2}\d{2,4}"  # 31 January 2020, 31JAN2020
    r"|[^\W\d_]{3,10}[. ]{1,2}\d{1,2},? \d{4})"
    r"(?:,?[ T]+\d.*)?"
)


def detect_row_kinds(row: Sequence[object]) -> list[str]:
    """Return the kind of each cell; years in a row, or 1, 2, 3 and so on, are names of periods."""
    kinds = [detect_cell_kind(cell) for cell in row]
    numbers = [parse_whole_number(cell) for cell, kind in zip(row, kinds, strict=True) if kind == "number"]
    first = numbers[0] if numbers else None
    if first is None or "date" in kinds or numbers != list(range(first, first + len(numbers))):
        return kinds
    if (len(numbers) > 1 and 1900 < first < 2100) or (first == 1 and len(numbers) >= MIN_NUMBERED_PERIODS):
        return ["text" if kind == "number" else kind for kind in kinds]
    return kinds


def detect_cell_kind(cell: object) -> str:
    """Return ``number``, ``date``, ``text``, or nothing for an empty cell."""
    if cell is None or isinstance(cell, bool):
        return "" if cell is None else "text"
    if isinstance(cell, int | float):
        return "number"
    if isinstance(cell, date):
        return "date"
    text = str(cell).strip()
    if text.lower() in EMPTY_CELLS:
        return ""
    return "date" if DATE.fullmatch(text) else "number" if NUMBER.fullmatch(text) else "text"


def parse_whole_number(cell: object) -> int | None:
    """Return the number that a cell holds if it is whole and not negative."""
    text = str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
    return int(text) if text.isascii() and text.isdecimal() else None
