"""The report as one HTML page that needs nothing else: the summary first, then the evidence, then the method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clv_experiments.reporting.exhibit import Exhibit, Section
from clv_experiments.reporting.html_page import render_page
from clv_experiments.reporting.html_table import HtmlTable, exhibit_table
from clv_experiments.reporting.inline_svg import inline_svg


@dataclass(frozen=True)
class PageExhibit:
    """An exhibit as the page shows it."""

    anchor: str
    title: str
    sentences: Sequence[str]
    svg: Markup | None
    table: HtmlTable | None


@dataclass(frozen=True)
class PageSection:
    """A section as the page shows it; ``answer`` is the part of the summary above the evidence."""

    anchor: str
    title: str
    summary: Sequence[str]
    answer: Sequence[str]
    exhibits: list[PageExhibit]
    method: Sequence[str]


def report_page(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    facts: Sequence[tuple[str, str]],
    method: Sequence[str],
    currency: str,
    created: str,
) -> str:
    """Write sections as one HTML page.

    Parameters
    ----------
    title, subtitle : str
        What the report is of.
    sections : sequence of Section
        In the order of the page.
    facts : sequence of (name, value)
        What the report rests on: log, period, models, the shop's own numbers.
    method : sequence of str
        What holds for all of it, in plain words.
    currency : str
        Of the amounts.
    created : str
        When the page was made, as a reader should see it.

    Returns
    -------
    str
        HTML5. Names are escaped and nothing but the page's own script may run (Content-Security-Policy).
    """
    return render_page(
        "report/report.html.jinja",
        title=title,
        subtitle=subtitle,
        sections=[_section(section, currency) for section in sections],
        facts=facts,
        method=method,
        created=created,
    )


def _section(section: Section, currency: str) -> PageSection:
    """Lay out a section; of its summary, only the first sentence may stand above an exhibit that repeats it."""
    repeated = {sentence for exhibit in section.exhibits for sentence in exhibit.sentences}
    answer = [s for number, s in enumerate(section.summary) if number == 0 or s not in repeated]
    exhibits = [_exhibit(e, f"{section.anchor}-{e.name}", answer, currency) for e in section.exhibits]
    return PageSection(section.anchor, section.title, section.summary, answer, exhibits, section.method)


def _exhibit(exhibit: Exhibit, anchor: str, answer: Sequence[str], currency: str) -> PageExhibit:
    svg, description = None, " ".join(exhibit.sentences) or exhibit.title
    if exhibit.figure is not None:
        svg = Markup(inline_svg(exhibit.figure, exhibit.title, description, anchor.replace("_", "-")))
    sentences = [sentence for sentence in exhibit.sentences if sentence not in answer]
    return PageExhibit(anchor, exhibit.title, sentences, svg, exhibit_table(exhibit, currency))
