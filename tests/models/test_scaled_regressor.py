"""A model at another total: money moves, purchases and probabilities do not."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from clv_experiments.errors import ClvError
from clv_experiments.models.logistic_per_row import LogisticPerRow
from clv_experiments.models.lognormal_ridge import LognormalRidge
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.scaled_regressor import ScaledRegressor
from clv_experiments.models.spend_rate import SpendRate
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.two_part import TwoPart
from clv_experiments.models.zeros import Zeros

draws = np.random.default_rng(6)
N = 300
X = pd.DataFrame({"frequency": draws.poisson(2, N).astype(float), "T": 200.0}, index=[f"c{k}" for k in range(N)])
X["recency"] = np.where(X["frequency"] > 0, draws.uniform(1, 200, N).round(), 0.0)
X["monetary_value"] = np.where(X["frequency"] > 0, draws.gamma(5.0, 4.0, N), 0.0)
X["spend_per_day"] = draws.gamma(2.0, 0.1, N)
Y = np.where(draws.random(N) < 0.4, draws.gamma(2.0, 20.0, N), 0.0)
MODELS = {
    "btyd": MbgNbd(),
    "hurdle": SpendRegressor(TwoPart(LogisticPerRow(), LognormalRidge())),
    "linear": SpendRegressor(LinearRegression()),
    "rule": SpendRate(),
}


@pytest.fixture(params=MODELS)
def plain_and_scaled(request):
    """A fitted model, and the same at half its total."""
    plain = clone(MODELS[request.param]).fit(X, Y)
    scaled = ScaledRegressor(MODELS[request.param]).fit(X, Y)
    assert np.array_equal(scaled.predict(X), plain.predict(X)), "the factor is 1 to begin with"
    return plain, scaled.scale_to(X, plain.predict(X).sum() / 2)


def test_all_customers_add_up_to_the_total_and_each_is_answered_alone(plain_and_scaled):
    plain, scaled = plain_and_scaled
    np.testing.assert_allclose(scaled.predict(X), plain.predict(X) / 2, rtol=1e-12)
    np.testing.assert_allclose(scaled.predict(X.iloc[[5, 3]]), scaled.predict(X)[[5, 3]], rtol=1e-12)
    assert scaled.scale_to(X, 700.0).predict(X).sum() == pytest.approx(700)
    assert np.array_equal(scaled.scale_to(X, None).predict(X), plain.predict(X))
    assert scaled.scale_to(X, 0.0).predict(X).sum() == 0


@pytest.mark.parametrize("method", ["expected_purchases", "probability_alive", "probability_purchase"])
def test_purchases_and_probabilities_stay(plain_and_scaled, method):
    plain, scaled = plain_and_scaled
    assert hasattr(scaled, method) is hasattr(plain, method)
    if hasattr(plain, method):
        np.testing.assert_array_equal(getattr(scaled, method)(X), getattr(plain, method)(X))


def test_the_distribution_is_scaled_with_the_mean(plain_and_scaled):
    plain, scaled = plain_and_scaled
    assert hasattr(scaled, "predict_quantiles") is hasattr(plain, "predict_quantiles")
    if not hasattr(plain, "predict_quantiles"):
        return
    few = X.iloc[:20]
    quantiles = plain.predict_quantiles(few, [0.5, 0.9])
    np.testing.assert_allclose(scaled.predict_quantiles(few, [0.5, 0.9]), quantiles / 2, rtol=1e-12)
    np.testing.assert_array_equal(scaled.probability_above(few, 10.0), plain.probability_above(few, 20.0))
    np.testing.assert_array_equal(scaled.probability_above(few, 0.0), plain.probability_above(few, 0.0))
    scaled.scale_to(X, 0.0)
    assert (scaled.predict_quantiles(few, [0.9]) == 0).all()
    assert (scaled.probability_above(few, 10.0) == 0).all()


def test_spend_is_still_purchases_times_spend_a_purchase():
    scaled = ScaledRegressor(MbgNbd()).fit(X).scale_to(X, 5000.0)
    product = scaled.expected_purchases(X) * scaled.expected_spend_per_purchase(X)
    np.testing.assert_allclose(product, scaled.predict(X), rtol=1e-12)
    assert (scaled.probability_purchase(X) <= scaled.expected_purchases(X)).all()


def test_what_else_the_estimator_offers_is_there_before_and_after_fitting():
    scaled = ScaledRegressor(MbgNbd())
    assert hasattr(scaled, "discounted_purchases")
    assert not hasattr(ScaledRegressor(SpendRate()), "discounted_purchases")
    fitted = scaled.fit(X)
    assert fitted.r_ == fitted.estimator_.r_
    assert fitted.n_features_in_ == 4
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = fitted.no_such_thing


def test_an_estimator_that_predicts_nothing_stays_at_nothing():
    assert ScaledRegressor(Zeros()).fit(X).scale_to(X, 99.0).predict(X).sum() == 0


@pytest.mark.parametrize("total", [-1.0, np.inf, np.nan])
def test_a_total_that_is_none_is_refused(total):
    with pytest.raises(ClvError, match="must be a finite number >= 0, got"):
        ScaledRegressor(SpendRate()).fit(X).scale_to(X, total)


def test_the_horizon_is_handed_on_where_it_is_taken():
    month = ScaledRegressor(SpendRate(horizon_days=91.0), horizon_days=30.0).fit(X)
    np.testing.assert_allclose(month.predict(X), SpendRate(horizon_days=30.0).fit(X).predict(X))
    assert ScaledRegressor(SpendRate(horizon_days=7.0)).fit(X).estimator_.horizon_days == 7.0
    ScaledRegressor(SpendRegressor(LinearRegression()), horizon_days=30.0).fit(X, Y)


def test_it_pickles_clones_and_refuses_to_predict_before_it_is_fitted():
    scaled = ScaledRegressor(MbgNbd()).fit(X).scale_to(X, 100.0)
    assert np.array_equal(pickle.loads(pickle.dumps(scaled)).predict(X), scaled.predict(X))
    with pytest.raises(NotFittedError):
        clone(scaled).predict(X)
    assert clone(scaled).fit(X).factor_ == 1
