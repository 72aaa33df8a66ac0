"""Sums of the shop as a whole against loops that read the rows one by one."""

from collections import defaultdict
from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from clv_experiments.data.horizon import Period
from clv_experiments.data.queries.activity import cohort_activity, country_activity, daily_totals, spend_by_customer

END = date(2020, 3, 20)
MOMENTS = [datetime(2020, 1, 5) + timedelta(hours=31 * k) for k in range(70)]
ROWS = [("abcde"[k * k % 5], moment, 1.25 * (k % 7) + 0.5, f"o{k // 2}") for k, moment in enumerate(MOMENTS)]


@pytest.fixture(scope="module")
def log(log_of):
    countries = [["UK", "FR", None][k % 3] for k in range(len(ROWS))]
    frame = pd.DataFrame(ROWS, columns=["customer_id", "date", "amount", "order_id"]).assign(country=countries)
    assert frame["date"].max().date() > END, "the log must go on after the day it is looked at"
    return log_of(frame)


def known():
    return [(c, moment.date(), amount, order) for c, moment, amount, order in ROWS if moment.date() <= END]


def test_daily_activity_is_the_sum_of_each_day_and_reads_nothing_later(log):
    daily = daily_totals(log, END)
    assert list(daily.index) == list(pd.date_range("2020-01-05", END))
    for day, row in daily.iterrows():
        rows = [r for r in known() if r[1] == day.date()]
        assert row["revenue"] == pytest.approx(sum(r[2] for r in rows))
        assert row["orders"] == len({(r[0], r[3]) for r in rows})
        assert row["customers"] == len({r[0] for r in rows})


def test_cohort_activity_counts_customers_by_first_and_present_month(log):
    first = {}
    for customer, day, _, _ in known():
        first.setdefault(customer, f"{day:%Y-%m}")
    who, revenue = defaultdict(set), defaultdict(float)
    for customer, day, amount, _ in known():
        who[first[customer], f"{day:%Y-%m}"].add(customer)
        revenue[first[customer], f"{day:%Y-%m}"] += amount
    table = cohort_activity(log, END)
    result = {(str(r.cohort), str(r.month)): (r.customers, pytest.approx(r.revenue)) for r in table.itertuples()}
    assert result == {key: (len(who[key]), revenue[key]) for key in who}
    assert table["orders"].sum() == daily_totals(log, END)["orders"].sum()


def test_spend_of_a_period_leaves_both_sides_out(log):
    period = Period(date(2020, 1, 31), date(2020, 2, 29))
    spend = defaultdict(float)
    for customer, day, amount, _ in known():
        if day.month == 2:
            spend[customer] += amount
    assert spend_by_customer(log, period).to_dict() == pytest.approx(dict(sorted(spend.items())))


def test_country_activity_keeps_lines_without_a_country(log):
    table = country_activity(log, Period(date(2020, 1, 4), END))
    revenue = defaultdict(float)
    for k, (_, day, amount, _) in enumerate((c, m.date(), a, o) for c, m, a, o in ROWS):
        if day <= END:
            revenue[["UK", "FR", "none"][k % 3]] += amount
    assert dict(zip(table["country"].fillna("none"), table["revenue"], strict=True)) == pytest.approx(dict(revenue))
    assert table["revenue"].is_monotonic_decreasing


def test_a_log_without_countries_says_so(log_of):
    plain = log_of([("a", datetime(2020, 1, day), 1.0) for day in (1, 2)] + [("b", datetime(2020, 1, 1), 1.0)])
    assert country_activity(plain, Period(date(2019, 12, 31), date(2020, 1, 31))) is None
