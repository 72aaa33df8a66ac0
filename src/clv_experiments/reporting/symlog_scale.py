"""An axis for spend of any size, zero and losses among it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class SymlogScale:
    """A logarithm that shows zeros and negative spend: near 0 it is linear, beyond `unit` it counts powers of ten."""

    unit: float

    @classmethod
    def from_values(cls, values: ArrayLike) -> SymlogScale:
        """Choose the unit a power of ten below nearly all sizes that occur, so that zero stands apart from them."""
        sizes = np.abs(np.asarray(values, dtype=float))
        sizes = sizes[sizes > 0]
        return cls(float(10.0 ** np.floor(np.log10(np.quantile(sizes, 0.05)))) if len(sizes) else 1.0)

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return positions on the axis of values in the unit of spend."""
        spend = np.asarray(values, dtype=float)
        return np.sign(spend) * np.log10(1.0 + np.abs(spend) / self.unit)

    def format_axis(self, panel: Axes, which: str, low: float, high: float) -> None:
        """Span axis `which` (`x` or `y`) from `low` to `high` in the unit of spend, with a few ticks in words."""
        top = max(abs(low), abs(high), self.unit)
        highest = int(np.ceil(np.log10(top / self.unit)))
        first = 0 if len(format_amount(self.unit)) <= 2 or highest < 2 else 1  # a long label would touch that of zero
        powers = self.unit * 10.0 ** np.arange(first, highest + 1, max(1, (highest + 3) // 4))
        roomy = which == "y" and low >= 0
        if highest <= 2 + roomy:  # a power of ten here and there would leave most of the axis without a number
            powers = np.sort(np.concatenate([powers, 3.0 * powers]))
        marks = np.concatenate([-powers[::-1], [0.0], powers])
        marks = marks[(marks >= 1.3 * min(low, 0)) & (marks <= 1.3 * max(high, 0))]
        ends = self([low, high])
        margin = 0.04 * max(float(ends[1] - ends[0]), 1.0)
        axis = panel.xaxis if which == "x" else panel.yaxis
        axis.set_major_locator(FixedLocator(list(self(marks))))
        axis.set_major_formatter(FuncFormatter(lambda _, i: format_amount(float(marks[i or 0]))))
        (panel.set_xlim if which == "x" else panel.set_ylim)(float(ends[0]) - margin, float(ends[1]) + margin)


def format_amount(value: float, _: object = None) -> str:
    """Write a number as people do: thousands separated, short where it is long, no needless decimals."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:,.3g}M"
    return f"{value:,.0f}" if size >= 10 or value == 0 else f"{value:.3g}"
