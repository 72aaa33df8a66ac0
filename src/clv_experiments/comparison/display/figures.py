"""The figures of a leaderboard: differences from the best, bias, and mean ranks over several cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.comparison.aggregate import MultiCellRanking
from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.checks.method_checks import MAX_BIAS
from clv_experiments.comparison.display.cost import plot_accuracy_against_cost
from clv_experiments.comparison.display.curves import plot_decile_calibrations, plot_value_capture_curves
from clv_experiments.comparison.standings import Standings
from clv_experiments.reporting.chart_style import (
    BAND,
    INK,
    QUIET,
    REFERENCE_LINE,
    TEXT_KWARGS,
    axis_span_without_outliers,
    create_chart,
    draw_family_legend,
    draw_marker,
    family_style,
    format_percent_ticks,
    label_rows,
    make_printable,
    max_name_length,
    truncate,
)
from clv_experiments.reporting.exhibit import WIDE
from clv_experiments.reporting.formatting import format_difference
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import FigureRecord

CLIQUE, ROW = 0.55, 1.0  # heights, in rows of names


def board_figures(standings: Standings, width: float = WIDE) -> Iterator[FigureRecord]:
    """Draw the figures of a cell's page."""
    heading, measure = METRICS[standings.metric].heading, standings.cell.measure
    capture = f"{measure.capitalize()} reached by targeting top customers"
    yield _build_figure_record(
        "differences_from_best", plot_differences(standings, width), "Differences from the best", heading=heading
    )
    if not standings.cell.has_losses:
        yield _build_figure_record(
            "value_capture", plot_value_capture_curves(standings, width), capture, measure=measure
        )
    deciles = plot_decile_calibrations(standings, width)
    yield _build_figure_record("decile_calibration", deciles, f"Predicted and actual {measure} by decile")
    yield _build_figure_record(
        "bias_by_origin", plot_bias_by_origin(standings, width), "Bias of the predicted total", limit=MAX_BIAS
    )
    yield _build_figure_record(
        "accuracy_against_cost", plot_accuracy_against_cost(standings, width), "Accuracy against cost"
    )


def aggregate_figures(aggregate: MultiCellRanking, width: float = WIDE) -> Iterator[FigureRecord]:
    """Draw the figures of several cells together."""
    yield _build_figure_record("critical_difference", plot_mean_ranks(aggregate, width), "Mean ranks over all cells")


def _build_figure_record(name: str, figure: Figure, title: str, **values: Any) -> FigureRecord:
    caption = " ".join(render_paragraphs("leaderboard/figures.jinja", name, **values))
    return FigureRecord(f"{name}.png", figure, title, caption)


def plot_differences(standings: Standings, width: float = WIDE) -> Figure:
    """Draw each model's difference from the best by the board's metric, with its simultaneous interval.

    The axis ends where one model far behind would squash the others; an arrow stands for what lies beyond.
    """
    rows, score = standings.rows(), METRICS[standings.metric]
    points = rows["from_best"].to_numpy(float)
    low, high = (rows[f"from_best_{side}"].to_numpy(float) for side in ("lower", "upper"))
    span = axis_span_without_outliers(-np.fmin(points, low))
    title = f"Behind the best on {score.heading}, {standings.confidence:.0%} simultaneous intervals"
    figure, (panel,) = create_chart(title, standings.cell.subtitle, 1.75 + 0.29 * len(rows), width=width)
    panel.axvline(0, **REFERENCE_LINE)
    right = max(0.06 * span, float(np.nanmax(np.append(high, 0.0))) * 1.1)
    panel.set_xlim(-1.06 * span, right)
    for y, (model, row) in zip(np.arange(len(rows))[::-1], rows.iterrows(), strict=True):
        style, tied, deficit = family_style(row["family"]), row["group"] == 1, row["from_best"]
        if tied:
            panel.axhspan(y - 0.5, y + 0.5, color=BAND, linewidth=0)
        if model == row["best"]:
            deficit, text = 0.0, "best"
        else:
            ends = np.clip([row["from_best_lower"], row["from_best_upper"]], -1.06 * span, None)
            panel.hlines(y, *ends, color=style.colour, linewidth=3, alpha=0.55)
            text = format_difference(deficit, score.number_format) + (" tied" if tied else "")
        off_axis = deficit < -span
        draw_marker(
            panel, -1.03 * span if off_axis else deficit, y, style.colour, "<" if off_axis else style.marker, tied
        )
        _write_beside_row(panel, y, text)
    label_rows(
        panel, [f"{make_printable(model, max_name_length(width))} · {group}" for model, group in rows["group"].items()]
    )
    panel.set_xlabel("shaded and filled = tied with the best" + "; number = rank group" * (width == WIDE), loc="right")
    panel.xaxis.set_major_locator(MaxNLocator(5 if width == WIDE else 2, steps=[1, 2, 5, 10]))
    panel.xaxis.set_major_formatter(lambda value, _: format_difference(value, score.number_format))
    draw_family_legend(panel, list(rows["family"]), width)
    return figure


