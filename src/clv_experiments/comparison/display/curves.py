"""Value capture and decile calibration of all models of a leaderboard, on common axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clv_experiments.comparison.cell import Cell
from clv_experiments.comparison.standings import Standings
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.calibration import capture_curve, decile_table
from clv_experiments.reporting.chart_style import (
    INK,
    QUIET,
    RULE,
    TEXT_KWARGS,
    TEXT_SIZE,
    create_chart,
    family_style,
    format_percent_ticks,
    make_printable,
    max_name_length,
    truncate,
)
from clv_experiments.reporting.exhibit import WIDE
from clv_experiments.reporting.symlog_scale import SymlogScale

TARGETED = np.linspace(0.0, 0.3, 101)  # shares of customers; beyond them all rankings look alike
DASHES = ((), (6, 2), (2, 1.5), (6, 2, 2, 2), (9, 2, 2, 2, 2, 2))
MAX_PANELS = 40  # each takes a quarter of a second
TITLE = {4: 16, 3: 21, 2: 19}  # letters above a panel, by the panels beside each other
MAX_NAMED = 6  # lines that an eye can tell apart


def plot_value_capture_curves(standings: Standings, width: float = WIDE) -> Figure:
    """Draw the share of spend that each model's top customers hold, mean over origins, up to 30 % of the customers.

    Of many models the best of each family is named and drawn in its colour, the others are grey.
    """
    cell, rows = standings.cell, standings.rows()
    named = list(rows.index if len(rows) <= MAX_NAMED else rows.groupby("family", sort=False).head(1).index)
    strong = {*rows.index[rows["group"] == 1], *rows["baseline"].dropna()}
    curves = {label: _mean_capture_curve(cell, model) for model, label in enumerate(cell.labels)}
    height = max(4.6, 1.6 + 0.235 * (len(named) + 2))
    title = f"{cell.measure.capitalize()} reached by targeting top customers"
    figure, (panel,) = create_chart(title, cell.subtitle, height, width=width)
    panel.plot(TARGETED, _mean_capture_curve(cell, None), color=INK, linewidth=1.2, linestyle=":")
    panel.plot(TARGETED, TARGETED, color=QUIET, linewidth=1.2, linestyle=":")
    for label in rows.index.difference(named):
        panel.plot(TARGETED, curves[label], color=RULE, linewidth=1.2)
    lines_of_family: dict[str, int] = {}
    for position, label in reversed(list(enumerate(named))):
        style, family = family_style(cell.families[label]), cell.families[label]
        lines_of_family[family] = lines_of_family.get(family, -1) + 1
        panel.plot(
            TARGETED, curves[label], color=style.colour, linewidth=2.6 if label in strong else 1.6,
            dashes=DASHES[lines_of_family[family] % len(DASHES)], marker=style.marker, markersize=6,
            markevery=(20 + 3 * position, 30),
        )  # fmt: skip
    panel.set_xlim(0, TARGETED[-1])
    panel.set_ylim(0, 1.02)
    format_percent_ticks(panel.xaxis, panel.yaxis)
    others = len(rows) - len(named)
    grey = f"; grey = {others} other models" if others else ""
    panel.set(xlabel=f"customers targeted, best first{grey}", ylabel=f"share of actual {cell.measure}")
    ends = {label: float(np.nan_to_num(curves[label][-1])) for label in named}
    places = ends | {"perfect": 1.0, "random": TARGETED[-1]}
    _label_line_ends(panel, places, strong, cell.families, height, max_name_length(width))
    return figure


def plot_decile_calibrations(standings: Standings, width: float = WIDE) -> Figure:
    """Draw mean predicted and actual spend of each tenth of the customers, a panel a model, common axes with zeros.

    Of many models the best have a panel.
    """
    cell, labels = standings.cell, standings.ranking[:MAX_PANELS]
    tables = {label: _decile_means(cell, cell.labels.index(label)) for label in labels}
    values = np.concatenate([table.to_numpy() for table in tables.values()])
    across = 2 if width != WIDE else 3 if max(len(make_printable(label)) for label in tables) > TITLE[4] else 4
    scale, columns = SymlogScale.from_values(values), min(across, len(tables))
    rows = -(-len(tables) // columns)
    unit = f", {cell.currency}" if cell.currency not in ("", cell.measure) else ""
    subtitle = f"{truncate(cell.subtitle, 60)} · mean of a customer{unit}"
    best = f", the best {len(labels)} of {len(cell.labels)}" if len(labels) < len(cell.labels) else ""
    title = f"Predicted and actual {cell.measure} by decile{best}"
    figure, panels = create_chart(title, subtitle, 1.2 + 1.75 * rows, rows, columns, width=width)
    for panel, label in zip(panels, labels, strict=False):
        style, table = family_style(cell.families[label]), tables[label]
        panel.plot(table.index, scale(table["mean_actual"]), "-", color=INK, linewidth=2)
        panel.plot(
            table.index, scale(table["mean_predicted"]), style.marker, color=style.colour, markersize=6, linestyle=""
        )
        panel.set_title(make_printable(label, TITLE[across]), loc="left", **TEXT_KWARGS)
        panel.set_xticks([1, 5, 10])
        scale.format_axis(panel, "y", min(values.min(), 0.0), max(values.max(), scale.unit))
    for panel in panels[len(tables) :]:
        panel.set_axis_off()
    figure.supxlabel(
        "decile (1 = highest predicted)" + "; line = actual, markers = predicted" * (width == WIDE), **TEXT_KWARGS
    )
    return figure


def _mean_capture_curve(cell: Cell, model: int | None) -> Floats:
    """Return the share of spend held by the first customers of a model's ranking, or of the perfect one."""
    curves = []
    for origin in cell.origins:
        by = origin.y_true if model is None else origin.y_pred[:, model]
        curves.append(np.interp(TARGETED, *capture_curve(origin.y_true, by)))
    return np.mean(curves, axis=0)


