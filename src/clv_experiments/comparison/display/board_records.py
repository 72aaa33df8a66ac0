"""A leaderboard as records: scores and differences as tables, Markdown, the page, the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clv_experiments.comparison.aggregate import MultiCellRanking
from clv_experiments.comparison.checks.protocol import CheckResult
from clv_experiments.comparison.display import tables
from clv_experiments.comparison.display.figures import aggregate_figures, board_figures
from clv_experiments.comparison.display.page import render_leaderboard_page
from clv_experiments.comparison.intervals import coverage_by_model, level_totals_by_origin
from clv_experiments.comparison.standings import Standings
from clv_experiments.reporting.records import Description, Metric, Record, Table, Tag, Text

KIND = "leaderboard"


def board_records(standings: Standings, checks: Sequence[CheckResult], created: str) -> Iterator[Record]:
    """Turn the result of one cell into records; ``created`` is the time that the page shows."""
    cell, rows = standings.cell, standings.rows()
    yield Tag("kind", KIND)
    yield Tag("cell", cell.identity)
    yield Tag("metric", standings.metric)
    yield Tag("leader", rows.index[0])
    yield Tag("tied_with_leader", ", ".join(rows.index[rows["group"] == 1][1:]) or "none")
    yield Metric("models", float(len(rows)))
    yield Metric("findings", float(sum(len(result.findings) for result in checks)))
    yield Table("leaderboard.csv", standings.table)
    yield Table("by_origin.csv", standings.by_origin)
    for name, table in (
        ("intervals.csv", coverage_by_model(cell).reset_index()),
        ("totals.csv", level_totals_by_origin(cell)),
    ):
        if len(table):
            yield Table(name, table)
    page = render_leaderboard_page([(standings, checks)], None, created)
    yield from _build_document_records(tables.board_markdown(standings, checks), page)
    yield from board_figures(standings)


def aggregate_records(
    aggregate: MultiCellRanking, boards: Sequence[tuple[Standings, Sequence[CheckResult]]], created: str
) -> Iterator[Record]:
    """Turn the ranks over several cells into records."""
    yield Tag("kind", KIND)
    yield Tag("metric", aggregate.metric)
    yield Tag("leader", aggregate.table.index[0])
    yield Metric("models", float(len(aggregate.table)))
    yield Metric("cells", float(len(aggregate.cells)))
    yield Table("leaderboard.csv", aggregate.table.reset_index())
    yield Table("scores.csv", aggregate.scores.reset_index())
    yield Table("ranks.csv", aggregate.ranks.reset_index())
    yield from _build_document_records(
        tables.render_aggregate_markdown(aggregate, created), render_leaderboard_page(boards, aggregate, created)
    )
    yield from aggregate_figures(aggregate)


def _build_document_records(markdown: str, html: str) -> Iterator[Record]:
    yield Description(markdown)
    yield Text("leaderboard.md", markdown)
    yield Text("leaderboard.html", html)
