"""Pictures of what trials chose: each parameter against the score, and all choices of a trial as one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from clv_experiments.reporting.chart_style import INK, RULE, TEXT_STYLE, create_chart, name_rows, printable
from clv_experiments.reporting.figure_style import ACTUAL, PREDICTED, REFERENCE, Labels, format_amount
from clv_experiments.sweep.metric_values import Values, named
from clv_experiments.sweep.pictures.style import CONFIGURED, above, heading_of, span_values

COLUMNS = 2  # panels of slices side by side
LEVELS = 8  # whole numbers of a range that are all written
SLANTED = 4  # choices that can be named side by side
ABSENT = 1.2  # place of what was not chosen, on an axis from 0 to 1
GOLDEN = 0.618034  # its multiples spread evenly between whole numbers


@dataclass(frozen=True)
class Scale:
    """A parameter's range as it was searched, laid out from 0 to 1: choices side by side, logarithms where searched."""

    distribution: FloatDistribution | IntDistribution | CategoricalDistribution

    @classmethod
    def of(cls, values: Values, name: str) -> Scale:
        """Return the scale of a parameter that some trial chose."""
        found: BaseDistribution = next(t.distributions[name] for t in values.trials if name in t.distributions)
        return cls(found)  # type: ignore[arg-type]

    @property
    def choices(self) -> int:
        """How many choices there are; 0 of a range."""
        return len(self.distribution.choices) if isinstance(self.distribution, CategoricalDistribution) else 0

    def place(self, value: object) -> float:
        """Return where a value lies."""
        if isinstance(self.distribution, CategoricalDistribution):
            return float(self.distribution.to_internal_repr(value)) / max(1, self.choices - 1)  # type: ignore[arg-type]
        points = np.array([self.distribution.low, self.distribution.high, value], dtype=float)
        low, high, point = np.log(points) if self.distribution.log else points
        return float((point - low) / ((high - low) or 1.0))

    def marks(self) -> Iterator[tuple[float, str]]:
        """Give the places to be marked, with what is written there: all choices, or ends and middle of a range."""
        if isinstance(self.distribution, CategoricalDistribution):
            yield from ((self.place(choice), _word(choice)) for choice in self.distribution.choices)
            return
        low, high = self.distribution.low, self.distribution.high
        middle = np.sqrt(low * high) if self.distribution.log else (low + high) / 2
        marked = [low, middle, high]
        if isinstance(self.distribution, IntDistribution):
            few = not self.distribution.log and high - low < LEVELS
            marked = [*range(int(low), int(high) + 1)] if few else [low, round(middle), high]
        yield from ((self.place(value), format_amount(float(value))) for value in dict.fromkeys(marked))


def slices(values: Values, names: Sequence[str], labels: Labels, configured: int | None) -> Figure:
    """Draw the metric against each parameter, over the range that was searched; later trials are darker."""
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, panels = create_chart(
        f"{values.heading} by parameter", heading_of(labels), 1.5 + 1.95 * rows, rows, columns, share_x=False
    )
    for panel, name in zip(panels, names, strict=False):
        _slice(panel, values, name, configured)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    span_values(panels[0], "y", values)
    for panel in panels:
        panel.set_ylabel("")
    figure.supylabel(f"{values.heading} ({'higher' if values.higher else 'lower'} is better)", **TEXT_STYLE)
    marks = [
        _key("o", "trial, later ones darker", PREDICTED),
        _key("o", f"best (trial {values.trials[values.best].number})", ACTUAL),
        *([_key("D", "as configured", "none", INK)] if any(t.number == configured for t in values.trials) else []),
    ]
    above(figure, [values.remark], marks)
    return figure


def _slice(panel: Axes, values: Values, name: str, configured: int | None) -> None:
    """Draw one parameter; choices are spread a little so that trials do not hide each other."""
    scale = Scale.of(values, name)
    chose = np.array([name in trial.params for trial in values.trials])
    number = np.array([trial.number for trial in values.trials])[chose]
    place = np.array([scale.place(trial.params[name]) for trial in values.trials if name in trial.params])
    if scale.choices:
        place = place + 0.3 / scale.choices * (number * GOLDEN % 1 - 0.5)
    height = values.drawn[chose]
    panel.scatter(
        place, height, c=number, cmap="Blues", vmin=-0.4 * number.max() - 1, vmax=number.max(), s=38,
        edgecolors=REFERENCE, linewidths=0.5,
    )  # fmt: skip
    best, as_configured = number == values.trials[values.best].number, number == configured
    panel.scatter(place[best], height[best], color=ACTUAL, s=70, edgecolors="white", zorder=3)
    panel.scatter(
        place[as_configured], height[as_configured], marker="D", s=75, facecolors="none", edgecolors=INK,
        linewidths=1.6, zorder=3,
    )  # fmt: skip
    _name_marks(panel, list(scale.marks()))
    side = 0.5 / max(2, scale.choices)
    panel.set_xlim(-side if scale.choices else -0.06, 1 + side if scale.choices else 1.06)
    some = "" if chose.all() else f" ({chose.sum()}/{len(chose)})"  # trials that chose it
    panel.set_title(printable(name, 30 - len(some)) + some, loc="left", pad=4, **TEXT_STYLE)


