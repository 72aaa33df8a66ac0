"""Accuracy against cost: the board's metric against each model's seconds, with names that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.standings import Standings
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.reporting.chart_style import (
    QUIET,
    TEXT_KWARGS,
    axis_span_without_outliers,
    create_chart,
    draw_family_legend,
    draw_marker,
    family_style,
    ignore_missing_glyphs,
    make_printable,
    max_name_length,
)
from clv_experiments.reporting.exhibit import WIDE
from clv_experiments.reporting.formatting import format_score

MIN_SECONDS, MAX_SECONDS = 1e-3, 1e9  # of a fit; what lies beyond 30 years was not measured
PIXELS_A_POINT = 120 / 72  # pixels a point, as figures are made
DISTANCES = (10.0, 22.0, 36.0, 52.0, 70.0)  # points from marker to text
DIRECTIONS = [(1, 0), (-1, 0), *((side, up) for up in (0.5, -0.5, 0.9, -0.9, 1.2, -1.2) for side in (1, -1, 0))]
CHOICES = np.array([(distance, across, up) for distance in DISTANCES for across, up in DIRECTIONS])
LEADER = {"arrowstyle": "-", "color": QUIET, "shrinkA": 0, "shrinkB": 4}


def plot_accuracy_against_cost(standings: Standings, width: float = WIDE) -> Figure:
    """Draw the board's metric with its interval against seconds to fit and predict, on a log axis.

    A model far below the others stands at the lower edge with its score written beside it.
    """
    spec = METRICS[standings.metric]
    title = f"{spec.heading} against seconds to fit and predict"
    figure, (panel,) = create_chart(title, standings.cell.subtitle, 6.2, width=width)
    rows = standings.rows()[["family", "score", "lower", "upper"]].assign(seconds=fit_predict_seconds(standings))
    rows = rows[rows["seconds"].notna() & rows["score"].notna()]
    if rows.empty:
        panel.text(
            0.5, 0.5, "no model has both a score and a time", ha="center", transform=panel.transAxes, **TEXT_KWARGS
        )
        panel.set_axis_off()
        return figure
    top = float(rows["score"].max())
    span = 1.1 * axis_span_without_outliers(top - rows["lower"].fillna(rows["score"]).to_numpy(float))
    rows["beyond"] = rows["score"] < top - span
    rows["y"] = rows["score"].mask(rows["beyond"], top - 1.22 * span)
    for end in ("lower", "upper"):
        rows[end] = rows[end].clip(lower=top - span).mask(rows["beyond"]).fillna(rows["y"])
    room = 0.25 if rows["beyond"].any() else 0.05  # for the names of those that lie beyond
    panel.set_ylim(top - (1 + room) * span, rows["upper"].max() + 0.12 * span)
    _format_axes(
        panel, rows["seconds"], f"{spec.heading}, {standings.confidence:.0%} interval", 8 if width == WIDE else 4
    )
    for row in rows.to_dict("records"):
        style = family_style(row["family"])
        panel.vlines(row["seconds"], row["lower"], row["upper"], color=style.colour, linewidth=2, alpha=0.35)
        draw_marker(panel, row["seconds"], row["y"], style.colour, "v" if row["beyond"] else style.marker)
    draw_family_legend(panel, list(rows["family"]), width)
    names = [
        make_printable(model, max_name_length(width))
        + (f" {format_score(score, spec.number_format)}" if off_axis else "")
        for model, score, off_axis in zip(rows.index, rows["score"], rows["beyond"], strict=True)
    ]
    x, y, bars = (rows[columns].to_numpy(float) for columns in ("seconds", "y", ["lower", "upper"]))
    label_points(panel, names, x, y, bars)
    return figure


def fit_predict_seconds(standings: Standings) -> pd.Series:
    """Return each model's seconds to fit and predict, summed over origins and at least a thousandth; nan if unknown."""
    parts = {
        entry.label: [entry.seconds.get(part, np.nan) for part in ("fit", "predict")]
        for entry in standings.cell.entries
    }
    seconds = pd.DataFrame(parts)
    measured = (seconds >= 0) & (seconds <= MAX_SECONDS)
    return seconds.where(measured).sum(skipna=False).clip(lower=MIN_SECONDS)


