"""What is known of each customer at a cutoff: aggregates of the log, and estimates of models fitted on them alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
from sklearn.base import clone

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customer_sample import CustomerSample
from clv_experiments.data.window import Horizon
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import first_spend, rfm

RFM = FeatureSet("rfm", [rfm])
RFM_FIRST_SPEND = FeatureSet("rfm_first_spend", [rfm, first_spend])  # all that an estimator among the features reads
# The estimates of a model: suffix of the column, method of the estimator. P(alive) is none of them: where a log is too
# short to show that anyone leaves, it is 1 for everybody, and a model that learnt so is lost a period later.
ESTIMATES = {"spend": "predict", "purchases": "expected_purchases", "p_purchase": "probability_purchase"}


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


def _fit_estimators(X: pd.DataFrame, cutoff: date, horizon: Horizon, features: FeatureSet) -> dict[str, Any]:
    days = float(horizon.period_after(cutoff).days)
    return {
        name: clone(estimator).set_params(horizon_days=days).fit(X) for name, estimator in features.estimators.items()
    }


def _add_estimates(X: pd.DataFrame, fitted: dict[str, Any]) -> pd.DataFrame:
    estimates = {
        f"{name}_{suffix}": getattr(estimator, method)(X)
        for name, estimator in fitted.items()
        for suffix, method in ESTIMATES.items()
    }
    return X.assign(**estimates)
