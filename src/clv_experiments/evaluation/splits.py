"""How much scores and coefficients vary over random splits of the customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.evaluation.confidence_intervals import TAILS
from clv_experiments.evaluation.metrics import drop_counts_and_totals
from clv_experiments.reporting.chart_style import (
    ACTUAL,
    PREDICTED,
    REFERENCE,
    TEXT_SIZE,
    FigureLabels,
    create_figure,
    draw_legend,
    truncate,
)
from clv_experiments.reporting.records import FigureRecord, Metric, Record, Table
from clv_experiments.reporting.symlog_scale import SymlogScale, format_amount

PLOTTED_METRICS = {"r2": "R2", "mae": "MAE", "mse": "MSE", "median_ae": "median absolute error"}
# What the notebooks report, between bias and ranking.
SPLIT_HEADLINE = {
    "aggregate_bias": ("bias", "{:+.1%}"),
    "r2": ("R2", "{:.3f}"),
    "mae": ("MAE", "{:,.2f}"),
    "mse": ("MSE", "{:,.0f}"),
    "median_ae": ("median AE", "{:,.2f}"),
    "normalised_gini": ("Gini", "{:.3f}"),
}


def split_metrics(scores: Sequence[Mapping[str, float]]) -> list[Metric]:
    """Summarise each score over the splits: its median as ``split_<score>``, and its 95 % interval and range.

    Examples
    --------
    >>> [(m.name, m.value) for m in split_metrics([{"mae": 1.0}, {"mae": 3.0}])][:1]
    [('split_mae', 2.0)]
    """
    frame = pd.DataFrame([drop_counts_and_totals(values) for values in scores])
    summary = {"": frame.median(), "_lower": frame.quantile(TAILS[0]), "_upper": frame.quantile(TAILS[1])}
    summary |= {"_least": frame.min(), "_most": frame.max()}
    return [
        Metric(f"split_{name}{suffix}", float(value))
        for suffix, values in summary.items()
        for name, value in values.items()
    ]


def summarise_coefficients_over_splits(slopes: pd.DataFrame, published: Mapping[str, float]) -> pd.DataFrame:
    """Compare each coefficient's spread over the splits with a published value.

    Parameters
    ----------
    slopes : pandas.DataFrame
        One row a split, one column a feature.
    published : mapping of feature name to coefficient
        May be empty, or name some of the features.

    Returns
    -------
    pandas.DataFrame
        ``name, median, lower_95, upper_95, least, most``, ``negative`` (share of splits below zero) and, where any is
        published, ``published`` and ``inside`` (whether it lies between least and most;
        False where none is published).
    """
    table = pd.DataFrame(
        {
            "median": slopes.median(),
            "lower_95": slopes.quantile(TAILS[0]),
            "upper_95": slopes.quantile(TAILS[1]),
            "least": slopes.min(),
            "most": slopes.max(),
            "negative": (slopes < 0).mean(),
        }
    )
    if published:
        table["published"] = pd.Series(dict(published), dtype=float).reindex(table.index)
        table["inside"] = table["published"].between(table["least"], table["most"])
    return table.rename_axis("name").reset_index()


def split_records(
    scores: Sequence[Mapping[str, float]], slopes: pd.DataFrame, published: Mapping[str, float], labels: FigureLabels
) -> list[Record]:
    """Store the score of every split, and draw how scores and coefficients spread over them."""
    table = pd.DataFrame(list(scores)).rename_axis("split").reset_index()
    records: list[Record] = [*split_metrics(scores), Table("splits.csv", table)]
    records.append(FigureRecord("splits.png", plot_score_histograms(table, labels)))
    if len(slopes.columns):
        intervals = summarise_coefficients_over_splits(slopes, published)
        records.append(Table("split_coefficients.csv", intervals))
        records.append(FigureRecord("split_coefficients.png", plot_split_coefficients(intervals, len(slopes), labels)))
    return records


def plot_score_histograms(table: pd.DataFrame, labels: FigureLabels) -> Figure:
    """Draw the distribution of each score over the splits; a line marks the first, which a notebook would show."""
    title = f"{len(table):,} random splits; a line marks the first"
    figure, panels = create_figure(title, labels, [1] * len(PLOTTED_METRICS), share_x=False)
    for panel, (name, heading) in zip(panels, PLOTTED_METRICS.items(), strict=True):
        values = table[name].dropna().to_numpy(dtype=float)
        low, high = np.quantile(values, [0.01, 0.99] if len(values) >= 50 else [0, 1])
        inside = values[(values >= low) & (values <= high)]
        panel.hist(inside, bins=min(40, max(5, len(inside) // 5)), color=PREDICTED, alpha=0.75)
        panel.axvline(values[0], color=ACTUAL, linewidth=2.5)
        panel.set_yticks([])
        panel.grid(visible=False)
        panel.xaxis.set_major_locator(MaxNLocator(6))
        panel.xaxis.set_major_formatter(format_amount)
        median, minimum, maximum = (format_amount(float(of(values))) for of in (np.median, np.min, np.max))
        panel.set_title(f"{heading}: median {median}, from {minimum} to {maximum}", fontsize=TEXT_SIZE, loc="left")
    if len(table) >= 50:
        panels[-1].set_xlabel("drawn: the middle 98 % of splits")
    return figure


def plot_split_coefficients(table: pd.DataFrame, splits: int, labels: FigureLabels) -> Figure:
    """Draw each coefficient's interval over the splits, and its published value if any, on a signed log axis."""
    figure, (panel,) = create_figure(f"Coefficients over {splits:,} splits", labels)
    extremes = table[["least", "most"]].to_numpy()
    scale = SymlogScale.from_values(table[["median", "lower_95", "upper_95"]].to_numpy())
    rows = np.arange(len(table))[::-1]
    panel.axvline(0, color=REFERENCE, linewidth=2, linestyle="--")
    for low, high, width, label in (("least", "most", 1.5, "range"), ("lower_95", "upper_95", 5, "95 % of splits")):
        panel.hlines(rows, scale(table[low]), scale(table[high]), color=PREDICTED, lw=width, alpha=0.5, label=label)
    panel.plot(scale(table["median"]), rows, "o", color=PREDICTED, markersize=7, label="median")
    if "published" in table:
        panel.plot(scale(table["published"]), rows, "D", color=ACTUAL, markersize=7, label="published")
    panel.set_yticks(rows, [truncate(name, 24) for name in table["name"]])
    panel.tick_params(axis="y", labelsize=11)
    scale.format_axis(panel, "x", float(extremes.min()), float(extremes.max()))
    panel.set_xlabel(labels.amount_label("spend per unit of the feature"))
    panel.set_ylim(-3.2, len(rows) - 0.4)
    draw_legend(panel, loc="lower center", ncols=2)
    return figure
