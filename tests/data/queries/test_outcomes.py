"""Holdout spend and daily repeat spend against loops that read the rows one by one."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.horizon import Period
from clv_experiments.data.queries.outcomes import (
    days_to_purchase,
    holdout_spend_and_purchase_days,
    new_customers_and_repeat_spend,
)

few_examples = settings(max_examples=25, deadline=None)
FIRST = datetime(2020, 1, 1)


@st.composite
def logs(draw):
    """Rows over 40 days with ties and clock times; quarters of a unit add up without rounding, in any order."""
    row = st.tuples(st.sampled_from("abcdef"), st.integers(0, 40 * 24 - 1), st.integers(-20, 80))
    rows = [*draw(st.lists(row, min_size=1, max_size=40)), ("y", 0, 4), ("y", 40, 1), ("z", 5, 2)]
    return [(customer, FIRST + timedelta(hours=hour), quarters / 4) for customer, hour, quarters in rows]


@st.composite
def some_period(draw):
    cutoff = FIRST.date() + timedelta(days=draw(st.integers(0, 45)))
    return Period(cutoff, cutoff + timedelta(days=draw(st.integers(1, 30))))


def first_days(rows, period):
    """First purchase day of every customer known at the cutoff."""
    first = {}
    for customer, moment, _ in sorted(rows, key=lambda row: row[1]):
        first.setdefault(customer, moment.date())
    return {customer: day for customer, day in sorted(first.items()) if day <= period.cutoff}


@pytest.mark.slow
@few_examples
@given(rows=logs(), period=some_period())
def test_holdout_and_waits_are_what_a_loop_over_the_rows_finds(log_of, rows, period):
    expected, waits = {}, {}
    for customer in first_days(rows, period):
        inside = [
            (moment.date(), amount)
            for who, moment, amount in rows
            if who == customer and period.cutoff < moment.date() <= period.end
        ]
        expected[customer] = (sum(amount for _, amount in inside), len({day for day, _ in inside}))
        waits[customer] = (min(day for day, _ in inside) - period.cutoff).days if inside else None
    log = log_of(rows)
    result = holdout_spend_and_purchase_days(log, period)
    assert list(result.index) == list(expected)
    assert result.index.name == "customer_id"
    assert list(result.columns) == ["spend", "purchase_days"]
    assert list(result.itertuples(index=False, name=None)) == list(expected.values())
    waited = days_to_purchase(log, period)
    assert {who: None if pd.isna(wait) else wait for who, wait in waited.items()} == waits


@pytest.mark.slow
@few_examples
@given(rows=logs(), period=some_period())
def test_repeat_spend_by_day_is_a_naive_sum_over_the_rows(log_of, rows, period):
    log, first = log_of(rows), first_days(rows, period)
    result = new_customers_and_repeat_spend(log, period)
    assert list(result.index) == list(pd.date_range(log.start, period.end))
    for day, new_customers, repeat_spend in result.itertuples(name=None):
        today = [(who, amount) for who, moment, amount in rows if moment.date() == day.date() and who in first]
        assert new_customers == sum(begun == day.date() for begun in first.values())
        assert repeat_spend == sum(amount for who, amount in today if first[who] < day.date())


def test_holdout_ends_with_the_last_day_of_the_period_and_drops_later_customers(log_of):
    rows = [
        ("known", date(2020, 1, 31), 1.0),
        ("known", date(2020, 2, 1), 10.0),
        ("known", date(2020, 2, 29), 100.0),
        ("known", date(2020, 3, 1), 1000.0),
        ("new", date(2020, 2, 1), 7.0),
    ]
    result = holdout_spend_and_purchase_days(log_of(rows), Period(date(2020, 1, 31), date(2020, 2, 29)))
    assert result.to_dict("index") == {"known": {"spend": 110.0, "purchase_days": 2}}


def test_returns_stay_in_holdout_spend(log_of):
    rows = [("a", date(2020, 1, 1), 9.0), ("a", date(2020, 1, 3), -4.0), ("b", date(2020, 1, 1), 1.0)]
    assert list(holdout_spend_and_purchase_days(log_of(rows), Period(date(2020, 1, 1), date(2020, 1, 5)))["spend"]) == [
        -4.0,
        0.0,
    ]


def test_cdnow_days_add_up_to_calibration_and_holdout(cdnow_sample):
    period = Period(date(1997, 9, 30), date(1998, 6, 30))
    daily = new_customers_and_repeat_spend(cdnow_sample, period)
    assert daily["new_customers"].sum() == 2_357
    assert daily.loc[daily["new_customers"] > 0].index.max() <= pd.Timestamp("1997-03-31")
    # Cents added as floats day by day and customer by customer: rounding stays far below a cent.
    assert daily.loc["1997-10-01":, "repeat_spend"].sum() == pytest.approx(70_976.39, abs=1e-4)
    assert daily.loc["1997-10-01":, "repeat_spend"].sum() == pytest.approx(
        holdout_spend_and_purchase_days(cdnow_sample, period)["spend"].sum(), abs=1e-4
    )
