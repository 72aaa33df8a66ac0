"""When customers buy next: which candidate predicts it best, and how many are expected to buy soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv_experiments.data.window import Period
from clv_experiments.decisions.next_purchase.backtest import run_backtest
from clv_experiments.decisions.next_purchase.board import NextPurchaseBoard, Progress, compare_candidates
from clv_experiments.decisions.next_purchase.candidates import fit_candidates
from clv_experiments.decisions.next_purchase.timing import build_mbg_cnbd_k_candidate
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model


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
