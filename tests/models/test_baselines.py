"""The baseline comparison, worked by hand."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from clv_experiments.errors import ClvError
from clv_experiments.models.hiatus import Hiatus
from clv_experiments.models.last_period import LastPeriod
from clv_experiments.models.rfm_decile import RfmDecile
from clv_experiments.models.spend_rate import SpendRate
from clv_experiments.models.zeros import Zeros

modest = settings(max_examples=60, deadline=None)
KNOWN = pd.DataFrame(
    {
        "frequency": [0.0, 4.0, 9.0, 1.0],
        "recency": [0.0, 60.0, 10.0, 5.0],
        "T": [20.0, 70.0, 101.0, 5.0],
        "monetary_value": [0.0, 30.0, 10.0, 80.0],
        "sales_sum_M_2": [0.0, 12.5, 40.0, -3.0],
        "spend_per_day": [0.5, 2.0, 3.0, -1.0],
    },
    index=["a", "b", "c", "d"],
)
BY_HAND = [
    (Zeros(), [0, 0, 0, 0]),
    (LastPeriod(), [0, 12.5, 40, -3]),  # who lost goes on losing
    (SpendRate(horizon_days=10), [5, 20, 30, -10]),
    (SpendRate(horizon_days=200), [0.5 * 20 / 50 * 200, 400, 600, -5 / 50 * 200]),  # 50 days count at least
    (SpendRate(horizon_days=1), [0.5, 2, 3, -1]),
    (Hiatus(horizon_days=10, hiatus_days=None), [0, 20, 0, -10]),  # away for 20, 10, 91 and 0 days
    (Hiatus(horizon_days=10, hiatus_days=20), [5, 20, 0, -10]),
    (Hiatus(horizon_days=10, hiatus_days=0), [0, 0, 0, -10]),
    (Hiatus(horizon_days=100, hiatus_days=None), [40, 200, 300, -20]),  # 25 days count at least
]


@pytest.mark.parametrize(("model", "expected"), BY_HAND)
def test_rules_by_hand_in_any_row_and_column_order(model, expected):
    by_customer = dict(zip(KNOWN.index, expected, strict=True))
    fitted = clone(model).fit(KNOWN)
    for order in permutations(KNOWN.index):
        subset = KNOWN.loc[list(order)].iloc[:, ::-1]
        assert fitted.predict(subset).tolist() == [by_customer[customer] for customer in order]
    assert fitted.predict(KNOWN.iloc[:0]).shape == (0,)


def test_who_came_today_is_not_expected_back_every_day():
    today = pd.DataFrame({"T": [0.0, 1.0, 365.0], "spend_per_day": [40.0, 40.0, 40.0]})
    assert SpendRate(horizon_days=100).fit(today).predict(today).tolist() == [160, 160, 4000]
    today = today.assign(recency=[0.0, 1.0, 365.0])
    assert Hiatus(horizon_days=100).fit(today).predict(today).tolist() == [160, 160, 4000]


@pytest.mark.parametrize("model", [model for model, _ in BY_HAND])
def test_rules_ignore_labels(model):
    with_labels, without = clone(model).fit(KNOWN, [1e6] * 4), clone(model).fit(KNOWN)
    assert with_labels.predict(KNOWN).tolist() == without.predict(KNOWN).tolist()


@pytest.mark.parametrize(
    ("model", "needs"),
    [
        (LastPeriod(), ["sales_sum_M_2"]),
        (SpendRate(), ["T", "spend_per_day"]),
        (Hiatus(), ["T", "recency", "spend_per_day"]),
        (RfmDecile(), ["T", "recency", "frequency"]),
    ],
)
def test_a_missing_feature_is_named_at_fit_and_predict(model, needs):
    name, spend = type(model).__name__, np.ones(4)
    for column in needs:
        lacking = KNOWN.drop(columns=column)
        message = rf"^{name} needs the feature\(s\) {column}; the feature set has {', '.join(lacking.columns)}$"
        with pytest.raises(ClvError, match=message):
            clone(model).fit(lacking, spend)
        with pytest.raises(ClvError, match=message):
            clone(model).fit(KNOWN, spend).predict(lacking)


# --- RFM groups -------------------------------------------------------------------------------------------------


def customers(days_since_last, frequency, money):
    """RFM of customers who have been known for 100 days."""
    columns = {"recency": 100 - np.asarray(days_since_last), "T": 100.0, "frequency": frequency}
    return pd.DataFrame(columns | {"monetary_value": money}, index=[f"c{i}" for i in range(len(money))])


def test_rfm_groups_by_hand():
    # All three agree on the order, so that the mean rank of customer i of 4 is (i + 1/2) / 4.
    panel = customers([40, 30, 20, 10], [0, 1, 2, 3], [0.0, 10.0, 20.0, 30.0])
    fitted = RfmDecile(groups=2).fit(panel, [0.0, 2.0, 10.0, 30.0])
    assert fitted.edges_.tolist() == [0.5]
    assert fitted.predict(panel).tolist() == [1.0, 1.0, 20.0, 20.0]
    assert fitted.parameters_.to_dict("list") == {
        "parameter": ["rfm_group_1", "rfm_group_2"],
        "estimate": [1.0, 20.0],
        "customers": [2, 2],
    }
    # Better than all: last group; worse than all: first.
    assert fitted.predict(customers([0, 99], [50, 0], [1e6, 0.0])).tolist() == [20.0, 1.0]


def test_rfm_ranks_weigh_recency_frequency_and_money_alike():
    # Ranks (1/2, 3/2, 5/2 of 3): c0 is first in two, c1 in none, c2 in one; mean ranks 11/18, 1/2, 7/18.
    panel = customers([10, 20, 30], [9, 5, 1], [1.0, 2.0, 3.0])
    scores = RfmDecile(groups=3).fit(panel, [30.0, 20.0, 10.0])._compute_mean_rfm_ranks(panel)
    assert scores == pytest.approx([11 / 18, 1 / 2, 7 / 18], rel=1e-12)


def test_rfm_without_money_ranks_recency_and_frequency():
    panel = customers([10, 20, 30], [9, 5, 1], [1.0, 2.0, 3.0]).drop(columns="monetary_value")
    scores = RfmDecile(groups=3).fit(panel, [30.0, 20.0, 10.0])._compute_mean_rfm_ranks(panel)
    assert scores == pytest.approx([5 / 6, 1 / 2, 1 / 6], rel=1e-12)
    with pytest.raises(ClvError, match=r"needs the feature\(s\) monetary_value"):
        RfmDecile().fit(panel.assign(monetary_value=1.0), [1.0, 2.0, 3.0]).predict(panel)


def test_rfm_tied_customers_share_a_group():
    panel = customers([10] * 4 + [5], [0] * 4 + [3], [0.0] * 4 + [9.0])
    predicted = RfmDecile(groups=10).fit(panel, [0.0, 4.0, 0.0, 4.0, 100.0]).predict(panel)
    assert predicted.tolist() == [2.0, 2.0, 2.0, 2.0, 100.0]


def test_rfm_of_customers_who_are_all_alike_is_the_mean():
    panel = customers([10] * 4, [0] * 4, [0.0] * 4)
    assert RfmDecile().fit(panel, [0.0, 0.0, 0.0, 8.0]).predict(panel).tolist() == [2.0] * 4


@modest
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(0, 8), st.integers(-8, 80)), min_size=2, max_size=50
    ),
    groups=st.integers(1, 12),
)
def test_rfm_groups_keep_the_total_and_score_each_customer_alone(rows, groups):
    away, frequency, money, spend = map(np.array, zip(*rows, strict=True))
    panel = customers(away, frequency, money.astype(float))
    fitted = RfmDecile(groups=groups).fit(panel, spend)
    predicted = fitted.predict(panel)
    # Group means give back the panel's total, losses and all; at most 50 numbers are added.
    assert predicted.sum() == pytest.approx(spend.sum(), rel=1e-9, abs=1e-9)
    assert len(set(predicted.tolist())) <= groups
    alone = [fitted.predict(panel.loc[[customer]])[0] for customer in panel.index]
    assert alone == predicted.tolist()
