"""Library regressors as CLV models: floors, refusals, and a number of trees found without looking ahead."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression, TweedieRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBRegressor

from clv_experiments.errors import ClvError
from clv_experiments.models.early_stopping import EarlyStoppingRegressor
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.two_part import TwoPart

LINE = pd.DataFrame({"frequency": [0.0, 1.0, 2.0, 3.0], "T": [5.0, 5.0, 5.0, 5.0]}, index=list("abcd"))


def panel(customers=300, origins=2, signal=1.0, seed=0):
    """Draw a panel: each customer stands in it once an origin, and buys or not by the first feature."""
    draws = np.random.default_rng(seed)
    names = np.tile([f"c{i:03d}" for i in range(customers)], origins)
    X = pd.DataFrame(draws.normal(size=(len(names), 3)), columns=["x", "y", "z"], index=names)
    buys = draws.random(len(X)) < 1 / (1 + np.exp(-signal * X["x"].to_numpy()))
    return X, np.where(buys, draws.gamma(2.0, 20.0, len(X)), 0.0)


def boosted(limit=200, **parameters):
    chosen = {"learning_rate": 0.3, "max_depth": 2, "n_jobs": 1, "random_state": 0, "objective": "reg:tweedie"}
    return XGBRegressor(n_estimators=limit, **chosen | parameters)


# --- floors and refusals ----------------------------------------------------------------------------------------


def test_predictions_below_zero_become_zero():
    fitted = SpendRegressor(LinearRegression()).fit(LINE, [0.0, 0.0, 30.0, 30.0])
    raw = fitted.unit_ * fitted.regressor_.predict(LINE / fitted.feature_units_)
    assert raw.min() < 0 < raw.max()
    assert fitted.predict(LINE).tolist() == np.maximum(raw, 0).tolist()


def test_losses_are_learnt_and_foreseen():
    fitted = SpendRegressor(LinearRegression()).fit(LINE, [-60.0, -20.0, 20.0, 60.0])
    assert fitted.predict(LINE) == pytest.approx([-60.0, -20.0, 20.0, 60.0])
    constant = SpendRegressor(DummyRegressor()).fit(LINE, [-100.0, 0.0, 4.0, 8.0])
    assert constant.predict(LINE) == pytest.approx([-22.0] * 4)
    once = SpendRegressor(LinearRegression()).fit(LINE, [-6.0, 1.0, 2.0, 3.0])
    cents = SpendRegressor(LinearRegression()).fit(LINE, [-600.0, 100.0, 200.0, 300.0])
    assert cents.predict(LINE) == pytest.approx(100 * once.predict(LINE))


@pytest.mark.parametrize(
    ("regressor", "expected"),
    [
        (LinearRegression(), True),
        (make_pipeline(StandardScaler(), ElasticNet()), True),
        (RandomForestRegressor(n_estimators=3, random_state=0), True),
        (HistGradientBoostingRegressor(max_iter=2), True),
        (XGBRegressor(n_estimators=2, n_jobs=1), True),
        (boosted(limit=2), False),
        (boosted(limit=2, objective="reg:gamma"), False),
        (HistGradientBoostingRegressor(loss="poisson", max_iter=2), False),
        (RandomForestRegressor(n_estimators=3, criterion="poisson", random_state=0), False),
        (make_pipeline(StandardScaler(), TweedieRegressor(power=1.5)), False),
        (TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1), False),
        (TwoPart(LogisticRegression(), LinearRegression()), False),
        (LinearRegression(positive="perhaps"), True),  # what it complains of has nothing to do with losses
    ],
)
def test_whether_losses_can_be_learnt_is_a_property_of_the_regressor(regressor, expected):
    assert SpendRegressor(regressor).takes_losses is expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value):
    model = SpendRegressor(LinearRegression())
    with pytest.raises(ClvError, match="labels that are not finite"):
        model.fit(LINE, [0.0, 1.0, value, 3.0])
    holed = LINE.assign(frequency=[0.0, value, 2.0, 3.0])
    with pytest.raises(ClvError, match=r"feature\(s\) frequency hold values that are not finite"):
        model.fit(holed, np.ones(4))
    with pytest.raises(ClvError, match=r"feature\(s\) frequency hold values that are not finite"):
        model.fit(LINE, np.ones(4)).predict(holed)


@pytest.mark.parametrize(("rows", "labels"), [(0, 0), (4, 3)])
def test_rows_and_labels_that_do_not_match_are_counted(rows, labels):
    with pytest.raises(ClvError, match=f"{rows} rows of features and {labels} labels"):
        SpendRegressor(LinearRegression()).fit(LINE.iloc[:rows], np.ones(labels))


def test_a_feature_missing_at_predict_is_named():
    fitted = SpendRegressor(LinearRegression()).fit(LINE, np.ones(4))
    with pytest.raises(ClvError, match="fitted on 2 features and T is not among the columns given"):
        fitted.predict(LINE.drop(columns="T"))


def test_predicting_before_fitting_is_refused():
    with pytest.raises(NotFittedError):
        SpendRegressor(LinearRegression()).predict(LINE)


def test_column_order_and_further_columns_do_not_matter_at_predict():
    X, y = panel()
    for regressor in (make_pipeline(StandardScaler(), LinearRegression()), boosted(limit=5)):
        fitted = SpendRegressor(regressor).fit(X, y)
        assert fitted.predict(X[["z", "x", "y"]].assign(more=1.0)).tolist() == fitted.predict(X).tolist()
        assert fitted.predict(X[::-1]).tolist() == fitted.predict(X)[::-1].tolist()


def test_the_regressor_given_stays_unfitted():
    given = LinearRegression()
    SpendRegressor(given).fit(LINE, np.ones(4))
    assert not hasattr(given, "coef_")


def test_a_forest_predicts_the_same_to_the_last_bit_each_time():
    X, y = panel()
    forest = RandomForestRegressor(30, n_jobs=2, random_state=0)
    fitted = SpendRegressor(make_pipeline(StandardScaler(), forest)).fit(X, y)
    assert fitted.regressor_[-1].n_jobs == 1
    assert all(np.array_equal(fitted.predict(X), fitted.predict(X)) for _ in range(5))


@pytest.mark.parametrize(("limit", "notes"), [(2, 1), (1000, 0)])
def test_a_fit_that_does_not_converge_says_so(limit, notes):
    X, y = panel()
    model = SpendRegressor(TweedieRegressor(power=1.5, link="log", alpha=0.0, max_iter=limit)).fit(X, y)
    assert [note.startswith("the fit did not converge: ") for note in model.notes_] == [True] * notes


class Warns(DummyRegressor):
    """Warn of something else than convergence."""

    def fit(self, X, y):
        warnings.warn("something else", RuntimeWarning, stacklevel=2)
        return super().fit(X, y)


def test_other_warnings_stay_warnings():
    with pytest.warns(RuntimeWarning, match="something else"):
        model = SpendRegressor(Warns()).fit(LINE, np.ones(4))
    assert model.notes_ == []


# --- early stopping ---------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What a regressor was given to fit and to watch."""

    fits: list[Any] = field(default_factory=list)

    def __deepcopy__(self, memo):
        return self  # sklearn.clone copies parameters: all clones write into the same list