def _name_marks(panel: Axes, marks: Sequence[tuple[float, str]]) -> None:
    """Write below a slice what lies where; of many choices slantwise."""
    places, words = zip(*marks, strict=True)
    if len(marks) > SLANTED and not all(word.isdigit() for word in words):
        panel.set_xticks(
            places, [printable(word, 14) for word in words], rotation=35, ha="right", rotation_mode="anchor"
        )
    else:
        panel.set_xticks(places, [_broken(word, 36 // len(words) - 1) for word in words])


def parallel_coordinates(values: Values, names: Sequence[str], labels: Labels, configured: int | None) -> Figure:
    """Draw a line a trial, from its score down through what it chose; the best stand out."""
    rows = np.arange(len(names) + 1)[::-1]
    figure, (panel,) = create_chart(
        f"Choices of the best trials by {values.heading}", heading_of(labels), 1.6 + 0.56 * len(rows)
    )
    scales = [Scale.of(values, name) for name in names]
    places = _places(values, names, scales)
    low, high = float(values.drawn.min()), float(values.drawn.max())
    form = named(values.metric)[1]
    ends = {0.0: form.format(low), 1.0: form.format(high)} if high > low else {0.0: form.format(low)}
    marks = [list(ends.items()), *(list(scale.marks()) for scale in scales)]
    for row, marked, column in zip(rows, marks, places.T, strict=True):
        _ruler(panel, row, marked)
        if (column == ABSENT).any():
            _ruler(panel, row, [(ABSENT, "not chosen")])
    handles = _lines(panel, values, places, rows, configured)
    name_rows(panel, [values.heading, *(printable(name, 24) for name in names)])
    panel.set_ylim(-0.7, len(names) + 0.3)
    panel.set_xlim(-0.03, 1.03 if places.max() < ABSENT else ABSENT + 0.03)
    panel.set_xticks([])
    panel.spines["bottom"].set_visible(False)
    above(figure, [values.remark], handles)
    return figure


def _places(values: Values, names: Sequence[str], scales: Sequence[Scale]) -> np.ndarray:
    """Return where each trial crosses the axes, shape (trials, 1 + parameters)."""
    drawn = values.drawn
    score = (drawn - drawn.min()) / (np.ptp(drawn) or 1.0)
    columns = [
        [scale.place(trial.params[name]) if name in trial.params else ABSENT for trial in values.trials]
        for name, scale in zip(names, scales, strict=True)
    ]
    return np.column_stack([score, *columns])


def _ruler(panel: Axes, row: float, marks: Sequence[tuple[float, str]]) -> None:
    """Draw one axis from left to right, with words below its marks."""
    panel.hlines(row, 0, 1, color=RULE, linewidth=1.2)
    room = min(28, 40 // max(1, len(marks) - 1))
    for at, text in marks:
        side = "left" if at < 0.05 else "right" if at > 0.95 else "center"
        panel.plot([at], [row], "|", color=REFERENCE, markersize=7)
        panel.text(
            at, row - 0.14, printable(text, room), ha=side, va="top", fontsize=11, color=INK, zorder=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        )  # fmt: skip


def _lines(panel: Axes, values: Values, places: np.ndarray, rows: np.ndarray, configured: int | None) -> list[Line2D]:
    """Draw the lines, the better ones above the others; returns what the legend shows."""
    top = max(1, len(values.order) // 10)
    kinds = {
        "other trials": (values.order[: top - 1 : -1], {"color": "#C3CCD6", "linewidth": 1.0}),
        "best tenth": (values.order[1:top], {"color": PREDICTED, "linewidth": 1.8}),
        f"best (trial {values.trials[values.best].number})": ([values.best], {"color": ACTUAL, "linewidth": 2.8}),
        "as configured": ([n for n, t in enumerate(values.trials) if t.number == configured], CONFIGURED),
    }
    handles = []
    for height, (label, (which, look)) in enumerate(kinds.items(), 2):
        if which:
            lines = [np.column_stack([places[one], rows]) for one in which]
            style = {"colors": look["color"], "linewidths": look["linewidth"]}
            panel.add_collection(LineCollection(lines, zorder=height, linestyles=[look.get("linestyle", "-")], **style))
            handles.append(Line2D([], [], label=label, **look))
    return handles


def _key(marker: str, label: str, colour: str, edge: str | None = None) -> Line2D:
    return Line2D(
        [], [], marker=marker, linestyle="", markersize=8, markerfacecolor=colour, markeredgecolor=edge or colour,
        label=label,
    )  # fmt: skip


def _word(choice: object) -> str:
    """Write a choice in the words of YAML."""
    if choice is None or isinstance(choice, bool):
        return "null" if choice is None else str(choice).lower()
    return format_amount(choice) if isinstance(choice, float) else str(choice)


def _broken(text: str, room: int) -> str:
    """Break a long word at its joints into lines of `room` letters, three at most."""
    lines = [""]
    for part in re.findall(r"[^_:\s/-]+[_:\s/-]*|[_:\s/-]+", text):
        if lines[-1] and len(lines[-1]) + len(part.strip()) > room:
            lines.append("")
        lines[-1] += part
    if lines[3:]:
        lines = [*lines[:2], "…" + lines[-1]]
    return "\n".join(printable(line, room + 2) for line in lines)
