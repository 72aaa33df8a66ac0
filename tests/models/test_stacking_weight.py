"""The weight of one member beside the others: what predicts customers best whom no member has seen."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.metrics import mean_tweedie_deviance
from sklearn.neighbors import KNeighborsRegressor

from clv_experiments.errors import ClvError
from clv_experiments.models import stacking_weight
from clv_experiments.models.scaled_regressor import ScaledRegressor
from clv_experiments.models.stacking_weight import learn_stacking_weight

N = 1500
draws = np.random.default_rng(5)
GOOD, BAD, NOISE = draws.gamma(2.0, 20.0, N), draws.gamma(2.0, 20.0, N), draws.gamma(1.0, 1.0, N)
X = pd.DataFrame({"good": GOOD, "bad": BAD}, index=[f"c{k}" for k in range(N)])
Y = GOOD * NOISE


class Column(RegressorMixin, BaseEstimator):
    """Predicts one of the features; learns nothing, and needs no labels."""

    def __init__(self, column="good", factor=1.0):
        self.column, self.factor = column, factor

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return self.factor * X[self.column].to_numpy()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


class Memory(RegressorMixin, BaseEstimator):
    """Predicts what it saw of a customer, and the mean for others."""

    def fit(self, X, y):
        self.seen_, self.mean_ = dict(zip(X.index, y, strict=True)), float(np.mean(y))
        return self

    def predict(self, X):
        return np.array([self.seen_.get(customer, self.mean_) for customer in X.index])


def learn(members, name="a", X=X, Y=Y, weights=None):
    return learn_stacking_weight({key: ScaledRegressor(value) for key, value in members.items()}, name, X, Y, weights)


def test_who_knows_gets_all_and_who_does_not_gets_nothing():
    assert learn({"a": Column("good"), "b": Column("bad")}) > 0.95
    assert learn({"a": Column("bad"), "b": Column("good")}) < 0.05


def test_it_minimises_the_deviance_of_the_mean_with_the_others():
    half = Y * 0 + (GOOD + BAD) / 2 * NOISE
    weight = learn({"a": Column("good"), "b": Column("bad"), "c": Column("bad")}, Y=half)
    scaled = {name: X[name].to_numpy() * half.sum() / X[name].sum() for name in X}
    deviances = [
        mean_tweedie_deviance(
            half, np.maximum(w * scaled["good"] + (1 - w) * scaled["bad"], half.mean() / 100), power=1.5
        )
        for w in np.linspace(0, 1, 101)
    ]
    assert weight == pytest.approx(np.argmin(deviances) / 100, abs=0.01)
    assert 0.3 < weight < 0.7


def test_levels_do_not_matter():
    quiet = learn({"a": Column("good", factor=0.01), "b": Column("bad")})
    assert quiet == pytest.approx(learn({"a": Column("good"), "b": Column("bad")}), abs=1e-4)


def test_nobody_is_predicted_by_who_has_seen_them():
    """A memory has every row right that it was fitted on, also a customer's rows of other origins."""
    twice, labels = pd.concat([X, X]), np.concatenate([Y, Y])
    assert learn({"a": Memory(), "b": Column("good")}, X=twice, Y=labels) < 0.1
    assert learn({"a": KNeighborsRegressor(1), "b": Column("good")}, X=twice, Y=labels) < 0.1


def test_rows_count_by_their_weight():
    knows = np.arange(N) < N // 2
    mixed = np.where(knows, GOOD, BAD) * NOISE
    members = {"a": Column("good"), "b": Column("bad")}
    many, few = (learn(members, Y=mixed, weights=np.where(knows, *pair)) for pair in ((20.0, 1.0), (1.0, 20.0)))
    assert many > 0.7
    assert few < 0.3
    repeated = np.where(knows, 3, 1)
    rows = np.repeat(np.arange(N), repeated)
    by_rows = learn(members, X=X.iloc[rows], Y=mixed[rows])
    assert learn(members, Y=mixed, weights=repeated.astype(float)) == pytest.approx(by_rows, abs=1e-3)


def test_a_part_of_many_customers_is_enough(monkeypatch):
    half = (GOOD + BAD) / 2 * NOISE
    members = {"a": Column("good"), "b": Column("bad")}
    everyone = learn(members, Y=half)
    monkeypatch.setattr(stacking_weight, "MAX_ROWS", 800)
    part = learn(members, Y=half)
    assert part != everyone
    assert part == pytest.approx(everyone, abs=0.15)
    assert learn(members, Y=half) == part
    seen = []
    monkeypatch.setattr(Column, "predict", lambda self, X: seen.append(len(X)) or X[self.column].to_numpy())
    learn(members, Y=half)
    assert sum(seen) / 2 < 900


class Refusing(Memory):
    def fit(self, X, y):
        raise ClvError("too few")


@pytest.mark.parametrize(
    ("members", "rows", "labels"),
    [
        ({"a": Column("bad"), "b": Column("good")}, 2, Y[:2]),
        ({"a": Column("bad"), "b": Column("good")}, N, np.zeros(N)),
        ({"a": Column("bad"), "b": Refusing()}, N, Y),
    ],
    ids=["hardly a customer", "no spend", "no fit"],
)
def test_where_the_others_cannot_be_checked_they_do_not_count(members, rows, labels):
    assert learn(members, X=X.iloc[:rows], Y=labels) == 1.0


def test_members_stay_as_they_are():
    member = ScaledRegressor(KNeighborsRegressor(3)).fit(X, Y)
    before = clone(member).fit(X, Y).predict(X)
    learn_stacking_weight({"a": member, "b": ScaledRegressor(Column("good"))}, "a", X, Y, None)
    np.testing.assert_array_equal(member.predict(X), before)
