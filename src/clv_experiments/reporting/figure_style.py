"""One look for every picture: colours told apart by all eyes, type that survives a thumbnail, axes that show zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import ArrayLike, NDArray

# Okabe and Ito's palette (2008): one colour means one thing in all pictures.
PREDICTED = "#0072B2"
ACTUAL = "#D55E00"
PERFECT = "#009E73"
REFERENCE = "#5F6368"
DENSITY = "Blues"

TEXT_SIZE = 12


@dataclass(frozen=True)
class Labels:
    """What a picture is of: the model, the log and window, the horizon and the unit of spend, in a reader's words."""

    model: str
    subtitle: str = ""
    horizon: str = "holdout"
    unit: str = ""

    def spend(self, which: str) -> str:
        """Name spend with its horizon and unit, such as `predicted spend, next 3 months ($)`."""
        return f"{which} spend, {self.horizon}" + (f" ({self.unit})" if self.unit else "")


def create_figure(
    title: str, labels: Labels, heights: Sequence[float] = (1,), *, share_x: bool = True
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel above another for each height, outside pyplot's global state."""
    figure = Figure(figsize=(6.4, 4.8), dpi=120, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(rect=(0.0, 0.0, 1.0, 0.875))  # type: ignore[union-attr, call-arg]
    panels = list(figure.subplots(len(heights), 1, sharex=share_x, squeeze=False, height_ratios=list(heights))[:, 0])
    figure.text(0.015, 0.985, title, va="top", fontsize=15, fontweight="bold")
    heading = truncate(f"{labels.model} · {labels.subtitle}".strip(" ·"), 66)
    figure.text(0.015, 0.918, heading, va="top", fontsize=TEXT_SIZE, color=REFERENCE)
    for panel in panels:
        panel.tick_params(labelsize=TEXT_SIZE, length=0)
        panel.grid(color="#E6E8EB", linewidth=0.9)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color("#B9BDC2")
    return figure, panels


def name_axes(panel: Axes, x: str = "", y: str = "") -> None:
    """Write both axis labels in the common size."""
    panel.set_xlabel(x, fontsize=TEXT_SIZE)
    panel.set_ylabel(y, fontsize=TEXT_SIZE)


def annotate_corner(panel: Axes, text: str, x: float = 0.03, y: float = 0.96) -> None:
    """Write a short remark into a corner of a panel, in shares of its width and height."""
    panel.text(
        x,
        y,
        text,
        transform=panel.transAxes,
        fontsize=TEXT_SIZE,
        ha="left" if x < 0.5 else "right",
        va="top" if y > 0.5 else "bottom",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 3},
    )


def draw_legend(panel: Axes, **place: Any) -> None:
    """Draw the legend without a frame line, on a ground that keeps it readable."""
    panel.legend(fontsize=TEXT_SIZE, frameon=True, edgecolor="none", framealpha=0.85, handlelength=1.6, **place)


@dataclass(frozen=True)
class LogScale:
    """A logarithm that shows zeros and negative spend: near 0 it is linear, beyond `unit` it counts powers of ten."""

    unit: float

    @classmethod
    def around(cls, values: ArrayLike) -> LogScale:
        """Choose the unit a power of ten below nearly all sizes that occur, so that zero stands apart from them."""
        sizes = np.abs(np.asarray(values, dtype=float))
        sizes = sizes[sizes > 0]
        return cls(float(10.0 ** np.floor(np.log10(np.quantile(sizes, 0.05)))) if len(sizes) else 1.0)

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return positions on the axis of values in the unit of spend."""
        spend = np.asarray(values, dtype=float)
        return np.sign(spend) * np.log10(1.0 + np.abs(spend) / self.unit)

    def label(self, panel: Axes, which: str, low: float, high: float) -> None:
        """Span axis `which` (`x` or `y`) from `low` to `high` in the unit of spend, with a few ticks in words."""
        top = max(abs(low), abs(high), self.unit)
        reach = int(np.ceil(np.log10(top / self.unit)))
        first = 0 if len(format_amount(self.unit)) <= 2 or reach < 2 else 1  # a long label would run into that of zero
        powers = self.unit * 10.0 ** np.arange(first, reach + 1, max(1, (reach + 3) // 4))
        roomy = which == "y" and low >= 0
        if reach <= 2 + roomy:  # a power of ten here and there would leave most of the axis without a number
            powers = np.sort(np.concatenate([powers, 3.0 * powers]))
        marks = np.concatenate([-powers[::-1], [0.0], powers])
        marks = marks[(marks >= 1.3 * min(low, 0)) & (marks <= 1.3 * max(high, 0))]
        ends = self([low, high])
        margin = 0.04 * max(float(ends[1] - ends[0]), 1.0)
        axis = panel.xaxis if which == "x" else panel.yaxis
        axis.set_major_locator(FixedLocator(list(self(marks))))
        axis.set_major_formatter(FuncFormatter(lambda _, place: format_amount(float(marks[place or 0]))))
        (panel.set_xlim if which == "x" else panel.set_ylim)(float(ends[0]) - margin, float(ends[1]) + margin)


def format_amount(value: float, _: object = None) -> str:
    """Write a number as people do: thousands separated, short where it is long, no needless decimals."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:,.3g}M"
    return f"{value:,.0f}" if size >= 10 or value == 0 else f"{value:.3g}"


def format_or_undefined(value: float, form: str) -> str:
    """Write a score in a format, or say that it is undefined."""
    return "undefined" if np.isnan(value) else format(value, form)


def truncate(text: str, length: int) -> str:
    """Cut a text that would run out of the picture."""
    return text if len(text) <= length else text[: length - 1] + "…"
