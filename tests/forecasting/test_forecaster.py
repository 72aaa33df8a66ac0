"""The protocol on CDNOW: what is fitted on what, what is shared between models, and which answers are refused."""

from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.queries.outcomes import holdout_spend_and_purchase_days
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.features.behaviour import behaviour
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.periods import periods
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.cell_fingerprint import fingerprint_cell
from clv_experiments.forecasting.forecaster import Forecaster, LastForecasterCache
from clv_experiments.forecasting.model import Model
from clv_experiments.models.spend_rate import SpendRate
from clv_experiments.models.spend_regressor import SpendRegressor

RFM = FeatureSet("rfm", (rfm,))
LINEAR = Model("linear", "ml", True, RFM, SpendRegressor(LinearRegression()))


class Answers(RegressorMixin, BaseEstimator):
    """Predict whatever a function of the features gives."""

    def __init__(self, answer):
        self.answer = answer

    def fit(self, X, y=None):
        self.fitted_on_ = (X, y)
        return self

    def predict(self, X):
        return self.answer(X)


class Knows(Answers):
    """Predict purchases and being alive besides."""

    def expected_purchases(self, X):
        return np.full(len(X), 2.0)

    def probability_alive(self, X):
        return np.full(len(X), 0.5)


def ones(X):
    return np.ones(len(X))


def answering(answer, supervised=False, estimator=Answers):
    return Model("answers", "baseline", supervised, RFM, estimator(answer))


def window(log, horizon="3 months", **choices):
    return Window(log.start, log.end, Horizon.parse(horizon), **choices)


@pytest.fixture(scope="module")
def forecaster(cdnow_sample):
    return Forecaster(cdnow_sample, window(cdnow_sample))


@pytest.fixture(scope="module")
def target(forecaster):
    return forecaster.window.period(0)


def test_table_holds_every_customer_of_the_cutoff_beside_what_happened(forecaster, target, cdnow_sample):
    forecast = forecaster.forecast(target, LINEAR)
    happened = holdout_spend_and_purchase_days(cdnow_sample, target)
    assert list(forecast.table.columns) == ["y_true", "purchase_days", "y_pred"]
    assert forecast.table.index.equals(happened.index)
    assert forecast.table.index.equals(forecast.X.index)
    assert len(forecast.table) == 2_357
    assert forecast.table["y_true"].tolist() == happened["spend"].tolist()
    assert forecast.table["purchase_days"].tolist() == happened["purchase_days"].tolist()
    assert forecast.table["y_pred"].tolist() == forecast.estimator.predict(forecast.X).tolist()
    assert forecast.period == target
    assert set(forecast.seconds) == {"features", "fit", "predict"}
    assert min(forecast.seconds.values()) >= 0


def test_what_a_model_knows_besides_spend_joins_the_table(forecaster, target):
    table = forecaster.forecast(target, answering(ones, estimator=Knows)).table
    assert list(table.columns) == ["y_true", "purchase_days", "y_pred", "expected_purchases", "p_alive"]
    assert (table["expected_purchases"] == 2.0).all()
    assert (table["p_alive"] == 0.5).all()


def test_models_that_learn_are_fitted_on_earlier_origins_only(forecaster, target, cdnow_sample):
    forecast = forecaster.forecast(target, answering(ones, supervised=True))
    X, y = forecast.estimator.fitted_on_
    panel = forecast.training
    assert len(panel.periods) == 4
    assert max(period.end for period in panel.periods) == target.cutoff
    parts = [
        (
            RFM.compute(cdnow_sample, p.cutoff, Horizon.parse("3 months")),
            holdout_spend_and_purchase_days(cdnow_sample, p),
        )
        for p in panel.periods
    ]
    pd.testing.assert_frame_equal(X, pd.concat([features for features, _ in parts]), check_exact=True)
    pd.testing.assert_series_equal(y, pd.concat([spend["spend"] for _, spend in parts]), check_exact=True)
    assert X.index.equals(y.index)
    # The spend to predict took place after the last label: it is in no row of the panel.
    assert y.sum() != pytest.approx(forecast.table["y_true"].sum(), rel=1e-6)


