"""Plots of one forecast: its errors, its calibration, and the value of its ranking."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike

from clv_experiments.evaluation.array_checks import Floats, check_paired_columns, check_probabilities
from clv_experiments.evaluation.calibration import capture_curve, decile_table, reliability_table
from clv_experiments.evaluation.confidence_intervals import wilson_interval
from clv_experiments.evaluation.metrics import (
    aggregate_bias,
    brier,
    decile_calibration_mape,
    normalised_gini,
    roc_auc,
    top_20_share,
)
from clv_experiments.reporting.chart_style import (
    ACTUAL,
    DENSITY,
    PERFECT,
    PREDICTED,
    REFERENCE,
    TEXT_SIZE,
    FigureLabels,
    annotate_corner,
    create_figure,
    draw_legend,
    format_percent_ticks,
)
from clv_experiments.reporting.formatting import format_score
from clv_experiments.reporting.symlog_scale import SymlogScale, format_amount


def plot_predicted_against_actual(y_true: ArrayLike, y_pred: ArrayLike, labels: FigureLabels) -> Figure:
    """Draw actual against predicted spend, a log scale with zeros; a calibrated forecast has its means on the diagonal.

    Raises ClvError as the metrics do.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    figure, (panel,) = create_figure(f"Predicted against actual {labels.measure}", labels)
    scale = SymlogScale.from_values(np.concatenate([actual[actual != 0], predicted[predicted > 0]]))
    low, high = min(actual.min(), predicted.min(), 0.0), max(actual.max(), predicted.max(), scale.unit)
    scale.format_axis(panel, "x", min(predicted.min(), 0.0), max(predicted.max(), scale.unit))
    scale.format_axis(panel, "y", low, high)
    _draw_density(figure, panel, scale(predicted), scale(actual))
    diagonal = scale([low, high])
    panel.plot(diagonal, diagonal, color=REFERENCE, linewidth=2, linestyle="--", label="perfect")
    centre, mean = _binned_mean(predicted, actual)
    panel.plot(scale(centre), scale(mean), "o-", color=ACTUAL, linewidth=2.5, markersize=6, label="mean actual")
    panel.set(xlabel=labels.spend_label("predicted"), ylabel=labels.spend_label("actual"))
    draw_legend(panel, loc="upper left")
    return figure


def plot_decile_calibration(y_true: ArrayLike, y_pred: ArrayLike, labels: FigureLabels) -> Figure:
    """Draw mean predicted and mean actual spend of each decile of the prediction, on a log scale with zeros.

    Raises ClvError as the metrics do.
    """
    table = decile_table(y_true, y_pred)
    figure, (panel,) = create_figure(f"Calibration by decile of predicted {labels.measure}", labels)
    means = table[["mean_predicted", "mean_actual"]].to_numpy()
    scale = SymlogScale.from_values(means)
    decile = table["decile"].to_numpy()
    panel.vlines(decile, scale(means[:, 0]), scale(means[:, 1]), color="#B9BDC2", linewidth=4)
    panel.plot(decile, scale(means[:, 0]), "D", color=PREDICTED, markersize=9, label="predicted")
    panel.plot(decile, scale(means[:, 1]), "o", color=ACTUAL, markersize=9, label="actual")
    scale.format_axis(panel, "y", min(means.min(), 0.0), max(means.max(), scale.unit))
    bottom, top = panel.get_ylim()
    panel.set_ylim(bottom, top + 0.24 * (top - bottom))  # room for the text above the highest point
    panel.set_xticks(decile)
    panel.set_xlim(0.5, len(decile) + 0.5)
    panel.set(xlabel="decile (1 = highest predicted)", ylabel=labels.spend_label("mean"))
    bias, error = aggregate_bias(y_true, y_pred), decile_calibration_mape(y_true, y_pred)
    miss = "" if np.isnan(error) else f"\nmean miss of a decile {error:,.0%}"
    annotate_corner(panel, f"bias of the total {format_score(bias, '{:+,.1%}')}{miss}")
    draw_legend(panel, loc="upper right")
    return figure


