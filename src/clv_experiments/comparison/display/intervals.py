"""What intervals held, as tables: each model's of a customer's spend, and the forecast total's at each origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from clv_experiments.comparison.cell import Cell
from clv_experiments.comparison.intervals import coverage_by_model, level_totals_by_origin
from clv_experiments.forecasting.spend_intervals import INTERVALS
from clv_experiments.reporting.formatting import format_money, format_score
from clv_experiments.reporting.html_table import HtmlCell, HtmlColumn, HtmlTable
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.text_table import TextTable

TEMPLATE = "leaderboard/intervals.jinja"
COVERAGES = {"": "all", "_top_decile": "top decile", "_one_time": "one-time"}  # suffix of the score and its heading


@dataclass(frozen=True)
class IntervalSection:
    """A table, as text and as HTML, with its title and how to read it; no sentence where there is nothing to show."""

    title: str
    columns: Mapping[str, Sequence[str]]
    sentences: Sequence[str]

    @property
    def table(self) -> TextTable:
        """As the terminal and Markdown show it."""
        return TextTable.from_columns(self.columns)

    @property
    def html(self) -> HtmlTable:
        """As the page shows it."""
        (first, names), *others = self.columns.items()
        columns = [
            HtmlColumn(first, [HtmlCell(name, name) for name in names], numeric=False, ascending=True, css_class="")
        ]
        for heading, texts in others:
            numeric = all(text.endswith("%") for text in texts)
            columns.append(HtmlColumn(heading, [HtmlCell(text, text.rstrip("%")) for text in texts], numeric=numeric))
        return HtmlTable(self.title, columns)


def build_coverage_section(cell: Cell) -> IntervalSection:
    """Show how many customers the intervals of each model held, nominal against held."""
    (title,), coverage = render_paragraphs(TEMPLATE, "spend_title"), coverage_by_model(cell)
    if coverage.empty:
        return IntervalSection(title, {}, [])
    columns = {"model": [str(model) for model in coverage.index]}
    for percent in INTERVALS:
        for suffix, heading in COVERAGES.items():
            shares = coverage[f"coverage_{percent}{suffix}"]
            columns[f"{percent} %: {heading}"] = [format_score(share, "{:.1%}") for share in shares]
    reading = render_paragraphs(TEMPLATE, "spend_reading", INTERVALS, float(coverage["no_spend"].iloc[0]))
    return IntervalSection(title, columns, reading)


def build_totals_section(cell: Cell) -> IntervalSection:
    """Show the forecast total with its intervals beside what came."""
    (title,), totals = render_paragraphs(TEMPLATE, "total_title", cell.measure), level_totals_by_origin(cell)
    if totals.empty:
        return IntervalSection(title, {}, [])
    percents = [name.removeprefix("held_") for name in map(str, totals.columns) if name.startswith("held_")]
    columns = {"holdout": list(totals["holdout"]), "forecast": _format_money_column(totals["predicted"], cell.currency)}
    for percent in percents:
        ends = (_format_money_column(totals[f"{end}_{percent}"], cell.currency) for end in ("lower", "upper"))
        columns[f"{percent} % interval"] = [f"{low} to {high}" for low, high in zip(*ends, strict=True)]
    columns["actual"] = _format_money_column(totals["actual"], cell.currency)
    covered = {percent: int(totals[f"held_{percent}"].sum()) for percent in percents}
    return IntervalSection(title, columns, render_paragraphs(TEMPLATE, "total_reading", covered, len(totals)))


def _format_money_column(values: pd.Series, currency: str) -> list[str]:
    return [format_money(value, currency) for value in values]
