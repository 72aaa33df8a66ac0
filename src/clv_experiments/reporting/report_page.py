"""The report as one HTML page that needs nothing else: answers first, what they rest on opens below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clv_experiments.reporting.exhibit import NARROW, Answer, Exhibit, Section
from clv_experiments.reporting.html_table import exhibit_table
from clv_experiments.reporting.inline_svg import render_responsive_svg
from clv_experiments.reporting.prose import render_page

INTERVAL = re.compile(r"\(\d+% (?:interval|range) [^()]*\)")
UNBROKEN = str.maketrans({" ": "\u00a0", "−": "−\u2060"})  # no line ends after them


def render_report_page(
    title: str,
    subtitle: str,
    answers: Sequence[Answer],
    assumptions: Sequence[str],
    settings: str,
    sections: Sequence[Section],
    facts: Sequence[tuple[str, str]],
    method: Sequence[str],
    currency: str,
    created: str,
) -> str:
    """Write answers and sections as one HTML page.

    Parameters
    ----------
    title, subtitle : str
        What the report is of.
    answers : sequence of Answer
        What a reader sees first.
    assumptions : sequence of str
        What the answers take for granted.
    settings : str
        What to type where that is not so.
    sections : sequence of Section
        In the order of the page.
    facts : sequence of (name, value)
        What the report rests on: log, period, models.
    method : sequence of str
        What holds for all of it.
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
        answers=[
            (
                replace(answer, sentences=_keep_intervals_unbroken(answer.sentences)),
                exhibit_table(answer.exhibit, currency) if answer.exhibit else None,
            )
            for answer in answers
        ],
        assumptions=assumptions,
        settings=settings,
        sections=[_section_context(section, currency) for section in sections],
        facts=facts,
        method=_keep_intervals_unbroken(method),
        created=created,
    )


def _section_context(section: Section, currency: str) -> dict[str, Any]:
    """Lay out a section: its lead is seen while it is closed; what an exhibit repeats of the summary is told once."""
    lead, *rest = _keep_intervals_unbroken(section.summary)
    exhibits, evidence = (
        [_exhibit_context(exhibit, f"{section.anchor}-{exhibit.name}", [lead], currency) for exhibit in part]
        for part in (section.exhibits, section.evidence)
    )
    repeated = {sentence for exhibit in exhibits + evidence for sentence in exhibit["sentences"]}
    return {
        "anchor": section.anchor,
        "title": section.title,
        "lead": lead,
        "answer": [sentence for sentence in rest if sentence not in repeated],
        "exhibits": exhibits,
        "method": _keep_intervals_unbroken(section.method),
        "evidence": evidence,
    }


def _exhibit_context(exhibit: Exhibit, anchor: str, summary: Sequence[str], currency: str) -> dict[str, Any]:
    picture, description = None, " ".join(exhibit.sentences) or exhibit.title
    if exhibit.draw and exhibit.figure:
        prefix = anchor.replace("_", "-")
        picture = render_responsive_svg(exhibit.figure, exhibit.draw(NARROW), exhibit.title, description, prefix)
    return {
        "anchor": anchor,
        "title": exhibit.title,
        "sentences": [sentence for sentence in _keep_intervals_unbroken(exhibit.sentences) if sentence not in summary],
        "picture": picture,
        "table": exhibit_table(exhibit, currency),
    }


def _keep_intervals_unbroken(sentences: Sequence[str]) -> list[str]:
    """Keep each interval on one line."""
    return [INTERVAL.sub(lambda match: match[0].translate(UNBROKEN), sentence) for sentence in sentences]
