"""The words of a section of a report, from its template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.prose import read_template_variable, render_paragraphs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SectionTemplate:
    """What builds a section and its exhibits from typed values.

    Attributes
    ----------
    path : str
        Of the template below ``templates/``. Its macro ``question`` is the section's title. It sets ``titles`` by the
        name of an exhibit, ``headings`` by column, and ``own_headings`` by exhibit and column.
    """

    path: str

    def render_macro(self, macro: str, *values: Any) -> list[str]:
        """Render a macro of the template into paragraphs."""
        return render_paragraphs(self.path, macro, *values)

    def render_title(self, exhibit: str, **values: object) -> str:
        """Return the title of an exhibit, with the values that it names in braces."""
        return str(read_template_variable(self.path, "titles")[exhibit]).format(**values)

    def build_section(
        self,
        anchor: str,
        summary: Sequence[str],
        exhibits: Sequence[Exhibit],
        method: Sequence[str],
        evidence: Sequence[Exhibit] = (),
    ) -> Section:
        """Build a section under the template's question."""
        (question,) = self.render_macro("question")
        return Section(anchor, question, summary, exhibits, method, evidence)

    def build_exhibit(
        self,
        name: str,
        paragraphs: Sequence[str] = (),
        table: pd.DataFrame | None = None,
        draw: Callable[[float], Figure] | None = None,
        *,
        title: str | None = None,
        headings: Mapping[str, str] | None = None,
        kinds: Mapping[str, Kind] | None = None,
        page_rows: int = 20,
        columns: Sequence[str] = (),
        file: str = "",
    ) -> Exhibit:
        """Build an exhibit under the template's title and headings, to which ``headings`` add."""
        exhibit_headings = read_template_variable(self.path, "own_headings").get(name, {})
        headings = {**read_template_variable(self.path, "headings"), **exhibit_headings, **(headings or {})}
        title = title or self.render_title(name)
        return Exhibit(name, title, paragraphs, table, headings, kinds or {}, draw, page_rows, columns, file)
