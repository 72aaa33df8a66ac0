"""Who competes at predicting when customers buy next, each fitted on what was known at the cutoff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from clv_experiments.data.window import Period
from clv_experiments.decisions.next_purchase.baselines import OwnRhythm, ShareBought
from clv_experiments.decisions.next_purchase.dates import WaitingTimeEstimator
from clv_experiments.decisions.snapshot import HISTORY, Snapshot
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecaster import Forecaster, Model
from clv_experiments.models.purchase_hazard import PurchaseHazard

BANDS = 10
DAYS_AN_INTERVAL = 14


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted estimator of next purchases, and the features of the customers at a cutoff.

    Attributes
    ----------
    name, family : str
    estimator : WaitingTimeEstimator
    X : pandas.DataFrame
        Features, indexed by customer_id (sorted).
    sees_beyond_period : bool
        Whether it predicts purchases after the end of the period, too.
    """

    name: str
    family: str
    estimator: WaitingTimeEstimator
    X: pd.DataFrame
    sees_beyond_period: bool

    def purchase_probability(self, days: int) -> np.ndarray:
        """Return P(a purchase comes within so many days), a row of ``X`` each."""
        return self.estimator.purchase_probabilities(self.X, np.array([days]))[:, 0]


def fit_candidates(
    forecaster: Forecaster,
    snapshot: Snapshot,
    models: Sequence[Model],
    hazard_features: FeatureSet,
    seed: int,
    only: str | None = None,
) -> list[Candidate]:
    """Fit all candidates at a snapshot's cutoff; no label ends after it.

    Those that learn from labels, the hazard and the shares who bought, are left out where the log holds no training
    period.

    Parameters
    ----------
    forecaster : Forecaster
    snapshot : Snapshot
        Its BTYD forecast is not made again.
    models : sequence of Model
        Those whose estimator has no ``purchase_probabilities`` are passed over.
    hazard_features : FeatureSet
        What the hazard learns from.
    seed : int
        Of the hazard's classifier.
    only : str, optional
        Name of the one to fit; by default all.
    """
    period = snapshot.period
    fits: dict[str, Callable[[], Candidate]] = {
        model.name: partial(_fit_btyd, forecaster, snapshot, model)
        for model in models
        if hasattr(model.estimator, "purchase_probabilities")
    }
    if forecaster.window.has_training(period):
        hazard = PurchaseHazard(period.days, max(round(period.days / DAYS_AN_INTERVAL), 1), random_state=seed)
        learn = partial(_fit_on_panel, forecaster, period)
        fits["purchase hazard"] = partial(learn, "purchase hazard", "ml", hazard, hazard_features)
        fits["equally recent"] = partial(learn, "equally recent", "baseline", ShareBought(BANDS), HISTORY)
        fits["everyone alike"] = partial(learn, "everyone alike", "baseline", ShareBought(1), HISTORY)
    fits["own rhythm"] = partial(_own_rhythm, forecaster, period)
    return [fit() for name, fit in fits.items() if only in (None, name)]


def _fit_btyd(forecaster: Forecaster, snapshot: Snapshot, model: Model) -> Candidate:
    fresh = model.name != snapshot.btyd_name
    forecast = forecaster.forecast(snapshot.period, model) if fresh else snapshot.btyd
    return Candidate(model.name, model.family, forecast.estimator, forecast.X, sees_beyond_period=True)


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
    return Candidate(name, family, estimator, forecaster.features(period.cutoff, features), sees_beyond_period=False)


def _own_rhythm(forecaster: Forecaster, period: Period) -> Candidate:
    X = forecaster.features(period.cutoff, HISTORY)
    return Candidate("own rhythm", "baseline", OwnRhythm(), X, sees_beyond_period=True)