def _decile_means(cell: Cell, model: int) -> pd.DataFrame:
    """Return mean_predicted and mean_actual by decile, mean over origins."""
    tables = pd.concat([decile_table(origin.y_true, origin.y_pred[:, model]) for origin in cell.origins])
    return tables.groupby("decile")[["mean_predicted", "mean_actual"]].mean()


def _label_line_ends(
    panel: Axes, ends: dict[str, float], strong: set[str], families: dict[str, str], height: float, letters: int
) -> None:
    """Write each line's name beside its end, pushed apart where lines end together."""
    names = sorted(ends, key=lambda name: -ends[name])
    step = 1.02 * 0.235 / (height - 1.5)
    heights = _spread_label_heights(np.array([ends[name] for name in names]), step, 1.02)
    for name, y in zip(names, heights, strict=True):
        colour = family_style(families[name]).colour if name in families else QUIET
        outside: dict[str, Any] = {"transform": panel.get_yaxis_transform(), "clip_on": False}
        panel.plot([1.0, 1.05], [ends[name], y], color=colour, linewidth=1.0, **outside)
        panel.text(
            1.06, y, make_printable(name, letters), fontsize=TEXT_SIZE, color=INK if name in strong else QUIET,
            va="center", fontweight="bold" if name in strong else "normal", **outside,
        )  # fmt: skip


def _spread_label_heights(heights: Floats, step: float, top: float) -> Floats:
    """Return heights from the highest down, `step` apart and within 0 and `top`, moved as little as that allows.

    Heights that are too close form a block around their mean (isotonic regression by pooling adjacent violators).
    """
    gaps = step * np.arange(len(heights))
    blocks: list[tuple[float, int]] = []
    for height in heights + gaps:
        total, count = float(height), 1
        while blocks and blocks[-1][0] / blocks[-1][1] < total / count:
            total_above, count_above = blocks.pop()
            total, count = total + total_above, count + count_above
        blocks.append((total, count))
    pooled = np.concatenate([np.full(count, total / count) for total, count in blocks])
    return np.clip(pooled, gaps[-1], top) - gaps
