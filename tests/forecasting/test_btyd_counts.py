"""BTYD models fitted on counts of the engine's: the same as on customers who were fetched."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clv_experiments.config.model_options import build_model
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import RFM, can_fit_on_counts, count_customers_by_history
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.models.btyd_likelihood import PurchaseHistories
from clv_experiments.models.gamma_gamma import count_customers_by_mean_spend
from clv_experiments.models.mbg_nbd import MbgNbd

HORIZON = Horizon.parse("3 months")


def forecaster(log):
    return Forecaster(log, Window(log.start, log.end, HORIZON))


def test_counts_are_those_of_the_customers(cdnow_sample):
    customers = RFM.compute(cdnow_sample, cdnow_sample.end, HORIZON)
    histories, spends = count_customers_by_history(cdnow_sample, cdnow_sample.end, HORIZON)
    for ours, theirs in (
        (histories, PurchaseHistories.from_customers(customers)),
        (spends, count_customers_by_mean_spend(customers)),
    ):
        for name, values in vars(theirs).items():
            np.testing.assert_allclose(getattr(ours, name), values, rtol=1e-12, err_msg=name)
    assert histories.customers == len(customers)


@pytest.mark.parametrize("name", ["bg_nbd", "mbg_nbd", "pareto_nbd"])
def test_a_fit_on_counts_is_that_on_customers_and_fetches_none(name, cdnow_sample, compose, monkeypatch):
    model = build_model(compose(f"model={name}").model)
    usual = forecaster(cdnow_sample).forecast_future(model)

    def at(*arguments):
        raise AssertionError("customers were fetched")

    monkeypatch.setattr(FeatureSet, "compute", at)
    fit = forecaster(cdnow_sample).fit_future(model)
    pd.testing.assert_frame_equal(fit.estimator.parameters_, usual.estimator.parameters_, rtol=1e-9)
    np.testing.assert_allclose(fit.estimator.predict(usual.X), usual.table["y_pred"], rtol=1e-9)
    assert fit.columns == tuple(usual.X.columns)
    assert fit.estimator.notes_ == usual.estimator.notes_
    assert fit.level is None


def test_what_needs_customers_is_fitted_as_usual(cdnow_sample, compose):
    model = build_model(compose("model=mbg_nbd").model)
    linear = build_model(compose("model=linear").model)
    assert can_fit_on_counts(model)
    assert not can_fit_on_counts(linear)
    assert not can_fit_on_counts(replace(model, features=linear.features))
    assert not can_fit_on_counts(replace(model, estimator=MbgNbd(include_first_spend=True)))
    assert not can_fit_on_counts(build_model(compose("model=mbg_nbd_first_spend").model))
    at_level = forecaster(cdnow_sample).fit_future(replace(model, level="btyd"))
    assert at_level.level.total == pytest.approx(forecaster(cdnow_sample).forecast_future(model).table["y_pred"].sum())


def test_a_log_without_amounts_has_no_spends(log_of, compose):
    rows = [(f"c{k}", f"2024-0{1 + m}-0{1 + k}", None) for k in range(9) for m in range(0, 8, 1 + k % 3)]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"]).drop(columns="amount")
    log = log_of(table, rules=())
    assert not log.has_amounts
    histories, spends = count_customers_by_history(log, log.end, HORIZON)
    assert (histories.customers, spends) == (9, None)
    fit = forecaster(log).fit_future(build_model(compose("model=mbg_nbd").model))
    assert fit.estimator.spend_ is None
    assert fit.columns == ("frequency", "recency", "T")


def test_what_cannot_be_fitted_is_refused_as_usual(log_of, compose):
    model = build_model(compose("model=mbg_nbd").model)
    losing = log_of([("a", "2024-01-01", 1), ("a", "2024-02-01", -9), ("b", "2024-03-01", 1), ("b", "2024-03-02", 1)])
    with pytest.raises(ClvError, match="cannot learn from losses"):
        forecaster(losing).fit_future(model)
    twice = log_of([("a", "2024-01-01", 1), ("a", "2024-01-02", 1), ("b", "2024-01-01", 1)])
    early = Forecaster(twice, Window(twice.start, twice.start, HORIZON))
    with pytest.raises(LogTooShort, match="T = 0"):
        early.fit_future(model)
