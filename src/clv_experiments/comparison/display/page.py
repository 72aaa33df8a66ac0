"""The leaderboard as one HTML page that needs nothing else: no network, no font, no other file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from clv_experiments.comparison.aggregate import MultiCellRanking
from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.checks.protocol import CheckResult
from clv_experiments.comparison.display.cost import fit_predict_seconds
from clv_experiments.comparison.display.figures import aggregate_figures, board_figures
from clv_experiments.comparison.display.intervals import build_coverage_section, build_totals_section
from clv_experiments.comparison.display.tables import PAGE_METRICS, format_ranks_with_ties
from clv_experiments.comparison.standings import Standings
from clv_experiments.comparison.verdict import decide_multi_cell_verdict, decide_verdict
from clv_experiments.reporting.exhibit import NARROW, WIDE
from clv_experiments.reporting.formatting import format_difference, format_score
from clv_experiments.reporting.html_table import HtmlCell, HtmlColumn, HtmlTable
from clv_experiments.reporting.inline_svg import render_responsive_svg
from clv_experiments.reporting.prose import render_page
from clv_experiments.reporting.records import FigureRecord

LOWER_FIRST = ("rmse", "mae", "crps", "aggregate_bias")
BEST = "*"  # marks the best on a score and all that tie with it


def render_leaderboard_page(
    boards: Sequence[tuple[Standings, Sequence[CheckResult]]], aggregate: MultiCellRanking | None, created: str
) -> str:
    """Write boards, what the checks found and, for several cells, their aggregate as one HTML page.

    Parameters
    ----------
    boards : sequence of (Standings, results of ``run_checks``)
        One a cell, at least one.
    aggregate : MultiCellRanking or None
        The same cells together.
    created : str
        When the page was made, as a reader should see it.

    Returns
    -------
    str
        HTML5. Names are escaped and nothing but the page's own script may run (Content-Security-Policy).
    """
    sections = [_cell_context(number, *board) for number, board in enumerate(boards, start=1)]
    first = boards[0][0]
    return render_page(
        "leaderboard/page.html.jinja",
        title=first.cell.title if len(sections) == 1 else f"{len(sections)} cells",
        created=created,
        sections=sections,
        aggregate=aggregate and {
            "verdict": decide_multi_cell_verdict(aggregate).sentences,
            "table": aggregate_html_table(aggregate),
            "figures": _render_figures(partial(aggregate_figures, aggregate), "all"),
            "remarks": [*aggregate.notes, *aggregate.exclusion_notes],
        },
        metric=METRICS[first.metric].heading,
        measure=first.cell.measure,
        has_losses=all(standings.cell.has_losses for standings, _ in boards),
        confidence=f"{first.confidence:.0%}",
        replicates=f"{len(first.replicates[first.metric]):,}",
        several_origins=any(len(standings.cell.holdouts) > 1 for standings, _ in boards),
    )  # fmt: skip


def _cell_context(number: int, standings: Standings, checks: Sequence[CheckResult]) -> dict[str, Any]:
    """Lay out one cell's part of the page."""
    anchor = f"cell-{number}"
    return {
        "anchor": anchor,
        "cell": standings.cell,
        "verdict": decide_verdict(standings).sentences,
        "table": board_html_table(standings),
        "metric_tables": [
            (METRICS[metric].heading, metric_html_table(standings, metric))
            for metric in standings.displayed_metrics(PAGE_METRICS)[1:]
        ],
        "intervals": [build_coverage_section(standings.cell), build_totals_section(standings.cell)],
        "checks": checks,
        "figures": _render_figures(partial(board_figures, standings), anchor),
    }


def _render_figures(draw: Callable[[float], Iterator[FigureRecord]], anchor: str) -> list[tuple[Markup, str]]:
    """Return each figure as the page shows it, with its caption."""
    return [
        (
            render_responsive_svg(wide.figure, narrow.figure, wide.title, wide.caption, f"{anchor}-{number}"),
            wide.caption,
        )
        for number, (wide, narrow) in enumerate(zip(draw(WIDE), draw(NARROW), strict=True), start=1)
    ]


def board_html_table(standings: Standings) -> HtmlTable:
    """Lay out the board: the metric that orders it in full, the other scores and the cost beside it."""
    rows = standings.rows()
    scores = [*_score_columns(standings, standings.metric), *_other_score_columns(standings, rows.index)]
    caption = f"{standings.cell.title}, ordered by {METRICS[standings.metric].heading}"
    seconds = _build_number_cells(fit_predict_seconds(standings)[rows.index], "{:,.2f} s")
    cost = HtmlColumn("fit + predict", seconds, "seconds, all origins", ascending=True)
    return HtmlTable(caption, [*_model_and_family_columns(rows), *scores, cost])


def metric_html_table(standings: Standings, metric: str) -> HtmlTable:
    """Lay out one metric: scores and differences with their intervals."""
    columns = [*_model_and_family_columns(standings.rows(metric)), *_score_columns(standings, metric)]
    return HtmlTable(f"{standings.cell.title} on {METRICS[metric].heading}", columns)


