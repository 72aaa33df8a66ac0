"""Models at another level than their own: the total, the labels that lead there, and what a run says of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from clv_experiments.commands.train import run_experiment
from clv_experiments.config.settings import check_settings
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import TotalForecast
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.run_records import total_interval_records
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.spend_regressor import SpendRegressor

RFM = FeatureSet("rfm", (rfm,))
LINEAR = Model("linear", "ml", True, RFM, SpendRegressor(LinearRegression()))
MBG = Model("mbg_nbd", "btyd", False, RFM, MbgNbd())


@pytest.fixture(scope="module")
def forecaster(cdnow_sample):
    return Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months")))


@pytest.fixture(scope="module")
def target(forecaster):
    return forecaster.window.period(0)


@pytest.mark.parametrize("level", ["btyd", "forecast"])
@pytest.mark.parametrize("model", [LINEAR, MBG], ids=lambda model: model.name)
def test_all_customers_add_up_to_the_level(model, level, forecaster, target):
    forecast = forecaster.forecast(target, replace(model, level=level))
    assert forecast.level == forecaster.forecast_level(target, level)
    assert forecast.table["y_pred"].sum() == pytest.approx(forecast.level.total)
    one = forecast.X.iloc[[7]]
    assert forecast.estimator.predict(one)[0] == pytest.approx(forecast.table["y_pred"].iloc[7])


def test_at_btyds_level_btyd_is_itself(forecaster, target):
    own, scaled = (forecaster.forecast(target, replace(MBG, level=level)) for level in ("own", "btyd"))
    assert own.level is None
    pd.testing.assert_frame_equal(own.table, scaled.table)
    pd.testing.assert_frame_equal(own.estimator.parameters_, scaled.estimator.parameters_)


def test_labels_of_each_origin_are_brought_to_what_btyd_expected_there(forecaster, target):
    own, scaled = (forecaster.forecast(target, replace(LINEAR, level=level)).training for level in ("own", "forecast"))
    assert scaled.y.index.equals(own.y.index)
    highest, position = scaled.y.max(), 0
    for period in scaled.periods:
        outcome = forecaster.outcome(period)["spend"]
        factor = forecaster.forecast_btyd_and_cohort_levels(period).btyd.total / outcome.sum()
        labels = scaled.y.iloc[position : position + len(outcome)]
        np.testing.assert_allclose(labels, np.minimum(factor * outcome, highest))
        position += len(outcome)
    assert (scaled.y == highest).mean() == pytest.approx(0.001, abs=0.001)
    assert own.y.max() > highest


def test_where_customers_are_split_a_model_stays_at_its_own_level(forecaster, target):
    held_out = np.arange(len(forecaster.outcome(target))) % 3 == 0
    own, scaled = (
        forecaster.predict_held_out_customers(target, replace(LINEAR, level=level), held_out)
        for level in ("own", "forecast")
    )
    pd.testing.assert_frame_equal(own.table, scaled.table)


def test_the_future_is_brought_to_its_level_too(forecaster):
    forecast = forecaster.forecast_future(replace(LINEAR, level="forecast"))
    assert forecast.level == forecaster.forecast_level(forecaster.window.future_period)
    assert forecast.table["y_pred"].sum() == pytest.approx(forecast.level.total)


def test_a_run_records_where_the_total_was_expected_and_why_it_is_btyds(compose, monkeypatch):
    monkeypatch.setattr("clv_experiments.commands.train.build_all_baselines", lambda cfg: [])
    monkeypatch.setattr("clv_experiments.commands.train.forecast_records", lambda *_: [])
    result = run_experiment(compose("data=cdnow_sample", "model=linear", "model.level=forecast"))
    metrics = {record.name: record.value for record in result.records if hasattr(record, "value")}
    level = result.latest_forecast.level
    assert metrics["holdout_predicted_total"] == pytest.approx(level.total)
    assert (metrics["holdout_total_lower_80"], metrics["holdout_total_upper_80"]) == level.interval(0.8)
    assert metrics["holdout_total_lower_95"] < metrics["holdout_total_lower_80"] < level.total
    assert metrics["holdout_total_log_error"] == level.standard_error
    assert metrics["level_source"] == "btyd"
    assert "most customers first bought within 3 months" in result.warnings[0]
    own = run_experiment(compose("data=cdnow_sample", "model=linear"))
    assert not any("holdout_total" in getattr(record, "name", "") for record in own.records)


def test_an_unknown_level_is_refused_in_a_sentence(compose):
    with pytest.raises(ClvError, match=r"model\.level must be one of own, btyd, forecast, got 'mine'"):
        check_settings(compose("model.level=mine"))


def test_records_of_a_total_name_its_period_and_are_none_without_a_level():
    level = TotalForecast(100.0, 5.0, 0.1, "forecast")
    metrics = {record.name: record.value for record in total_interval_records("expected", level)}
    low, high = level.interval(0.95)
    assert (metrics["expected_total_lower_95"], metrics["expected_total_upper_95"]) == (low, high)
    assert set(metrics) == {
        "expected_total_log_error",
        *(f"expected_total_{end}_{percent}" for end in ("lower", "upper") for percent in (80, 95)),
    }
    assert list(total_interval_records("expected", None)) == []
