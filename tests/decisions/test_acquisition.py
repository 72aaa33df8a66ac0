"""First-year values: hand-worked customers, cohorts, and the words around them."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

from clv_experiments.data.queries.first_year import first_year
from clv_experiments.decisions.budget.acquisition import (
    cohort_table,
    cohorts_of,
    first_year_values,
    pooled,
    recent,
    resampled_means,
    rest_of_year,
    settled,
    trend,
)
from clv_experiments.decisions.budget.acquisition_check import compared
from clv_experiments.decisions.display.acquisition import _trend


class Weekly:
    """Expects everybody to buy once a week, for 10 each time: 10 / 7 a day."""

    def expected_purchases(self, X, days):
        return np.full(len(X), days / 7)

    def expected_spend_per_purchase(self, X):
        return np.full(len(X), 10.0)


def values(first_days, repeat, predicted=0.0, T=400.0):
    return pd.DataFrame(
        {
            "first_day": pd.to_datetime(first_days),
            "T": T,
            "first_purchase": 1.0,
            "repeat_purchases": np.asarray(repeat, dtype=float),
            "predicted": predicted,
        },
        index=pd.Index([f"c{i}" for i in range(len(first_days))], name="customer_id"),
    )


def test_the_first_year_ends_on_its_365th_day_and_the_cutoff_hides_what_comes_later(log_of):
    log = log_of(
        [
            ("a", "2020-03-01", 10.0),
            ("a", "2020-03-11", 20.0),
            ("a", "2021-02-28", 40.0),  # the last day of the year
            ("a", "2021-03-01", 80.0),  # the first day after it
            ("b", "2021-02-01", 5.0),
            ("b", "2021-02-02", 7.0),
            ("z", "2021-05-01", 9.0),
        ]
    )
    found = first_year(log, date(2021, 4, 1), 0.999)
    assert list(found.index) == ["a", "b"]
    assert found.loc["a", "first_spend"] == 10.0
    assert found.loc["a", "repeat_spend"] == pytest.approx(20 * 0.999**10 + 40 * 0.999**364)
    assert found.loc["b", "repeat_spend"] == pytest.approx(7 * 0.999)
    assert first_year(log, date(2021, 2, 1), 1.0)["repeat_spend"].to_dict() == {"a": 20.0, "b": 0.0}


def test_the_rest_of_the_year_is_that_of_the_exact_discount():
    customers = pd.DataFrame({"T": [0.0, 100.0, 363.0, 364.0, 500.0]})
    found = rest_of_year(customers, Weekly(), 0.9995)
    exact = [10 / 7 * sum(0.9995 ** (day + 0.5) for day in range(364 - int(T))) for T in (0, 100, 363)]
    assert list(found) == pytest.approx([*exact, 0.0, 0.0], rel=1e-4)


def test_what_is_predicted_is_margin_discounted_to_the_first_day(log_of):
    log = log_of([("a", "2020-03-01", 10.0), ("a", "2020-03-11", 20.0), ("b", "2020-09-07", 5.0)])
    shop = SimpleNamespace(margin=0.5, annual_discount_rate=0.2)
    customers = pd.DataFrame({"T": [200.0, 10.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    found = first_year_values(log, date(2020, 9, 17), customers, Weekly(), shop)
    daily = 1.2 ** (-1 / 365.25)
    assert list(found["first_purchase"]) == [5.0, 2.5]
    assert list(found["repeat_purchases"]) == pytest.approx([10 * daily**10, 0.0])
    to_come = [0.5 * 10 / 7 * sum(daily ** (T + day + 0.5) for day in range(364 - T)) for T in (200, 10)]
    assert list(found["predicted"]) == pytest.approx(to_come, rel=1e-4)


def test_cohorts_are_months_or_quarters():
    assert list(cohorts_of(values(["2020-01-31", "2020-02-01"], [1, 1]))) == ["2020-01", "2020-02"]
    many = pd.date_range("2019-12-01", periods=14, freq="MS")
    assert list(cohorts_of(values(many, np.ones(14))).unique())[:2] == ["2019 Q4", "2020 Q1"]


def test_means_and_intervals_are_those_of_the_customers():
    frame = values(["2020-01-01"] * 3 + ["2020-02-01"] * 2, [0, 3, 6, 5, 5], predicted=2.0)
    means = resampled_means(frame, np.full(200, 0.5), seed=0)
    table = cohort_table(frame, 0.5, means).set_index("cohort")
    assert table.loc["2020-01", "first_year_value"] == pytest.approx(1 + 3 + 0.5 * 2)
    assert table.loc["2020-01", "low"] < 5 < table.loc["2020-01", "high"]
    assert list(table.loc["2020-02", ["first_year_value", "low", "high"]]) == pytest.approx([7.0, 7.0, 7.0])
    value, low, high = pooled(table.reset_index(), means)
    assert value == pytest.approx((3 * 5 + 2 * 7) / 5)
    assert low < value < high
    assert resampled_means(frame, np.full(9, 1.0), 1).equals(resampled_means(frame, np.full(9, 1.0), 1))
    assert not resampled_means(frame, np.full(9, 1.0), 1).equals(resampled_means(frame, np.full(9, 1.0), 2))


def test_customers_of_the_last_year_stand_for_those_who_come_now():
    frame = values(["2019-03-01", "2020-01-31", "2020-12-01"], [9, 1, 1])
    cohorts = cohort_table(frame, 1.0, resampled_means(frame, np.ones(5), 0))
    assert list(recent(frame, cohorts)["cohort"]) == ["2020-01", "2020-12"]


def test_cohorts_that_begin_while_customers_of_old_look_new_are_not_settled():
    frame = values([f"2020-0{month}-09" for month in range(1, 8)], np.ones(7))
    cohorts = cohort_table(frame, 1.0, resampled_means(frame, np.ones(5), 0))
    assert list(settled(frame, cohorts)["cohort"]) == ["2020-04", "2020-05", "2020-06", "2020-07"]
    quarters = values(pd.date_range("2009-12-01", "2011-03-01", freq="MS"), np.ones(16))
    cohorts = cohort_table(quarters, 1.0, resampled_means(quarters, np.ones(5), 0))
    assert settled(quarters, cohorts)["cohort"].iloc[0] == "2010 Q2"  # the first quarter began with January


def of_cohorts(value, predicted=0.0):
    return pd.DataFrame({"first_year_value": np.asarray(value, dtype=float), "predicted": predicted})


def test_a_trend_is_the_slope_of_a_regression():
    value = np.array([10.0, 13, 12, 17, 16, 19])
    slope, low, high = trend(of_cohorts(value), np.ones(9))
    line = linregress(np.arange(6), value)
    assert slope == pytest.approx(line.slope)
    assert [slope - low, high - slope] == pytest.approx([2.776445 * line.stderr] * 2)  # t with 4 degrees of freedom
    assert trend(of_cohorts(value[:4]), np.ones(9)) is None


def test_a_trend_that_hangs_on_predictions_is_as_unsure_as_they_are():
    sure = trend(of_cohorts(np.arange(6.0), np.arange(6.0)), np.ones(9))
    unsure = trend(of_cohorts(np.arange(6.0), np.arange(6.0)), np.array([0.5, 1.5]))
    assert sure == pytest.approx((1.0, 1.0, 1.0))
    assert unsure[2] == pytest.approx(1 + 2.776445 * 0.5)


def test_cohorts_that_differ_without_a_trend_are_seldom_said_to_have_one():
    rng = np.random.default_rng(0)
    found = [trend(of_cohorts(rng.lognormal(3, 0.2, 7)), np.ones(9)) for _ in range(400)]
    assert sum(low > 0 or high < 0 for _, low, high in found) <= 32  # 20 expected; more has a probability of 0.5 %


def test_the_check_counts_those_whose_year_ended_since():
    days = ["2020-01-01", "2020-06-01", "2020-06-01", "2020-12-01"]
    then = values(days, [5, 1, 2, 0], [0.0, 4.0, 6.0, 9.0], T=[400.0, 200.0, 200.0, 20.0])
    today = values(days, [5, 2, 6, 3], T=[700.0, 500.0, 500.0, 320.0])
    found = compared(then, today, 30, seed=0)
    assert found.ratio == pytest.approx((1 + 4) / (4 + 6))
    row = found.table.set_index("cohort").loc["all of them"]
    assert list(row[["customers", "predicted", "realised", "error"]]) == pytest.approx([2, 5, 2.5, 1.0])
    assert compared(then.assign(predicted=0.0), today, 30, seed=0) is None


@pytest.mark.parametrize(("step", "said"), [(5.0, "more"), (-5.0, "less")])
def test_a_trend_is_said_with_its_direction_and_size(step, said):
    cohorts = of_cohorts(100 + step * np.arange(5)).assign(cohort=[f"2020 Q{quarter}" for quarter in range(1, 6)])
    worth = f"Since 2020 Q1 every cohort is worth £5.00 (95% interval £5.00 to £5.00) {said} than the one before it"
    assert _trend(cohorts, SimpleNamespace(ratios=np.ones(9)), "£").startswith(worth)
    assert _trend(cohorts[:4], SimpleNamespace(ratios=np.ones(9)), "£").startswith("There are too few cohorts")
