"""Scores of a forecast: pure functions of actual and predicted spend, each saying which way is better.

All take two columns of one length, one number a customer, and raise ClvError where a value is missing, infinite or not
a number, where lengths differ, and where there is no customer. A score without a value for the data at hand (no actual
spend, one class only) is nan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.array_checks import Floats, check_paired_columns, check_probabilities
from clv_experiments.evaluation.calibration import capture_curve, decile_table


def aggregate_bias(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return predicted total / actual total - 1: positive = over-forecast, 0 is best, -1 is all-zeros.

    nan where the actual total is not above 0: the ratio would lose its sign.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    return _ratio(predicted.sum(), actual.sum()) - 1.0


def decile_calibration_mape(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean of abs(predicted / actual - 1) over deciles of the prediction: 0 is best, lower is better.

    Each decile with actual spend above 0 weighs the same, however little it spends; the others are left out. nan where
    any customer's spend is below 0: what a decile spent may then be next to nothing, and no measure of a miss.
    """
    table = decile_table(y_true, y_pred)
    spend = np.asarray(y_true, dtype=np.float64)
    if spend.min() < 0:
        return float("nan")
    rounding = 1e-12 * float(spend.sum())
    table = table[table["sum_actual"] > rounding]
    return float((table["sum_predicted"] / table["sum_actual"] - 1.0).abs().mean())


