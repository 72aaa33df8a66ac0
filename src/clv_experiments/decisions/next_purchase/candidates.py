"""Who competes at predicting when customers buy next, each fitted on what was known at the cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from clv_experiments.data.window import Period
from clv_experiments.decisions.next_purchase.dates import WaitingTimeEstimator
from clv_experiments.decisions.snapshot import HISTORY, Snapshot
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.validation import Floats
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.purchase_hazard import PurchaseHazard

BANDS = 10
DAYS_AN_INTERVAL = 14


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted estimator of next purchases, and the features of the customers at a cutoff."""

    name: str
    family: str
    estimator: WaitingTimeEstimator
    X: pd.DataFrame  # features, indexed by customer_id (sorted)

    def purchase_probability(self, days: int) -> np.ndarray:
        """Return P(a purchase comes within so many days), a row of ``X`` each."""
        return self.estimator.purchase_probabilities(self.X, np.array([days]))[:, 0]


def fit_candidates(
    forecaster: Forecaster,
    snapshot: Snapshot,
    models: Sequence[Model],
    hazard_features: FeatureSet,
    seed: int,
) -> list[Candidate]:
    """Fit all candidates at a snapshot's cutoff; no label ends after it.

    Those that learn from labels, the hazard and the shares who bought, are left out where the log holds no training
    period.

    Parameters
    ----------
    models : sequence of Model
        Those whose estimator has no ``purchase_probabilities`` are passed over.
    hazard_features : FeatureSet
        What the hazard learns from.
    seed : int
        Of the hazard's classifier.
    """
    period = snapshot.period
    candidates = [
        fit_btyd(forecaster, snapshot, model) for model in models if hasattr(model.estimator, "purchase_probabilities")
    ]
    if forecaster.window.has_training(period):
        hazard = PurchaseHazard(period.days, max(round(period.days / DAYS_AN_INTERVAL), 1), random_state=seed)
        candidates += [
            _fit_on_panel(forecaster, period, "purchase hazard", "ml", hazard, hazard_features),
            _fit_on_panel(forecaster, period, "equally recent", "baseline", ShareBought(BANDS), HISTORY),
            _fit_on_panel(forecaster, period, "everyone alike", "baseline", ShareBought(1), HISTORY),
        ]
    X = forecaster.features(period.cutoff, HISTORY)
    return [*candidates, Candidate("own rhythm", "baseline", OwnRhythm(), X)]


def fit_btyd(forecaster: Forecaster, snapshot: Snapshot, model: Model) -> Candidate:
    """Fit a BTYD model at a snapshot's cutoff, or take it from the snapshot where it is the one behind it."""
    is_fitted = model.name == snapshot.btyd_name
    forecast = snapshot.btyd if is_fitted else forecaster.forecast(snapshot.period, model)
    return Candidate(model.name, model.family, forecast.estimator, forecast.X)


def _fit_on_panel(
    forecaster: Forecaster,
    period: Period,
    name: str,
    family: str,
    estimator: PurchaseHazard | ShareBought,
    features: FeatureSet,
) -> Candidate:
    """Fit on the waits after earlier cutoffs, each observed for the length of its period."""
    panel = forecaster.training_panel(period, features)
    waits = [forecaster.time_to_next_purchase(earlier) for earlier in panel.periods]
    observed = np.repeat([float(earlier.days) for earlier in panel.periods], [len(each) for each in waits])
    estimator.fit(panel.X, pd.concat(waits), observed)
    return Candidate(name, family, estimator, forecaster.features(period.cutoff, features))


class ShareBought(BaseEstimator):
    """Give each customer the share of earlier customers, equally long since their last purchase, who bought by then.

    Parameters
    ----------
    bands : int
        How many bands of equal size customers are put into by days since the last purchase day; 1 makes all alike.

    Attributes
    ----------
    edges_ : array
        Days since the last purchase day up to which each band but the last reaches.
    shares_ : array, shape (bands, 1 + longest wait observed)
        Share who had bought by the end of day 0, 1, ...
    """

    def __init__(self, bands: int = 1) -> None:
        self.bands = bands

    def fit(self, X: pd.DataFrame, days_to_purchase: ArrayLike, observed_days: ArrayLike) -> Self:
        """Learn from the waits of a training panel of n rows.

        Parameters
        ----------
        X : pandas.DataFrame with ``recency`` and ``T``, in days
        days_to_purchase : array-like of shape (n,)
            Days to the next purchase, from 1; nan where there was none.
        observed_days : array-like of shape (n,)
            Days that each row was observed.
        """
        waits, observed = np.asarray(days_to_purchase, dtype=float), np.asarray(observed_days, dtype=float)
        if not len(X) or not len(X) == len(waits) == len(observed):
            raise ClvError(
                f"the training panel has {len(X)} rows of features and {len(waits)} waits; expected one each"
            )
        since = (X["T"] - X["recency"]).to_numpy()
        edges = np.unique(np.quantile(since, np.arange(1, self.bands) / self.bands, method="lower"))
        self.edges_ = edges[edges < since.max()]
        band, longest = self._band(X), int(observed.max())
        self.shares_ = np.array([_bought_by(waits[band == b], observed[band == b], longest) for b in np.unique(band)])
        return self

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> Floats:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days))."""
        check_is_fitted(self, "shares_")
        by_day = np.arange(self.shares_.shape[1])
        return np.array([np.interp(days, by_day, shares) for shares in self.shares_])[self._band(X)]

    def _band(self, X: pd.DataFrame) -> np.ndarray:
        return np.searchsorted(self.edges_, (X["T"] - X["recency"]).to_numpy(), side="left")


class OwnRhythm(BaseEstimator):
    """Let each customer go on as before: purchases come at random, as often as they have come so far.

    The mean gap is recency / frequency; of customers without a repeat purchase it is T, at least.
    """

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> Floats:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days))."""
        frequency, recency, T = (X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
        gap = np.where(frequency > 0, recency / np.maximum(frequency, 1), np.maximum(T, 1.0))
        return -np.expm1(-np.asarray(days, dtype=float) / gap[:, None])


def _bought_by(waits: Floats, observed: Floats, longest: int) -> Floats:
    """Estimate the share who bought by the end of each day from 0 (Kaplan and Meier 1958), shape (1 + longest,)."""
    purchases = np.bincount(waits[~np.isnan(waits)].astype(int), minlength=longest + 1)
    exits = np.bincount(np.where(np.isnan(waits), observed, waits).astype(int), minlength=longest + 1)
    at_risk = np.cumsum(exits[::-1])[::-1]
    return np.asarray(1.0 - np.cumprod(1.0 - purchases / np.maximum(at_risk, 1)))