class Spy(RegressorMixin, BaseEstimator):
    """Stand where XGBRegressor would and note the customers and labels of each fit."""

    def __init__(self, seen, n_estimators=100, early_stopping_rounds=None):
        self.seen = seen
        self.n_estimators = n_estimators
        self.early_stopping_rounds = early_stopping_rounds

    def fit(self, X, y, eval_set=None, verbose=None):
        self.seen.fits.append((X, y, eval_set, self.n_estimators, self.early_stopping_rounds))
        self.best_iteration = 6
        return self


def watched(X, y, **choices):
    """Fit with a spy; return it and what its search was fitted on and watched."""
    seen = Seen()
    model = EarlyStoppingRegressor(Spy(seen), **choices).fit(X, y)
    _spelling, (fitted, _, ((held_out, _),), _, patience), final = seen.fits
    assert patience == model.patience
    return model, fitted, held_out, final


def test_whole_customers_are_held_out():
    X, y = panel(customers=50, origins=3)
    _, fitted, held_out, _ = watched(X, y, fraction=0.2)
    assert set(fitted.index).isdisjoint(held_out.index)
    assert set(fitted.index) | set(held_out.index) == set(X.index)
    assert held_out.index.value_counts().tolist() == [3] * 10
    assert len(fitted) + len(held_out) == len(X)


def test_the_final_fit_is_on_everybody_with_the_trees_that_were_found():
    X, y = panel(customers=50)
    model, *_, (rows, labels, eval_set, trees, patience) = watched(X, y, patience=7)
    assert rows.equals(X / X.abs().mean())
    assert labels * model.unit_ == pytest.approx(y, rel=1e-6)
    assert (eval_set, patience) == (None, None)
    assert trees == model.rounds_ == 7  # the best iteration, counted from 0, is 6


def test_held_out_customers_follow_the_seed_and_not_the_row_order():
    X, y = panel(customers=50)

    def held_out(X, y, seed):
        return set(watched(X, y, random_state=seed)[2].index)

    assert held_out(X, y, 1) == held_out(X, y, 1) == held_out(X[::-1], y[::-1], 1)
    assert held_out(X, y, 1) != held_out(X, y, 2)


def test_early_stopping_is_deterministic_by_seed():
    X, y = panel()

    def fit(seed):
        model = EarlyStoppingRegressor(boosted(), patience=5, random_state=seed).fit(X, y)
        return model.rounds_, model.predict(X).tolist()

    assert fit(3) == fit(3)
    assert len({fit(seed)[0] for seed in range(4)}) > 1


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_boosting_stops_early_on_data_with_little_signal(signal):
    X, y = panel(signal=signal)
    model = EarlyStoppingRegressor(boosted(limit=200), patience=10).fit(X, y)
    # Three features of which one says a little: two hundred trees of that rate fit noise.
    assert 1 <= model.rounds_ < 100
    assert model.regressor_.get_booster().num_boosted_rounds() == model.rounds_


def test_without_spend_to_watch_all_trees_are_grown():
    X, y = panel(customers=20)
    y[1:] = 0.0
    model = EarlyStoppingRegressor(boosted(limit=3)).fit(X, y)
    assert model.rounds_ == 3


@pytest.mark.parametrize("learns", [True, False])
def test_a_misspelt_parameter_is_refused_not_only_warned_of(learns):
    X, y = panel(customers=50)
    y = y if learns else np.where(np.arange(len(y)) == 0, y.max(), 0.0)
    model = EarlyStoppingRegressor(boosted(limit=3, max_dept=9, colsample=1))
    with pytest.raises(ClvError, match="XGBoost does not use colsample, max_dept with objective reg:tweedie"):
        model.fit(X, y)


def test_early_stopping_clones():
    model = EarlyStoppingRegressor(boosted(), patience=3, fraction=0.4, random_state=9)
    copy = clone(model)
    assert (copy.patience, copy.fraction, copy.random_state) == (3, 0.4, 9)
    assert copy.regressor is not model.regressor
