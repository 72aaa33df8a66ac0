"""BTYD models fitted on customers that the engine counts: none of them is fetched."""

from __future__ import annotations

from datetime import date

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.window import Horizon
from clv_experiments.features.counts import count_customers_by_history_and_spend
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.forecasting.model import Model
from clv_experiments.models.btyd_likelihood import PurchaseHistories
from clv_experiments.models.mean_spends import CELLS, STEPS, MeanSpends


def can_fit_on_counts(model: Model) -> bool:
    """Return whether a model learns from nothing but how many customers share a history and a mean repeat spend."""
    if getattr(model.estimator, "include_first_spend", False):
        return False
    return hasattr(model.estimator, "fit_grouped") and model.features.cache_key == RFM.cache_key


def count_customers_by_history(
    log: TransactionLog, cutoff: date, horizon: Horizon
) -> tuple[PurchaseHistories, MeanSpends | None]:
    """Count the customers known at a cutoff as BTYD models do, row for row, with customers who were fetched.

    Mean spends are None where the log has no amounts. Purchases after the cutoff are never read.
    """
    histories, spends = count_customers_by_history_and_spend(log, cutoff, horizon, CELLS, STEPS)
    of_spends = None if spends is None else MeanSpends.from_cells(*spends.to_numpy().T)
    return PurchaseHistories.from_days(*histories.to_numpy().T), of_spends
