"""ZILN by XGBoost: its loss by finite differences, what it recovers, and where it ends."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn.base import clone

from clv_experiments.errors import ClvError
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.xgboost_ziln import XgboostZiln, ziln_gradient_and_information

draws = np.random.default_rng(4)
X = pd.DataFrame(draws.integers(0, 2, size=(6000, 2)), columns=["often", "much"], index=np.arange(6000)).astype(float)
CHANCE = np.where(X["often"] == 1, 0.6, 0.1)
MU, SIGMA = 3 + X["much"].to_numpy(), np.where(X["much"] == 1, 0.4, 0.9)
Y = np.where(draws.random(6000) < CHANCE, np.exp(MU + SIGMA * draws.normal(size=6000)), 0.0)
RAW = np.column_stack([draws.normal(size=(50, 2)), draws.uniform(-1.5, 1.5, 50)])


def loss(raw, z, bought):
    """The negative log-likelihood of each customer, written as the paper does."""
    chance = expit(raw[:, 0])
    classification = -np.where(bought, np.log(chance), np.log1p(-chance))
    return classification - np.where(bought, norm.logpdf(z, raw[:, 1], np.exp(raw[:, 2])), 0.0)


def central(function, raw, column, step):
    move = step * np.eye(3)[column]
    return (function(raw + move) - function(raw - move)) / (2 * step)


@pytest.mark.parametrize("column", [0, 1, 2])
def test_gradient_is_that_of_the_loss(column):
    z, bought = draws.normal(size=50), np.arange(50) % 3 > 0
    gradient, _ = ziln_gradient_and_information(RAW, z, bought)
    slopes = central(lambda raw: loss(raw, z, bought), RAW, column, 1e-5)
    np.testing.assert_allclose(gradient[:, column], slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("column", [0, 1, 2])
def test_curvature_is_the_expected_slope_of_the_gradient(column):
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    expected = np.zeros(50)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        z = RAW[:, 1] + np.exp(RAW[:, 2]) * node  # drawn from the parameters themselves
        slope = central(
            lambda raw, z=z: ziln_gradient_and_information(raw, z, np.ones(50, bool))[0][:, column], RAW, column, 1e-5
        )
        expected += weight * slope
    _, curvature = ziln_gradient_and_information(RAW, RAW[:, 1], np.ones(50, bool))
    np.testing.assert_allclose(curvature[:, column], expected, rtol=1e-5)


def test_curvature_is_positive_even_at_the_ends():
    raw = np.array([[-800.0, 0.0, -99.0], [800.0, 1e6, 99.0], [0.0, 0.0, 0.0]])
    for bought in (np.zeros(3, bool), np.ones(3, bool)):
        gradient, curvature = ziln_gradient_and_information(raw, np.full(3, 1e3), bought)
        assert np.isfinite(gradient).all()
        assert (curvature > 0).all()


def fitted(**settings):
    return SpendRegressor(XgboostZiln(**{"n_estimators": 200, "learning_rate": 0.1, "n_jobs": 1} | settings)).fit(X, Y)


def test_it_recovers_who_buys_how_much_and_how_uncertain_that_is():
    model = fitted()
    spend = model.regressor_.distribution(X / model.feature_units_)
    np.testing.assert_allclose(spend.probability, CHANCE, atol=0.04)
    np.testing.assert_allclose(spend.mu + np.log(model.unit_), MU, atol=0.12)
    np.testing.assert_allclose(spend.sigma, SIGMA, rtol=0.15)
    np.testing.assert_allclose(model.predict(X), CHANCE * np.exp(MU + SIGMA**2 / 2), rtol=0.25)


def test_its_intervals_hold():
    quantiles = fitted().predict_quantiles(X, [0.5, 0.9])
    assert (quantiles[:, 1] >= Y).mean() == pytest.approx(0.9, abs=0.01)
    assert fitted().probability_above(X, 50.0).mean() == pytest.approx((Y > 50).mean(), abs=0.01)


def test_it_offers_the_chance_of_a_purchase_and_the_same_mean():
    model = fitted(n_estimators=20)
    assert model.probability_above(X, 0.0).tolist() == model.probability_purchase(X).tolist()
    probabilities = (np.arange(4000) + 0.5) / 4000
    means = model.predict_quantiles(X.iloc[:5], probabilities).mean(axis=1)
    np.testing.assert_allclose(means, model.predict(X.iloc[:5]), rtol=0.01)


def test_no_mean_exceeds_the_largest_spend_in_training():
    spend = np.where(np.arange(6000) == 5999, 1e9, np.where(np.arange(6000) % 2, 1.0, 0.0))
    model = SpendRegressor(XgboostZiln(n_estimators=50, min_child_weight=0.1, n_jobs=1)).fit(X, spend)
    assert np.isfinite(model.predict(X * 100)).all()
    assert model.predict(X * 100).max() <= 1e9 * (1 + 1e-9)


@pytest.mark.parametrize("spend", [np.ones(6000), np.where(np.arange(6000) < 1, 5.0, 0.0)], ids=["all alike", "one"])
def test_labels_that_leave_little_to_learn_are_no_trouble(spend):
    predicted = SpendRegressor(XgboostZiln(n_estimators=30, n_jobs=1)).fit(X, spend).predict(X)
    assert np.isfinite(predicted).all()
    assert predicted.mean() == pytest.approx(spend.mean(), rel=0.05, abs=2e-3)


def test_nobody_who_buys_is_refused():
    with pytest.raises(ClvError, match=r"^nobody in the training panel bought anything"):
        SpendRegressor(XgboostZiln()).fit(X, np.zeros(6000))


def test_seed_pickle_and_clone():
    model = fitted(n_estimators=5, random_state=3)
    again, other = fitted(n_estimators=5, random_state=3), fitted(n_estimators=5, random_state=4)
    assert np.array_equal(model.predict(X), again.predict(X))
    assert not np.array_equal(model.predict(X), other.predict(X))
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert clone(model).regressor.get_params() == XgboostZiln(5, 0.1, n_jobs=1, random_state=3).get_params()
