"""Each claim of the business overview on numbers where it must come out one way, and where it must the other."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from clv_experiments.decisions.overview.business import RevenueConcentration, compare_country_shares
from clv_experiments.decisions.overview.months import (
    CohortRetention,
    MonthlyActivity,
    compare_month_quarter_and_year,
    compare_revenue_with_year_ago,
    retention_change_between_halves,
)
from clv_experiments.reporting.prose import render_paragraphs


def series(values, start="2020-01"):
    return pd.Series(values, index=pd.period_range(start, periods=len(values), freq="M"), dtype=float)


def months_of(revenue, new_share=0.2, orders=None, end=None):
    """Months whose revenue new customers bring in part."""
    index = pd.period_range("2020-01", periods=len(revenue), freq="M")
    rows = [
        {"cohort": index[0] - 1 if old else month, "month": month, "customers": 10, "orders": n, "revenue": r * part}
        for month, r, n in zip(index, revenue, orders or [20] * len(index), strict=True)
        for old, part in ((True, 1 - new_share), (False, new_share))
        if part
    ]
    return MonthlyActivity.from_cohorts(pd.DataFrame(rows), date(2020, 1, 1), end or index[-1].end_time.date())


def prose(macro, *values, **settings):
    return render_paragraphs("report/overview.jinja", macro, *values, **settings)


def overview(months, **results):
    """What templates read of an overview, as far as a test needs it."""
    return SimpleNamespace(
        months=months, currency="$", revenue=compare_month_quarter_and_year(months.whole["revenue"]), **results
    )


YEAR_2020 = months_of([100.0] * 12)


# ---------------------------------------------------------------------------------------------------- growth


@pytest.mark.parametrize(("factor", "change"), [(1.5, "up 50%"), (0.6, "down 40%"), (1.0, "unchanged")])
def test_a_year_against_the_year_before(factor, change):
    year = np.arange(50.0, 62.0)
    longest = compare_month_quarter_and_year(series([*year, *(year * factor)]))[-1]
    assert longest.change == pytest.approx(factor - 1)
    assert (len(longest.months), str(longest.months[-1])) == (12, "2021-12")
    assert (len(longest.earlier_months), str(longest.earlier_months[-1])) == (12, "2020-12")
    (sentence,) = prose("comparison", longest, "$")
    for part in ("December 2021: $", change, "December 2020 ($666)"):
        assert part in sentence


def test_a_short_log_compares_with_the_months_right_before():
    quarter = compare_revenue_with_year_ago(series([100, 104, 98, 101, 99, 160, 158, 162]), 3)
    assert (str(quarter.earlier_months[0]), str(quarter.earlier_months[-1])) == ("2020-03", "2020-05")
    assert (quarter.revenue, quarter.earlier_revenue) == (480, 298)
    assert quarter.change == pytest.approx(480 / 298 - 1)


def test_a_season_is_compared_with_the_same_season():
    seasonal = np.array([1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 6, 4.0])
    month, quarter, year = compare_month_quarter_and_year(series([*seasonal, *(seasonal * 1.3)]))
    assert [month.change, quarter.change, year.change] == pytest.approx([0.3] * 3)
    assert str(month.earlier_months[0]) == "2020-12"


def test_two_months_are_compared_and_one_is_not():
    (month,) = compare_month_quarter_and_year(series([100, 150]))
    assert (month.revenue, month.earlier_revenue, month.change) == (150, 100, 0.5)
    (sentence,) = prose("comparison", month, "$")
    assert "$150, up 50% on January 2020 ($100)" in sentence
    assert compare_month_quarter_and_year(series([100])) == []


def test_a_month_without_revenue_before_is_not_comparable():
    month = compare_revenue_with_year_ago(series([50, 60, 70, 55, 0, 80]), 1)
    assert np.isnan(month.change)
    (sentence,) = prose("comparison", month, "$")
    assert "not comparable on May 2020 ($0.00)" in sentence


def test_months_cut_by_the_ends_of_the_log_are_named_and_not_compared():
    months = months_of([100.0] * 3, end=date(2020, 3, 1))
    assert list(months.whole.index.astype(str)) == ["2020-01", "2020-02"]
    assert months.partial["days"].to_dict() == {pd.Period("2020-03"): 1}
    sentence = next(text for text in prose("revenue", overview(months)) if "March 2020" in text)
    assert "1 of its 31 days" in sentence
    assert months_of([100.0] * 3).partial.empty


def test_one_month_and_one_day_are_compared_with_nothing():
    month, day = months_of([100.0]), months_of([100.0], end=date(2020, 1, 1))
    assert month.recent[["customers", "orders", "revenue"]].to_numpy().tolist() == [[20, 40, 100.0]]
    assert (len(month.whole), len(day.whole), day.recent_days.days) == (1, 0, 1)
    assert "1 whole month" in prose("revenue", overview(month))[0]
    assert "no whole month" in prose("revenue", overview(day))[0]
    assert "January 2020: $100." in prose("summary", overview(month, concentration=None))[0]
    assert "the day recorded: $100." in prose("summary", overview(day, concentration=None))[0]


# ------------------------------------------------------------------------------------- new and returning


@pytest.mark.parametrize(
    ("new_share", "amounts"),
    [
        (0.9, ["10% of revenue ($12)", "90% from new"]),
        (0.1, ["90% of revenue ($108)", "10% from new"]),
        (0.0, ["All revenue ($120)", "nothing from new"]),
    ],
)
def test_who_brings_revenue(new_share, amounts):
    (sentence,) = prose("returning", overview(months_of([10.0] * 18, new_share)))
    for part in amounts:
        assert part in sentence.replace(".00", "")


def test_the_first_months_of_a_log_are_no_sign_of_new_customers():
    months = months_of([10.0] * 6)
    assert list(months.recent_after_burn_in.index.astype(str)) == ["2020-04", "2020-05", "2020-06"]
    assert "the 3 months to June 2020" in prose("returning", overview(months))[0]
    assert "too young to tell" in prose("revenue", overview(months_of([10.0, 20.0])))[-1]
    assert "There was no revenue" in prose("returning", overview(months_of([0.0] * 6)))[0]


# --------------------------------------------------------------------------------------------- retention


def cohorts_of(rates, size=100):
    """One cohort a month, each with a share that buys again every month."""
    index = pd.period_range("2020-01", periods=len(rates), freq="M")
    rows = [
        {"cohort": c, "month": m, "customers": size if c == m else round(size * rate), "orders": 1, "revenue": 1.0}
        for c, rate in zip(index, rates, strict=True)
        for m in index
        if m >= c
    ]
    frame = pd.DataFrame(rows)
    return frame, MonthlyActivity.from_cohorts(frame, date(2020, 1, 1), index[-1].end_time.date())


def retention_prose(retention):
    return prose("retention", overview(YEAR_2020, retention=retention))


@pytest.mark.parametrize(
    ("later", "direction", "text"),
    [
        (0.4, "improving", "20.0 percentage points more"),
        (0.05, "worsening", "15.0 percentage points fewer"),
        (0.2, "steady", "(95% interval −"),
    ],
)
def test_retention_gets_better_worse_or_neither(later, direction, text):
    noise = np.tile([0.01, -0.01, 0.0, 0.02, -0.02], 4)
    rates = [0.9, 0.9, 0.9, *(0.2 + noise[:8]), *(later + noise[:8]), 0.5, 0.5, 0.5]
    retention = CohortRetention.from_cohorts(*cohorts_of(rates))
    assert retention.direction == direction
    assert retention.trend.value == pytest.approx(later - 0.2, abs=1e-9)
    assert (retention.trend.low <= 0 <= retention.trend.high) == (direction == "steady")
    assert retention.last_burn_in_cohort == pd.Period("2020-03")
    levels, trend, immature = retention_prose(retention)
    assert "a month later" in levels
    assert text in trend
    assert "95% interval" in trend
    assert "March 2020" in immature
    assert "first 3 months" in immature


def test_retention_table_leaves_out_what_the_log_does_not_hold():
    cohorts, months = cohorts_of([0.5, 0.25, 0.1])
    months = MonthlyActivity.from_cohorts(cohorts, date(2020, 1, 1), date(2020, 3, 30))
    table = CohortRetention.from_cohorts(cohorts, months).table
    assert table.loc[pd.Period("2020-01"), 1] == 0.5
    assert table.drop(columns="customers").notna().sum().sum() == 1, "March is not whole"


def test_one_cohort_is_compared_with_nobody():
    cohorts, months = cohorts_of([0.3] * 8)
    cohorts = cohorts[cohorts["cohort"] == pd.Period("2020-01")]
    retention = CohortRetention.from_cohorts(cohorts, months)
    assert (retention.trend, retention.direction) == (None, "unknown")
    assert [(one.months_later, one.share, one.customers) for one in retention.levels] == [(1, 0.3, 100), (3, 0.3, 100)]
    text = retention_prose(retention)
    assert "one month" in text[-1]
    assert "100 customers" in text[-1]
    assert "30% bought again" in text[0]
    assert "Of 100 new customers, 30% bought again a month later and 30% 3 months later." in text[0]


def test_a_log_of_one_month_knows_nothing_of_return():
    retention = CohortRetention.from_cohorts(*cohorts_of([0.3]))
    assert retention.levels == []
    assert retention.trend is None
    (sentence,) = retention_prose(retention)
    assert "nan" not in sentence


def test_trend_is_welchs_interval():
    rates = np.array([0.2, 0.25, 0.22, 0.3, 0.28, 0.35])
    table = pd.DataFrame(dict.fromkeys((1, 2, 3), rates))
    expected = ttest_ind(rates[3:], rates[:3], equal_var=False).confidence_interval()
    trend = retention_change_between_halves(table)
    assert trend.value == pytest.approx(rates[3:].mean() - rates[:3].mean())
    assert (trend.low, trend.high) == pytest.approx((expected.low, expected.high))
    assert retention_change_between_halves(table.iloc[:5]) is None
    constant = retention_change_between_halves(pd.DataFrame(dict.fromkeys((1, 2, 3), [0.5] * 3 + [0.75] * 3)))
    assert (constant.low, constant.value, constant.high) == (0.25, 0.25, 0.25)


# ----------------------------------------------------------------------------------------- concentration


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30).filter(any))
def test_gini_is_the_mean_difference_of_all_pairs(spend):
    x = np.array(spend, dtype=float)
    expected = np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean())
    assert RevenueConcentration.from_spend(pd.Series(x)).gini == pytest.approx(expected, abs=1e-12)


def test_revenue_is_concentrated_or_even():
    def spread(*spend):
        (sentence,) = prose(
            "spread", overview(YEAR_2020, concentration=RevenueConcentration.from_spend(pd.Series(spend)))
        )
        assert "December 2020" in sentence
        return sentence

    few = RevenueConcentration.from_spend(pd.Series([910.0, *[10.0] * 9]))
    assert (few.count, few.top_revenue_share(0.1), 1 - few.top_revenue_share(0.5), few.gini) == pytest.approx(
        (10, 0.91, 0.05, 0.81)
    )
    even = RevenueConcentration.from_spend(pd.Series([7.0] * 15))
    assert (even.count, even.top_revenue_share(0.1), even.gini) == pytest.approx((15, 0.1, 0.0))
    two = RevenueConcentration.from_spend(pd.Series([5.0, 0.0]))
    assert (two.count, two.largest_share) == (2, 1.0)
    for part in ("10 customers", "91% of revenue", "5.0%"):
        assert part in spread(910.0, *[10.0] * 9)
    assert "lower half 50%" in spread(*[7.0] * 15)
    assert "2 customers in" in spread(5.0, 0.0)
    assert "100% of revenue; tenths of so few" in spread(5.0, 0.0)
    assert "Nobody spent anything" in spread(-5.0, 0.0)


def test_one_customer_is_named_from_a_twentieth_of_revenue_on():
    few, many = (RevenueConcentration.from_spend(pd.Series([100.0] * count)) for count in (20, 21))
    assert few.is_dominated
    assert not many.is_dominated
    text = prose("concentration", overview(YEAR_2020, concentration=few))
    assert "5.0% ($100)" in text[-1]
    assert len(prose("concentration", overview(YEAR_2020, concentration=many))) == len(text) - 1


# --------------------------------------------------------------------------------------------- countries


def country_prose(**revenue):
    table = pd.DataFrame({"country": list(revenue), "revenue": list(revenue.values()), "customers": 1})
    return prose("countries", overview(YEAR_2020, countries=compare_country_shares(table, None)))


def test_the_largest_countries_are_named_and_the_others_counted():
    (home,) = country_prose(UK=80.0, FR=15.0, DE=5.0)
    assert home == (
        "UK brings 80% of revenue in the 12 months to December 2020 ($80.00), FR 15%, 1 other country 5.0%."
    )
    assert country_prose(UK=30.0, FR=25.0, DE=25.0, ES=20.0)[0].endswith("FR 25%, 2 other countries 45%.")
    assert country_prose(UK=60.0, FR=40.0)[0].endswith("($60.00), FR 40%.")
    assert "came from UK ($30.00)" in country_prose(UK=30.0)[0]
    assert "No country brought revenue" in country_prose(UK=0.0)[0]


def test_a_country_is_compared_with_the_year_before():
    recent = pd.DataFrame({"country": ["UK", None, "DE"], "revenue": [60.0, 30.0, 10.0], "customers": 1})
    earlier = pd.DataFrame({"country": ["DE", None], "revenue": [0.0, 40.0], "customers": 1})
    table = compare_country_shares(recent, earlier)
    assert table["country"].tolist() == ["UK", "no country given", "DE"]
    assert table["revenue_share"].tolist() == [0.6, 0.3, 0.1]
    assert table["change"].tolist() == pytest.approx([np.nan, -0.25, np.nan], nan_ok=True)


def test_a_country_is_written_on_one_short_line():
    assert country_prose(**{"a\nb\x00c": 1.0})[0].endswith(" a b c ($1.00).")
    assert country_prose(**{"x" * 500: 1.0})[0].endswith(f" {'x' * 39}… ($1.00).")
    assert country_prose(**{" ": 1.0})[0].endswith(" no country given ($1.00).")
