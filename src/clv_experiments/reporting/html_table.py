"""Tables of exhibits as the page shows them: what a reader sees in each place, and what it is sorted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.reporting.exhibit import Exhibit, Kind
from clv_experiments.reporting.formatting import format_count, format_money, format_score

LONGEST = 90  # characters of a text in a cell
WORDY = 24  # characters from which on a column is set as words, not as names


@dataclass(frozen=True)
class TableCell:
    """One place of a table: its text, what the column is sorted by (empty stands last), the whole text if cut."""

    text: str
    sort: str
    whole: str = ""


@dataclass(frozen=True)
class TableColumn:
    """One column: heading, cells, whether it is sorted as numbers, and how it is set: number, words or neither."""

    heading: str
    cells: list[TableCell]
    numeric: bool
    look: str


@dataclass(frozen=True)
class PageTable:
    """The first rows of an exhibit's table, and what is not shown."""

    caption: str
    columns: list[TableColumn]
    rest: str

    @property
    def rows(self) -> range:
        """Positions of the rows."""
        return range(len(self.columns[0].cells) if self.columns else 0)


def page_table(exhibit: Exhibit, currency: str) -> PageTable | None:
    """Lay out the table of an exhibit; None where it has none, or one without a row."""
    if exhibit.table is None or exhibit.table.empty:
        return None
    top = exhibit.table.head(exhibit.shown)
    columns = []
    for name in (exhibit.columns or top.columns) if exhibit.shown else []:
        kind = exhibit.kinds.get(str(name)) or kind_of(exhibit.table[name])
        heading = exhibit.headings.get(str(name), str(name).replace("_", " "))
        cells = [cell(value, kind, currency) for value in top[name]]
        wordy = kind == "text" and max((len(shown.text) for shown in cells), default=0) > WORDY
        look = "words" if wordy else "" if kind == "text" else "number"
        columns.append(TableColumn(heading, cells, kind not in ("text", "date"), look))
    return PageTable(exhibit.title, columns, _rest(exhibit))


def kind_of(column: pd.Series) -> Kind:
    """Choose how a column is written from its type."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return "text"
    return "count" if pd.api.types.is_integer_dtype(column) else "number"


def cell(value: Any, kind: Kind, currency: str) -> TableCell:
    """Write one value; a missing one is a dash and stands last.

    Examples
    --------
    >>> [cell(1234.5, "money", "£").text, cell(0.123, "share", "").text, cell(None, "text", "").text]
    ['£1,234', '12.3%', '–']
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return TableCell("–", "")
    if isinstance(value, bool | np.bool_):
        return TableCell("yes" if value else "no", str(int(value)))
    if kind == "text":
        text = str(value)
        return TableCell(text, text) if len(text) <= LONGEST else TableCell(text[: LONGEST - 1] + "…", text, text)
    if kind == "date":
        day = pd.Timestamp(value)
        return TableCell(f"{day:%Y-%m-%d}", f"{day:%Y-%m-%d}")
    number = float(value)
    if kind == "money":
        return TableCell(format_money(number, currency), repr(number))
    forms = {"share": "{:.1%}", "count": "{:,.0f}", "number": _form(number)}
    return TableCell(format_score(number, forms[kind]), repr(number))


def _form(number: float) -> str:
    """Write whole what is large, and no more than four decimals of what is small."""
    if abs(number) >= 1000 or number == 0:
        return "{:,.0f}"
    return "{:.4f}" if abs(number) < 0.01 else "{:.3g}"


def _rest(exhibit: Exhibit) -> str:
    """Say where the whole table is."""
    assert exhibit.table is not None
    rows, hidden = len(exhibit.table), len(exhibit.table.columns) - len(exhibit.columns)
    begin = "Also"
    if not exhibit.shown:
        begin = "The numbers are"
    elif rows > exhibit.shown:
        begin = f"The first {exhibit.shown} of {format_count(rows, 'row')}; all are"
    more = f", with {format_count(hidden, 'more column')}" if exhibit.columns and hidden else ""
    return f"{begin} in {exhibit.name}.csv, beside this page{more}."
