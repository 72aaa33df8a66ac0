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
    bought = Y > 0
    chance = LogisticRegression().fit(X, bought).predict_proba(X)[:, 1]
    size = LinearRegression().fit(X[bought], Y[bought]).predict(X)
    np.testing.assert_allclose(model.predict(X), chance * size, rtol=1e-9)
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


@pytest.mark.parametrize(("y", "who"), [(np.zeros(400), "nobody"), (np.ones(400), "everybody")])
def test_one_class_only_is_refused(y, who):
    with pytest.raises(ClvError, match=f"^{who} in the training panel"):
        SpendRegressor(TwoPart(LogisticRegression(), LinearRegression())).fit(X, y)