def test_models_without_labels_are_fitted_on_the_customers_of_the_cutoff(forecaster, target):
    forecast = forecaster.forecast(target, answering(ones))
    X, y = forecast.estimator.fitted_on_
    assert X is forecast.X
    assert y is None
    assert forecast.training.periods == ()


def test_validation_has_a_shorter_panel(forecaster):
    validation = forecaster.window.period(1)
    forecast = forecaster.forecast(validation, LINEAR)
    assert len(forecast.training.periods) == 3
    assert max(period.end for period in forecast.training.periods) == validation.cutoff == date(1997, 12, 31)


def test_without_a_training_period_the_forecast_is_refused(cdnow_sample):
    short = Forecaster(cdnow_sample, window(cdnow_sample, "6 months"))
    with pytest.raises(ClvError, match="no training period lies before 1997-06-30 in log 'cdnow_sample'"):
        short.forecast(short.window.period(1), LINEAR)


def test_features_and_outcomes_are_computed_once_and_shared(forecaster, target):
    again = FeatureSet("another name", (rfm,))
    assert forecaster.features(target.cutoff, RFM) is forecaster.features(target.cutoff, again)
    assert forecaster.outcome(target) is forecaster.outcome(Period(target.cutoff, target.end))
    two, three = (FeatureSet("periods", (partial(periods, count=count),)) for count in (2, 3))
    assert forecaster.features(target.cutoff, two).shape[1] == 6
    assert forecaster.features(target.cutoff, three).shape[1] == 9
    assert forecaster.features(target.cutoff, RFM) is not forecaster.features(date(1997, 12, 31), RFM)


def test_a_forecast_leaves_what_is_shared_as_it_was(forecaster, target):
    before = forecaster.features(target.cutoff, RFM).copy(), forecaster.outcome(target).copy()
    forecaster.forecast(target, LINEAR)
    forecaster.forecast(target, answering(ones, estimator=Knows))
    pd.testing.assert_frame_equal(forecaster.features(target.cutoff, RFM), before[0])
    pd.testing.assert_frame_equal(forecaster.outcome(target), before[1])


def test_the_models_own_estimator_stays_unfitted(forecaster, target):
    forecast = forecaster.forecast(target, LINEAR)
    assert forecast.estimator is not LINEAR.estimator
    assert vars(LINEAR.estimator).keys() == {"regressor"}
    assert not hasattr(LINEAR.estimator.regressor, "coef_")


def test_horizon_days_are_those_of_the_period(forecaster):
    features = FeatureSet("rfm_behaviour", (rfm, behaviour))
    rate = Model("spend_rate", "baseline", False, features, SpendRate(horizon_days=1.0))
    holdout_days, validation_days = (
        forecaster.forecast(forecaster.window.period(k), rate).estimator.horizon_days for k in (0, 1)
    )
    assert (holdout_days, validation_days) == (91.0, 90.0)  # April to June, January to March 1998
    assert rate.estimator.horizon_days == 1.0


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda X: np.full(len(X), np.nan), "2357 of 2357 are not, first nan for customer 0001"),
        (lambda X: np.where(np.arange(len(X)) == 7, np.inf, 1.0), "1 of 2357 are not, first inf for customer 0008"),
        (lambda X: np.where(np.arange(len(X)) == 7, -1e-9, 1.0), "1 of 2357 are not, first -1e-09 for customer 0008"),
        (lambda X: np.ones(len(X) - 1), r"shape \(2356,\) for 2357 customers"),
        (lambda X: np.ones((len(X), 1)), r"shape \(2357, 1\) for 2357 customers"),
        (lambda X: 1.0, r"shape \(\) for 2357 customers"),
    ],
    ids=["nan", "one infinite", "one negative", "one short", "two-dimensional", "a scalar"],
)
def test_answers_that_are_no_spend_are_refused(forecaster, target, answer, problem):
    message = f"^model 'answers' .*{problem}"
    with pytest.raises(ClvError, match=message):
        forecaster.forecast(target, answering(answer))


