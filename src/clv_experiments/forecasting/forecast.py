"""A forecast: what a model was fitted on, what it predicts, and what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.level import TotalForecast
from clv_experiments.models.ensemble import Ensemble
from clv_experiments.models.weighted_fit import fit_weighted


@dataclass(frozen=True)
class TrainingPanel:
    """Feature rows and, where a model learns from them, the spend that followed; one row a customer and origin.

    ``weights`` say how many customers each row stands for, where customers are sampled.
    """

    X: pd.DataFrame
    y: pd.Series | None
    periods: tuple[Period, ...]
    weights: pd.Series | None = None


@dataclass(frozen=True)
class Forecast:
    """The predictions of one model for one period, with the actual outcome.

    Attributes
    ----------
    period : Period
        ``(cutoff, end]``.
    estimator : fitted estimator
    training : TrainingPanel
        What it was fitted on; for models without labels the customers of the cutoff.
    X : pandas.DataFrame
        Features of the customers of the cutoff, indexed by customer_id.
    table : pandas.DataFrame
        Index ``customer_id``; ``y_true``, ``y_pred`` (currency), ``purchase_days`` (actual count) and, where the
        model predicts them, ``expected_purchases``, ``p_alive``, ``p_purchase``; of a simulated log also
        ``true_expected_spend``. A future period has no actual columns.
    seconds : dict
        Wall time of ``features``, ``fit`` (with the level) and ``predict``.
    level : TotalForecast or None
        What its predictions were brought to; None where they are at the model's own.
    """

    period: Period
    estimator: Any
    training: TrainingPanel
    X: pd.DataFrame
    table: pd.DataFrame
    seconds: dict[str, float]
    level: TotalForecast | None = None


@dataclass(frozen=True)
class FutureFit:
    """A model fitted on all that is known.

    Attributes
    ----------
    estimator : fitted estimator
    columns : tuple of str
        The features that it takes, in order.
    level : TotalForecast or None
        What its predictions were brought to; None where they are at the model's own.
    """

    estimator: Any
    columns: tuple[str, ...]
    level: TotalForecast | None


def fit_estimator(estimator: Any, training: TrainingPanel, customers: pd.DataFrame, name: str) -> None:
    """Fit a model to a training panel; members of an ensemble that need no labels to all customers of the cutoff.

    Raises
    ------
    ClvError
        In one sentence, whatever a library says of its parameters.
    """
    unlabelled = {"customers": customers} if isinstance(estimator, Ensemble) else {}
    try:
        weights = None if training.weights is None else (training.weights / training.weights.mean()).to_numpy()
        fit_weighted(estimator, training.X, training.y, weights, **unlabelled)
    except ClvError:
        raise
    except Exception as error:  # any library's complaint about its parameters, in one sentence
        message = " ".join(str(error).split())[:300]
        raise ClvError(f"model '{name}' could not be fitted: {type(error).__name__}: {message}") from error
    estimator.sampling_notes_ = []
    if training.weights is not None:
        estimator.sampling_notes_.append(
            f"learned from {len(training.X):,} sampled rows of customers, weighted to stand for "
            f"{training.weights.sum():,.0f}; customers who buy often are all among them (window.training_customers)"
        )


def check_predictions(predicted: np.ndarray, X: pd.DataFrame, name: str, has_losses: bool) -> np.ndarray:
    """Return predictions as floats, shape (n,).

    Raises
    ------
    ClvError
        If they are not one finite number a customer, or below 0 of a log without losses.
    """
    spend = np.asarray(predicted, dtype=float)
    if spend.shape != (len(X),):
        raise ClvError(f"model '{name}' gave predictions of shape {spend.shape} for {len(X)} customers")
    invalid = ~(np.isfinite(spend) & (has_losses | (spend >= 0)))
    if invalid.any():
        raise ClvError(
            f"model '{name}' must predict one finite spend{'' if has_losses else ' >= 0'} a customer; {invalid.sum()} "
            f"of {len(X)} are not, first {spend[invalid][0]} for customer {X.index[invalid][0]}"
        )
    return spend
