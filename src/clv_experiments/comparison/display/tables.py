"""Boards as tables of text, for the terminal and for Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from clv_experiments.comparison.aggregate import MultiCellRanking
from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.checks.protocol import CheckResult
from clv_experiments.comparison.display.intervals import build_coverage_section, build_totals_section
from clv_experiments.comparison.standings import Standings
from clv_experiments.comparison.verdict import decide_multi_cell_verdict, decide_verdict
from clv_experiments.reporting.prose import render_document, render_paragraphs
from clv_experiments.reporting.text_table import TextTable

PAGE_METRICS = (
    "d2_tweedie",
    "normalised_gini",
    "spearman",
    "top_20_share",
    "aggregate_bias",
    "rmse",
    "crps",
    "mae",
)
NARROW_METRICS = ("d2_tweedie", "normalised_gini", "aggregate_bias", "mae")  # what 120 characters have room for
READING, AGGREGATE = "leaderboard/reading.jinja", "leaderboard/aggregate.jinja"


def board_text_table(standings: Standings, metrics: Sequence[str] = NARROW_METRICS) -> TextTable:
    """Write a board, best model first.

    ``*`` marks the best on a score and all that tie with it; ``±`` extends to the ends of a simultaneous interval.

    Parameters
    ----------
    standings : Standings
    metrics : sequence of str
        Scores beside the one that orders the board; MAE is left out unless a model predicts nothing for everybody,
        since such a model often wins it.
    """
    spec, rows = METRICS[standings.metric], standings.rows()
    models = pd.Index(rows.index)
    columns = {
        "#": format_ranks_with_ties(rows["group"]),
        "model": list(models),
        "family": list(rows["family"]),
        f"{spec.heading} [{_format_percent(standings.confidence)}]": [
            _format_score_with_interval(row, spec.number_format)
            for row in rows[["score", "lower", "upper"]].itertuples(index=False, name=None)
        ],
        "behind the best": _format_differences_with_intervals(rows, "best", spec.number_format),
    }
    baseline = rows["baseline"].iloc[0]
    if baseline is not None and baseline != rows["best"].iloc[0]:
        columns[f"over {baseline}"] = _format_differences_with_intervals(rows, "baseline", spec.number_format)
    if len(standings.cell.holdouts) > 1:
        columns["spread"] = [_format_value(spread, spec.number_format.replace("+", "")) for spread in rows["spread"]]
    for metric in standings.displayed_metrics(metrics)[1:]:
        others, score = standings.rows(metric).loc[models], METRICS[metric]
        columns[score.heading] = [
            _format_value(value, score.number_format) + "*" * (group == 1 and score.has_rank_groups)
            for value, group in zip(others["score"], others["group"], strict=True)
        ]
    return TextTable.from_columns(columns)


def aggregate_text_table(aggregate: MultiCellRanking) -> TextTable:
    """Write the ranks over several cells, best mean rank first."""
    table = aggregate.table
    skills = table[["skill", "skill_lower", "skill_upper"]].itertuples(index=False, name=None)
    return TextTable.from_columns(
        {
            "place": format_ranks_with_ties(table["mean_rank"].rank(method="min").astype(int)),
            "model": list(table.index),
            "family": list(table["family"]),
            "mean rank": [f"{rank:.2f}" for rank in table["mean_rank"]],
            "win rate": [f"{share:.0%}" for share in table["win_rate"]],
            "leads": [f"{cells} of {len(aggregate.cells)}" for cells in table["leading"]],
            f"skill over the best baseline [{_format_percent(aggregate.confidence)}]": [
                _format_score_with_interval(row, "{:+.3f}") for row in skills
            ],
        }
    )


def scores_and_ranks_by_cell_table(aggregate: MultiCellRanking) -> TextTable:
    """Write each model's score and rank in each cell; ``*`` marks the best and all that tie with it there."""
    form, scores = METRICS[aggregate.metric].number_format, aggregate.scores
    rows = [
        [
            model,
            *(
                f"{_format_value(scores.loc[cell, model], form)}"
                f"{'*' * bool(aggregate.ties_with_best.loc[cell, model])} "
                f"({aggregate.ranks.loc[cell, model]:g})"
                for cell in aggregate.cells
            ),
        ]
        for model in aggregate.table.index
    ]
    return TextTable(["model", *aggregate.cells], rows)


