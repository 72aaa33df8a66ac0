"""What each model's ranking and its deciles are worth, all models of a leaderboard on common axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from clv_experiments.evaluation.calibration import capture_curve, decile_table
from clv_experiments.evaluation.validation import Floats
from clv_experiments.leaderboard.cell import Cell
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.chart_style import INK, QUIET, create_chart, family_style, printable
from clv_experiments.reporting.figure_style import TEXT_SIZE, LogScale

TARGETED = np.linspace(0.0, 0.3, 101)  # shares of customers; beyond them all rankings look alike
DASHES = ((), (6, 2), (2, 1.5), (6, 2, 2, 2), (9, 2, 2, 2, 2, 2))
TITLE = {4: 16, 3: 21}  # letters above a panel, by the panels beside each other


def value_captures(standings: Standings) -> Figure:
    """Draw the share of spend that each model's top customers hold, mean over origins, up to 30 % of the customers.

    The models that share the first place and the best baseline are drawn strongly; each line is named at its end.
    """
    cell, rows = standings.cell, standings.rows()
    strong = {*rows.index[rows["group"] == 1], *rows["baseline"].dropna()}
    curves = {label: _captured(cell, place) for place, label in enumerate(cell.labels)}
    height = max(4.6, 1.6 + 0.235 * (len(curves) + 2))
    figure, (panel,) = create_chart("Spend reached by targeting top customers", printable(cell.subtitle, 70), height)
    panel.plot(TARGETED, _captured(cell, None), color=INK, linewidth=1.2, linestyle=":")
    panel.plot(TARGETED, TARGETED, color=QUIET, linewidth=1.2, linestyle=":")
    drawn: dict[str, int] = {}
    for label in reversed(standings.ranking):
        family = cell.families[label]
        drawn[family] = drawn.get(family, -1) + 1
        quiet = label not in strong
        panel.plot(
            TARGETED, curves[label], color=family_style(family).colour, linewidth=1.4 if quiet else 2.6,
            dashes=DASHES[drawn[family] % len(DASHES)], alpha=0.6 if quiet else 1.0,
        )  # fmt: skip
    panel.set_xlim(0, TARGETED[-1])
    panel.set_ylim(0, 1.02)
    panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.set_xlabel("customers targeted, highest predicted first", fontsize=TEXT_SIZE, color=INK)
    panel.set_ylabel("share of actual spend", fontsize=TEXT_SIZE, color=INK)
    ends = {label: float(np.nan_to_num(curve[-1])) for label, curve in curves.items()}
    _name_ends(panel, ends | {"perfect": 1.0, "random": TARGETED[-1]}, strong, cell.families, height)
    return figure


def decile_calibrations(standings: Standings) -> Figure:
    """Draw mean predicted and actual spend of each tenth of the customers, a panel a model, common axes with zeros."""
    cell = standings.cell
    tables = {label: _deciles(cell, place) for place, label in enumerate(cell.labels)}
    every = np.concatenate([table.to_numpy() for table in tables.values()])
    wide = max(len(printable(label)) for label in tables) > TITLE[4]
    scale, columns = LogScale.around(every), min(3 if wide else 4, len(tables))
    rows = -(-len(tables) // columns)
    figure, panels = create_chart("Predicted and actual spend by decile", "", 1.2 + 1.75 * rows, rows, columns)
    unit = f", {cell.currency}" if cell.currency else ""
    figure.texts[1].set_text(f"{printable(cell.subtitle, 70)} · mean of a customer{printable(unit)}")
    for panel, label in zip(panels, standings.ranking, strict=False):
        style, table = family_style(cell.families[label]), tables[label]
        panel.plot(table.index, scale(table["mean_actual"]), "-", color=INK, linewidth=2)
        panel.plot(
            table.index, scale(table["mean_predicted"]), style.marker, color=style.colour, markersize=6, linestyle=""
        )
        panel.set_title(printable(label, TITLE[3 if wide else 4]), fontsize=TEXT_SIZE, loc="left", color=INK)
        panel.set_xticks([1, 5, 10])
        scale.label(panel, "y", min(every.min(), 0.0), max(every.max(), scale.unit))
    for panel in panels[len(tables) :]:
        panel.set_axis_off()
    figure.supxlabel(
        "decile (1 = highest predicted); line = actual, markers = predicted", fontsize=TEXT_SIZE, color=INK
    )
    return figure


def _captured(cell: Cell, model: int | None) -> Floats:
    """Return the share of spend held by the first customers of a model's ranking, or of the perfect one."""
    curves = []
    for panel in cell.origins:
        by = panel.y_true if model is None else panel.y_pred[:, model]
        curves.append(np.interp(TARGETED, *capture_curve(panel.y_true, by)))
    return np.mean(curves, axis=0)


def _deciles(cell: Cell, model: int) -> pd.DataFrame:
    """Return mean_predicted and mean_actual by decile, mean over origins."""
    tables = pd.concat([decile_table(panel.y_true, panel.y_pred[:, model]) for panel in cell.origins])
    return tables.groupby("decile")[["mean_predicted", "mean_actual"]].mean()


def _name_ends(panel: Axes, ends: dict[str, float], strong: set[str], families: dict[str, str], height: float) -> None:
    """Write each line's name beside its end, pushed apart where lines end together."""
    names = sorted(ends, key=lambda name: -ends[name])
    step = 1.02 * 0.235 / (height - 1.5)
    wanted = np.array([ends[name] for name in names])
    places = _spread(wanted, step, 1.02)
    for name, place in zip(names, places, strict=True):
        colour = family_style(families[name]).colour if name in families else QUIET
        beside: dict[str, Any] = {"transform": panel.get_yaxis_transform(), "clip_on": False}
        panel.plot([1.0, 1.05], [ends[name], place], color=colour, linewidth=1.0, **beside)
        panel.text(
            1.06, place, printable(name), fontsize=TEXT_SIZE, color=INK if name in strong else QUIET, va="center",
            fontweight="bold" if name in strong else "normal", **beside,
        )  # fmt: skip


def _spread(wanted: Floats, step: float, top: float) -> Floats:
    """Return places from the highest down, `step` apart and within 0 and `top`, moved as little as that allows.

    What stands too close forms a block around its mean (isotonic regression by pooling adjacent violators).
    """
    gaps = step * np.arange(len(wanted))
    blocks: list[tuple[float, int]] = []
    for place in wanted + gaps:
        total, count = float(place), 1
        while blocks and blocks[-1][0] / blocks[-1][1] < total / count:
            above, held = blocks.pop()
            total, count = total + above, count + held
        blocks.append((total, count))
    pooled = np.concatenate([np.full(count, total / count) for total, count in blocks])
    return np.clip(pooled, gaps[-1], top) - gaps
