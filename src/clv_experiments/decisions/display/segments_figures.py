"""Figures of groups of customers: the silhouettes of clusters, and who moved between tiers."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from clv_experiments.reporting.chart_style import FAMILIES, INK, QUIET, TEXT_STYLE, create_chart
from clv_experiments.reporting.formatting import format_share

FILL = FAMILIES["btyd"].colour
MAX_ALPHA = 0.55  # of a cell's colour, so that its text stays readable


def silhouette_curve(silhouettes: pd.Series, subtitle: str) -> Figure:
    """Draw the mean silhouette by the number of clusters, the best one marked.

    Parameters
    ----------
    silhouettes : pandas.Series
        Index k, at least one.
    subtitle : str
    """
    figure, (panel,) = create_chart("How many clusters stand apart best", subtitle, 3.4)
    best, highest = int(silhouettes.index.to_numpy()[silhouettes.argmax()]), float(silhouettes.max())
    panel.plot(silhouettes.index, silhouettes, "o-", color=QUIET, linewidth=1.8, markersize=6)
    panel.plot(best, highest, "o", color=FAMILIES["ml"].colour, markersize=10)
    panel.annotate(
        f"{best} clusters: {highest:.2f}", (best, highest), (10, 6), textcoords="offset points",
        **TEXT_STYLE,
    )  # fmt: skip
    panel.set_xticks(list(silhouettes.index))
    panel.set_xlim(silhouettes.index[0] - 0.5, silhouettes.index[-1] + 1.0)
    panel.set_ylim(min(0.0, float(silhouettes.min())), highest * 1.2 + 0.02)
    panel.set_xlabel("clusters")
    panel.set_ylabel("mean silhouette")
    return figure


def movement_map(counts: pd.DataFrame, subtitle: str) -> Figure:
    """Draw tiers before (rows) against now (columns): customers, and the share of the row that a cell's colour shows.

    Parameters
    ----------
    counts : pandas.DataFrame
        From ``count_moves``.
    subtitle : str
    """
    figure, (panel,) = create_chart("Where customers moved between value tiers", subtitle, 4.2)
    rows, columns = counts.shape
    for i, (_, row) in enumerate(counts.iterrows()):
        total = max(int(row.sum()), 1)
        for j, count in enumerate(row):
            share = count / total
            tile = Rectangle((j - 0.47, i - 0.44), 0.94, 0.88, color=FILL, alpha=MAX_ALPHA * share, linewidth=0)
            panel.add_patch(tile)
            text = f"{count:,} ({format_share(share)})" if row.sum() else "–"
            panel.text(j, i, text, ha="center", va="center", **TEXT_STYLE)
    panel.set_xlim(-0.5, columns - 0.5)
    panel.set_ylim(rows - 0.5, -0.5)
    panel.set_xticks(range(columns), [f"{tier} now" for tier in counts.columns])
    panel.set_yticks(range(rows), [row if row.startswith("New") else f"{row} before" for row in counts.index])
    panel.xaxis.tick_top()
    panel.grid(visible=False)
    panel.spines[["left", "bottom"]].set_visible(False)
    panel.tick_params(colors=INK)
    return figure
