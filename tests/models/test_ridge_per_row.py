"""A penalty per row shrinks alike whatever the size of the panel."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clv_experiments.evaluation.coefficients import describe_fitted_estimator
from clv_experiments.evaluation.metrics import r2
from clv_experiments.models.ridge_per_row import RidgePerRow
from clv_experiments.models.spend_regressor import SpendRegressor

draws = np.random.default_rng(3)
X = pd.DataFrame(draws.normal(size=(200, 3)), columns=["x", "y", "z"], index=[f"c{k}" for k in range(200)])
Y = pd.Series(20 + X @ [3.0, -2.0, 0.5] + draws.normal(size=200), X.index)


def test_it_is_a_ridge_of_that_many_times_the_penalty():
    model, ridge = RidgePerRow(alpha=0.5).fit(X, Y), Ridge(alpha=100.0).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), ridge.predict(X))
    assert (model.alpha, model.alpha_) == (0.5, 100.0)
    assert clone(model).get_params() == Ridge(alpha=0.5).get_params()


def test_rows_that_are_there_three_times_change_nothing():
    once, thrice = RidgePerRow(alpha=2.0).fit(X, Y), RidgePerRow(alpha=2.0).fit(pd.concat([X] * 3), pd.concat([Y] * 3))
    np.testing.assert_allclose(thrice.coef_, once.coef_, rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_its_coefficients_have_errors_as_those_of_a_ridge(alpha):
    model = SpendRegressor(make_pipeline(StandardScaler(), RidgePerRow(alpha=alpha))).fit(X, Y)
    table = describe_fitted_estimator(
        model, X, Y, X, Y, scorer=r2, rng=np.random.default_rng(0), replicates=20
    ).set_index("name")
    assert np.isfinite(table[["standard_error", "boot_lower_95", "sign_stable"]]).all(axis=None)
    by_hand = table["estimate"]["intercept"] + X.to_numpy() @ table["estimate"][X.columns].to_numpy()
    np.testing.assert_allclose(by_hand, model.predict(X), rtol=1e-9)
