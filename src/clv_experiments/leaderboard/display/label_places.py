"""Names beside the points of a picture, moved until none lies on another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from clv_experiments.evaluation.validation import Floats
from clv_experiments.reporting.chart_style import QUIET, TEXT_STYLE, ignore_missing_glyphs

SCALE = 120 / 72  # pixels a point, as figures are made
REACHES = (10.0, 22.0, 36.0, 52.0, 70.0)  # points from marker to text
DIRECTIONS = [(1, 0), (-1, 0), *((side, up) for up in (0.5, -0.5, 0.9, -0.9, 1.2, -1.2) for side in (1, -1, 0))]
CHOICES = np.array([(reach, across, up) for reach in REACHES for across, up in DIRECTIONS])


def place_labels(panel: Axes, names: Sequence[str], x: Floats, y: Floats, bars: Floats) -> None:
    """Write a name beside each point where it covers no other name, marker or bar; a thin line ties it to a far point.

    Call it last: places are found for the axes as they are.

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
        sizes = [_size(panel, *named) for named in zip(names, zip(x, y, strict=True), strict=True)]
    at = panel.transData.transform(np.column_stack([x, y]))
    ends = np.column_stack([panel.transData.transform(np.column_stack([x, end]))[:, 1] for end in bars.T])
    markers = np.column_stack([at - 8, at + 8])
    taken = np.concatenate([markers, np.column_stack([at[:, 0] - 2, ends[:, 0], at[:, 0] + 2, ends[:, 1]])])
    for name, point, pixel, size in zip(names, zip(x, y, strict=True), at, sizes, strict=True):
        boxes = _boxes(pixel, size)
        lost = _shared(boxes, taken).sum(axis=1) + 4 * (
            float(size.prod()) - _shared(boxes, np.array([panel.bbox.extents]))[:, 0]
        )
        best = int(np.argmin(np.round(lost, 3)))  # choices go from near to far
        reach, across, up = CHOICES[best]
        taken = np.concatenate([taken, boxes[[best]], _line(pixel, *CHOICES[best])])
        panel.annotate(
            name, point, (across * reach, up * reach), textcoords="offset points",
            ha=("right", "center", "left")[int(across) + 1], va="center", **TEXT_STYLE,
            arrowprops={"arrowstyle": "-", "color": QUIET, "shrinkA": 0, "shrinkB": 4} if reach > REACHES[0] else None,
        )  # fmt: skip


def _size(panel: Axes, name: str, point: tuple[float, float]) -> Floats:
    """Return width and height of a text in pixels."""
    text = panel.annotate(name, point, (0, 0), textcoords="offset points", **TEXT_STYLE)
    found = text.get_window_extent()
    text.remove()
    return np.array([found.width, found.height])


def _boxes(at: Floats, size: Floats) -> Floats:
    """Return the pixels (left, bottom, right, top) that a text covers at each of the choices beside a point."""
    reach, across, up = CHOICES.T
    left = at[0] + across * reach * SCALE - size[0] * (0.5 - 0.5 * across)
    bottom = at[1] + up * reach * SCALE - size[1] / 2
    return np.column_stack([left, bottom, left + size[0], bottom + size[1]])


def _line(at: Floats, reach: float, across: float, up: float) -> Floats:
    """Return small squares along the line that ties a far name to its point."""
    steps = np.arange(8.0, reach, 4.0)[:, None] * SCALE
    middle = at + steps * np.array([across, up])
    return np.column_stack([middle - 2, middle + 2])


def _shared(boxes: Floats, others: Floats) -> Floats:
    """Return the pixels that each of some boxes shares with each of others, shape (boxes, others)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.clip(high - low, 0.0, None).prod(axis=2)