def _format_axes(panel: Axes, seconds: pd.Series, heading: str, ticks: int) -> None:
    panel.set_xscale("log")
    panel.set_xlim(float(seconds.min()) / 2.5, float(seconds.max()) * 4)
    panel.xaxis.set_major_locator(LogLocator(numticks=ticks))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")
    panel.set_xlabel("seconds to fit and predict, all origins")
    panel.set_ylabel(heading)


def label_points(panel: Axes, names: Sequence[str], x: Floats, y: Floats, bars: Floats) -> None:
    """Write a name beside each point where it covers no other name, marker or bar; a thin line ties it to a far point.

    Call it last: positions are chosen for the axes as they are.

    Parameters
    ----------
    panel : Axes
    names : sequence of str
    x, y : array, shape (names,)
    bars : array, shape (names, 2)
        Lower and upper end of a vertical bar through each point.
    """
    with ignore_missing_glyphs():
        panel.figure.draw_without_rendering()  # type: ignore[union-attr]
        sizes = [_measure_text(panel, *named) for named in zip(names, zip(x, y, strict=True), strict=True)]
    at = panel.transData.transform(np.column_stack([x, y]))
    ends = np.column_stack([panel.transData.transform(np.column_stack([x, end]))[:, 1] for end in bars.T])
    markers = np.column_stack([at - 8, at + 8])
    occupied = np.concatenate([markers, np.column_stack([at[:, 0] - 2, ends[:, 0], at[:, 0] + 2, ends[:, 1]])])
    for name, point, pixel, size in zip(names, zip(x, y, strict=True), at, sizes, strict=True):
        boxes = _candidate_label_boxes(pixel, size)
        overlap = _overlap_areas(boxes, occupied).sum(axis=1) + 4 * (
            float(size.prod()) - _overlap_areas(boxes, np.array([panel.bbox.extents]))[:, 0]
        )
        best = int(np.argmin(np.round(overlap, 3)))  # choices go from near to far
        distance, across, up = CHOICES[best]
        occupied = np.concatenate([occupied, boxes[[best]], _leader_line_boxes(pixel, *CHOICES[best])])
        panel.annotate(
            name, point, (across * distance, up * distance), textcoords="offset points",
            ha=("right", "center", "left")[int(across) + 1], va="center", **TEXT_KWARGS,
            arrowprops=LEADER if distance > DISTANCES[0] else None,
        )  # fmt: skip


def _measure_text(panel: Axes, name: str, point: tuple[float, float]) -> Floats:
    """Return width and height of a text in pixels."""
    text = panel.annotate(name, point, (0, 0), textcoords="offset points", **TEXT_KWARGS)
    extent = text.get_window_extent()
    text.remove()
    return np.array([extent.width, extent.height])


def _candidate_label_boxes(at: Floats, size: Floats) -> Floats:
    """Return the pixels (left, bottom, right, top) that a text covers at each of the choices beside a point."""
    distance, across, up = CHOICES.T
    left = at[0] + across * distance * PIXELS_A_POINT - size[0] * (0.5 - 0.5 * across)
    bottom = at[1] + up * distance * PIXELS_A_POINT - size[1] / 2
    return np.column_stack([left, bottom, left + size[0], bottom + size[1]])


def _leader_line_boxes(at: Floats, distance: float, across: float, up: float) -> Floats:
    """Return small squares along the line that ties a far name to its point."""
    steps = np.arange(8.0, distance, 4.0)[:, None] * PIXELS_A_POINT
    middle = at + steps * np.array([across, up])
    return np.column_stack([middle - 2, middle + 2])


def _overlap_areas(boxes: Floats, others: Floats) -> Floats:
    """Return the pixels that each of some boxes shares with each of others, shape (boxes, others)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.clip(high - low, 0.0, None).prod(axis=2)
