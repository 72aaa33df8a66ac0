"""The tables behind the scores and plots: deciles, value capture, reliability; none depends on the row order."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.evaluation.array_checks import Floats, check_paired_columns, check_probabilities


def decile_table(y_true: ArrayLike, y_pred: ArrayLike) -> pd.DataFrame:
    """Compare predicted with actual spend in ten groups of equal count, highest predictions first.

    Sizes differ by one where the customers do not divide by ten; fewer than ten customers make fewer groups. Customers
    with the same prediction share their mean actual spend, so a tie across a border counts alike on both sides.

    Returns
    -------
    DataFrame with decile (1 = highest predicted), customers, mean_predicted, mean_actual, sum_predicted, sum_actual;
    spend in the unit of the input.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    groups = np.array_split(np.argsort(-predicted), min(10, len(predicted)))
    _, tie, count = np.unique(predicted, return_inverse=True, return_counts=True)
    shared = (np.bincount(tie, weights=actual) / count)[tie]
    table = pd.DataFrame(
        {
            "decile": np.arange(1, len(groups) + 1),
            "customers": [len(group) for group in groups],
            "sum_predicted": [predicted[group].sum() for group in groups],
            "sum_actual": [shared[group].sum() for group in groups],
        }
    )
    table.insert(2, "mean_predicted", table["sum_predicted"] / table["customers"])
    table.insert(3, "mean_actual", table["sum_actual"] / table["customers"])
    return table


def capture_curve(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Floats, Floats]:
    """Trace the share of actual spend captured when customers are taken from the highest prediction down.

    Returns the share of customers and the share of spend, both from 0 to 1 and of one length, with a point where each
    tie ends: straight lines between them average the ties. The share of spend is nan where actual spend does not sum
    to more than 0, or any of it is below 0.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    _, group, count = np.unique(-predicted, return_inverse=True, return_counts=True)
    customers = np.concatenate([[0.0], np.cumsum(count) / len(actual)])
    spend = np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=actual))])
    total = spend[-1]
    return customers, spend / total if total > 0 and actual.min() >= 0 else np.full_like(spend, np.nan)


def reliability_table(bought: ArrayLike, probability: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Compare predicted probabilities with the observed share of buyers in bins of equal width.

    Returns
    -------
    DataFrame with bin_start, bin_end, customers, mean_probability, observed_share; empty bins are left out. A
    probability on a border belongs to the bin it opens, except 1, which stays in the last.
    """
    outcome, predicted = check_probabilities(bought, probability)
    edges = np.arange(bins + 1) / bins
    bin_index = np.minimum(np.searchsorted(edges, predicted, side="right") - 1, bins - 1)
    customers = np.bincount(bin_index, minlength=bins)
    occupied = customers > 0
    return pd.DataFrame(
        {
            "bin_start": edges[:-1][occupied],
            "bin_end": edges[1:][occupied],
            "customers": customers[occupied],
            "mean_probability": np.bincount(bin_index, predicted, bins)[occupied] / customers[occupied],
            "observed_share": np.bincount(bin_index, outcome, bins)[occupied] / customers[occupied],
        }
    )
