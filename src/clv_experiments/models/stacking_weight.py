"""How much one member of an ensemble counts beside the others: what would have predicted the training panel best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from sklearn.metrics import mean_tweedie_deviance
from sklearn.model_selection import GroupKFold
from sklearn.utils import get_tags

from clv_experiments.errors import ClvError
from clv_experiments.models.scaled_regressor import ScaledRegressor

FOLDS = 3
MAX_ROWS = 30_000  # of the panel: one number needs no more
POWER = 1.5  # of the Tweedie deviance, as of the score D2
MIN_PREDICTION_SHARE = 0.01  # prediction, as a share of the mean, since a deviance takes none of 0


def learn_stacking_weight(
    members: Mapping[str, ScaledRegressor], name: str, X: pd.DataFrame, y: np.ndarray, sample_weight: np.ndarray | None
) -> float:
    """Return the weight of a member, from 0 to 1, that predicts spend best beside the plain mean of the others.

    Predictions are of customers whom no member has seen, each member on the same total, and the weight minimises their
    Tweedie deviance: stacked regressions (Breiman 1996) with one weight, which a small panel can tell.

    Parameters
    ----------
    members : mapping of str to ScaledRegressor
        Cloned and fitted anew.
    name : str
        The member whose weight it is.
    X : pandas.DataFrame of shape (n, p)
        Features of the training panel; rows of one customer, by the index, are in one fold.
    y : numpy.ndarray of shape (n,)
        Spend that followed, currency.
    sample_weight : numpy.ndarray of shape (n,), optional

    Returns
    -------
    float
        1 where the others cannot be checked: hardly a customer, no spend, or too little for a fit without a third.
    """
    weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    rows = _sample_rows_by_customer(X.index)
    X, y, weights = X.iloc[rows], np.maximum(np.asarray(y, dtype=float)[rows], 0.0), weights[rows]
    if X.index.nunique() < FOLDS or y @ weights <= 0:
        return 1.0
    predictions = {member: np.zeros(len(X)) for member in members}
    try:
        for train, test in GroupKFold(FOLDS).split(X, groups=X.index):
            for member, fitted in _fit_members(members, X.iloc[train], y[train], weights[train]):
                predictions[member][test] = fitted.predict(X.iloc[test])
    except (ClvError, ValueError):
        return 1.0
    scaled = {member: _scale(predicted, y, weights) for member, predicted in predictions.items()}
    own = scaled.pop(name)
    return _find_best_weight(own, np.mean(list(scaled.values()), axis=0), y, weights)


def _sample_rows_by_customer(index: pd.Index) -> np.ndarray:
    """Return the positions of all rows, or of those of a random part of the customers."""
    if len(index) <= MAX_ROWS:
        return np.arange(len(index))
    customers = np.unique(index)
    kept = np.random.default_rng(0).random(len(customers)) < MAX_ROWS / len(index)
    return np.flatnonzero(index.isin(customers[kept]))


def _fit_members(
    members: Mapping[str, ScaledRegressor], X: pd.DataFrame, y: np.ndarray, weights: np.ndarray
) -> Iterator[tuple[str, ScaledRegressor]]:
    for name, member in members.items():
        unfitted = ScaledRegressor(member.estimator, member.horizon_days)
        if not get_tags(member).target_tags.required:
            yield name, unfitted.fit(X)
        else:
            yield name, unfitted.fit(X, y, None if (weights == weights[0]).all() else weights)


def _scale(predicted: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Bring predictions to the total that was spent, so that the weight is of shapes and not of levels."""
    total = float(np.maximum(predicted, 0.0) @ weights)
    return np.maximum(predicted, 0.0) * (float(y @ weights) / total if total > 0 else 0.0)


def _find_best_weight(own: np.ndarray, others: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    lowest = MIN_PREDICTION_SHARE * float(np.average(y, weights=weights))

    def deviance(weight: float) -> float:
        mixed = np.maximum(weight * own + (1 - weight) * others, lowest)
        return float(mean_tweedie_deviance(y, mixed, sample_weight=weights, power=POWER))

    return float(minimize_scalar(deviance, bounds=(0.0, 1.0), method="bounded").x)
