"""The look of a leaderboard's pictures: a colour and a marker a model family, names that survive any spelling."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from clv_experiments.reporting.figure_style import TEXT_SIZE

INK = "#1b1f24"
QUIET = "#5f6368"
RULE = "#d3d7dc"
BAND = "#f1f3f5"
GROUND = "#ffffff"
WIDTH = 8.0  # inches
TEXT_STYLE: dict[str, Any] = {"fontsize": TEXT_SIZE, "color": INK}


@dataclass(frozen=True)
class FamilyStyle:
    """How the models of a family are drawn, told apart by shape as well as by colour."""

    colour: str
    marker: str


# From Okabe and Ito's palette (2008), the purple darkened to stand out from white.
FAMILIES = {
    "baseline": FamilyStyle("#6b7178", "s"),
    "btyd": FamilyStyle("#0072b2", "o"),
    "ml": FamilyStyle("#d55e00", "^"),
    "hybrid": FamilyStyle("#a0468c", "D"),
}
UNKNOWN = FamilyStyle("#1b1f24", "X")


def family_style(family: str) -> FamilyStyle:
    """Return how a family is drawn."""
    return FAMILIES.get(family, UNKNOWN)


def printable(text: object, length: int = 26) -> str:
    """Return a name as a picture can show it: one line, printable, cut to a length, no dollar taken for mathematics.

    Wide letters, such as Chinese ones, count twice.
    """
    printable = "".join(character if character.isprintable() else " " for character in str(text))
    line = " ".join(printable.split())
    widths = np.cumsum([1 + (east_asian_width(character) in "WF") for character in line])
    if len(line) and widths[-1] > length:
        line = line[: int(np.searchsorted(widths, length - 1, side="right"))] + "…"
    return line.replace("$", r"\$")


@contextmanager
def ignore_missing_glyphs() -> Iterator[None]:
    """Lay out letters that the measuring font lacks without a warning: in a page the reader's fonts draw them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield


def create_chart(
    title: str, subtitle: str, height: float, rows: int = 1, columns: int = 1, *, share_x: bool = True
) -> tuple[Figure, list[Axes]]:
    """Return a figure of the common width (`height` in inches) with its title, and its panels row by row."""
    figure = Figure(figsize=(WIDTH, height), dpi=120, layout="constrained", facecolor=GROUND)
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 1 - 0.66 / height))  # type: ignore[union-attr, call-arg]
    figure.text(0.012, 1 - 0.08 / height, title, va="top", fontsize=15, fontweight="bold", color=INK)
    figure.text(0.012, 1 - 0.37 / height, subtitle, va="top", fontsize=TEXT_SIZE, color=QUIET)
    panels = list(figure.subplots(rows, columns, sharex=share_x, sharey=True, squeeze=False).ravel())
    for panel in panels:
        panel.tick_params(labelsize=TEXT_SIZE, length=0, colors=INK)
        panel.grid(color=RULE, linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(RULE)
    return figure, panels


def name_rows(panel: Axes, names: list[str]) -> None:
    """Give a panel one row a name, the first on top."""
    panel.set_yticks(np.arange(len(names))[::-1], names)
    panel.set_ylim(-0.7, len(names) - 0.3)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)


def draw_family_legend(panel: Axes, families: Sequence[str]) -> None:
    """Draw the legend of the families that occur, above the panel."""
    handles = [
        Line2D(
            [],
            [],
            color=family_style(f).colour,
            marker=family_style(f).marker,
            linestyle="",
            markersize=7,
            label=printable(f),
        )
        for f in dict.fromkeys(families)
    ]
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "ncols": 4, "borderaxespad": 0.2}
    panel.legend(handles=handles, fontsize=TEXT_SIZE, frameon=False, labelcolor=INK, handletextpad=0.2, **place)


def draw_marker(panel: Axes, x: float, y: float, colour: str, marker: str, filled: bool = True) -> None:
    """Draw a model's marker, filled or hollow, also where it stands on the panel's edge."""
    panel.plot(
        x, y, marker=marker, color=colour, markersize=8, markeredgewidth=1.8, linestyle="", clip_on=False,
        markerfacecolor=colour if filled else GROUND,
    )  # fmt: skip


def axis_span(behind: NDArray[np.float64]) -> float:
    """Choose how far below the best an axis reaches: to the last, unless that is far beyond the better ones."""
    behind = behind[np.isfinite(behind) & (behind > 0)]
    if not len(behind):
        return 1.0
    limit = 5.0 * float(np.quantile(behind, 0.4, method="lower"))
    return float(behind[behind <= limit].max())
