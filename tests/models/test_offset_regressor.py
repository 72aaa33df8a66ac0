"""A factor on what another model expects: the same fit as with an offset, and BTYD itself where that is right."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, TweedieRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.metrics import tweedie_deviances
from clv_experiments.models.log_features import LogFeatures
from clv_experiments.models.offset_regressor import LEAST_SHARE, OffsetRegressor
from clv_experiments.models.spend_regressor import SpendRegressor

draws = np.random.default_rng(4)
N = 2000
X = pd.DataFrame({"mbg_nbd_spend": draws.gamma(1.0, 30.0, N), "days_since_last": draws.gamma(1.0, 2.0, N)})
FACTOR = np.exp(0.8 - 0.5 * X["days_since_last"])
Y = np.where(draws.random(N) < 0.5, X["mbg_nbd_spend"] * FACTOR * draws.gamma(2.0, 1.0, N), 0.0)
GLM = TweedieRegressor(power=1.5, link="log", alpha=0.0, solver="newton-cholesky", tol=1e-9)


def test_it_is_the_fit_with_an_offset():
    least = LEAST_SHARE * X["mbg_nbd_spend"].mean()
    offset, design = np.maximum(X["mbg_nbd_spend"], least), np.column_stack([np.ones(N), X])

    def deviance(beta):
        return tweedie_deviances(Y, offset.to_numpy() * np.exp(design @ beta)).mean()

    by_hand = offset * np.exp(design @ minimize(deviance, np.zeros(3), method="BFGS", options={"gtol": 1e-8}).x)
    np.testing.assert_allclose(OffsetRegressor(GLM, power=1.5).fit(X, Y).predict(X), by_hand, rtol=1e-4)
    unweighted = OffsetRegressor(GLM, power=2.0).fit(X, Y).predict(X)
    assert np.abs(unweighted / by_hand - 1).max() > 0.01, "the weights must be felt"


def test_in_a_pipeline_the_weights_reach_the_last_step():
    piped = OffsetRegressor(make_pipeline(StandardScaler(), GLM), power=1.5).fit(X, Y)
    np.testing.assert_allclose(piped.predict(X), OffsetRegressor(GLM, power=1.5).fit(X, Y).predict(X), rtol=1e-4)


def test_where_the_offset_is_right_a_penalty_leaves_it_alone_beyond_what_training_has_seen():
    young, later = X["mbg_nbd_spend"] < 30, X["mbg_nbd_spend"] > 60
    spend = X["mbg_nbd_spend"] * draws.gamma(2.0, 0.5, N)
    glm = make_pipeline(LogFeatures(), clone(GLM).set_params(alpha=0.1))
    relative, plain = (model.fit(X[young], spend[young]) for model in (OffsetRegressor(glm, power=1.5), clone(glm)))
    errors = [np.abs(model.predict(X[later]) / X["mbg_nbd_spend"][later] - 1).max() for model in (relative, plain)]
    assert errors[0] < 0.15 < 0.4 < errors[1]


@pytest.mark.parametrize("factor", [0.01, 7.3])
def test_the_unit_of_money_is_nobodys_business(factor):
    model = SpendRegressor(OffsetRegressor(make_pipeline(LogFeatures(), GLM), power=1.5))
    other = X.assign(mbg_nbd_spend=factor * X["mbg_nbd_spend"])
    expected = factor * clone(model).fit(X, Y).predict(X)
    np.testing.assert_allclose(clone(model).fit(other, factor * Y).predict(other), expected, rtol=1e-6)


def test_predictions_are_finite_and_no_less_than_0_and_of_each_customer_alone():
    model = OffsetRegressor(LinearRegression()).fit(X, Y)
    few = pd.concat([X.iloc[:5], pd.DataFrame({"mbg_nbd_spend": [0.0, 1e6], "days_since_last": [0.0, 1e6]})])
    predicted = model.predict(few)
    assert (np.isfinite(predicted) & (predicted >= 0)).all()
    np.testing.assert_array_equal(model.predict(few.iloc[[5, 2]]), predicted[[5, 2]])


def test_nobody_is_expected_to_spend_nothing_at_all():
    silent = pd.DataFrame({"mbg_nbd_spend": [0.0, 0.0, 20.0]})
    model = OffsetRegressor(DummyRegressor()).fit(silent, [0.0, 0.0, 20.0])
    assert model.least_ == pytest.approx(LEAST_SHARE * 20 / 3)
    assert (model.predict(silent) > 0).all()
    assert OffsetRegressor(DummyRegressor()).fit(0 * silent, [1.0, 1.0, 4.0]).predict(0 * silent) == pytest.approx(2.0)


def test_without_its_feature_it_says_what_to_give():
    with pytest.raises(ClvError, match=r"'mbg_nbd_spend' is to be the offset .* such as full_btyd"):
        OffsetRegressor(DummyRegressor()).fit(X[["days_since_last"]], Y)


def test_it_takes_no_losses_and_clones_and_pickles():
    model = OffsetRegressor(DummyRegressor(), power=1.0)
    assert not SpendRegressor(model).takes_losses
    assert clone(model).power == 1.0
    fitted = model.fit(X, Y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))
