"""The leaderboard as one HTML page that needs nothing else: no network, no font, no other file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from clv_experiments.leaderboard.aggregate import Aggregate
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.checks import CHECKS, Check, Finding
from clv_experiments.leaderboard.display.figures import aggregate_pictures, pictures
from clv_experiments.leaderboard.display.page_table import (
    PageTable,
    aggregate_table,
    board_table,
    metric_table,
)
from clv_experiments.leaderboard.display.tables import SHOWN
from clv_experiments.leaderboard.display.wording import verdict, verdict_across
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.chart_style import Illustration
from clv_experiments.reporting.html_page import render_page
from clv_experiments.reporting.inline_svg import inline_svg


@dataclass(frozen=True)
class PagePicture:
    """A picture as the page shows it."""

    svg: Markup
    title: str
    caption: str


@dataclass(frozen=True)
class Section:
    """One cell's part of the page."""

    anchor: str
    title: str
    facts: list[tuple[str, str]]
    verdict: list[str]
    table: PageTable
    others: list[tuple[str, PageTable]]
    checks: list[tuple[Check, list[str]]]
    pictures: list[PagePicture]
    left_out: tuple[str, ...]


def page(boards: Sequence[tuple[Standings, Sequence[Finding]]], across: Aggregate | None, made: str) -> str:
    """Write boards, what the checks found and, of several cells, what they say together as one HTML page.

    Parameters
    ----------
    boards : sequence of (Standings, findings of `methodology.findings`)
        One a cell, at least one.
    across : Across or None
        The same cells together.
    made : str
        When the page was made, as a reader should see it.

    Returns
    -------
    str
        HTML5. Names are escaped and nothing but the page's own script may run (Content-Security-Policy).
    """
    sections = [_section(place, *board) for place, board in enumerate(boards, start=1)]
    first = boards[0][0]
    return render_page(
        "leaderboard/page.html.jinja",
        title=sections[0].title if len(sections) == 1 else f"{len(sections)} cells",
        made=made,
        sections=sections,
        across=across and {
            "verdict": verdict_across(across),
            "table": aggregate_table(across),
            "pictures": _pictures(aggregate_pictures(across), "all"),
            "remarks": [*across.notes, *across.left_out],
        },
        metric=METRICS[first.metric].heading,
        confidence=f"{first.confidence:.0%}",
        replicates=f"{len(first.replicates[first.metric]):,}",
        several_origins=any(len(standings.cell.holdouts) > 1 for standings, _ in boards),
    )  # fmt: skip


def _section(place: int, standings: Standings, findings: Sequence[Finding]) -> Section:
    anchor = f"cell-{place}"
    fired = {check.number: [f.sentence for f in findings if f.number == check.number] for check in CHECKS}
    return Section(
        anchor=anchor,
        title=standings.cell.title,
        facts=_facts(standings),
        verdict=verdict(standings),
        table=board_table(standings),
        others=[(METRICS[m].heading, metric_table(standings, m)) for m in standings.displayed_metrics(SHOWN)[1:]],
        checks=[(check, fired[check.number]) for check in CHECKS],
        pictures=_pictures(pictures(standings), anchor),
        left_out=standings.cell.left_out,
    )


def _facts(standings: Standings) -> list[tuple[str, str]]:
    """Return what the cell is: log, periods, customers, buyers, currency."""
    cell = standings.cell
    many = len(cell.holdouts) > 1
    judged = {"forecast": "on the future, out of time", "customer_split": "on random customers of one period"}
    return [
        ("log", cell.data),
        ("horizon", cell.horizon),
        (f"{len(cell.holdouts)} holdout periods" if many else "holdout period", "; ".join(cell.holdouts)),
        ("customers", "; ".join(f"{len(panel.y_true):,}" for panel in cell.origins)),
        ("buyers among them", "; ".join(f"{panel.bought.sum():,}" for panel in cell.origins)),
        *([("currency", cell.currency)] if cell.currency else []),
        ("models", f"{len(cell.entries)}, judged {judged.get(cell.protocol, cell.protocol)}"),
    ]


def _pictures(drawn: Iterable[Illustration], anchor: str) -> list[PagePicture]:
    return [
        PagePicture(
            Markup(inline_svg(p.figure, p.title, p.caption, f"{anchor}-{place}")), p.title, p.caption
        )
        for place, p in enumerate(drawn, start=1)
    ]  # fmt: skip
