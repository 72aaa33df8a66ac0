"""Estimates of models as features: those of that model, in parts as in one piece, and nothing where there are none."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm, total_spend
from clv_experiments.forecasting.customer_features import compute_customer_features_in_chunks, customer_features
from clv_experiments.models.mbg_nbd import MbgNbd

CUTOFF, HORIZON = date(1997, 9, 30), Horizon.parse("3 months")
WITH_ESTIMATES = FeatureSet("with", [rfm], {"mbg": MbgNbd()})


@pytest.fixture(scope="module")
def features(cdnow_sample):
    return customer_features(cdnow_sample, CUTOFF, HORIZON, WITH_ESTIMATES)


def test_estimates_are_those_of_the_model_fitted_on_these_customers(features):
    history = features[["frequency", "recency", "T", "monetary_value"]]
    model = MbgNbd(horizon_days=92).fit(history)
    assert np.array_equal(features["mbg_spend"], model.predict(history))
    assert np.array_equal(features["mbg_purchases"], model.expected_purchases(history))
    assert np.array_equal(features["mbg_p_purchase"], model.probability_purchase(history))
    assert len(features.columns) == 7


def test_parts_are_fitted_on_all_customers(cdnow_sample, features):
    parts = list(compute_customer_features_in_chunks(cdnow_sample, CUTOFF, HORIZON, WITH_ESTIMATES, 1000))
    assert [len(part) for part in parts] == [1000, 1000, 357]
    pd.testing.assert_frame_equal(pd.concat(parts).sort_index(), features, rtol=1e-12)


def test_without_estimators_nothing_is_added(cdnow_sample):
    plain = FeatureSet("plain", [rfm])
    assert plain.cache_key != WITH_ESTIMATES.cache_key
    assert list(customer_features(cdnow_sample, CUTOFF, HORIZON, plain).columns) == [
        "frequency", "recency", "T", "monetary_value",
    ]  # fmt: skip


def test_estimators_need_the_history_that_they_are_fitted_on(cdnow_sample):
    with pytest.raises(ClvError, match="frequency"):
        customer_features(cdnow_sample, CUTOFF, HORIZON, FeatureSet("x", [total_spend], {"mbg": MbgNbd()}))
