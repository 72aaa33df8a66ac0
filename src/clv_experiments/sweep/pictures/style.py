"""What the pictures of a study share: their heading, panels, the axis of a metric, and the legend above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter, StrMethodFormatter

from clv_experiments.reporting.chart_style import INK, TEXT_STYLE, printable
from clv_experiments.reporting.figure_style import TEXT_SIZE, Labels
from clv_experiments.sweep.metric_values import Values, named

CONFIGURED: dict[str, Any] = {"color": INK, "linewidth": 1.6, "linestyle": (0, (4, 3))}
ACROSS = 3  # entries of the legend side by side
LINE, GAP = 0.27, 0.08  # inches: height of a line of the legend, and what is left free below it
LARGE = 1e5  # values of which no decimals are shown
MARGIN = 0.08  # share of an axis beyond the values on it


def heading_of(labels: Labels) -> str:
    """Name the model and what it is fitted to, in a line."""
    return printable(f"{labels.model} · {labels.subtitle}".strip(" ·"), 84)


def span_values(panel: Axes, which: str, values: Values) -> tuple[float, float]:
    """Let axis `which` (`x` or `y`) hold a metric, as far as it is drawn; returns its ends."""
    low, high = float(values.drawn.min()), float(values.drawn.max())
    margin = MARGIN * (high - low) or 0.05 * abs(high) or 0.5
    ends = low - margin, high + margin
    (panel.set_xlim if which == "x" else panel.set_ylim)(*ends)
    axis = panel.xaxis if which == "x" else panel.yaxis
    axis.set_major_locator(MaxNLocator(5))
    if named(values.metric)[1].endswith("%}"):
        axis.set_major_formatter(PercentFormatter(1))
    else:
        large = max(map(abs, ends)) >= LARGE
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}") if large else ScalarFormatter(useOffset=False))
    axis.set_label_text(f"{values.heading} ({'higher' if values.higher else 'lower'} is better)", **TEXT_STYLE)
    return ends


def above(figure: Figure, remarks: Sequence[str] = (), handles: Sequence[Line2D] | None = None) -> None:
    """Draw the legend above the panels, where it hides nothing, with remarks at its end."""
    found = list(handles if handles is not None else figure.axes[0].get_legend_handles_labels()[0])
    found += [Line2D([], [], linestyle="", label=remark) for remark in remarks if remark]
    engine, height = figure.get_layout_engine(), figure.get_size_inches()[1]
    top = engine.get()["rect"][3]  # type: ignore[union-attr]
    lines = -(-len(found) // ACROSS)
    engine.set(rect=(0.0, 0.0, 1.0, top - (lines * LINE + GAP) / height))  # type: ignore[union-attr, call-arg]
    figure.legend(
        handles=found, loc="upper left", bbox_to_anchor=(0.0, top), ncols=ACROSS, fontsize=TEXT_SIZE, frameon=False,
        labelcolor=INK, handletextpad=0.4, columnspacing=1.4, borderaxespad=0.1,
    ).set_in_layout(False)  # fmt: skip
