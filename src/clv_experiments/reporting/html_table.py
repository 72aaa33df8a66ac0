"""Tables of a page: what each cell displays, and what its column is sorted by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from clv_experiments.reporting.exhibit import COLUMN_KINDS, Exhibit, Kind
from clv_experiments.reporting.formatting import format_count, format_day, format_money, format_month, format_score

MAX_TEXT = 90  # characters of a text in a cell
MAX_NAME = 24  # characters beyond which a column is set as words, not as names


@dataclass(frozen=True)
class HtmlCell:
    """One cell of a table.

    Attributes
    ----------
    text : str
    sort : str
        What the column is sorted by; empty cells come last.
    note : str
        Quiet text beside it.
    full_text : str
        The whole text where ``text`` is cut.
    family : str
        The model family whose symbol stands before the text.
    """

    text: str
    sort: str = ""
    note: str = ""
    full_text: str = ""
    family: str = ""


@dataclass(frozen=True)
class HtmlColumn:
    """One column of a table.

    Attributes
    ----------
    heading : str
    cells : sequence of HtmlCell
    meaning : str
        What the heading says on hovering.
    numeric : bool
        Whether it is sorted as numbers.
    ascending : bool
        Whether the first click sorts it upwards.
    css_class : str
        CSS class: ``number``, ``words``, ``spare`` (hidden on a narrow screen) or none.
    """

    heading: str
    cells: Sequence[HtmlCell]
    meaning: str = ""
    numeric: bool = True
    ascending: bool = False
    css_class: str = "number"


class FileNote(NamedTuple):
    """A sentence that names the file with the whole table."""

    before: str
    file: str
    after: str


@dataclass(frozen=True)
class HtmlTable:
    """A table, the first column of which names the rows, and where the rest of it is."""

    caption: str
    columns: Sequence[HtmlColumn]
    file_note: FileNote | None = None

    @property
    def row_positions(self) -> range:
        """Positions of the rows."""
        return range(len(self.columns[0].cells) if self.columns else 0)


def exhibit_table(exhibit: Exhibit, currency: str) -> HtmlTable | None:
    """Lay out the table of an exhibit; None where it has none, or an empty one."""
    if exhibit.table is None or exhibit.table.empty:
        return None
    top = exhibit.table.head(exhibit.page_rows)
    columns = []
    for name in (exhibit.columns or top.columns) if exhibit.page_rows else []:
        kind = exhibit.kinds.get(str(name)) or COLUMN_KINDS.get(str(name)) or infer_column_kind(exhibit.table[name])
        heading = exhibit.headings.get(str(name), str(name).replace("_", " "))
        cells = [format_cell(value, kind, currency) for value in top[name]]
        wordy = kind == "text" and max((len(cell.text) for cell in cells), default=0) > MAX_NAME
        numeric = kind not in ("text", "date", "month")
        look = "words" if wordy else "" if kind in ("text", "month") else "number"
        columns.append(HtmlColumn(heading, cells, numeric=numeric, ascending=not numeric, css_class=look))
    return HtmlTable(exhibit.title, columns, _build_file_note(exhibit))


def infer_column_kind(column: pd.Series) -> Kind:
    """Choose how a column is written from its type."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return "text"
    return "count" if pd.api.types.is_integer_dtype(column) else "number"


def format_cell(value: Any, kind: Kind, currency: str) -> HtmlCell:
    """Write one value; a missing one is a dash and comes last.

    Examples
    --------
    >>> [format_cell(*cell).text for cell in ((1234.5, "money", "£"), (0.123, "share", ""), (None, "text", ""))]
    ['£1,234', '12.3%', '–']
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return HtmlCell("–")
    if isinstance(value, bool | np.bool_):
        return HtmlCell("yes" if value else "no", str(int(value)))
    if kind == "text":
        text = str(value)
        if len(text) <= MAX_TEXT:
            return HtmlCell(text, text)
        return HtmlCell(f"{text[: MAX_TEXT - 1]}…", text, full_text=text)
    if kind == "date":
        day = pd.Timestamp(value)
        return HtmlCell(format_day(day), f"{day:%Y-%m-%d}")
    if kind == "month":
        return HtmlCell(format_month(value), str(value))
    number = float(value)
    if kind == "money":
        return HtmlCell(format_money(number, currency), repr(number))
    forms = {"share": "{:.1%}", "count": "{:,.0f}", "number": _choose_number_format(number)}
    return HtmlCell(format_score(number, forms[kind]), repr(number))


def _choose_number_format(number: float) -> str:
    """Choose no decimals for large numbers, at most four for small ones."""
    if abs(number) >= 1000 or number == 0:
        return "{:,.0f}"
    return "{:.4f}" if abs(number) < 0.01 else "{:.3g}"


def _build_file_note(exhibit: Exhibit) -> FileNote:
    assert exhibit.table is not None
    rows, hidden = len(exhibit.table), len(exhibit.table.columns) - len(exhibit.columns)
    begin = "Also"
    if not exhibit.page_rows:
        begin = "The numbers are"
    elif rows > exhibit.page_rows:
        begin = f"The first {exhibit.page_rows} of {format_count(rows, 'row')}; all are"
    more = f", with {format_count(hidden, 'more column')}" if exhibit.columns and hidden else ""
    return FileNote(f"{begin} in", exhibit.file or f"{exhibit.name}.csv", f", beside this page{more}.")
