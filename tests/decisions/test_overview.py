"""Each sentence of the business overview on numbers where it must come out one way, and where it must the other."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.decisions.display.overview_figures import lorenz_curve
from clv_experiments.decisions.overview.comparison import autocorrelation, compare, comparisons
from clv_experiments.decisions.overview.concentration import Concentration, concentration_sentence
from clv_experiments.decisions.overview.countries import country_name, country_sentences
from clv_experiments.decisions.overview.growth import _what_moved, customers_exhibit, revenue_exhibit
from clv_experiments.decisions.overview.months import Months
from clv_experiments.decisions.overview.newcomers import newcomers_exhibit, returning_sentence
from clv_experiments.decisions.overview.retention import retention_of, retention_sentences, trend_of
from clv_experiments.decisions.overview.seasonality import (
    WEEKDAYS,
    Season,
    season_of,
    season_sentences,
    week_of,
    week_sentences,
)

WOBBLE = np.tile([1.04, 0.97, 1.0, 0.99, 1.03, 0.97, 1.01], 6)


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
    return Months.of(pd.DataFrame(rows), date(2020, 1, 1), end or index[-1].end_time.date())


def dollars(value):
    return f"${value:,.0f}"


# ---------------------------------------------------------------------------------------------------- growth


@pytest.mark.parametrize(
    ("factor", "verdict", "says"),
    [
        (1.5, "higher", "up 50% on the 12 months to December 2020 ($1,204), beyond the usual ups and downs"),
        (0.6, "lower", "down 40% on the 12 months to December 2020 ($1,204), beyond the usual ups and downs"),
        (1.0, "usual", "up 0.1% on the 12 months to December 2020 ($1,204), within the usual ups and downs"),
    ],
)
def test_a_year_against_the_year_before(factor, verdict, says):
    base = 100 * WOBBLE[:12]
    jitter = np.tile([1.05, 1 / 1.05], 6)
    longest = comparisons(series([*base, *(base * factor * jitter)]))[-1]
    assert longest.verdict == verdict
    said = longest.sentence("Revenue", dollars)
    assert said.startswith("Revenue in the 12 months to December 2021: $")
    assert says in said


def test_a_short_log_compares_with_the_months_right_before():
    found = compare(series([100, 104, 98, 101, 99, 160, 158, 162]), 3)
    assert (str(found.before[0]), str(found.before[-1])) == ("2020-03", "2020-05")
    assert found.change == pytest.approx(480 / 298 - 1)


def test_what_is_usual_is_two_deviations_of_monthly_changes_over_the_root_of_the_months():
    values = [100, 120, 90, 100, 110, 88]
    reach = 2 * np.std(np.diff(np.log(values)), ddof=1) / np.sqrt(3)
    assert compare(series(values), 3).usual == pytest.approx((np.expm1(-reach), np.expm1(reach)))


def alike_months(alike, length, rng):
    """The logarithm of revenue in months each of which leans on the one before."""
    noise = np.zeros(length)
    noise[0] = rng.normal()
    for month in range(1, length):
        noise[month] = alike * noise[month - 1] + np.sqrt(1 - alike**2) * rng.normal()
    return noise


@pytest.mark.parametrize("on_year", [True, False])
@pytest.mark.parametrize("alike", [0.0, 0.6])
def test_how_alike_months_are_is_read_off_their_changes(alike, on_year):
    rng = np.random.default_rng(2)
    found = [
        autocorrelation(pd.Series(noise).diff(12 if on_year else 1).dropna(), on_year=on_year)
        for noise in (alike_months(alike, 72, rng) for _ in range(40))
    ]
    assert np.mean(found) == pytest.approx(alike, abs=0.12)
    assert autocorrelation(pd.Series(np.arange(8.0) ** 3), on_year=on_year) == 0.9
    assert compare(series(2.0 ** np.arange(30)), 3).usual == pytest.approx((0, 0), abs=1e-12), "steady growth"


@pytest.mark.parametrize("months", [12, 36])
def test_months_that_are_alike_seldom_show_more_than_usual(months):
    rng = np.random.default_rng(4)
    logs = [alike_months(0.5, months, rng) for _ in range(100)]
    false = [comparisons(series(np.exp(0.15 * log)))[-1].verdict in ("higher", "lower") for log in logs]
    assert sum(false) <= 9


@pytest.mark.parametrize(("months", "lag", "widened"), [(10, 1, False), (15, 1, True), (30, 12, False)])
def test_a_change_of_one_month_is_widened_only_where_it_is_judged_by_changes_of_another_kind(months, lag, widened):
    logs = pd.Series(0.1 * alike_months(0.8, months, np.random.default_rng(6)))
    steps = logs.diff(lag).dropna()
    alike = autocorrelation(steps, on_year=lag == 12)
    assert alike > 0.3
    reach = 2 * steps.std() * (np.sqrt((1 + alike) / (1 - alike)) if widened else 1)
    assert compare(series(np.exp(logs).to_numpy()), 1).usual[1] == pytest.approx(np.expm1(reach))


def test_a_yearly_comparison_is_judged_by_changes_on_the_year_before():
    seasonal = np.array([1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 6, 4.0])
    values = [*seasonal, *(seasonal * 1.3 * WOBBLE[:12])]
    found = compare(series(values), 1)
    assert found.verdict == "higher", "the season is in both years and no excuse for the rise"
    assert max(found.usual) < 0.1


def test_two_months_are_too_few_to_say_what_is_usual():
    (found,) = comparisons(series([100, 150]))
    assert found.verdict == "unknown"
    assert "too few months to say what ups and downs are usual" in found.sentence("Revenue", dollars)
    assert comparisons(series([100])) == []


def test_a_month_without_revenue_before_is_not_comparable():
    found = compare(series([50, 60, 70, 55, 0, 80]), 1)
    assert np.isnan(found.change)
    assert "not comparable" in found.sentence("Revenue", dollars)


@pytest.mark.parametrize(
    ("orders", "first"), [((20, 40), "mostly from the number of orders"), ((20, 20), "mostly from revenue per order")]
)
def test_growth_comes_from_more_orders_or_larger_ones(orders, first):
    revenue = [*(100 * WOBBLE[:12]), *(200 * WOBBLE[1:13])]
    said = _what_moved(months_of(revenue, orders=[orders[0]] * 12 + [orders[1]] * 12), "order")
    assert first in said[0]
    assert said[0].startswith("The rise of revenue in the 12 months to December 2021")
    assert _what_moved(months_of([*(100 * WOBBLE[:12]), *(100 * WOBBLE[1:13])]), "order") == []


def test_months_cut_by_the_ends_of_the_log_are_told_and_not_compared():
    cohorts = months_of([100, 100, 100]).table
    months = months_of([100.0] * 3, end=date(2020, 3, 1))
    assert list(months.whole.index.astype(str)) == ["2020-01", "2020-02"]
    assert len(cohorts) == 3
    assert months.unfinished() == ["March 2020 is in the log with 1 of its 31 days and is left out of comparisons."]
    assert months_of([100.0] * 3).unfinished() == []


def test_one_month_and_one_day_are_no_average():
    month, day = months_of([100.0]), months_of([100.0], end=date(2020, 1, 1))
    assert customers_exhibit(month, "$", "order").sentences[0] == (
        "In January 2020, 20 customers bought; 40 orders in all brought $2.50 each on average."
    )
    assert customers_exhibit(day, "$", "order").sentences[0].startswith("In the day recorded, 20 customers bought;")
    assert revenue_exhibit(month, "$").sentences[0].startswith("The log holds 1 whole month: too little")
    assert revenue_exhibit(day, "$").sentences[0].startswith("The log holds no whole month: too little")


# ------------------------------------------------------------------------------------- new and returning


@pytest.mark.parametrize(
    ("new_share", "says"),
    [
        (0.9, "The shop lives on new customers: 10% of revenue ($12)"),
        (0.5, "New and returning customers both carry the shop: 50% of revenue ($60)"),
        (0.1, "The shop lives on returning customers: 90% of revenue ($108)"),
        (0.0, "The shop lives on returning customers: all revenue ($120)"),
    ],
)
def test_who_brings_revenue(new_share, says):
    said = returning_sentence(months_of([10.0] * 18, new_share), "$")
    assert said.replace(".00", "").startswith(says)


def test_the_first_months_of_a_log_are_no_sign_of_new_customers():
    revenue = [10.0] * 6
    months = months_of(revenue)
    assert "the 3 months to June 2020" in returning_sentence(months, "$")
    assert "too young to tell" in " ".join(newcomers_exhibit(months_of([10.0, 20.0]), "$").sentences)
    assert "There was no revenue" in returning_sentence(months_of([0.0] * 6), "$")


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
    return frame, Months.of(frame, date(2020, 1, 1), index[-1].end_time.date())


@pytest.mark.parametrize(
    ("later", "says"),
    [
        (0.4, "Retention is improving: of the later half of the cohorts, 20.0"),
        (0.05, "Retention is worsening"),
        (0.2, "about as often"),
    ],
)
def test_retention_gets_better_worse_or_neither(later, says):
    noise = np.tile([0.01, -0.01, 0.0, 0.02, -0.02], 4)
    rates = [0.9, 0.9, 0.9, *(0.2 + noise[:8]), *(later + noise[:8]), 0.5, 0.5, 0.5]
    cohorts, months = cohorts_of(rates)
    retention = retention_of(cohorts, months)
    said = " ".join(retention_sentences(retention, months.is_settled(pd.PeriodIndex(retention.index))))
    assert says in said
    assert "95% interval" in said


def test_retention_table_leaves_out_what_the_log_does_not_hold():
    cohorts, months = cohorts_of([0.5, 0.25, 0.1])
    months = Months.of(cohorts, date(2020, 1, 1), date(2020, 3, 30))
    table = retention_of(cohorts, months)
    assert table.loc[pd.Period("2020-01"), 1] == 0.5
    assert table.drop(columns="customers").notna().sum().sum() == 1, "March is not whole"


def test_one_cohort_is_compared_with_nobody():
    cohorts, months = cohorts_of([0.3] * 8)
    cohorts = cohorts[cohorts["cohort"] == pd.Period("2020-01")]
    retention = retention_of(cohorts, months)
    said = retention_sentences(retention, months.is_settled(pd.PeriodIndex(retention.index)))
    assert said[-1] == "All 100 customers first bought in one month, so no cohorts can be compared."
    assert said[0].startswith("Of new customers, 30% bought again a month later (of 100 customers)")


def test_trend_is_welchs_interval():
    from scipy.stats import ttest_ind

    rates = np.array([0.2, 0.25, 0.22, 0.3, 0.28, 0.35])
    table = pd.DataFrame(dict.fromkeys((1, 2, 3), rates))
    wanted = ttest_ind(rates[3:], rates[:3], equal_var=False).confidence_interval()
    assert trend_of(table) == pytest.approx((rates[3:].mean() - rates[:3].mean(), wanted.low, wanted.high))
    assert trend_of(table.iloc[:5]) is None


# ----------------------------------------------------------------------------------------- concentration


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30).filter(any))
def test_gini_is_the_mean_difference_of_all_pairs(spend):
    x = np.array(spend, dtype=float)
    wanted = np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean())
    assert Concentration.of(pd.Series(x)).gini == pytest.approx(wanted, abs=1e-12)


def test_revenue_is_concentrated_or_even():
    few = concentration_sentence(Concentration.of(pd.Series([910.0] + [10.0] * 9)), "2020")
    assert few == (
        "Revenue rests on few customers: the top 10% of the 10 customers in 2020 bring 91% of revenue, the lower half "
        "5.0% (Gini 0.81)."
    )
    even = concentration_sentence(Concentration.of(pd.Series([7.0] * 15)), "2020")
    assert even.startswith("Revenue is spread evenly: the top 10% of the 15 customers in 2020 bring 10% of revenue")
    assert concentration_sentence(Concentration.of(pd.Series([5.0, 0.0])), "2020").startswith(
        "The largest of 2 customers"
    )
    assert concentration_sentence(Concentration.of(pd.Series([-5.0, 0.0])), "2020") == "Nobody spent anything in 2020."


def test_the_two_zeros_of_a_lorenz_curve_stand_apart():
    found = Concentration.of(pd.Series([1.0, 2.0, 9.0]))
    (panel,) = lorenz_curve(found.customers, found.revenue, found.gini).axes
    panel.figure.draw_without_rendering()
    x, y = (
        next(label for label in axis.get_ticklabels() if label.get_text() == "0%")
        for axis in (panel.xaxis, panel.yaxis)
    )
    assert not x.get_window_extent().padded(2).overlaps(y.get_window_extent())


# --------------------------------------------------------------------------------------------- countries


def countries(**revenue):
    return pd.DataFrame({"country": list(revenue), "revenue": list(revenue.values()), "customers": 1})


def test_one_country_carries_the_shop_or_many_do():
    home = country_sentences(countries(UK=80.0, FR=15.0, DE=5.0), "2020", "£")
    assert home == [
        "One country carries the shop: UK brings 80% of revenue in 2020 (£80.00); the 2 other countries bring 20%, led "
        "by FR (15%)."
    ]
    many = country_sentences(countries(UK=30.0, FR=25.0, DE=25.0, ES=20.0), "2020", "£")
    assert many[0].startswith("Revenue comes from many places: UK brings 30%")
    assert many[1] == "It takes 3 countries to reach 80%."
    assert country_sentences(countries(UK=30.0), "2020", "£")[0].startswith(
        "All revenue in 2020 came from one country: UK"
    )
    assert "the 1 other country brings 40%." in country_sentences(countries(UK=60.0, FR=40.0), "2020", "£")[0]
    assert country_sentences(countries(UK=0.0), "2020", "£") == ["No country brought revenue in 2020."]


def test_a_country_is_written_on_one_short_line():
    assert country_name("a\nb\x00c") == "a b c"
    assert len(country_name("x" * 500)) == 40
    assert country_name(None) == country_name(np.nan) == country_name(" ") == "no country given"


# ------------------------------------------------------------------------------------------- seasonality


def test_months_of_the_year_stand_out_or_do_not():
    year = np.ones(12)
    year[[10, 1]] = 2.0, 0.5
    growing = np.exp(0.02 * np.arange(36)) * WOBBLE[:36]
    season = season_of(series(100 * np.tile(year, 3) * growing))
    said = season_sentences(season, 3)
    assert said[0].startswith("The strongest time of the year: November, ")
    assert said[1].startswith("The weakest time of the year: February, ")
    assert "stands out" in season_sentences(season_of(series(100 * growing)), 3)[0]
    assert season_of(series(100 * growing[:23])) is None
    bounds = {"effect": 0.75, "lower_95": 0.53, "upper_95": 0.996}
    (told, _) = season_sentences(Season(season.table.iloc[[10]].assign(**bounds), 0.001), 2)
    assert told.endswith("November, 75% above the mean month (95% interval +53% to +100%).")


def test_a_year_without_seasons_is_seldom_given_any():
    rng = np.random.default_rng(3)
    flat = [season_of(series(rng.lognormal(0.01 * np.arange(36), 0.1))) for _ in range(100)]
    assert sum("stands out" not in season_sentences(season, 3)[0] for season in flat) <= 11


def test_effects_of_months_are_those_put_in():
    year = np.exp(np.array([0.3, -0.3] * 6))
    season = season_of(series(np.tile(year, 3) * np.exp(0.03 * np.arange(36))))
    assert season.table["effect"].to_numpy() == pytest.approx(year - 1, abs=1e-9)
    assert season.p_value < 1e-6


def days(pattern, weeks=30, seed=1):
    rng = np.random.default_rng(seed)
    index = pd.date_range("2020-01-06", periods=7 * weeks, name="date")  # a Monday
    orders = rng.poisson(np.tile(pattern, weeks)).astype(int)
    return pd.DataFrame({"revenue": orders * 5.0, "orders": orders, "customers": orders}, index=index)


def test_days_of_the_week_stand_out_or_do_not():
    said = week_sentences(*week_of(days([40, 20, 20, 20, 20, 5, 0])), "order")
    assert said[0].startswith("Monday is the strongest day of the week: ")
    assert "an even week would give it 16.7%" in said[0]
    assert said[1].startswith("Saturday is the weakest day with any order: ")
    assert said[2] == "There was no order on a Sunday over 30 weeks."
    assert "No day of the week stands out" in week_sentences(*week_of(days([20] * 7)), "order")[0]
    assert "holds 1 whole week:" in week_sentences(*week_of(days([20] * 7, weeks=1)), "order")[0]


def test_a_week_that_is_even_is_seldom_called_otherwise():
    false = sum("No day" not in week_sentences(*week_of(days([3] * 7, 20, seed)), "order")[0] for seed in range(60))
    assert false <= 8


def test_weeks_are_counted_from_monday():
    daily = days([0, 1, 2, 3, 4, 5, 6], weeks=10).iloc[3:-2]
    daily["orders"] = pd.DatetimeIndex(daily.index).day_of_week + 1
    table, weeks = week_of(daily)
    assert weeks == 8
    assert list(table["weekday"]) == WEEKDAYS
    assert list(table["orders"]) == [8 * k for k in range(1, 8)]
