"""The pictures of a leaderboard: the differences and whether they are luck, the bias, the cost of accuracy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from clv_experiments.leaderboard.aggregate import Aggregate
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.display.cost import accuracy_against_cost
from clv_experiments.leaderboard.display.curves import decile_calibrations, value_captures
from clv_experiments.leaderboard.display.picture_ranks import mean_ranks
from clv_experiments.leaderboard.display.picture_setting import setting
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.chart_style import (
    BAND,
    QUIET,
    TEXT_STYLE,
    Illustration,
    axis_span,
    create_chart,
    draw_family_legend,
    draw_marker,
    family_style,
    name_rows,
    printable,
)
from clv_experiments.reporting.formatting import format_difference

TOLERATED_BIAS = 0.2


def pictures(standings: Standings) -> Iterator[Illustration]:
    """Draw everything that a cell's page shows, each picture with what to look for in it."""
    heading = METRICS[standings.metric].heading
    yield Illustration(
        "differences_from_best", forest(standings), "Differences from the best",
        f"Look for bars that reach the dashed line (shaded rows): such a model ties with the best on {heading}, since "
        "its distance is within chance.",
    )  # fmt: skip
    yield Illustration(
        "value_capture", value_captures(standings), "Spend reached by targeting top customers",
        "Look for the line on top: it finds the most spend among the customers it ranks first.",
    )  # fmt: skip
    yield Illustration(
        "decile_calibration", decile_calibrations(standings), "Predicted and actual spend by decile",
        "Look for coloured markers that sit on the dark line: above it the model promises more than customers spend, "
        "below it less.",
    )  # fmt: skip
    yield Illustration(
        "bias_by_origin", bias_by_origin(standings), "Bias of the predicted total",
        f"Look for models outside the shaded ±{TOLERATED_BIAS:.0%}: their total is not fit to plan with. Right of 0 is "
        "too much, left too little.",
    )  # fmt: skip
    yield Illustration(
        "accuracy_against_cost", accuracy_against_cost(standings), "Accuracy against cost",
        "Look at the upper left corner: accurate and quick. A slower model should stand clearly higher.",
    )  # fmt: skip


def aggregate_pictures(across: Aggregate) -> Iterator[Illustration]:
    """Draw what several cells say together, with what to look for in it."""
    yield Illustration(
        "critical_difference", mean_ranks(across), "Mean ranks over all cells",
        "Look for thick bars: models that a bar joins cannot be told apart by their ranks. Further left is better.",
    )  # fmt: skip


def forest(standings: Standings) -> Figure:
    """Draw each model's difference from the best by the board's metric, with its simultaneous interval.

    The axis ends where one model far behind would squash the others; an arrow stands for what lies beyond.
    """
    rows, score = standings.rows(), METRICS[standings.metric]
    points = rows["from_best"].to_numpy(float)
    low, high = (rows[f"from_best_{side}"].to_numpy(float) for side in ("lower", "upper"))
    far = axis_span(-np.fmin(points, low))
    title = f"Behind the best on {score.heading}, {standings.confidence:.0%} simultaneous intervals"
    figure, (panel,) = create_chart(title, setting(standings.cell), 1.75 + 0.29 * len(rows))
    panel.axvline(0, color=QUIET, linewidth=1.5, linestyle="--")
    right = max(0.06 * far, float(np.nanmax(np.append(high, 0.0))) * 1.1)
    panel.set_xlim(-1.06 * far, right)
    for place, (model, row) in zip(np.arange(len(rows))[::-1], rows.iterrows(), strict=True):
        style, tied, behind = family_style(row["family"]), row["group"] == 1, row["from_best"]
        if tied:
            panel.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0)
        if model == row["best"]:
            behind, text = 0.0, "best"
        else:
            ends = np.clip([row["from_best_lower"], row["from_best_upper"]], -1.06 * far, None)
            panel.hlines(place, *ends, color=style.colour, linewidth=3, alpha=0.55)
            text = format_difference(behind, score.form) + (" tied" if tied else "")
        beyond = behind < -far
        draw_marker(
            panel, -1.03 * far if beyond else behind, place, style.colour, "<" if beyond else style.marker, tied
        )
        _note_row(panel, place, text)
    name_rows(panel, [f"{printable(model)} · {group}" for model, group in rows["group"].items()])
    panel.set_xlabel("shaded and filled = tied with the best; number = rank group", loc="right", **TEXT_STYLE)
    panel.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_difference(value, score.form)))
    draw_family_legend(panel, list(rows["family"]))
    return figure


def bias_by_origin(standings: Standings) -> Figure:
    """Draw the bias of each model's total, a marker an origin, the latest filled, over a band of what is tolerated."""
    found = standings.by_origin[standings.by_origin["metric"] == "aggregate_bias"]
    biases = {model: found.loc[found["model"] == model, "score"].to_numpy(float) for model in standings.ranking}
    families, steps = standings.cell.families, len(standings.cell.holdouts)
    latest = "" if steps == 1 else ", filled = the latest"
    figure, (panel,) = create_chart(
        "Bias of the predicted total", setting(standings.cell) + latest, 1.75 + 0.29 * len(biases)
    )
    panel.axvspan(-TOLERATED_BIAS, TOLERATED_BIAS, color=BAND)
    panel.axvline(0, color=QUIET, linewidth=1.5, linestyle="--")
    for place, (model, bias) in zip(np.arange(len(biases))[::-1], biases.items(), strict=True):
        style = family_style(families[model])
        inside = np.clip(bias, -1.0, 1.0)
        panel.plot(inside, np.full(steps, place), color=style.colour, linewidth=1.5, alpha=0.55)
        for step, value in enumerate(bias):
            marker = style.marker if value <= 1 else ">"
            draw_marker(panel, min(value, 1.03), place, style.colour, marker, step == steps - 1)
        _note_row(panel, place, format_difference(float(np.mean(bias)), "{:+.0%}"))
    name_rows(panel, [printable(model) for model in biases])
    panel.set_xlim(-1.08, 1.08)
    panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.set_xlabel("predicted total / actual total − 1", **TEXT_STYLE)
    draw_family_legend(panel, [families[model] for model in biases])
    return figure


def _note_row(panel: Axes, place: float, text: str) -> None:
    """Write a number to the right of a row."""
    panel.text(1.02, place, text, transform=panel.get_yaxis_transform(), va="center", **TEXT_STYLE)