def plot_value_capture(y_true: ArrayLike, y_pred: ArrayLike, labels: FigureLabels) -> Figure:
    """Draw the share of actual spend reached by targeting the best customers first, beside the perfect ranking.

    Raises ClvError as the metrics do.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    figure, (panel,) = create_figure(f"{labels.measure.capitalize()} captured by targeting top customers", labels)
    panel.plot(*capture_curve(actual, actual), color=PERFECT, linewidth=2.5, label="perfect")
    panel.plot(*capture_curve(actual, predicted), color=PREDICTED, linewidth=3, label="this model")
    panel.plot([0, 1], [0, 1], color=REFERENCE, linewidth=2, linestyle="--", label="random")
    top = top_20_share(actual, predicted)
    if np.isnan(top):
        annotate_corner(panel, f"no actual {labels.measure} to capture")
    else:
        panel.plot([0.2, 0.2, 0], [0, top, top], color=PREDICTED, linewidth=1.2, linestyle=":")
        panel.plot(0.2, top, "o", color=PREDICTED, markersize=9)
        gini = format_score(normalised_gini(actual, predicted), "{:.2f}")
        annotate_corner(panel, f"top 20% hold {top:.0%} of {labels.measure}\nnormalised Gini {gini}", 0.97, 0.36)
    _format_share_axis(panel)
    format_percent_ticks(panel.xaxis)
    panel.set_xlabel("customers targeted, highest predicted first")
    panel.set_ylabel(f"share of actual {labels.measure}, {labels.horizon}")
    draw_legend(panel, loc="lower right")
    return figure


def plot_residuals(y_true: ArrayLike, y_pred: ArrayLike, labels: FigureLabels) -> Figure:
    """Draw actual - predicted spend against predicted, a log scale with zeros; above 0 is under-forecast.

    Raises ClvError as the metrics do.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    figure, (panel,) = create_figure(f"Residuals by predicted {labels.measure}", labels)
    error = actual - predicted
    scale = SymlogScale.from_values(np.concatenate([actual[actual != 0], predicted[predicted > 0]]))
    scale.format_axis(panel, "x", min(predicted.min(), 0.0), max(predicted.max(), scale.unit))
    scale.format_axis(panel, "y", min(error.min(), -scale.unit), max(error.max(), scale.unit))
    _draw_density(figure, panel, scale(predicted), scale(error))
    panel.axhline(0, color=REFERENCE, linewidth=2, linestyle="--")
    centre, mean = _binned_mean(predicted, error)
    panel.plot(scale(centre), scale(mean), "o-", color=ACTUAL, linewidth=2.5, markersize=6, label="mean residual")
    panel.set(xlabel=labels.spend_label("predicted"), ylabel=labels.amount_label("actual − predicted"))
    draw_legend(panel, loc="upper left")
    return figure


def plot_reliability(bought: ArrayLike, probability: ArrayLike, labels: FigureLabels) -> Figure:
    """Draw the observed share of buyers against the predicted probability, with 95 % intervals and customers a bin.

    Intervals are Wilson's (1927). Raises ClvError as `reliability_table` does.
    """
    outcome, chance = check_probabilities(bought, probability)
    table = reliability_table(outcome, chance)
    figure, (panel, counts) = create_figure("Does a predicted chance to buy come true?", labels, heights=(3, 1))
    predicted, observed = table["mean_probability"].to_numpy(), table["observed_share"].to_numpy()
    size = table["customers"].to_numpy(dtype=float)
    low, high = wilson_interval(observed, size)
    panel.plot([0, 1], [0, 1], color=REFERENCE, linewidth=2, linestyle="--", label="perfect")
    panel.vlines(predicted, low, high, color=PREDICTED, linewidth=3, alpha=0.45)
    panel.plot(predicted, observed, "o-", color=PREDICTED, linewidth=2.5, markersize=8, label="this model")
    counts.bar(
        table["bin_start"], size, width=table["bin_end"] - table["bin_start"], align="edge", color="#8DB8D6", ec="white"
    )
    auc = format_score(roc_auc(outcome, chance), "{:.3f}")
    annotate_corner(panel, f"ROC AUC {auc}\nBrier {brier(outcome, chance):.3f}", 0.97, 0.05)
    _format_share_axis(panel)
    format_percent_ticks(counts.xaxis)
    counts.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    counts.yaxis.set_major_formatter(format_amount)
    panel.set_ylabel("bought")
    counts.set(xlabel=f"predicted chance to buy, {labels.horizon}", ylabel="customers")
    draw_legend(panel, loc="upper left")
    return figure


def _draw_density(figure: Figure, panel: Axes, x: Floats, y: Floats) -> None:
    """Colour the plane by customers, on a log scale: most of them share the line of zero spend."""
    extent = (*panel.get_xlim(), *panel.get_ylim())
    hexes = panel.hexbin(x, y, gridsize=(38, 26), extent=extent, mincnt=1, cmap=DENSITY, linewidths=0.2)
    top = max(float(np.max(hexes.get_array())), 10.0)  # type: ignore[arg-type]
    hexes.set_norm(LogNorm(vmin=0.25, vmax=top))  # begins below one customer, so that one is not white
    bar = figure.colorbar(hexes, ax=panel, pad=0.02, aspect=28, format=FuncFormatter(format_amount))
    bar.ax.set_ylim(1, top)
    bar.ax.tick_params(labelsize=TEXT_SIZE, length=0, which="both")
    bar.ax.minorticks_off()
    bar.set_label("customers", fontsize=TEXT_SIZE)
    bar.outline.set_visible(False)


def _binned_mean(key: Floats, values: Floats, bins: int = 20) -> tuple[Floats, Floats]:
    """Return the mean key and value in bins of like count; customers with the same key stay together."""
    edges = np.unique(np.quantile(key, np.arange(1, bins) / bins))
    group = np.searchsorted(edges, key, side="right")
    count = np.bincount(group)
    occupied = count > 0
    return np.bincount(group, key)[occupied] / count[occupied], np.bincount(group, values)[occupied] / count[occupied]


def _format_share_axis(panel: Axes) -> None:
    panel.set_xlim(-0.02, 1.02)
    panel.set_ylim(bottom=-0.02, top=max(1.04, panel.get_ylim()[1]))
    panel.yaxis.set_major_locator(MaxNLocator(5))
    format_percent_ticks(panel.yaxis)
