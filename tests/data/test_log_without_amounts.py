"""A log that says who bought and when, but not for how much: each purchase day counts as one purchase."""

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.data.cleaning import missing_amount, missing_customer, price_not_positive, returns
from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.log import load_log
from clv_experiments.data.queries.outcomes import holdout_spend_and_purchase_days
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError
from clv_experiments.features.behaviour import behaviour
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm

STEPS = (missing_customer(), missing_amount(), price_not_positive(), returns())
WHO_AND_WHEN = pd.DataFrame(
    {
        "cust": ["a", "a", "b", "a", "b", None],
        "date": ["2020-01-01", "2020-01-01", "2020-01-02", "2020-01-05", "2020-01-09", "2020-01-03"],
    }
)


def load(frame, **columns):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return load_log("shop", lambda engine: RawTable(engine.register_arrow("rows", table)), STEPS, columns=columns)


def purchases(log):
    return sorted(
        (row["customer_id"], row["date"].day, row["amount"]) for row in log.purchase_days.to_pyarrow().to_pylist()
    )


@pytest.fixture(scope="module")
def log():
    return load(WHO_AND_WHEN)


def test_each_purchase_day_counts_as_one_purchase_and_that_is_said(log):
    assert (log.has_amounts, log.currency) == (False, "purchases")
    assert purchases(log) == [("a", 1, 1), ("a", 5, 1), ("b", 2, 1), ("b", 9, 1)]
    assert any("no amounts" in note for note in log.notes)


def test_no_money_is_reported(log):
    assert list(log.report.table) == ["rule", "rows", "customers"]
    assert str(log.report) == "6 rows read, 5 kept; removed: missing customer 1"


def test_it_is_another_log_than_one_with_amounts_of_1(log):
    days = pd.DataFrame(purchases(log), columns=["cust", "day", "amount"])
    ones = pd.DataFrame({"cust": days["cust"], "date": [date(2020, 1, day) for day in days["day"]], "amount": 1})
    assert purchases(load(ones)) == purchases(log)
    assert load(ones).fingerprint != load(ones, amount=False).fingerprint


def test_false_says_that_there_are_none():
    priced = WHO_AND_WHEN.assign(total=[9.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert load(priced).has_amounts
    assert purchases(load(priced, amount=False)) == purchases(load(WHO_AND_WHEN))
    alone = WHO_AND_WHEN.assign(Price=[9.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert load(alone).has_amounts
    assert not load(alone, amount=False).has_amounts


def test_false_still_leaves_quantity_times_price():
    priced = WHO_AND_WHEN.assign(Quantity=[1, 2, 1, 1, 1, 1], Price=[9.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert purchases(load(priced, amount=False))[0] == ("a", 1, 11)


def test_a_return_is_no_purchase():
    returned = WHO_AND_WHEN.assign(quantity=[3, 1, None, -1, 2, 1])
    assert purchases(load(returned, amount=False)) == [("a", 1, 1), ("b", 2, 1), ("b", 9, 1)]


@pytest.mark.parametrize("cells", [[31, 2, 3, 4, 5, 6], ["", "1", "2", "x", "3", "4"]])
def test_a_number_that_is_left_over_may_be_the_amount(cells):
    with pytest.raises(ClvError, match=r"looks like its amount.*data\.columns\.amount=false"):
        load(WHO_AND_WHEN.assign(paid_in=cells))


@pytest.mark.parametrize("cells", [["C1", "C2", "C3", "C4", "C5", "C6"], ["2020-01-02"] * 6, [""] * 6, [True] * 6])
def test_what_is_left_over_and_no_number_is_no_amount(cells):
    assert not load(WHO_AND_WHEN.assign(other=cells)).has_amounts


def test_features_and_outcomes_count_purchases(log):
    X = FeatureSet("both", [rfm, behaviour]).compute(log, date(2020, 1, 5), Horizon.parse("4 days"))
    assert "monetary_value" not in X
    assert X["frequency"].to_dict() == {"a": 1, "b": 0}
    assert X["spend_per_day"].to_dict() == {"a": 2 / 4, "b": 1 / 3}
    assert holdout_spend_and_purchase_days(log, Period(date(2020, 1, 5), date(2020, 1, 9)))["spend"].to_dict() == {
        "a": 0,
        "b": 1,
    }
