"""The two-part model: P(spend) times the spend of those who have any."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from clv_experiments.errors import ClvError
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.two_part import TwoPart

rng = np.random.default_rng(5)
X = pd.DataFrame({"x": rng.normal(size=400)}, index=[f"c{k}" for k in range(400)])
Y = np.where(rng.random(400) < 1 / (1 + np.exp(-2 * X["x"])), 50 + 10 * X["x"], 0.0)


def fitted():
    return SpendRegressor(TwoPart(LogisticRegression(), LinearRegression())).fit(X, Y)


def test_it_is_the_product_of_its_parts():
    model = fitted()
    bought, Z = Y > 0, X / X.abs().mean()
    chance = LogisticRegression().fit(Z, bought).predict_proba(Z)[:, 1]
    size = LinearRegression().fit(Z[bought], Y[bought]).predict(Z)
    np.testing.assert_allclose(model.predict(X), chance * size, rtol=1e-6)
    np.testing.assert_allclose(model.probability_purchase(X), chance, rtol=1e-9)


def test_it_says_who_buys_and_a_plain_regressor_does_not():
    assert hasattr(fitted(), "probability_purchase")
    assert not hasattr(SpendRegressor(LinearRegression()).fit(X, Y), "probability_purchase")


def test_columns_are_found_by_name_for_both_answers():
    model = fitted()
    wider = X.assign(other=1.0)[["other", "x"]]
    np.testing.assert_array_equal(model.probability_purchase(wider), model.probability_purchase(X))
    with pytest.raises(ClvError, match="x is not among the columns"):
        model.probability_purchase(X.rename(columns={"x": "z"}))


def test_a_panel_where_nobody_bought_is_refused():
    with pytest.raises(ClvError, match=r"^nobody in the training panel bought anything"):
        SpendRegressor(TwoPart(LogisticRegression(), LinearRegression())).fit(X, np.zeros(400))


def test_where_everybody_bought_only_the_size_is_left_to_predict():
    model = SpendRegressor(TwoPart(LogisticRegression(), LinearRegression())).fit(X, 10 + X["x"] ** 2)
    assert (model.probability_purchase(X) == 1).all()
    np.testing.assert_allclose(model.predict(X), LinearRegression().fit(X, 10 + X["x"] ** 2).predict(X))
