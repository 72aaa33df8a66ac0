"""The parts of a report: answers first, sections that answer a question, exhibits with the numbers behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast

import pandas as pd

from clv_experiments.reporting.records import FigureRecord, Record, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, NARROW = 8.0, 5.0  # inches: of a picture on most screens, and on a phone, where a point is a pixel

# How a column is written: 1,234 £; 12.3 %; 1,234; 0.83; 30 November 2011; November 2011; as it is.
Kind = Literal["money", "share", "count", "number", "date", "month", "text"]


def invert_column_kinds(**columns: Sequence[str]) -> dict[str, Kind]:
    """Turn columns by kind into kinds by column.

    Examples
    --------
    >>> invert_column_kinds(money=["spend"], share=["p_alive"])
    {'spend': 'money', 'p_alive': 'share'}
    """
    return {name: cast("Kind", kind) for kind, names in columns.items() for name in names}


# A column is written alike in all tables of a report; those that are not here as their type suggests.
COLUMN_KINDS = invert_column_kinds(
    money=[
        "expected_spend", "expected_spend_low", "expected_spend_high", "expected_spend_before", "total_spend", "clv",
        "expected", "came", "low", "high", "at_stake",
        "expected_profit", "judged_profit", "cost", "profit", "profit_low", "profit_high", "model_ahead",
        "model_ahead_low", "model_ahead_high",
        "first_purchase", "repeat_purchases", "corrected", "first_year_value",
        "revenue", "revenue_per_order", "new_revenue", "returning_revenue", "revenue_year_before", "past_revenue",
        "expected_revenue",
    ],
    share=[
        "p_purchase", "p_alive", "p_alive_before", "p_alive_now",
        "predicted", "actual", "actual_lower", "actual_upper", "coverage",
        "uplift", "share_of_cost", "share_of_customers", "share_of_expected", "share_that_came", "share_that_came_low",
        "share_that_came_high", "revenue_share", "cumulative_share", "change", "on_year_before",
        "effect", "lower_95", "upper_95", "effect_rest", "lower_95_rest", "upper_95_rest", "per_deviation",
        "deviation_lower", "deviation_upper",
        *(f"month_{later}" for later in range(1, 13)),
    ],
    count=["days_since_last", "frequency", "expected_before", "expected_now"],
    month=["month", "cohort"],
)  # fmt: skip


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
        Other columns are written as ``COLUMN_KINDS`` says, or as their type suggests: text, dates, counts, numbers.
    draw : callable, optional
        Takes a width, ``WIDE`` or ``NARROW``, and returns a figure from ``chart_style.create_chart``.
    page_rows : int
        Rows of the table on the page; all are in the file.
    columns : sequence of str, optional
        Those on the page; all are in the file.
    file : str, optional
        The CSV file that holds the table, where it is that of another record and not ``<name>.csv``.
    """

    name: str
    title: str
    sentences: Sequence[str] = ()
    table: pd.DataFrame | None = None
    headings: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    draw: Callable[[float], Figure] | None = None
    page_rows: int = 20
    columns: Sequence[str] = ()
    file: str = ""

    def records(self) -> Iterator[Record]:
        """Yield the files of the exhibit: its whole table as CSV, its figure as PNG."""
        if self.table is not None and not self.file:
            yield Table(f"{self.name}.csv", self.table)
        if self.figure is not None:
            yield FigureRecord(f"{self.name}.png", self.figure)

    @cached_property
    def figure(self) -> Figure | None:
        """The figure in the common width."""
        return self.draw(WIDE) if self.draw else None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a page says before anything is opened.

    Attributes
    ----------
    anchor : str
        Its id on the page.
    question : str
    headline : str
        The answer in a few words or numbers.
    sentences : sequence of str
        What must be known with it.
    exhibit : Exhibit, optional
        Its table stands below, linked to its file.
    """

    anchor: str
    question: str
    headline: str
    sentences: Sequence[str] = ()
    exhibit: Exhibit | None = None


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
        The answer in a few sentences with numbers and intervals; the first alone is seen until the section is opened.
    exhibits : sequence of Exhibit
        What the answer rests on, in words that need no explanation; the first has a picture.
    method : sequence of str
        How the numbers were computed, and what they do not say; here technical terms have their place.
    evidence : sequence of Exhibit
        What belongs to the method, such as how models compare.
    """

    anchor: str
    title: str
    summary: Sequence[str]
    exhibits: Sequence[Exhibit]
    method: Sequence[str] = ()
    evidence: Sequence[Exhibit] = ()

    @property
    def exhibits_and_evidence(self) -> list[Exhibit]:
        """Those of the answer and those of the method."""
        return [*self.exhibits, *self.evidence]
