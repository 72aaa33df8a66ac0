"""Cohorts by month against a loop over the rows; months twelve apart are the same days of the calendar."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.queries.cohort_months import sum_repeat_purchases_by_cohort_month

few_examples = settings(max_examples=12, deadline=None)
FIRST = datetime(2020, 1, 1)
MONTH = Fraction(1461, 48)


def month_of(day, cutoff):
    return floor(((day - cutoff).days - 1) / MONTH)


@st.composite
def logs(draw):
    """Rows over 400 days with ties; quarters of a unit add up without rounding, in any order."""
    row = st.tuples(st.sampled_from("abcdef"), st.integers(0, 400), st.integers(-20, 80))
    rows = [*draw(st.lists(row, min_size=1, max_size=60)), ("y", 0, 4), ("y", 400, 1), ("z", 5, 2)]
    return [(customer, FIRST + timedelta(days=day), quarters / 4) for customer, day, quarters in rows]


@pytest.mark.slow
@few_examples
@given(rows=logs(), known_days=st.integers(6, 420))
def test_sums_and_exposure_are_what_a_loop_over_the_days_finds(log_of, rows, known_days):
    cutoff = FIRST.date() + timedelta(days=known_days)
    days = defaultdict(float)
    for customer, moment, amount in rows:
        if moment.date() <= cutoff:
            days[customer, moment.date()] += amount
    first = {}
    for customer, day in sorted(days, key=lambda purchase: purchase[1]):
        first.setdefault(customer, day)
    spend, count, exposure = defaultdict(float), defaultdict(int), defaultdict(int)
    for (customer, day), amount in days.items():
        if day > first[customer]:
            cell = month_of(first[customer], cutoff), month_of(day, cutoff)
            spend[cell] += amount
            count[cell] += 1
    for day in first.values():
        for later in range(1, (cutoff - day).days + 60 + 1):
            exposure[month_of(day, cutoff), month_of(day + timedelta(days=later), cutoff)] += 1

    result = sum_repeat_purchases_by_cohort_month(log_of(rows), cutoff)
    cohorts = sorted({month_of(day, cutoff) for day in first.values()})
    assert list(result.cohorts.index) == cohorts
    assert result.cohorts["customers"].sum() == len(first)
    assert [(row.cohort, row.month) for row in result.past.itertuples()] == [
        (c, m) for c in cohorts for m in range(c, 0)
    ]
    for row in pd.concat([result.past, result.build_future_months(60).assign(purchase_days=0, spend=0.0)]).itertuples():
        cell = row.cohort, row.month
        assert row.customers * (row.to_age - row.from_age) == pytest.approx(exposure[cell])
        assert (row.purchase_days, row.spend) == (count[cell], spend[cell])
    assert result.build_future_months(60)["month"].unique().tolist() == [0, 1]


def test_months_end_with_the_cutoff_and_repeat_after_a_year(log_of):
    rows = [("a", "2019-01-01", 1.0), ("a", "2019-02-12", 2.0), ("a", "2020-02-12", 4.0), ("a", "2020-03-14", 8.0)]
    rows += [("b", "2020-03-14", 16.0)]
    past = sum_repeat_purchases_by_cohort_month(
        log_of([(who, pd.Timestamp(day), paid) for who, day, paid in rows]), date(2020, 3, 14)
    ).past
    past = past[past["cohort"] < -1]
    spend = past.set_index("month")["spend"]
    assert spend[spend > 0].to_dict() == {-14: 2.0, -2: 4.0, -1: 8.0}
    assert (past["to_age"] - past["from_age"]).iloc[1:].isin([30, 31]).all()
    assert np.array_equal(past["to_age"][:-1], past["from_age"][1:])


def test_later_purchases_and_customers_are_not_read(log_of):
    rows = [("a", 0, 1.0), ("a", 40, 2.0), ("b", 10, 3.0)]
    later = [("a", 61, 50.0), ("b", 70, 60.0), ("c", 65, 70.0)]
    logs = (
        log_of([(who, FIRST + timedelta(days=day), paid) for who, day, paid in some]) for some in (rows, rows + later)
    )
    before, after = (sum_repeat_purchases_by_cohort_month(log, FIRST.date() + timedelta(days=60)) for log in logs)
    pd.testing.assert_frame_equal(before.past, after.past)
    pd.testing.assert_frame_equal(before.cohorts, after.cohorts)


def test_the_last_month_of_the_future_is_cut_where_it_ends(log_of):
    log = log_of([("a", FIRST, 1.0), ("b", FIRST + timedelta(days=9), 1.0), ("b", FIRST + timedelta(days=29), 1.0)])
    future = sum_repeat_purchases_by_cohort_month(log, FIRST.date() + timedelta(days=29)).build_future_months(45)
    assert future["month"].tolist() == [0, 1]
    assert future["customers"].tolist() == [2, 2]
    assert future["from_age"].tolist() == [24.5, 55.5]
    assert future["to_age"].tolist() == [55.5, 69.5]
