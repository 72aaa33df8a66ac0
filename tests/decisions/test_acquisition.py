"""First-year values: hand-worked customers, cohorts, and the sentences about them."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.queries.attributes import first_and_repeat_year_spend
from clv_experiments.decisions.budget.acquisition import (
    Acquisition,
    PredictionCheck,
    assign_cohorts,
    bootstrap_cohort_means,
    burn_in_cohorts,
    compare_with_year_ago,
    first_year_margin_by_customer,
    pool_cohort_values,
    predict_rest_of_year,
    select_recent_cohorts,
    summarise_cohort_values,
)
from clv_experiments.evaluation.confidence_intervals import Estimate
from clv_experiments.reporting.prose import render_paragraphs


class Weekly:
    """Expects everybody to buy once a week, for 10 each time: 10 / 7 a day."""

    def expected_purchases(self, X, days):
        return np.full(len(X), days / 7)

    def expected_spend_per_purchase(self, X):
        return np.full(len(X), 10.0)


def values(first_days, repeat, predicted=0.0, T=400.0):
    days = pd.Series(pd.to_datetime(first_days))
    return pd.DataFrame(
        {
            "first_day": days.to_numpy(),
            "cohort": assign_cohorts(days).to_numpy(),
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
    result = first_and_repeat_year_spend(log, date(2021, 4, 1), 0.999)
    assert list(result.index) == ["a", "b"]
    assert result.loc["a", "first_spend"] == 10.0
    assert result.loc["a", "repeat_spend"] == pytest.approx(20 * 0.999**10 + 40 * 0.999**364)
    assert result.loc["b", "repeat_spend"] == pytest.approx(7 * 0.999)
    assert first_and_repeat_year_spend(log, date(2021, 2, 1), 1.0)["repeat_spend"].to_dict() == {"a": 20.0, "b": 0.0}


def test_present_values_do_not_depend_on_the_order_of_rows(cdnow_sample):
    """The engine gets rows in other orders here; in use its threads bring them so."""

    def repeat_spend(order):
        days = cdnow_sample.purchase_days.order_by(order).cache()
        spend = first_and_repeat_year_spend(replace(cdnow_sample, purchase_days=days), date(1998, 6, 30), 0.9997)
        return spend["repeat_spend"].to_dict()

    assert repeat_spend(ibis.desc("date")) == repeat_spend("date")


def test_the_rest_of_the_year_is_that_of_the_exact_discount():
    customers = pd.DataFrame({"T": [0.0, 100.0, 363.0, 364.0, 500.0]})
    result = predict_rest_of_year(customers, Weekly(), 0.9995)
    exact = [10 / 7 * sum(0.9995 ** (day + 0.5) for day in range(364 - int(T))) for T in (0, 100, 363)]
    assert list(result) == pytest.approx([*exact, 0.0, 0.0], rel=1e-4)


def test_what_is_predicted_is_margin_discounted_to_the_first_day(log_of):
    log = log_of([("a", "2020-03-01", 10.0), ("a", "2020-03-11", 20.0), ("b", "2020-09-07", 5.0)])
    shop = SimpleNamespace(margin=0.5, annual_discount_rate=0.2)
    customers = pd.DataFrame({"T": [200.0, 10.0]}, index=pd.Index(["a", "b"], name="customer_id"))
    result = first_year_margin_by_customer(log, date(2020, 9, 17), customers, Weekly(), shop)
    daily = 1.2 ** (-1 / 365.25)
    assert list(result["first_purchase"]) == [5.0, 2.5]
    assert list(result["repeat_purchases"]) == pytest.approx([10 * daily**10, 0.0])
    to_come = [0.5 * 10 / 7 * sum(daily ** (T + day + 0.5) for day in range(364 - T)) for T in (200, 10)]
    assert list(result["predicted"]) == pytest.approx(to_come, rel=1e-4)


def test_cohorts_are_months_or_quarters():
    assert list(values(["2020-01-31", "2020-02-01"], [1, 1])["cohort"]) == ["2020-01", "2020-02"]
    many = pd.date_range("2019-12-01", periods=14, freq="MS")
    assert list(values(many, np.ones(14))["cohort"].unique())[:2] == ["2019 Q4", "2020 Q1"]


def test_means_and_intervals_are_those_of_the_customers():
    frame = values(["2020-01-01"] * 3 + ["2020-02-01"] * 2, [0, 3, 6, 5, 5], predicted=2.0)
    means = bootstrap_cohort_means(frame, np.full(200, 0.5), seed=0)
    table = summarise_cohort_values(frame, 0.5, means).set_index("cohort")
    assert table.loc["2020-01", "first_year_value"] == pytest.approx(1 + 3 + 0.5 * 2)
    assert table.loc["2020-01", "low"] < 5 < table.loc["2020-01", "high"]
    assert list(table.loc["2020-02", ["first_year_value", "low", "high"]]) == pytest.approx([7.0, 7.0, 7.0])
    pooled = pool_cohort_values(table.reset_index(), means)
    assert pooled.value == pytest.approx((3 * 5 + 2 * 7) / 5)
    assert pooled.low < pooled.value < pooled.high
    assert bootstrap_cohort_means(frame, np.full(9, 1.0), 1).equals(bootstrap_cohort_means(frame, np.full(9, 1.0), 1))
    assert not bootstrap_cohort_means(frame, np.full(9, 1.0), 1).equals(
        bootstrap_cohort_means(frame, np.full(9, 1.0), 2)
    )


def test_customers_of_the_last_year_stand_for_those_who_come_now():
    frame = values(["2019-03-01", "2020-01-31", "2020-12-01"], [9, 1, 1])
    cohorts = summarise_cohort_values(frame, 1.0, bootstrap_cohort_means(frame, np.ones(5), 0))
    assert list(select_recent_cohorts(frame, cohorts)["cohort"]) == ["2020-01", "2020-12"]


def test_cohorts_that_begin_while_customers_of_old_look_new_are_immature():
    frame = values([f"2020-0{month}-09" for month in range(1, 8)], np.ones(7))
    cohorts = summarise_cohort_values(frame, 1.0, bootstrap_cohort_means(frame, np.ones(5), 0))
    assert burn_in_cohorts(frame, cohorts) == ["2020-01", "2020-02", "2020-03"]
    quarters = values(pd.date_range("2009-12-01", "2011-03-01", freq="MS"), np.ones(16))
    cohorts = summarise_cohort_values(quarters, 1.0, bootstrap_cohort_means(quarters, np.ones(5), 0))
    assert burn_in_cohorts(quarters, cohorts) == ["2009 Q4", "2010 Q1"]


def test_the_check_counts_those_whose_year_ended_since():
    days = ["2020-01-01", "2020-06-01", "2020-06-01", "2020-12-01"]
    then = values(days, [5, 1, 2, 0], [0.0, 4.0, 6.0, 9.0], T=[400.0, 200.0, 200.0, 20.0])
    today = values(days, [5, 2, 6, 3], T=[700.0, 500.0, 500.0, 320.0])
    check = compare_with_year_ago(then, today, 30, seed=0)
    assert check.ratio == pytest.approx((1 + 4) / (4 + 6))
    assert [check.customers, check.predicted, check.realised, check.relative_error.value] == pytest.approx(
        [2, 5, 2.5, 1.0]
    )
    assert compare_with_year_ago(then.assign(predicted=0.0), today, 30, seed=0) is None


def acquisition(recent, check=None, immature=()):
    return Acquisition(recent, recent, list(immature), Estimate(9.0, 8.0, 10.0), check)


@pytest.mark.parametrize(("predicted", "share"), [(4.0, 0.2), (0.0, None)])
def test_what_a_value_rests_on(predicted, share):
    recent = pd.DataFrame({"cohort": ["2020-01", "2020-02"], "customers": [1, 3], "predicted": predicted})
    recent = recent.assign(corrected=recent["predicted"] / 2, first_year_value=10.0)
    result = acquisition(recent, immature=["2020-01"])
    assert result.predicted_share == share
    assert result.recent["customers"].sum() == 4
    text = " ".join(render_paragraphs("report/acquisition.jinja", "cohorts", result, "£"))
    assert ("not checked here" in text) is (share is not None), "where all has come in there is nothing to check"
    for part in ("£9.00 (95% interval £8.00 to £10.00)", "4 customers", "from January 2020 to February 2020"):
        assert part in text
    assert ("20% is predicted" in text) == (share is not None)
    assert "Some customers of January 2020 may" in text
    certain = render_paragraphs("report/acquisition.jinja", "cohorts", acquisition(recent), "£")
    assert "Some customers" not in " ".join(certain)


@pytest.mark.parametrize(
    ("realised", "ratios", "significant", "parts"),
    [
        (2.0, [0.5, 0.8], True, ["150% (95% interval", "too much"]),
        (8.0, [1.5, 1.7], True, ["38% (95% interval", "too little"]),
        (4.5, [0.8, 1.2], False, ["(95% interval −", "chance"]),
        (0.0, [0.0, 0.0], None, []),
    ],
)
def test_the_error_of_a_year_ago_is_told_with_its_direction(realised, ratios, significant, parts):
    check = PredictionCheck(2, 5.0, realised, np.array(ratios))
    assert (check.relative_error.is_significant if check.relative_error else None) == significant
    first, *rest = render_paragraphs("report/acquisition.jinja", "check", check, "£")
    assert all(part in first for part in ("£5.00 a customer", "2 customers", f"£{realised:.2f} came"))
    assert len(rest) == (significant is not None)
    assert all(part in rest[0] for part in parts)