def plot_bias_by_origin(standings: Standings, width: float = WIDE) -> Figure:
    """Draw the bias of each model's total, a marker an origin, the latest filled, over a band of what is tolerated."""
    rows = standings.by_origin[standings.by_origin["metric"] == "aggregate_bias"]
    biases = {model: rows.loc[rows["model"] == model, "score"].to_numpy(float) for model in standings.ranking}
    families, steps = standings.cell.families, len(standings.cell.holdouts)
    subtitle = truncate(standings.cell.subtitle, 65) + ("" if steps == 1 else ", filled = the latest")
    figure, (panel,) = create_chart("Bias of the predicted total", subtitle, 1.75 + 0.29 * len(biases), width=width)
    panel.axvspan(-MAX_BIAS, MAX_BIAS, color=BAND)
    panel.axvline(0, **REFERENCE_LINE)
    for y, (model, bias) in zip(np.arange(len(biases))[::-1], biases.items(), strict=True):
        style = family_style(families[model])
        inside = np.clip(bias, -1.0, 1.0)
        panel.plot(inside, np.full(steps, y), color=style.colour, linewidth=1.5, alpha=0.55)
        for step, value in enumerate(bias):
            marker = style.marker if value <= 1 else ">"
            draw_marker(panel, min(value, 1.03), y, style.colour, marker, step == steps - 1)
        _write_beside_row(panel, y, format_difference(float(np.mean(bias)), "{:+.0%}"))
    label_rows(panel, [make_printable(model, max_name_length(width)) for model in biases])
    panel.set_xlim(-1.08, 1.08)
    panel.xaxis.set_major_locator(MaxNLocator(9 if width == WIDE else 4))
    format_percent_ticks(panel.xaxis)
    panel.set_xlabel("predicted total / actual total − 1")
    draw_family_legend(panel, [families[model] for model in biases], width)
    return figure


def _write_beside_row(panel: Axes, y: float, text: str) -> None:
    """Write a number to the right of a row."""
    panel.text(1.02, y, text, transform=panel.get_yaxis_transform(), va="center", **TEXT_KWARGS)


def plot_mean_ranks(aggregate: MultiCellRanking, width: float = WIDE) -> Figure:
    """Draw the models on the axis of mean ranks, bars over those closer than the critical difference (Demsar 2006)."""
    ranks = aggregate.table["mean_rank"]
    models, half = len(ranks), (len(ranks) + 1) // 2
    depth = CLIQUE * (len(aggregate.cliques) + 1)
    title = f"Mean ranks on {METRICS[aggregate.metric].heading} over {len(aggregate.cells)} cells"
    figure, (panel,) = create_chart(title, ", ".join(aggregate.cells), 2.1 + 0.26 * (half + depth), width=width)
    panel.set_axis_off()
    panel.set_xlim(0.8, models + 0.2)
    panel.set_ylim(-depth - half * ROW, 3.0)
    _draw_rank_axis(panel, models, aggregate.critical_difference, 14 if width == WIDE else 7)
    families, letters = list(aggregate.table["family"]), max_name_length(width)
    for position, (model, rank) in enumerate(ranks.items()):
        best_half = position < half
        row = -depth - ROW * ((position if best_half else models - 1 - position) + 0.5)
        side = 0.8 if best_half else models + 0.2
        style = family_style(families[position])
        panel.plot([rank, rank, side], [0, row, row], color=style.colour, linewidth=1.2, clip_on=False)
        panel.plot(rank, 0, style.marker, color=style.colour, markersize=8, clip_on=False)
        panel.annotate(
            f"{make_printable(model, letters)} {rank:.2f}", (side, row), (-5 if best_half else 5, 0),
            textcoords="offset points", ha="right" if best_half else "left", va="center", annotation_clip=False,
            **TEXT_KWARGS,
        )  # fmt: skip
    for level, clique in enumerate(aggregate.cliques):
        ends = [ranks[clique[0]], ranks[clique[-1]]]
        panel.plot(ends, [-CLIQUE * (level + 1)] * 2, color=INK, linewidth=5, solid_capstyle="round")
    draw_family_legend(panel, families, width)
    return figure


def _draw_rank_axis(panel: Axes, models: int, critical: float, numbers: int) -> None:
    """Draw the axis of ranks with the critical difference as a measure above it."""
    panel.plot([1, models], [0, 0], color=QUIET, linewidth=1.5)
    for rank in range(1, models + 1):
        panel.plot([rank, rank], [0, 0.25], color=QUIET, linewidth=1.2)
        if (rank - 1) % -(-models // numbers) == 0:
            panel.text(rank, 0.35, str(rank), ha="center", va="bottom", **TEXT_KWARGS)
    panel.text(0.8, 0, "1 is best", ha="right", va="center", **TEXT_KWARGS)
    length = min(critical, models - 1)
    panel.plot([1, 1 + length], [1.9, 1.9], color=INK, linewidth=2)
    if critical <= models - 1:
        panel.plot([1, 1], [1.75, 2.05], color=INK, linewidth=2)
        panel.plot([1 + length] * 2, [1.75, 2.05], color=INK, linewidth=2)
    suffix = "" if critical <= models - 1 else ", more than the axis is long"
    panel.text(1, 2.1, f"critical difference {critical:.2f}{suffix}", va="bottom", **TEXT_KWARGS)
