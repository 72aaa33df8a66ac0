"""One look for all figures: colours that all eyes tell apart, large type, axes that show zeros, names in any script."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from clv_experiments.reporting.exhibit import WIDE

# Okabe and Ito's palette (2008): one colour means one thing in all figures of a run.
PREDICTED = "#0072B2"
ACTUAL = "#D55E00"
PERFECT = "#009E73"
REFERENCE = "#5F6368"
DENSITY = "Blues"

# The colours of a page, which its figures take over.
INK = "#1b1f24"
QUIET = "#5f6368"
RULE = "#d3d7dc"
BAND = "#f1f3f5"
GROUND = "#ffffff"

MAX_CELL_OPACITY = 0.6  # opacity of the fullest cell of a heat map, on which ink still reads

TEXT_SIZE = 12
TITLE_SIZE = 15
HEADING_LINE_INCHES = 0.29  # inches, of a line of a chart's heading
TEXT_KWARGS: dict[str, Any] = {"fontsize": TEXT_SIZE, "color": INK}
REFERENCE_LINE: dict[str, Any] = {"color": QUIET, "linewidth": 1.5, "linestyle": "--"}


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
    "external": FamilyStyle("#7a6000", "P"),  # predictions made elsewhere
}
BLUE, ORANGE, GREY = (FAMILIES[family].colour for family in ("btyd", "ml", "baseline"))
UNKNOWN = FamilyStyle("#1b1f24", "X")


@dataclass(frozen=True)
class FigureLabels:
    """What a figure is of: the model, the log and window, the horizon and the unit of spend, as a reader sees them."""

    model: str
    subtitle: str = ""
    horizon: str = "holdout"
    unit: str = ""
    measure: str = "spend"  # or what else is predicted, such as purchases

    def spend_label(self, which: str) -> str:
        """Name spend with its horizon and unit, such as `predicted spend, next 3 months ($)`."""
        return self.amount_label(f"{which} {self.measure}, {self.horizon}")

    def amount_label(self, amount: str) -> str:
        """Name an amount with its unit, such as `cumulative ($)`, unless that is what is measured."""
        return f"{amount} ({self.unit})" if self.unit and self.unit != self.measure else amount


class NotebookFigure(Figure):
    """A figure that a notebook shows as a picture; others it shows as text until pyplot has been imported."""

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


def create_figure(
    title: str, labels: FigureLabels, heights: Sequence[float] = (1,), *, share_x: bool = True
) -> tuple[Figure, list[Axes]]:
    """Return a figure of a run with one panel above another for each height, outside pyplot's global state."""
    figure = NotebookFigure(figsize=(6.4, 4.8), dpi=120, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 0.875))  # type: ignore[union-attr, call-arg]
    panels = list(figure.subplots(len(heights), 1, sharex=share_x, squeeze=False, height_ratios=list(heights))[:, 0])
    figure.text(0.015, 0.985, title, va="top", fontsize=TITLE_SIZE, fontweight="bold")
    heading = truncate(f"{labels.model} · {labels.subtitle}".strip(" ·"), 66)
    figure.text(0.015, 0.918, heading, va="top", fontsize=TEXT_SIZE, color=REFERENCE)
    for panel in panels:
        _style_panel(panel, grid="#E6E8EB", grid_width=0.9, spines="#B9BDC2")
    return figure, panels


