"""Skewed features for linear models: known by hand, bounded by training, indifferent to what does not vary."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import TweedieRegressor
from sklearn.pipeline import make_pipeline

from clv_experiments.models.log_features import LogFeatures
from clv_experiments.models.spend_regressor import SpendRegressor

draws = np.random.default_rng(2)
X = pd.DataFrame({"spend": draws.lognormal(size=300), "returns": draws.normal(size=300), "constant": 3.0})
Y = draws.poisson(X["spend"]).astype(float)


def test_it_is_the_standardised_signed_logarithm():
    logs = np.sign(X) * np.log1p(X.abs())
    expected = (logs - logs.mean()) / logs.std(ddof=0)
    fitted = LogFeatures().fit(X)
    np.testing.assert_allclose(fitted.transform(X)[:, :2], expected[["spend", "returns"]], atol=1e-12)
    assert fitted.get_feature_names_out().tolist() == ["spend", "returns", "constant"]


def test_beyond_what_training_saw_is_its_edge():
    fitted = LogFeatures().fit(X)
    beyond = pd.DataFrame({"spend": [1e9, -1e9], "returns": [1e9, -1e9], "constant": [1e9, -1e9]})
    edges = np.stack([fitted.transform(X).max(axis=0), fitted.transform(X).min(axis=0)])
    np.testing.assert_array_equal(fitted.transform(beyond), edges)


@pytest.mark.parametrize("constant", [0.0, 3.0, -1e9, 0.1])
def test_a_constant_feature_becomes_zero_whatever_comes_later(constant):
    rounded = np.full(300, constant) * np.where(np.arange(300) % 2, 1.0, 1 + 1e-15)
    fitted = LogFeatures().fit(X.assign(constant=rounded))
    assert (fitted.transform(X.assign(constant=99.0))[:, 2] == 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20), st.floats(-1e15, 1e15))
def test_what_it_returns_is_finite_and_keeps_the_order(values, later):
    column = np.array(values)[:, None]
    fitted = LogFeatures().fit(column)
    sorted_before = fitted.transform(np.sort(column, axis=0))
    assert np.isfinite(sorted_before).all()
    assert (np.diff(sorted_before, axis=0) >= 0).all()
    assert np.isfinite(fitted.transform([[later]])).all()


def test_no_prediction_of_a_log_link_explodes():
    model = SpendRegressor(make_pipeline(LogFeatures(), TweedieRegressor(power=1.5, link="log", alpha=0.01)))
    largest = model.fit(X, Y).predict(X).max()
    corner = X.max().to_frame().T * 1e9
    assert model.predict(corner)[0] < 3 * largest
    assert clone(model).fit(X.drop(columns="constant"), Y).predict(X) == pytest.approx(model.predict(X))