def board_markdown(standings: Standings, checks: Sequence[CheckResult]) -> str:
    """Write a cell as Markdown: what was evaluated, the board, how to read it, the checks, the runs left out."""
    return render_document(
        "leaderboard/board.md.jinja",
        cell=standings.cell,
        verdict=decide_verdict(standings).sentences,
        table=board_text_table(standings, PAGE_METRICS),
        reading=explain_board(standings),
        intervals=[build_coverage_section(standings.cell), build_totals_section(standings.cell)],
        checks=checks,
    )


def format_check_results(checks: Sequence[CheckResult]) -> list[str]:
    """Write the outcomes of the checks for a terminal: findings, then the checks without any, then those left out."""
    lines = [f"{result.check.code}: {finding.sentence}" for result in checks for finding in result.findings]
    silent = [f"{result.check.code} {result.check.title}" for result in checks if result.outcome == "nothing found"]
    lines += [f"nothing found by {', '.join(silent)}"] if silent else []
    lines += [
        f"not applicable: {result.check.code} {result.check.title}, since {result.not_applicable}"
        for result in checks
        if result.not_applicable is not None
    ]
    return lines


def render_aggregate_markdown(aggregate: MultiCellRanking, created: str) -> str:
    """Write the ranks over several cells as Markdown, with the scores in each cell and how to read and cite them."""
    return render_document(
        "leaderboard/aggregate.md.jinja",
        aggregate=aggregate,
        heading=METRICS[aggregate.metric].heading,
        verdict=decide_multi_cell_verdict(aggregate).sentences,
        table=aggregate_text_table(aggregate),
        remarks=[
            *explain_aggregate(aggregate),
            *render_paragraphs(AGGREGATE, "cliques", aggregate),
            *(f"{remark}." for remark in (*aggregate.notes, *aggregate.exclusion_notes)),
        ],
        scores=scores_and_ranks_by_cell_table(aggregate),
        created=created,
    )


def board_heading(standings: Standings) -> str:
    """Return one line on what was evaluated: log and horizon, holdouts, customers, buyers."""
    return " ".join(render_paragraphs(READING, "heading", standings.cell))


def explain_board(standings: Standings) -> list[str]:
    """Return the sentences on how to read a board."""
    first = standings.rows().iloc[0]
    return render_paragraphs(
        READING,
        "board",
        metric=METRICS[standings.metric],
        confidence=standings.confidence,
        best=first["best"],
        baseline=None if pd.isna(first["baseline"]) else first["baseline"],
        origins=len(standings.cell.holdouts),
        has_losses=standings.cell.has_losses,
    )


def explain_aggregate(aggregate: MultiCellRanking) -> list[str]:
    """Return the sentences on how to read ranks over several cells."""
    return render_paragraphs(AGGREGATE, "reading", aggregate)


def format_ranks_with_ties(numbers: pd.Series) -> list[str]:
    """Write ranks or groups, with = behind those that several models share."""
    shared = numbers.duplicated(keep=False)
    return [f"{number}{'=' * tied}" for number, tied in zip(numbers, shared, strict=True)]


def _format_differences_with_intervals(rows: pd.DataFrame, reference: str, number_format: str) -> list[str]:
    signed = number_format.replace("{:", "{:+")
    half_widths = (rows[f"from_{reference}_upper"] - rows[f"from_{reference}_lower"]) / 2.0
    return [
        ""
        if model == rows[reference].iloc[0]
        else f"{_format_value(gap, signed)} ±{_format_value(half_width, number_format)}"
        for model, gap, half_width in zip(rows.index, rows[f"from_{reference}"], half_widths, strict=True)
    ]


def _format_score_with_interval(row: tuple[float, ...], number_format: str) -> str:
    score, lower, upper = (_format_value(value, number_format) for value in row)
    return f"{score} [{lower}, {upper}]"


def _format_value(value: float, number_format: str) -> str:
    """Write a number without a minus where it rounds to zero, or a dash where there is none."""
    return "–" if pd.isna(value) else re.sub(r"{:(\+?)", r"{:\1z", number_format).format(value)


def _format_percent(share: float) -> str:
    return f"{100 * share:g} %"