def create_chart(
    title: str,
    subtitle: str,
    height: float,
    rows: int = 1,
    columns: int = 1,
    *,
    share_x: bool = True,
    width: float = WIDE,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of a page with its title, and its panels row by row.

    Title and subtitle may hold any name. What is written on an axis needs no style of its own. The figure is `width`
    and `height` inches large, and higher by the lines that a heading takes in a narrow one.
    """
    headings = [
        textwrap.wrap(make_printable(text, letters), letters if width == WIDE else int(0.56 * letters)) or [""]
        for text, letters in ((title, 70), (subtitle, 86))  # letters that a wide figure has room for
    ]
    lines = sum(map(len, headings))
    height += HEADING_LINE_INCHES * (lines - 2)
    figure = NotebookFigure(figsize=(width, height), dpi=120, layout="constrained", facecolor=GROUND)
    top = 1 - (0.08 + HEADING_LINE_INCHES * lines) / height
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, top))  # type: ignore[union-attr, call-arg]
    styles: list[dict[str, Any]] = [
        {"fontsize": TITLE_SIZE, "fontweight": "bold", "color": INK}, {"fontsize": TEXT_SIZE, "color": QUIET}
    ]  # fmt: skip
    y = 1 - 0.08 / height
    for wrapped, style in zip(headings, styles, strict=True):
        figure.text(0.012, y, "\n".join(wrapped), va="top", **style)
        y -= HEADING_LINE_INCHES * len(wrapped) / height
    panels = list(figure.subplots(rows, columns, sharex=share_x, sharey=True, squeeze=False).ravel())
    for panel in panels:
        _style_panel(panel, grid=RULE, grid_width=0.8, spines=RULE)
        panel.tick_params(colors=INK)
        for axis in (panel.xaxis, panel.yaxis):
            axis.label.set_color(INK)
    return figure, panels


def _style_panel(panel: Axes, grid: str, grid_width: float, spines: str) -> None:
    panel.tick_params(labelsize=TEXT_SIZE, length=0)
    panel.grid(color=grid, linewidth=grid_width)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(spines)
    for axis in (panel.xaxis, panel.yaxis):
        axis.label.set_fontsize(TEXT_SIZE)


def format_percent_ticks(*axes: Axis) -> None:
    """Write the ticks of axes of shares in whole per cent."""
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def annotate_corner(panel: Axes, text: str, x: float = 0.03, y: float = 0.96) -> None:
    """Write a short remark into a corner of a panel, in shares of its width and height."""
    panel.text(
        x, y, text, transform=panel.transAxes, fontsize=TEXT_SIZE, ha="left" if x < 0.5 else "right",
        va="top" if y > 0.5 else "bottom", bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 3},
    )  # fmt: skip


def draw_legend(panel: Axes, **options: Any) -> None:
    """Draw the legend without a frame line, on a ground that keeps it readable."""
    panel.legend(fontsize=TEXT_SIZE, frameon=True, edgecolor="none", framealpha=0.85, handlelength=1.6, **options)


def label_rows(panel: Axes, names: list[str]) -> None:
    """Give a panel one row a name, the first on top."""
    panel.set_yticks(np.arange(len(names))[::-1], names)
    panel.set_ylim(-0.7, len(names) - 0.3)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)


def draw_heat_map(panel: Axes, shades: NDArray[np.float64], texts: Sequence[Sequence[str]], size: int) -> None:
    """Draw a cell for each shade from 0 to 1, the darker the higher, with its text; nan has none, row 0 is on top.

    ``shades`` has shape (rows, columns), as ``texts`` have; ``size`` is that of the letters in points.
    """
    rows, columns = shades.shape
    for row, column in np.argwhere(~np.isnan(shades)):
        corner, alpha = (column - 0.48, row - 0.45), MAX_CELL_OPACITY * shades[row, column]
        cell = panel.add_patch(Rectangle(corner, 0.96, 0.9, color=BLUE, alpha=alpha, linewidth=0))
        text = panel.text(column, row, texts[row][column], ha="center", va="center", fontsize=size, color=INK)
        for part in (cell, text):
            part.set_in_layout(False)  # they are inside of the panel, and measuring so many takes long
    panel.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    panel.grid(visible=False)
    panel.spines[["left", "bottom"]].set_visible(False)


def draw_legend_above(panel: Axes, **options: Any) -> Legend:
    """Draw the legend of a page's figure above the panel."""
    look: dict[str, Any] = {"fontsize": TEXT_SIZE, "frameon": False, "labelcolor": INK, "ncols": 3}
    position: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "borderaxespad": 0.2}
    return panel.legend(**(look | position | options))


def max_name_length(width: float) -> int:
    """Return how many letters of a model's name a figure of a width has room for."""
    return 26 if width == WIDE else 15


def draw_family_legend(panel: Axes, families: Sequence[str], width: float = WIDE) -> None:
    """Draw the legend of the families that occur, above the panel."""
    styles = {family: family_style(family) for family in families}
    handles = [
        Line2D(
            [], [], color=style.colour, marker=style.marker, linestyle="", markersize=7, label=make_printable(family)
        )
        for family, style in styles.items()
    ]
    draw_legend_above(panel, handles=handles, ncols=4 if width == WIDE else 2, handletextpad=0.2)


def draw_marker(panel: Axes, x: float, y: float, colour: str, marker: str, filled: bool = True) -> None:
    """Draw a model's marker, filled or hollow, also where it stands on the panel's edge."""
    panel.plot(
        x, y, marker=marker, color=colour, markersize=8, markeredgewidth=1.8, linestyle="", clip_on=False,
        markerfacecolor=colour if filled else GROUND,
    )  # fmt: skip


def axis_span_without_outliers(deficits: NDArray[np.float64]) -> float:
    """Choose how far below the best an axis reaches: to the last, unless that is far beyond the better ones."""
    deficits = deficits[np.isfinite(deficits) & (deficits > 0)]
    if not len(deficits):
        return 1.0
    limit = 5.0 * float(np.quantile(deficits, 0.4, method="lower"))
    return float(deficits[deficits <= limit].max())


def family_style(family: str) -> FamilyStyle:
    """Return how a family is drawn."""
    return FAMILIES.get(family, UNKNOWN)


def make_printable(text: object, length: int = 26) -> str:
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


def truncate(text: str, length: int) -> str:
    """Cut a text that would run out of the picture."""
    return text if len(text) <= length else text[: length - 1] + "…"
