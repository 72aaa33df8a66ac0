"""Intervals of a run: calibrated on the period before, at the forecast level, beside a model's own distribution."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.evaluation.conformal_intervals import calibrate_intervals
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting import spend_intervals
from clv_experiments.forecasting.evaluation_result import EvaluationTask, forecast_and_score
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import BtydAndCohortForecasts, TotalForecast
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.out_of_time import evaluate_out_of_time
from clv_experiments.forecasting.spend_intervals import add_intervals_and_scores
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.spend_regressor import SpendRegressor

RFM = FeatureSet("rfm", (rfm,))
LINEAR = Model("linear", "ml", True, RFM, SpendRegressor(LinearRegression()))
MBG = Model("mbg_nbd", "btyd", False, RFM, MbgNbd())
ENDS = ["low_80", "high_80", "low_95", "high_95"]


@pytest.fixture(scope="module")
def forecaster(cdnow_sample):
    window = Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months"), origins=2)
    return Forecaster(cdnow_sample, window)


@pytest.fixture(scope="module")
def evaluated(forecaster):
    """The latest holdout and the period before, of a model with and of one without a distribution."""
    periods = [forecaster.window.period(k) for k in (0, 1)]
    return {
        model.name: [forecast_and_score(forecaster, period, model) for period in periods] for model in (LINEAR, MBG)
    }


@pytest.mark.parametrize("name", ["linear", "mbg_nbd"])
def test_every_customer_has_two_nested_intervals(name, forecaster, evaluated):
    made = add_intervals_and_scores(forecaster, *evaluated[name])
    low_80, high_80, low_95, high_95 = made.forecast.table[ENDS].to_numpy().T
    assert ((low_95 >= 0) & (low_95 <= low_80) & (low_80 <= high_80)).all()
    assert (high_80 <= high_95).mean() > 0.95  # groups of few customers may differ
    y = made.forecast.table["y_true"]
    assert made.interval_scores["coverage_95"] == ((low_95 <= y) & (y <= high_95)).mean() > 0.9
    once = made.forecast.table["frequency"] == 0
    assert made.interval_scores["coverage_80_one_time"] == ((low_80 <= y) & (y <= high_80))[once].mean()
    assert made.scores == evaluated[name][0].scores


def test_errors_are_those_of_the_period_before_at_the_forecast_level(forecaster, evaluated):
    holdout, before = evaluated["linear"]
    at_level = [
        made.forecast.table["y_pred"] * (total / made.forecast.table["y_pred"].sum())
        for made in (holdout, before)
        for total in [forecaster.forecast_btyd_and_cohort_levels(made.forecast.period).combine().total]
    ]
    expected = calibrate_intervals(before.forecast.table["y_true"], at_level[1], 0.95).interval_around(at_level[0])
    made = add_intervals_and_scores(forecaster, holdout, before).forecast.table
    np.testing.assert_allclose(made[["low_95", "high_95"]].to_numpy().T, expected)


def test_a_total_that_is_off_leaves_intervals_where_they_are(forecaster, evaluated):
    def inflated(made, factor):
        table = made.forecast.table.assign(y_pred=factor * made.forecast.table["y_pred"])
        return replace(made, forecast=replace(made.forecast, table=table))

    holdout, before = evaluated["linear"]
    made = add_intervals_and_scores(forecaster, inflated(holdout, 3.0), inflated(before, 0.5)).forecast.table
    as_it_is = add_intervals_and_scores(forecaster, holdout, before).forecast.table
    np.testing.assert_allclose(made[ENDS], as_it_is[ENDS], rtol=1e-9)


def test_a_model_at_a_level_or_of_btyd_where_no_season_is_known_stays_at_its_total(forecaster, evaluated, monkeypatch):
    holdout, before = evaluated["mbg_nbd"]
    expected = calibrate_intervals(before.forecast.table["y_true"], before.forecast.table["y_pred"], 0.8)
    levelled = forecast_and_score(forecaster, holdout.forecast.period, replace(LINEAR, level="btyd"))
    monkeypatch.setattr(forecaster, "forecast_btyd_and_cohort_levels", None)
    made = add_intervals_and_scores(forecaster, holdout, before).forecast.table
    np.testing.assert_array_equal(
        made[["low_80", "high_80"]].to_numpy().T, expected.interval_around(holdout.forecast.table["y_pred"])
    )
    assert "low_80" in add_intervals_and_scores(forecaster, levelled, levelled).forecast.table


def test_btyd_is_brought_to_the_level_where_the_season_is_known(forecaster, evaluated, monkeypatch):
    holdout, before = evaluated["mbg_nbd"]
    as_it_is = add_intervals_and_scores(forecaster, holdout, before).forecast.table["high_95"]
    monkeypatch.setattr(
        spend_intervals, "can_forecast_by_cohorts", lambda log, period: period == holdout.forecast.period
    )
    double = TotalForecast(2 * holdout.forecast.table["y_pred"].sum(), 1.0, 0.1, "forecast")
    monkeypatch.setattr(
        forecaster, "forecast_btyd_and_cohort_levels", lambda period: BtydAndCohortForecasts(double, None)
    )
    assert (
        add_intervals_and_scores(forecaster, holdout, before).forecast.table["high_95"].mean() > 1.5 * as_it_is.mean()
    )


def test_crps_is_of_the_models_own_distribution_where_it_has_one(forecaster, evaluated):
    own, conformal = (
        add_intervals_and_scores(forecaster, *evaluated[name]).interval_scores for name in ("mbg_nbd", "linear")
    )
    assert {"own_coverage_80", "own_coverage_95_top_decile", "own_interval_width_95"} <= set(own)
    assert not [name for name in conformal if name.startswith("own")]
    alone = add_intervals_and_scores(forecaster, evaluated["mbg_nbd"][0], None)
    assert alone.interval_scores["crps"] == own["crps"] != conformal["crps"]
    assert not set(ENDS) & set(alone.forecast.table)
    zeros = evaluated["linear"][0].forecast.table["y_true"].mean()  # CRPS of no spend for certain
    assert 0 < own["crps"] < zeros
    assert 0 < conformal["crps"] < zeros


def test_without_an_earlier_period_or_enough_customers_there_is_no_interval(forecaster, evaluated):
    holdout, before = evaluated["linear"]
    few = replace(before, forecast=replace(before.forecast, table=before.forecast.table.head(30)))
    for earlier in (None, few):
        made = add_intervals_and_scores(forecaster, holdout, earlier)
        assert made.interval_scores == {}
        assert set(made.forecast.table) == {*holdout.forecast.table, "frequency"}


def test_of_losses_there_is_none(forecaster, evaluated):
    losing = SimpleNamespace(log=SimpleNamespace(has_losses=True))
    assert add_intervals_and_scores(losing, *evaluated["linear"]) is evaluated["linear"][0]


def test_a_later_origin_validates_on_the_intervals_of_the_earlier(forecaster):
    origins = forecaster.window.backtest_origins(supervised=True, source="cdnow_sample")
    result = evaluate_out_of_time(EvaluationTask(forecaster, LINEAR, [], origins, "d2_tweedie"), lambda *_: None)
    earlier, later = result.origins
    assert later.validation is earlier.holdout
    assert earlier.validation.interval_scores == {}  # what came before it is not forecast
    names = {record.name for record in result.records}
    assert {"holdout_coverage_80", "holdout_crps_mean", "validation_coverage_95_one_time"} <= names
    assert set(ENDS) <= set(result.holdout_predictions)
    assert result.holdout_predictions.groupby("cutoff")[ENDS].count().to_numpy().min() == 2357
    pd.testing.assert_index_equal(earlier.holdout.forecast.table.index, earlier.validation.forecast.table.index)
