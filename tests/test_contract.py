"""Every model is an honest scikit-learn estimator; models are found by glob."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from clv_experiments.config.model_options import build_model
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.forecaster import Forecaster

CONF = Path(__file__).resolve().parents[1] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))


@pytest.fixture(scope="module")
def forecaster(cdnow_sample):
    return Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months")))


@pytest.fixture(scope="module", params=MODELS)
def model(request, compose):
    return build_model(compose(f"model={request.param}").model)


@pytest.fixture(scope="module")
def panel(model, forecaster):
    """Features and labels of every fourth customer of one earlier origin: (X, y)."""
    period = forecaster.window.period(1)
    X = forecaster.features(period.cutoff, model.features)
    return X.iloc[::4], forecaster.outcome(period)["spend"].iloc[::4]


@pytest.fixture(scope="module")
def fitted(model, panel):
    return clone(model.estimator).fit(*panel)


def test_init_only_stores(model):
    estimator = model.estimator
    assert isinstance(estimator, BaseEstimator)
    assert set(vars(estimator)) == set(estimator.get_params(deep=False))
    for name, value in estimator.get_params(deep=False).items():
        assert getattr(estimator, name) is value


def test_clone_keeps_parameters(model):
    twin = clone(model.estimator)
    assert repr(twin) == repr(model.estimator)
    assert twin.set_params(**twin.get_params()) is twin


def test_unfitted_estimator_says_so(model, panel):
    if not model.supervised and model.family == "baseline":
        pytest.skip("a fixed rule has nothing to fit")
    with pytest.raises((NotFittedError, AttributeError)) as caught:
        clone(model.estimator).predict(panel[0])
    assert isinstance(caught.value, NotFittedError)


def test_fit_returns_self_and_leaves_its_input_alone(model, panel):
    X, y = panel[0].copy(), panel[1].copy()
    estimator = clone(model.estimator)
    before = estimator.get_params()
    assert estimator.fit(X, y) is estimator
    pd.testing.assert_frame_equal(X, panel[0])
    pd.testing.assert_series_equal(y, panel[1])
    assert {name: value for name, value in estimator.get_params().items() if not hasattr(value, "fit")} == {
        name: value for name, value in before.items() if not hasattr(value, "fit")
    }
    learned = {name for name in vars(estimator) if name not in before and not name.startswith("_")}
    assert all(name.endswith("_") for name in learned)
    assert estimator.n_features_in_ > 0


def test_predicts_one_finite_number_a_customer(fitted, panel):
    predicted = fitted.predict(panel[0])
    assert isinstance(predicted, np.ndarray)
    assert predicted.shape == (len(panel[0]),)
    assert predicted.dtype == np.float64
    assert np.isfinite(predicted).all()
    assert (predicted >= 0).all()


def test_row_order_and_company_do_not_matter(fitted, panel):
    X = panel[0]
    predicted = pd.Series(fitted.predict(X), X.index)
    shuffled = X.sample(frac=1, random_state=1)
    np.testing.assert_allclose(fitted.predict(shuffled), predicted[shuffled.index], rtol=1e-12)
    np.testing.assert_allclose(fitted.predict(X.iloc[:7]), predicted.iloc[:7], rtol=1e-12)
    np.testing.assert_allclose(fitted.predict(X.iloc[[3]]), predicted.iloc[[3]], rtol=1e-12)


def test_fit_is_idempotent_and_repeatable(model, panel, fitted):
    again = clone(model.estimator).fit(*panel)
    np.testing.assert_array_equal(again.predict(panel[0]), fitted.predict(panel[0]))
    np.testing.assert_array_equal(again.fit(*panel).predict(panel[0]), fitted.predict(panel[0]))


def test_label_scale_and_training_row_order(model, panel):
    """Models that learn from labels follow them; the others must not look at them."""
    X, y = panel
    plain = clone(model.estimator).fit(X, y).predict(X)
    other = clone(model.estimator).fit(X, y.to_numpy()[::-1] * 3 + 10).predict(X)
    assert np.array_equal(plain, other) is not model.supervised
    if not model.supervised:
        np.testing.assert_array_equal(clone(model.estimator).fit(X).predict(X), plain)


def test_survives_pickling(fitted, panel):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(panel[0]), fitted.predict(panel[0]))


def test_a_distribution_agrees_with_the_other_answers(fitted, panel):
    assert hasattr(fitted, "predict_quantiles") is hasattr(fitted, "probability_above")
    if not hasattr(fitted, "predict_quantiles"):
        pytest.skip("it predicts a mean alone")
    X = panel[0].iloc[:40]
    quantiles = fitted.predict_quantiles(X, [0.1, 0.5, 0.9, 0.99])
    assert quantiles.shape == (40, 4)
    assert np.isfinite(quantiles).all()
    assert (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_allclose(fitted.probability_above(X, 0.0), fitted.probability_purchase(X), rtol=1e-12)
    for amount in (0.0, 10.0, 100.0):
        above = fitted.probability_above(X, amount)
        clear = np.abs(above - 0.1) > 0.005  # a mixture's quantiles come from a grid
        assert ((quantiles[:, 2] > amount) == (above > 0.1))[clear].all()
    means = fitted.predict_quantiles(X, (np.arange(4000) + 0.5) / 4000).mean(axis=1)
    assert means.sum() == pytest.approx(fitted.predict(X).sum(), rel=0.05)
    alone = fitted.predict_quantiles(X.iloc[[3]], [0.1, 0.5, 0.9, 0.99])
    np.testing.assert_allclose(alone, quantiles[[3]], rtol=1e-12)


def test_missing_column_is_named(model, fitted, panel):
    needed = [name for name in panel[0].columns if not _predicts_without(fitted, panel[0], name)]
    if not needed:
        assert len(set(fitted.predict(panel[0]))) == 1, "only a constant needs no column"
        return
    with pytest.raises(ClvError, match=needed[0]):
        fitted.predict(panel[0].drop(columns=needed[0]))


def _predicts_without(estimator, X, name):
    try:
        estimator.predict(X.drop(columns=name))
    except ClvError:
        return False
    return True


def test_btyd_offers_purchases_and_survival(model, fitted, panel):
    if model.family != "btyd":
        assert not hasattr(fitted, "probability_alive")
        return
    X = panel[0]
    for probability in (fitted.probability_alive(X), fitted.probability_purchase(X)):
        assert ((probability >= 0) & (probability <= 1)).all()
    assert (fitted.probability_purchase(X) <= fitted.expected_purchases(X) + 1e-12).all()
    np.testing.assert_allclose(
        fitted.predict(X), fitted.expected_purchases(X) * fitted.expected_spend_per_purchase(X), rtol=1e-12
    )
    assert len(pickle.dumps(fitted)) < 20_000, "parameters only, not the training data"
