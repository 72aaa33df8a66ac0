"""The parts of a report: sections that answer a question, exhibits with the numbers behind the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

import pandas as pd

from clv_experiments.reporting.records import FigureRecord, Record, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# How a column is written: 1,234 £; 12.3 %; 1,234; 0.83; 2011-11-30; as it is.
Kind = Literal["money", "share", "count", "number", "date", "text"]


def column_kinds(**columns: Sequence[str]) -> dict[str, Kind]:
    """Turn columns by kind into kinds by column.

    Examples
    --------
    >>> column_kinds(money=["spend"], share=["p_alive"])
    {'spend': 'money', 'p_alive': 'share'}
    """
    return {name: cast("Kind", kind) for kind, names in columns.items() for name in names}


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Numbers that a claim rests on, with the sentences that explain them.

    Attributes
    ----------
    name : str
        Name of its files and anchor on the page: letters, digits and underscores, unique in a report.
    title : str
        What the numbers are.
    sentences : sequence of str
        What a manager should take from it.
    table : pandas.DataFrame, optional
        The numbers: columns named as in files; its index is ignored.
    headings : mapping of column to heading, optional
        Other columns are headed by their name with spaces.
    kinds : mapping of column to Kind
        Other columns are written as their type suggests: text, dates, counts, numbers.
    figure : matplotlib.figure.Figure, optional
        From ``chart_style.create_chart``.
    page_rows : int
        Rows of the table on the page; all are in the file.
    columns : sequence of str, optional
        Those on the page; all are in the file.
    """

    name: str
    title: str
    sentences: Sequence[str] = ()
    table: pd.DataFrame | None = None
    headings: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    figure: Figure | None = None
    page_rows: int = 20
    columns: Sequence[str] = ()

    def records(self) -> Iterator[Record]:
        """Yield the files of the exhibit: its whole table as CSV, its figure as PNG."""
        if self.table is not None:
            yield Table(f"{self.name}.csv", self.table)
        if self.figure is not None:
            yield FigureRecord(f"{self.name}.png", self.figure)


@dataclass(frozen=True, eq=False)
class Section:
    """One question of a report and its answer.

    Attributes
    ----------
    anchor : str
        Its id on the page.
    title : str
        The question, in a manager's words.
    summary : sequence of str
        The answer in one or two sentences with numbers and intervals, for the executive summary.
    exhibits : sequence of Exhibit
        The evidence.
    method : sequence of str
        How the numbers were computed, in plain words, and what they do not say.
    """

    anchor: str
    title: str
    summary: Sequence[str]
    exhibits: Sequence[Exhibit]
    method: Sequence[str] = ()
