"""Who competes at telling when customers buy next, each fitted on what was known at the cutoff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from clv_experiments.data.window import Period
from clv_experiments.decisions.next_purchase.baselines import OwnRhythm, ShareBought
from clv_experiments.decisions.next_purchase.dates import TellsWhen
from clv_experiments.decisions.snapshot import HISTORY, Snapshot
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecaster import Forecaster, Model
from clv_experiments.models.purchase_hazard import PurchaseHazard

BANDS = 10
DAYS_AN_INTERVAL = 14


@dataclass(frozen=True, eq=False)
class Contender:
    """A fitted estimator of next purchases, with the customers of a cutoff as it sees them.

    Attributes
    ----------
    name, family : str
    estimator : TellsWhen
    X : pandas.DataFrame
        Features, indexed by customer_id (sorted).
    reaches_on : bool
        Whether it tells of days beyond the period, too.
    """

    name: str
    family: str
    estimator: TellsWhen
    X: pd.DataFrame
    reaches_on: bool


def contenders(
    forecaster: Forecaster,
    known: Snapshot,
    btyd: Sequence[Model],
    hazard_features: FeatureSet,
    seed: int,
    only: str | None = None,
) -> list[Contender]:
    """Fit all that can tell of next purchases after a snapshot's cutoff; no label ends after it.

    Those that learn from labels, the hazard and the shares who bought, are left out where the log holds no training
    period.

    Parameters
    ----------
    forecaster : Forecaster
    known : Snapshot
        Its BTYD forecast is not made again.
    btyd : sequence of Model
        Those whose estimator has no ``purchase_probabilities`` are passed over.
    hazard_features : FeatureSet
        What the hazard is told of each customer.
    seed : int
        Of the hazard's classifier.
    only : str, optional
        Name of the one to fit; by default all.
    """
    able = [model for model in btyd if hasattr(model.estimator, "purchase_probabilities")]
    makers: dict[str, Callable[[], Contender]] = {
        model.name: partial(_model, forecaster, known, model) for model in able
    }
    if forecaster.window.has_training(known.period):
        makers["purchase hazard"] = partial(_hazard, forecaster, known.period, hazard_features, seed)
        makers["equally recent"] = partial(_share, forecaster, known.period, "equally recent", BANDS)
        makers["everyone alike"] = partial(_share, forecaster, known.period, "everyone alike", 1)
    makers["own rhythm"] = partial(_own_rhythm, forecaster, known.period)
    return [make() for name, make in makers.items() if only in (None, name)]


def _model(forecaster: Forecaster, known: Snapshot, model: Model) -> Contender:
    fitted = known.btyd if model.name == known.btyd_name else forecaster.forecast(known.period, model)
    return Contender(model.name, model.family, fitted.estimator, fitted.X, reaches_on=True)


def _hazard(forecaster: Forecaster, period: Period, features: FeatureSet, seed: int) -> Contender:
    panel = forecaster.training_panel(period, features)
    hazard = PurchaseHazard(period.days, max(round(period.days / DAYS_AN_INTERVAL), 1), random_state=seed)
    hazard.fit(panel.X, *waits(forecaster, panel.periods))
    return Contender("purchase hazard", "ml", hazard, forecaster.features(period.cutoff, features), reaches_on=False)


def _share(forecaster: Forecaster, period: Period, name: str, bands: int) -> Contender:
    panel = forecaster.training_panel(period, HISTORY)
    share = ShareBought(bands).fit(panel.X, *waits(forecaster, panel.periods))
    return Contender(name, "baseline", share, forecaster.features(period.cutoff, HISTORY), reaches_on=False)


def _own_rhythm(forecaster: Forecaster, period: Period) -> Contender:
    history = forecaster.features(period.cutoff, HISTORY)
    return Contender("own rhythm", "baseline", OwnRhythm(), history, reaches_on=True)


def waits(forecaster: Forecaster, periods: Sequence[Period]) -> tuple[pd.Series, np.ndarray]:
    """Stack the waits after each cutoff as a training panel stacks its rows.

    Returns
    -------
    waited : pandas.Series
        Days to the next purchase, nan where there was none in the period.
    observed : array
        Days of the period.
    """
    waited = [forecaster.time_to_next_purchase(period) for period in periods]
    observed = np.repeat([float(period.days) for period in periods], [len(one) for one in waited])
    return pd.concat(waited), observed
