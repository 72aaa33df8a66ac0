"""A forecast of a simulated log compared with the truth: parameters, expected spend, and attainable scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.evaluation.array_checks import check_paired_columns
from clv_experiments.evaluation.metrics import aggregate_bias, d2_tweedie, normalised_gini, rmse, spearman
from clv_experiments.reporting.chart_style import (
    ACTUAL,
    PREDICTED,
    REFERENCE,
    FigureLabels,
    annotate_corner,
    create_figure,
    draw_legend,
)
from clv_experiments.reporting.formatting import format_score
from clv_experiments.reporting.records import FigureRecord, Metric, Param, Record, Table
from clv_experiments.reporting.symlog_scale import SymlogScale

COLUMN_NAMES_IN_ERRORS = ("true expected spend", "y_pred")


def recovery_records(
    table: pd.DataFrame,
    expected: pd.Series,
    truth: Mapping[str, float],
    parameters: pd.DataFrame | None,
    floor: float,
    labels: FigureLabels,
) -> list[Record]:
    """Compare one holdout forecast with the truth of a simulated log.

    Parameters
    ----------
    table : pandas.DataFrame
        Indexed by customer_id; ``y_true``, ``y_pred`` (currency).
    expected : pandas.Series
        True expected spend in the holdout period (currency), indexed by customer_id; it may hold more customers.
    truth : mapping of parameter to its true value
    parameters : pandas.DataFrame, optional
        What was fitted: ``parameter``, ``estimate`` and, of parameters that the truth has, ``standard_error``.
    floor : float
        The least prediction that D2 sees (currency).
    labels : FigureLabels

    Raises
    ------
    ClvError
        If a customer of the forecast has no true expected spend.
    """
    true_spend = expected.reindex(table.index)
    scores = recovery_scores(table["y_true"], table["y_pred"], true_spend, floor)
    records: list[Record] = [Param(f"truth_{name}", value) for name, value in truth.items()]
    records += [Metric(f"holdout_{name}", value) for name, value in scores.items()]
    records.append(FigureRecord("recovery.png", plot_recovery(true_spend, table["y_pred"], labels)))
    if parameters is not None and parameters["parameter"].isin(list(truth)).any():
        records.append(Table("recovery.csv", recovery_table(parameters, truth)))
    return records


def recovery_table(parameters: pd.DataFrame, truth: Mapping[str, float]) -> pd.DataFrame:
    """Set fitted parameters (``parameter``, ``estimate``, ``standard_error``) beside the true ones of the same name.

    Returns
    -------
    pandas.DataFrame
        ``parameter``, ``truth``, ``estimate``, ``standard_error``, ``relative_error`` (estimate / truth - 1; positive =
        too large): a row for each parameter that both have, in the model's order.
    """
    simulated = parameters[parameters["parameter"].isin(list(truth))]
    true = simulated["parameter"].map(dict(truth)).astype(float)
    return pd.DataFrame(
        {
            "parameter": simulated["parameter"],
            "truth": true,
            "estimate": simulated["estimate"],
            "standard_error": simulated["standard_error"],
            "relative_error": simulated["estimate"] / true - 1.0,
        }
    ).reset_index(drop=True)


def recovery_scores(y_true: pd.Series, y_pred: pd.Series, expected: pd.Series, floor: float) -> dict[str, float]:
    """Score a prediction against the true expectation, and the true expectation against what was spent.

    Returns
    -------
    dict
        ``truth_bias`` (predicted total / true expected total - 1), ``truth_rmse`` (currency) and ``truth_spearman`` are
        free of the chance in what customers then spent. ``attainable_normalised_gini`` and ``attainable_d2_tweedie``
        are what the truth itself scores: no forecast can expect to do better, and none knows who has dropped out.

    Raises
    ------
    ClvError
        As the metrics do.
    """
    true, predicted = check_paired_columns(expected, y_pred, COLUMN_NAMES_IN_ERRORS)
    actual, _ = check_paired_columns(y_true, expected, ("y_true", COLUMN_NAMES_IN_ERRORS[0]))
    return {
        "truth_bias": aggregate_bias(true, predicted),
        "truth_rmse": rmse(true, predicted),
        "truth_spearman": spearman(true, predicted),
        "attainable_normalised_gini": normalised_gini(actual, true),
        "attainable_d2_tweedie": d2_tweedie(actual, true, floor=floor),
    }


def plot_recovery(expected: pd.Series, y_pred: pd.Series, labels: FigureLabels, bins: int = 20) -> Figure:
    """Draw the true expected spend of customers in bins of the prediction, on a log scale with zeros.

    In each bin, of like count, the mean and the middle 80 %; a forecast that recovers the truth has its means on the
    diagonal. Raises ClvError as the metrics do.
    """
    true, predicted = check_paired_columns(expected, y_pred, COLUMN_NAMES_IN_ERRORS)
    edges = np.unique(np.quantile(predicted, np.arange(1, bins) / bins))  # customers of one prediction stay together
    grouped = pd.DataFrame({"predicted": predicted, "true": true}).groupby(np.searchsorted(edges, predicted, "right"))
    mean, lower, upper = grouped.mean(), grouped["true"].quantile(0.1), grouped["true"].quantile(0.9)
    scale = SymlogScale.from_values(mean.to_numpy())
    high = max(float(mean.to_numpy().max()), float(upper.max()), scale.unit)
    figure, (panel,) = create_figure("Predicted against true expected spend", labels)
    panel.plot(scale([0.0, high]), scale([0.0, high]), color=REFERENCE, linewidth=2, linestyle="--", label="perfect")
    centre = scale(mean["predicted"])
    panel.vlines(centre, scale(lower), scale(upper), color=PREDICTED, linewidth=5, alpha=0.3, label="80% of customers")
    panel.plot(centre, scale(mean["true"]), "o-", color=ACTUAL, linewidth=2.5, markersize=7, label="mean truth")
    scale.format_axis(panel, "x", 0.0, high)
    scale.format_axis(panel, "y", 0.0, high)
    panel.set(xlabel=labels.spend_label("predicted"), ylabel=labels.spend_label("true expected"))
    bias = format_score(aggregate_bias(true, predicted), "{:+,.1%}")
    correlation = format_score(spearman(true, predicted), "{:.2f}")
    annotate_corner(panel, f"bias of the total {bias}\nrank correlation {correlation}", 0.97, 0.05)
    draw_legend(panel, loc="upper left")
    return figure
