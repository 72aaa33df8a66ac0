"""The parts of the linear hurdle: penalties per row, a lognormal mean, and its distribution."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from clv_experiments.models.log_features import LogFeatures
from clv_experiments.models.logistic_per_row import LogisticPerRow
from clv_experiments.models.lognormal_ridge import LognormalRidge
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.two_part import TwoPart

draws = np.random.default_rng(8)
X = pd.DataFrame(draws.normal(size=(4000, 2)), columns=["x", "z"], index=[f"c{k}" for k in range(4000)])
BOUGHT = draws.random(4000) < 1 / (1 + np.exp(-X["x"]))
Y = np.where(BOUGHT, np.exp(3 + 0.5 * X["x"] + 0.8 * draws.normal(size=4000)), 0.0)
PROBABILITIES = [0.025, 0.1, 0.5, 0.8, 0.975]


def hurdle():
    return SpendRegressor(make_pipeline(LogFeatures(), TwoPart(LogisticPerRow(1e-4), LognormalRidge(1e-4))))


def test_lognormal_ridge_recovers_what_was_drawn():
    model = LognormalRidge(alpha=0.0).fit(X[BOUGHT], Y[BOUGHT])
    assert model.sigma_ == pytest.approx(0.8, rel=0.05)
    assert model.ridge_.coef_ == pytest.approx([0.5, 0.0], abs=0.05)
    mu = model.ridge_.predict(X[BOUGHT].to_numpy())
    assert model.predict(X[BOUGHT]) == pytest.approx(np.exp(mu + model.sigma_**2 / 2))


def test_no_expected_spend_exceeds_the_largest_in_training():
    model = LognormalRidge(alpha=0.0).fit(X[BOUGHT], Y[BOUGHT])
    far = model.predict(X * 1000)
    assert far.max() == pytest.approx(Y.max())
    mu, sigma = model.predict_log_moments(X * 1000)
    assert np.exp(mu + sigma**2 / 2) == pytest.approx(far)


def test_a_penalty_per_row_does_not_depend_on_how_many_there_are():
    once, thrice = LogisticPerRow(0.1).fit(X, BOUGHT), LogisticPerRow(0.1).fit(pd.concat([X] * 3), np.tile(BOUGHT, 3))
    np.testing.assert_allclose(once.predict_proba(X), thrice.predict_proba(X), rtol=1e-6)
    by_hand = LogisticRegression(C=1 / (0.1 * len(X)), tol=1e-10).fit(X, BOUGHT)
    np.testing.assert_allclose(once.predict_proba(X), by_hand.predict_proba(X), rtol=1e-4)
    assert (once.predict(X) == by_hand.predict(X)).mean() > 0.999


def test_quantiles_are_those_of_simulated_spend():
    model = hurdle().fit(X, Y)
    customer = X.iloc[[7]]
    distribution = model.regressor_[-1].distribution(model.regressor_[:-1].transform(customer / model.feature_units_))
    rng = np.random.default_rng(0)
    size = np.exp(distribution.mu + distribution.sigma * rng.normal(size=400_000))
    spend = model.unit_ * np.where(rng.random(400_000) < distribution.probability, size, 0.0)
    assert model.predict_quantiles(customer, PROBABILITIES)[0] == pytest.approx(
        np.quantile(spend, PROBABILITIES), rel=0.02
    )
    assert spend.mean() == pytest.approx(model.predict(customer)[0], rel=0.01)
    assert model.probability_above(customer, 20.0)[0] == pytest.approx((spend > 20).mean(), abs=0.005)


def test_its_intervals_hold_where_spend_is_lognormal():
    quantiles = hurdle().fit(X, Y).predict_quantiles(X, PROBABILITIES)
    inside = (quantiles[:, 0] <= Y) & (quantiles[:, -1] >= Y)
    assert inside[BOUGHT].mean() == pytest.approx(0.95, abs=0.03)
    assert (quantiles[:, 3] < Y).mean() == pytest.approx(0.2, abs=0.02)


def test_only_a_regressor_that_knows_the_whole_distribution_offers_it():
    assert hasattr(hurdle(), "predict_quantiles")
    assert hasattr(hurdle(), "probability_purchase")
    for regressor in (LinearRegression(), TwoPart(LogisticPerRow(), LinearRegression())):
        assert not hasattr(SpendRegressor(regressor), "predict_quantiles")
        assert not hasattr(SpendRegressor(regressor), "probability_above")


def test_a_pipeline_answers_as_its_last_step_does():
    model = hurdle().fit(X, Y)
    assert model.probability_purchase(X.iloc[::-1]).tolist() == model.probability_purchase(X).tolist()[::-1]
    assert model.probability_above(X, 0.0) == pytest.approx(model.probability_purchase(X))
    alone = SpendRegressor(make_pipeline(TwoPart(LogisticPerRow(), LognormalRidge()))).fit(X, Y)
    assert alone.probability_purchase(X).shape == (4000,)
