"""What accuracy costs: the board's metric against the seconds that each model takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.display.label_places import place_labels
from clv_experiments.leaderboard.display.picture_setting import setting
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.chart_style import (
    TEXT_STYLE,
    axis_span,
    create_chart,
    draw_family_legend,
    draw_marker,
    family_style,
    printable,
)
from clv_experiments.reporting.formatting import format_score

LEAST_SECONDS = 1e-3


def accuracy_against_cost(standings: Standings) -> Figure:
    """Draw the board's metric with its interval against seconds to fit and predict, on a log axis.

    A model far below the others stands at the lower edge with its score written beside it.
    """
    how = METRICS[standings.metric]
    figure, (panel,) = create_chart(f"{how.heading} against seconds to fit and predict", setting(standings.cell), 6.2)
    rows = standings.rows()[["family", "score", "lower", "upper"]].assign(seconds=seconds_of(standings))
    rows = rows[rows["seconds"].notna() & rows["score"].notna()]
    if rows.empty:
        panel.text(
            0.5, 0.5, "no model has both a score and a time", ha="center", transform=panel.transAxes, **TEXT_STYLE
        )
        panel.set_axis_off()
        return figure
    top = float(rows["score"].max())
    far = 1.1 * axis_span(top - rows["lower"].fillna(rows["score"]).to_numpy(float))
    rows["beyond"] = rows["score"] < top - far
    rows["y"] = rows["score"].mask(rows["beyond"], top - 1.22 * far)
    for end in ("lower", "upper"):
        rows[end] = rows[end].clip(lower=top - far).mask(rows["beyond"]).fillna(rows["y"])
    room = 0.25 if rows["beyond"].any() else 0.05  # for the names of those that lie beyond
    panel.set_ylim(top - (1 + room) * far, rows["upper"].max() + 0.12 * far)
    _axes(panel, rows["seconds"], f"{how.heading}, {standings.confidence:.0%} interval")
    for row in rows.to_dict("records"):
        style = family_style(row["family"])
        panel.vlines(row["seconds"], row["lower"], row["upper"], color=style.colour, linewidth=2, alpha=0.35)
        draw_marker(panel, row["seconds"], row["y"], style.colour, "v" if row["beyond"] else style.marker)
    draw_family_legend(panel, list(rows["family"]))
    names = [
        printable(model) + (f" {format_score(score, how.form)}" if beyond else "")
        for model, score, beyond in zip(rows.index, rows["score"], rows["beyond"], strict=True)
    ]
    x, y, bars = (rows[columns].to_numpy(float) for columns in ("seconds", "y", ["lower", "upper"]))
    place_labels(panel, names, x, y, bars)
    return figure


def seconds_of(standings: Standings) -> pd.Series:
    """Return each model's seconds to fit and predict, summed over origins and at least a thousandth; nan if unknown."""
    parts = {
        entry.label: [entry.seconds.get(part, np.nan) for part in ("fit", "predict")]
        for entry in standings.cell.entries
    }
    return pd.DataFrame(parts).sum(skipna=False).clip(lower=LEAST_SECONDS)


def _axes(panel: Axes, seconds: pd.Series, heading: str) -> None:
    panel.set_xscale("log")
    panel.set_xlim(float(seconds.min()) / 2.5, float(seconds.max()) * 4)
    panel.xaxis.set_major_locator(LogLocator(numticks=8))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    panel.set_xlabel("seconds to fit and predict, all origins", **TEXT_STYLE)
    panel.set_ylabel(heading, **TEXT_STYLE)
