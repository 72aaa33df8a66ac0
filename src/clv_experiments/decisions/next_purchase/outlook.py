"""When customers buy next: which candidate predicts it best, and how many are expected to buy soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.decisions.next_purchase.backtest import Candidate, run_backtest
from clv_experiments.decisions.next_purchase.board import NextPurchaseBoard, Progress, compare_candidates
from clv_experiments.decisions.next_purchase.timing import build_mbg_cnbd_k_candidate
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.purchase_baselines import OwnRateBaseline, RecencyBandBaseline
from clv_experiments.models.purchase_hazard import PurchaseHazard

BANDS = 10
DAYS_AN_INTERVAL = 14


@dataclass(frozen=True, eq=False)
class NextPurchaseOutlook:
    """What is expected of the coming period, and how the same went in the one before."""

    board: NextPurchaseBoard  # of the period that is over
    model_name: str  # the model behind a report's other dates, so that these agree, whichever candidate predicts best
    period: Period
    previous_period: Period
    customers: int
    expected_buyers: list[float]  # customers expected to buy within each checkpoint of the coming period


def next_purchase_outlook(
    now: Snapshot,
    previous: Snapshot,
    forecaster: Forecaster,
    models: Sequence[Model],
    hazard_features: FeatureSet,
    shop: Shop,
    seed: int,
    replicates: int,
    progress: Progress | None = None,
) -> NextPurchaseOutlook:
    """Compare all candidates on the period that is over, and predict the coming one by the timing model in use.

    Where purchases keep a rhythm, the model that knows it is among them.

    Parameters
    ----------
    now, previous : Snapshot
        The coming period, and the one before it, which is over.
    models : sequence of Model
        BTYD models, that of ``now`` among them.
    hazard_features : FeatureSet
        What the hazard learns from.
    seed, replicates : int
        Of the bootstrap, the seed also of the hazard.
    progress : callable, optional
        Is told (done, replicates).

    Raises
    ------
    ClvError
        If ``previous`` is not over.
    """
    if not previous.is_over:
        raise ClvError(f"next purchases are compared on a period that is over, got the coming one, {previous.period}")
    candidates = fit_candidates(forecaster, previous, models, hazard_features, seed)
    if now.timing and now.timing.regularity.is_high:
        candidates.append(build_mbg_cnbd_k_candidate(forecaster, previous.period))
    backtest = run_backtest(candidates, previous.table["days_to_purchase"], previous.period.days, shop.interval)
    probabilities = now.timing_model.purchase_probabilities(now.table, np.array(backtest.checkpoints))
    return NextPurchaseOutlook(
        compare_candidates(backtest, replicates, seed, progress),
        now.timing_name,
        now.period,
        previous.period,
        len(now.table),
        [float(column.sum()) for column in probabilities.T],
    )


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
