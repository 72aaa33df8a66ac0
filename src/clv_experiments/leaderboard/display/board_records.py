"""A leaderboard as records: scores and differences as a table, the words, the page, the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from clv_experiments.leaderboard.aggregate import Aggregate
from clv_experiments.leaderboard.checks import Finding
from clv_experiments.leaderboard.display import tables
from clv_experiments.leaderboard.display.figures import aggregate_pictures, pictures
from clv_experiments.leaderboard.display.page import page
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.chart_style import Illustration
from clv_experiments.reporting.records import Description, FigureRecord, Metric, Record, Table, Tag, Text

KIND = "leaderboard"


def board_records(standings: Standings, findings: Sequence[Finding], made: str) -> Iterator[Record]:
    """Turn the result of one cell into records; ``made`` says when, as people write it."""
    cell, own = standings.cell, standings.rows()
    yield Tag("kind", KIND)
    yield Tag("cell", cell.identity)
    yield Tag("metric", standings.metric)
    yield Tag("leader", own.index[0])
    yield Tag("tied_with_leader", ", ".join(own.index[own["group"] == 1][1:]) or "none")
    yield Metric("models", float(len(own)))
    yield Metric("findings", float(len(findings)))
    yield Table("leaderboard.csv", standings.table)
    yield Table("by_origin.csv", standings.by_origin)
    yield from _words(tables.markdown(standings, findings), page([(standings, findings)], None, made))
    yield from _drawn(pictures(standings))


def aggregate_records(
    across: Aggregate, boards: Sequence[tuple[Standings, Sequence[Finding]]], made: str
) -> Iterator[Record]:
    """Turn what several cells say together into records."""
    yield Tag("kind", KIND)
    yield Tag("metric", across.metric)
    yield Tag("leader", across.table.index[0])
    yield Metric("models", float(len(across.table)))
    yield Metric("cells", float(len(across.cells)))
    yield Table("leaderboard.csv", across.table.reset_index())
    yield Table("scores.csv", across.scores.reset_index())
    yield Table("ranks.csv", across.ranks.reset_index())
    yield from _words(tables.markdown_across(across), page(boards, across, made))
    yield from _drawn(aggregate_pictures(across))


def _words(markdown: str, html: str) -> Iterator[Record]:
    yield Description(markdown)
    yield Text("leaderboard.md", markdown)
    yield Text("leaderboard.html", html)


def _drawn(illustrations: Iterable[Illustration]) -> Iterator[Record]:
    yield from (FigureRecord(f"{drawn.name}.png", drawn.figure) for drawn in illustrations)