def normalised_gini(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the Gini coefficient of the ranking by prediction over that of the perfect ranking: 1 is best.

    Customers with the same prediction share their mean spend, so a constant scores exactly 0 in any row order; the
    reversed ranking scores -1. nan where all customers spent the same. The area between capture curve and diagonal is
    the sum of spend times centred average rank (Lerman and Yitzhaki 1984), up to a factor that cancels. Ranks sum to
    0, so that it is the same whatever is added to everybody's spend, and means the same below 0: it is the Gini
    correlation of Schechtman and Yitzhaki (1987).
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    return _ratio(float(actual @ _centred_ranks(predicted)), float(actual @ _centred_ranks(actual)))


def spearman(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the rank correlation, ties at their average rank: 1 is best, a constant prediction scores 0.

    nan where all customers spent the same.
    """
    actual, predicted = (_centred_ranks(column) for column in check_paired_columns(y_true, y_pred))
    if not actual.any():
        return float("nan")
    if not predicted.any():
        return 0.0
    return float(actual @ predicted / np.sqrt((actual @ actual) * (predicted @ predicted)))


def top_share(y_true: ArrayLike, y_pred: ArrayLike, share: float) -> float:
    """Return the share of actual spend held by the top `share` of customers by prediction: higher is better.

    `share` lies above 0 and up to 1. Ties at the border count with their mean and a part of a customer with that part
    of the spend, so a constant scores `share`. nan where actual spend does not sum to more than 0, or any is below 0.
    """
    if not 0 < share <= 1:
        raise ClvError(f"share must lie above 0 and up to 1, got {share}: type 0.1 for the top 10 %")
    customers, spend = capture_curve(y_true, y_pred)
    return float(np.interp(share, customers, spend))


def top_10_share(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of actual spend held by the top 10 % of customers by prediction: higher is better."""
    return top_share(y_true, y_pred, 0.1)


def top_20_share(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of actual spend held by the top 20 % of customers by prediction: higher is better."""
    return top_share(y_true, y_pred, 0.2)


def d2_tweedie(y_true: ArrayLike, y_pred: ArrayLike, *, floor: float, power: float = 1.5) -> float:
    """Return 1 - Tweedie deviance of the model / that of the mean of y_true: 1 is best, below 0 loses to the mean.

    Predictions are raised to `floor` (spend, above 0; by convention 1 % of the training mean), since a prediction of 0
    for a buyer deviates without bound. nan where all customers spent the same, or any spent less than 0. `power` lies
    between 1 and 2 (Jorgensen 1987; Hastie, Tibshirani and Wainwright 2015, equation 3.11).
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    if actual.min() < 0:
        return float("nan")
    if not floor > 0:
        raise ClvError(f"floor must be above 0, got {floor}: is there any spend to learn from before the cutoff?")
    if not 1 < power < 2:
        raise ClvError(f"power must lie between 1 and 2, got {power}")
    if np.ptp(actual) == 0:
        return float("nan")
    deviance = tweedie_deviances(actual, np.maximum(predicted, floor), power).mean()
    return float(1.0 - deviance / tweedie_deviances(actual, np.full_like(actual, actual.mean()), power).mean())


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the root of the mean squared error, in the unit of spend: 0 is best, lower is better."""
    actual, predicted = check_paired_columns(y_true, y_pred)
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


def mse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean squared error, in squared currency; 0 is best, lower is better."""
    return rmse(y_true, y_pred) ** 2


def r2(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return 1 - squared error / squared error of the mean of y_true: 1 is best, below 0 loses to the mean.

    nan where all customers spent the same.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    if np.ptp(actual) == 0:
        return float("nan")
    return float(1.0 - np.sum((predicted - actual) ** 2) / np.sum((actual - actual.mean()) ** 2))


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean absolute error, in the unit of spend: lower is better, but all-zeros often wins."""
    actual, predicted = check_paired_columns(y_true, y_pred)
    return float(np.mean(np.abs(predicted - actual)))


def median_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the median absolute error, in the unit of spend: lower is better, but all-zeros often wins."""
    actual, predicted = check_paired_columns(y_true, y_pred)
    return float(np.median(np.abs(predicted - actual)))


def wape(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return summed absolute error / summed absolute spend: lower is better, all-zeros scores 1.

    nan where nobody spent anything.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    return _ratio(np.abs(predicted - actual).sum(), np.abs(actual).sum())


def roc_auc(bought: ArrayLike, probability: ArrayLike) -> float:
    """Return the chance that a buyer is ranked above a non-buyer, ties counting half: 1 is best, 0.5 is chance.

    nan where all bought or none did (Mann and Whitney 1947).
    """
    outcome, predicted = check_probabilities(bought, probability)
    buyers, non_buyers = outcome.sum(), (1.0 - outcome).sum()
    return 0.5 + _ratio(float(outcome @ _centred_ranks(predicted)), buyers * non_buyers)


def roc_auc_by_sample(bought: NDArray[np.bool_], probability: Floats, counts: Floats) -> Floats:
    """Return the ROC AUC of each bootstrap sample, as `roc_auc` scores the sample's customers written out.

    Parameters
    ----------
    bought, probability : array, shape (n,)
    counts : array, shape (n, samples)
        How often each customer was drawn.

    Returns
    -------
    array, shape (samples,)
        nan where all who were drawn bought, or none did.
    """
    non_buyers = probability[~bought]
    order = np.argsort(non_buyers, kind="stable")
    running = np.zeros((len(non_buyers) + 1, counts.shape[1]))  # how many others rank below the first, the second, ...
    np.cumsum(counts[~bought][order], axis=0, out=running[1:])
    below, at_most = (np.searchsorted(non_buyers[order], probability[bought], side=side) for side in ("left", "right"))
    buyers = counts[bought]
    wins = np.einsum("br,br->r", buyers, (running[below] + running[at_most]) / 2)
    pairs = buyers.sum(axis=0) * running[-1]
    return np.where(pairs > 0, wins / np.maximum(pairs, 1), np.nan)


def brier(bought: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared error of a probability: 0 is best, lower is better (Brier 1950)."""
    outcome, predicted = check_probabilities(bought, probability)
    return float(np.mean((predicted - outcome) ** 2))


# Scores for which higher is better and that every model has: what a run may be optimised by.
OBJECTIVE_NAMES = ("d2_tweedie", "normalised_gini", "spearman", "top_10_share", "top_20_share", "r2")
HIGHER_IS_BETTER = (*OBJECTIVE_NAMES, "buys_roc_auc")
BEST_AT_ZERO = ("aggregate_bias", "decile_mape", "rmse", "mse", "mae", "median_ae", "wape", "buys_brier")
SCORES = (*HIGHER_IS_BETTER, *BEST_AT_ZERO)
COUNTS_AND_TOTALS = ("customers", "buyers", "actual_total")


# A Tweedie deviance takes no spend below 0. Of a total in which losses cancel spend nobody holds a share, and what a
# decile spent may be next to nothing.
UNDEFINED_WITH_LOSSES = ("d2_tweedie", "top_10_share", "top_20_share", "decile_mape")


def list_applicable_scores(names: Iterable[str], *, has_losses: bool) -> list[str]:
    """Return those of some scores that mean something, which depends on whether spend may lie below 0."""
    return [name for name in names if not (has_losses and name in UNDEFINED_WITH_LOSSES)]


def require_applicable_scores(
    setting: str, names: Iterable[str], options: Iterable[str], log: str, *, has_losses: bool
) -> None:
    """Refuse, with ClvError, a setting that names scores of which some mean nothing of the log of that name."""
    undefined = set(names) - set(list_applicable_scores(names, has_losses=has_losses))
    if undefined:
        others = ", ".join(list_applicable_scores(options, has_losses=has_losses))
        raise ClvError(
            f"log '{log}' has losses, of which {' and '.join(sorted(undefined))} means nothing; type {setting}=<one of "
            f"{others}>"
        )


def drop_counts_and_totals(scores: Mapping[str, float]) -> dict[str, float]:
    """Leave out of scores what is the same for every model: customers, buyers and what they spent."""
    return {name: value for name, value in scores.items() if name not in COUNTS_AND_TOTALS}


def choose_objective(preferred: str, *, has_losses: bool) -> str:
    """Return the objective that was asked for, or the first of ``OBJECTIVE_NAMES`` where that means nothing."""
    return list_applicable_scores((preferred, *OBJECTIVE_NAMES), has_losses=has_losses)[0]


def compute_scores(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    floor: float,
    bought: ArrayLike,
    probability: ArrayLike | None = None,
    *,
    has_losses: bool = False,
) -> dict[str, float]:
    """Return every score of one forecast under its final name.

    `floor` is the least prediction `d2_tweedie` sees; `bought` says who had a purchase day in the period;
    `probability`, where a model gives it, is that of one. Of a log with losses the scores are those that mean something
    below 0, whether or not anybody's spend lies there in the period.
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    buyer = np.asarray(bought, dtype=bool)
    metrics: dict[str, Callable[[Floats, Floats], float]] = {
        "aggregate_bias": aggregate_bias,
        "decile_mape": decile_calibration_mape,
        "normalised_gini": normalised_gini,
        "spearman": spearman,
        "top_10_share": top_10_share,
        "top_20_share": top_20_share,
        "d2_tweedie": partial(d2_tweedie, floor=floor),
        "rmse": rmse,
        "mse": mse,
        "r2": r2,
        "mae": mae,
        "median_ae": median_absolute_error,
        "wape": wape,
    }
    scores = {
        "customers": float(len(actual)),
        "buyers": float(buyer.sum()),
        "actual_total": float(actual.sum()),
        "predicted_total": float(predicted.sum()),
    }
    for name in list_applicable_scores(metrics, has_losses=has_losses):
        scores[name] = metrics[name](actual, predicted)
    if probability is not None:
        scores["buys_roc_auc"] = roc_auc(buyer, probability)
        scores["buys_brier"] = brier(buyer, probability)
    return scores


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > 0 else float("nan")


def _centred_ranks(values: Floats) -> Floats:
    """Return average ranks less their mean, exact in floating point: a constant gives zeros."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2.0 - (len(values) + 1) / 2.0)[group]


def tweedie_deviances(actual: Floats, mean: Floats, power: float = 1.5) -> Floats:
    """Return each customer's Tweedie deviance: 0 where `mean` (above 0) hits `actual` (not below 0), else above it."""
    return 2.0 * (
        actual ** (2 - power) / ((1 - power) * (2 - power))
        - actual * mean ** (1 - power) / (1 - power)
        + mean ** (2 - power) / (2 - power)
    )
