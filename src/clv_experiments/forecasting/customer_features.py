"""What is known of customers at a cutoff: aggregates, estimates of models fitted on them alone, counts of the alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
from sklearn.base import clone

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customer_sample import CustomerSample
from clv_experiments.features.counts import count_customers_by_history_and_spend
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import first_spend, rfm
from clv_experiments.forecasting.model import Model
from clv_experiments.models.btyd_likelihood import PurchaseHistories
from clv_experiments.models.mean_spends import CELLS_PER_E_FOLD, STEPS_PER_CELL, BinnedMeanSpends

RFM = FeatureSet("rfm", [rfm])
RFM_FIRST_SPEND = FeatureSet("rfm_first_spend", [rfm, first_spend])  # all that an estimator among the features reads
# The estimates of a model: suffix of the column, method of the estimator. P(alive) is none of them: where a log is too
# short to show that anyone leaves, it is 1 for everybody, and a model that learnt so is lost a period later.
ESTIMATE_METHODS_BY_SUFFIX = {
    "spend": "predict",
    "purchases": "expected_purchases",
    "p_purchase": "probability_purchase",
}


def customer_features(
    log: TransactionLog,
    cutoff: date,
    horizon: Horizon,
    features: FeatureSet,
    sample: CustomerSample | None = None,
) -> pd.DataFrame:
    """Compute the features of the customers known at the cutoff, of all or of a sample.

    Estimators are fitted on the calibration period of all.

    Returns
    -------
    pandas.DataFrame
        As of ``FeatureSet.compute``, and for each estimator ``<name>_spend`` (currency), ``<name>_purchases`` and
        ``<name>_p_purchase``: what it expects of the horizon.

    Raises
    ------
    ClvError
        If the feature set has estimators, but lacks frequency, recency or T, on which they are fitted.
    """
    X = features.compute(sample.log if sample else log, cutoff, horizon)
    everyone = RFM_FIRST_SPEND.compute(log, cutoff, horizon) if sample and features.estimators else X
    return _add_estimates(X, _fit_estimators(everyone, cutoff, horizon, features))


def compute_customer_features_in_chunks(
    log: TransactionLog, cutoff: date, horizon: Horizon, features: FeatureSet, customers: int
) -> Iterator[pd.DataFrame]:
    """Compute the same as ``customer_features`` in chunks of at most ``customers`` rows."""
    X = RFM_FIRST_SPEND.compute(log, cutoff, horizon) if features.estimators else pd.DataFrame()
    fitted = _fit_estimators(X, cutoff, horizon, features)
    for part in features.compute_in_chunks(log, cutoff, horizon, customers):
        yield _add_estimates(part, fitted)


def can_fit_on_counts(model: Model) -> bool:
    """Return whether a model learns from nothing but how many customers share a history and a mean repeat spend."""
    if getattr(model.estimator, "include_first_spend", False):
        return False
    return hasattr(model.estimator, "fit_grouped") and model.features.cache_key == RFM.cache_key


def count_customers_by_history(
    log: TransactionLog, cutoff: date, horizon: Horizon
) -> tuple[PurchaseHistories, BinnedMeanSpends | None]:
    """Count the customers known at a cutoff as BTYD models do, row for row, with customers who were fetched.

    Mean spends are None where the log has no amounts. Purchases after the cutoff are never read.
    """
    histories, spends = count_customers_by_history_and_spend(log, cutoff, horizon, CELLS_PER_E_FOLD, STEPS_PER_CELL)
    of_spends = None if spends is None else BinnedMeanSpends.from_log_bins(*spends.to_numpy().T)
    return PurchaseHistories.from_days(*histories.to_numpy().T), of_spends


def _fit_estimators(X: pd.DataFrame, cutoff: date, horizon: Horizon, features: FeatureSet) -> dict[str, Any]:
    days = float(horizon.period_after(cutoff).days)
    return {
        name: clone(estimator).set_params(horizon_days=days).fit(X) for name, estimator in features.estimators.items()
    }


def _add_estimates(X: pd.DataFrame, fitted: dict[str, Any]) -> pd.DataFrame:
    estimates = {
        f"{name}_{suffix}": getattr(estimator, method)(X)
        for name, estimator in fitted.items()
        for suffix, method in ESTIMATE_METHODS_BY_SUFFIX.items()
    }
    return X.assign(**estimates)
