"""The purchase hazard: person-periods by hand, a life table as oracle, and what a probability has to be."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from clv_experiments.errors import ClvError
from clv_experiments.models.purchase_hazard import DAYS_AHEAD_COLUMN, PurchaseHazard

NONE = np.nan


class ShareByInterval(ClassifierMixin, BaseEstimator):
    """Give every row the share of purchases in its interval."""

    def fit(self, X, y):
        self.rows_ = X.assign(bought=y)
        self.shares_ = self.rows_.groupby(DAYS_AHEAD_COLUMN)["bought"].mean()
        return self

    def predict_proba(self, X):
        share = X[DAYS_AHEAD_COLUMN].map(self.shares_).to_numpy()
        return np.column_stack([1 - share, share])


def customers(n):
    return pd.DataFrame({"frequency": np.arange(n, dtype=float)}, index=[f"c{i}" for i in range(n)])


def hazard(**settings):
    return PurchaseHazard(**{"horizon_days": 9.0, "intervals": 3, "classifier": ShareByInterval(), **settings})


def test_a_customer_gives_a_row_for_each_interval_up_to_the_purchase():
    fitted = hazard().fit(customers(5), [2, 3, 4, NONE, 9])
    rows = fitted.classifier_.rows_
    person_periods = [
        list(zip(part[DAYS_AHEAD_COLUMN], part["bought"], strict=True)) for _, part in rows.groupby("frequency")
    ]
    assert person_periods == [
        [(0, 1)],
        [(0, 1)],  # day 3 ends the first interval
        [(0, 0), (3, 1)],
        [(0, 0), (3, 0), (6, 0)],
        [(0, 0), (3, 0), (6, 1)],
    ]


def test_what_was_not_observed_to_its_end_is_left_out():
    rows = hazard().fit(customers(3), [NONE, 7, 5], days_observed=[5, 8, 6]).classifier_.rows_
    person_periods = [
        list(zip(part[DAYS_AHEAD_COLUMN], part["bought"], strict=True)) for _, part in rows.groupby("frequency")
    ]
    assert person_periods == [[(0, 0)], [(0, 0), (3, 0)], [(0, 0), (3, 1)]]


def test_probabilities_are_those_of_a_life_table():
    rng = np.random.default_rng(3)
    waits = rng.integers(1, 16, 200).astype(float)
    seen = rng.choice([3.0, 6.0, 9.0], 200)
    waits[waits > seen] = NONE
    probabilities = hazard().fit(customers(200), waits, seen).purchase_probabilities(customers(2), np.array([3, 6, 9]))
    silent, oracle = 1.0, []
    for end in (3, 6, 9):
        at_risk = purchases = 0
        for wait, until in zip(waits, seen, strict=True):
            if until >= end and not wait <= end - 3:
                at_risk += 1
                purchases += wait <= end
        silent *= 1 - purchases / at_risk
        oracle.append(1 - silent)
    np.testing.assert_allclose(probabilities, [oracle, oracle])


def test_within_an_interval_the_hazard_is_constant():
    fitted = hazard(intervals=1).fit(customers(4), [1, 5, NONE, NONE])
    probabilities = fitted.purchase_probabilities(customers(1), np.array([3.0, 9.0]))[0]
    assert probabilities == pytest.approx([1 - 0.5 ** (3 / 9), 0.5])


@pytest.mark.parametrize(("waits", "last"), [([1.0, 2.0], 1.0), ([NONE, NONE], 0.0)])
def test_all_or_nobody_bought(waits, last):
    probabilities = hazard().fit(customers(2), waits).purchase_probabilities(customers(2), np.array([3, 9]))
    np.testing.assert_allclose(probabilities, last, atol=1e-9)


def simulated(seed=0, n=2000):
    """Customers who buy within a week if they are fast and within a quarter if not, or never."""
    rng = np.random.default_rng(seed)
    fast = rng.random(n) < 0.5
    waits = np.where(fast, rng.integers(1, 8, n), rng.integers(1, 400, n)).astype(float)
    X = pd.DataFrame({"fast": fast.astype(float), "noise": rng.random(n)}, index=[f"c{i}" for i in range(n)])
    return X, np.where(waits > 91, NONE, waits)


def test_default_classifier_learns_tells_rising_probabilities_and_is_repeatable():
    X, waits = simulated()
    days = np.array([1, 7, 8, 30, 91])
    fitted = PurchaseHazard(random_state=1).fit(X, waits)
    probabilities = fitted.purchase_probabilities(X, days)
    assert (np.diff(probabilities, axis=1) > 0).all()
    assert (probabilities > 0).all()
    assert (probabilities <= 1).all()
    fast = X["fast"] == 1
    assert probabilities[fast, -1].mean() > 0.95
    assert probabilities[~fast, -1].mean() == pytest.approx((waits[~fast] <= 91).mean(), abs=0.05)
    again = clone(fitted).fit(X, waits).purchase_probabilities(X.iloc[::-1], days)
    np.testing.assert_array_equal(again[::-1], probabilities)
    other = PurchaseHazard(random_state=2).fit(X, waits).purchase_probabilities(X, days)
    assert not np.array_equal(other, probabilities)


@pytest.mark.parametrize(
    ("settings", "X", "waits", "message"),
    [
        ({}, customers(0), [], "0 rows"),
        ({}, customers(2), [1.0], "2 rows of features and 1 waits"),
        ({}, customers(2), [0.0, 1.0], "must be above 0"),
        ({}, customers(2) * np.inf, [1.0, 2.0], "frequency hold values that are not finite"),
        ({"intervals": 0}, customers(2), [1.0, 2.0], "at least 1 interval"),
        ({"horizon_days": -9.0}, customers(2), [1.0, 2.0], "positive horizon"),
    ],
)
def test_bad_training_is_refused(settings, X, waits, message):
    with pytest.raises(ClvError, match=message):
        hazard(**settings).fit(X, waits)


def test_too_short_an_observation_is_refused():
    with pytest.raises(ClvError, match=r"no interval of 3\.0 days was observed"):
        hazard().fit(customers(2), [NONE, 1.0], days_observed=[2, 2])


def test_bad_questions_are_refused():
    fitted = hazard().fit(customers(3), [1, 4, NONE])
    with pytest.raises(ClvError, match="up to the horizon, 9"):
        fitted.purchase_probabilities(customers(3), np.array([10]))
    with pytest.raises(ClvError, match="frequency is not among"):
        fitted.purchase_probabilities(pd.DataFrame({"T": [1.0]}), np.array([1]))