def aggregate_html_table(aggregate: MultiCellRanking) -> HtmlTable:
    """Lay out the ranks over several cells."""
    table, cells = aggregate.table, len(aggregate.cells)
    skills = [
        HtmlCell(
            format_difference(skill, "{:.3f}"), _sort_key(skill), _format_difference_interval(low, high, "{:+.3f}")
        )
        for skill, low, high in zip(table["skill"], table["skill_lower"], table["skill_upper"], strict=True)
    ]
    leads = [HtmlCell(f"{number} of {cells}", _sort_key(number)) for number in table["leading"]]
    columns = [
        HtmlColumn("mean rank", _build_number_cells(table["mean_rank"], "{:.2f}"), "1 is best", ascending=True),
        HtmlColumn("win rate", _build_number_cells(table["win_rate"], "{:.0%}"),
                   "share of opponents and cells it beats"),
        HtmlColumn("leads", leads, "cells it wins or shares"),
        HtmlColumn(
            "skill over the best baseline", skills, "1 is perfect, 0 is as good as the best rule of thumb"
        ),
    ]  # fmt: skip
    return HtmlTable(f"All {cells} cells together", [*_model_and_family_columns(table), *columns])


def _model_and_family_columns(rows: pd.DataFrame) -> Iterator[HtmlColumn]:
    models = [HtmlCell(model, model) for model in rows.index]
    families = [HtmlCell(family, family, family=family) for family in rows["family"]]
    yield HtmlColumn("model", models, numeric=False, ascending=True, css_class="")
    yield HtmlColumn("family", families, numeric=False, ascending=True, css_class="spare")


def _score_columns(standings: Standings, metric: str) -> Iterator[HtmlColumn]:
    rows, spec = standings.rows(metric), METRICS[metric]
    groups = [
        HtmlCell(text, _sort_key(g))
        for text, g in zip(format_ranks_with_ties(rows["group"]), rows["group"], strict=True)
    ]
    yield HtmlColumn("group", groups, "models that share a number tie with the first of them", ascending=True)
    ends = zip(rows["score"], rows["lower"], rows["upper"], strict=True)
    scores = [
        HtmlCell(
            format_score(score, spec.number_format),
            _score_sort_key(metric, score),
            f"[{format_score(low, spec.number_format)}, {format_score(high, spec.number_format)}]",
        )
        for score, low, high in ends
    ]
    meaning = f"with its {standings.confidence:.0%} interval"
    yield HtmlColumn(spec.heading, scores, meaning, ascending=metric in LOWER_FIRST)
    yield _difference_column(rows, "best", "from the best", spec.number_format)
    baseline = rows["baseline"].iloc[0]
    if pd.notna(baseline):
        yield _difference_column(rows, "baseline", f"from {baseline}, the best baseline", spec.number_format)
    if len(standings.cell.holdouts) > 1:
        spread = _build_number_cells(rows["spread"], spec.number_format.replace("+", ""))
        yield HtmlColumn("between origins", spread, "highest score less lowest", ascending=True)


def _difference_column(rows: pd.DataFrame, reference: str, heading: str, number_format: str) -> HtmlColumn:
    cells = []
    columns = [f"from_{reference}{end}" for end in ("", "_lower", "_upper")]
    for model, (gap, low, high) in zip(rows.index, rows[columns].to_numpy(float), strict=True):
        if model == rows[reference].iloc[0]:
            cells.append(HtmlCell("itself" if reference == "baseline" else "the best", _sort_key(gap)))
            continue
        chance = "unknown" if np.isnan(low) else "tied" if low <= 0 <= high else "worse" if gap < 0 else "better"
        cells.append(
            HtmlCell(
                format_difference(gap, number_format),
                _sort_key(gap),
                f"{_format_difference_interval(low, high, number_format)} {chance}",
            )
        )
    return HtmlColumn(heading, cells, "positive is better; simultaneous interval; tied = within chance")


def _other_score_columns(standings: Standings, models: pd.Index) -> Iterator[HtmlColumn]:
    for metric in standings.displayed_metrics(PAGE_METRICS)[1:]:
        rows, spec = standings.rows(metric).loc[models], METRICS[metric]
        cells = [
            HtmlCell(
                format_score(score, spec.number_format) + BEST * (group == 1 and spec.has_rank_groups),
                _score_sort_key(metric, score),
            )
            for score, group in zip(rows["score"], rows["group"], strict=True)
        ]
        meaning = "sorted by distance from 0" if metric == "aggregate_bias" else f"{BEST} best or tied with it"
        yield HtmlColumn(spec.heading, cells, meaning, ascending=metric in LOWER_FIRST)


def _format_difference_interval(low: float, high: float, number_format: str) -> str:
    return f"[{format_difference(low, number_format)}, {format_difference(high, number_format)}]"


def _build_number_cells(values: pd.Series, number_format: str) -> list[HtmlCell]:
    return [HtmlCell(format_score(value, number_format), _sort_key(value)) for value in values]


def _score_sort_key(metric: str, score: float) -> str:
    return _sort_key(abs(score) if metric == "aggregate_bias" else score)


def _sort_key(value: float) -> str:
    return "" if np.isnan(value) else repr(float(value))
