"""Who competes at predicting when customers buy next, each fitted on what was known at the cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.data.window import Period
from clv_experiments.decisions.next_purchase.dates import WaitingTimeEstimator
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.purchase_baselines import OwnRateBaseline, RecencyBandBaseline
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

    @classmethod
    def from_forecast(cls, model: Model, forecast: Forecast) -> Candidate:
        """Take the estimator that a model's forecast was made with."""
        return cls(model.name, model.family, forecast.estimator, forecast.X)


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
        Candidate.from_forecast(
            model, snapshot.btyd if model.name == snapshot.btyd_name else forecaster.forecast(period, model)
        )
        for model in models
        if hasattr(model.estimator, "purchase_probabilities")
    ]
    if forecaster.window.has_training_periods(period):
        hazard = PurchaseHazard(period.days, max(round(period.days / DAYS_AN_INTERVAL), 1), random_state=seed)
        candidates += [
            _fit_on_panel(forecaster, period, "purchase hazard", "ml", hazard, hazard_features),
            _fit_on_panel(forecaster, period, "equally recent", "baseline", RecencyBandBaseline(BANDS), RFM),
            _fit_on_panel(forecaster, period, "everyone alike", "baseline", RecencyBandBaseline(1), RFM),
        ]
    X = forecaster.features(period.cutoff, RFM)
    return [*candidates, Candidate("own rhythm", "baseline", OwnRateBaseline(), X)]


def _fit_on_panel(
    forecaster: Forecaster,
    period: Period,
    name: str,
    family: str,
    estimator: PurchaseHazard | RecencyBandBaseline,
    features: FeatureSet,
) -> Candidate:
    """Fit on the waits after earlier cutoffs, each observed for the length of its period."""
    panel = forecaster.training_panel(period, features)
    waits = [forecaster.observed_days_to_purchase(earlier) for earlier in panel.periods]
    observed = np.repeat([float(earlier.days) for earlier in panel.periods], [len(each) for each in waits])
    estimator.fit(panel.X, pd.concat(waits), observed)
    return Candidate(name, family, estimator, forecaster.features(period.cutoff, features))