def test_training_mean_is_that_of_the_whole_panel_whatever_a_run_learns_from(forecaster, target, cdnow_sample):
    edges = [date(1997, 3, 31), date(1997, 6, 30), date(1997, 9, 30), date(1997, 12, 31), date(1998, 3, 31)]
    labels = pd.concat(
        [holdout_spend_and_purchase_days(cdnow_sample, Period(*pair))["spend"] for pair in pairwise(edges)]
    )
    assert forecaster.training_mean(target) == pytest.approx(labels.mean())
    fewer = replace(window(cdnow_sample), training_origins=1)
    assert Forecaster(cdnow_sample, fewer).training_mean(target) == forecaster.training_mean(target)


def test_training_mean_of_a_short_log_is_the_spend_rate_over_the_target(cdnow_sample):
    long = Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("39 weeks"))
    purchases = cdnow_sample.purchase_days.to_pyarrow().to_pandas()
    purchases = purchases[purchases["date"] <= date(1997, 9, 30)]
    days = purchases.groupby("customer_id")["date"].min().map(lambda first: (date(1997, 9, 30) - first).days)
    rate = float(purchases["amount"].sum()) / days.clip(lower=1).sum()
    assert Forecaster(cdnow_sample, long).training_mean(long.period(0)) == pytest.approx(rate * 273)


def test_cells_are_equal_only_for_the_same_log_and_period(forecaster, target, cdnow_sample, log_of):
    cell = fingerprint_cell(forecaster, [target])
    assert len(cell) == 16
    assert cell == fingerprint_cell(Forecaster(cdnow_sample, window(cdnow_sample)), [target])
    others = [
        fingerprint_cell(forecaster, [forecaster.window.period(1)]),
        fingerprint_cell(forecaster, [forecaster.window.period(1), target]),
        fingerprint_cell(forecaster, [Period(target.cutoff, date(1998, 5, 31))]),
    ]
    rows = cdnow_sample.purchase_days.to_pyarrow().to_pandas()
    same = log_of(rows, log_end=cdnow_sample.end)
    rows.loc[0, "amount"] += 1
    changed = log_of(rows, log_end=cdnow_sample.end)
    assert fingerprint_cell(Forecaster(same, window(same)), [target]) == cell
    others.append(fingerprint_cell(Forecaster(changed, window(changed)), [target]))
    assert len({cell, *others}) == 5


def test_the_coming_period_is_forecast_from_the_whole_log_and_judged_by_nothing(cdnow_sample):
    future_forecaster = Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon(3, "months")))
    forecast = future_forecaster.forecast_future(LINEAR)
    assert list(forecast.table.columns) == ["y_pred"]
    assert forecast.period.cutoff == cdnow_sample.end
    assert max(period.end for period in forecast.training.periods) == cdnow_sample.end
    # As of an earlier day it is the forecast of the holdout, to the digit: what came later is not read.
    earlier = Forecaster(cdnow_sample, future_forecaster.window.truncate_at(date(1998, 3, 31))).forecast_future(LINEAR)
    latest = future_forecaster.forecast(future_forecaster.window.period(0), LINEAR)
    pd.testing.assert_series_equal(earlier.table["y_pred"], latest.table["y_pred"])
    assert future_forecaster.observed_days_to_purchase(latest.period).notna().equals(latest.table["purchase_days"] > 0)


def test_runs_of_one_log_and_horizon_share_what_they_compute(cdnow_sample):
    forecasters, latest = LastForecasterCache(), window(cdnow_sample)
    first = forecasters.get(cdnow_sample, latest)
    X = first.features(latest.period(0).cutoff, LINEAR.features)
    again = forecasters.get(cdnow_sample, replace(latest, origins=2))
    assert again.window.origins == 2
    assert again.features(latest.period(0).cutoff, LINEAR.features) is X
    others = [(replace(cdnow_sample), latest), (cdnow_sample, window(cdnow_sample, "6 months"))]
    for log, other in others:
        assert forecasters.get(log, other).features(latest.period(0).cutoff, LINEAR.features) is not X
        forecasters.get(cdnow_sample, latest)
