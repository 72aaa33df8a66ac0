"""Each claim of the business overview on numbers where it must come out one way, and where it must the other."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from clv_experiments.decisions.display.overview_figures import draw_lorenz_curve
from clv_experiments.decisions.overview.comparison import (
    Decomposition,
    autocorrelation,
    compare,
    comparisons,
    decompose_revenue,
)
from clv_experiments.decisions.overview.months import Months
from clv_experiments.decisions.overview.retention import Retention, retention_trend
from clv_experiments.decisions.overview.revenue_sources import Concentration, Countries
from clv_experiments.decisions.overview.seasonality import Seasonality, month_effects
from clv_experiments.reporting.prose import sentences

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
    return Months.from_cohorts(pd.DataFrame(rows), date(2020, 1, 1), end or index[-1].end_time.date())


def prose(macro, *values, **settings):
    return sentences("report/overview.jinja", macro, *values, **settings)


def overview(months, **results):
    """What templates read of an overview, as far as a test needs it."""
    whole = months.whole
    computed = {
        "currency": "$",
        "order_unit": "order",
        "revenue": comparisons(whole["revenue"]),
        "customers": comparisons(whole["customers"]),
        "orders": comparisons(whole["orders"]),
        "new_customers": [],
        "growth": decompose_revenue(whole),
    }
    return SimpleNamespace(months=months, **(computed | results))


YEAR_2020 = months_of([100.0] * 12)


# ---------------------------------------------------------------------------------------------------- growth


@pytest.mark.parametrize(
    ("factor", "direction", "text"),
    [
        (1.5, "higher", "up 50% on the 12 months to December 2020 ($1,204), beyond the usual ups and downs"),
        (0.6, "lower", "down 40% on the 12 months to December 2020 ($1,204), beyond the usual ups and downs"),
        (1.0, "usual", "up 0.1% on the 12 months to December 2020 ($1,204), within the usual ups and downs"),
    ],
)
def test_a_year_against_the_year_before(factor, direction, text):
    base = 100 * WOBBLE[:12]
    jitter = np.tile([1.05, 1 / 1.05], 6)
    longest = comparisons(series([*base, *(base * factor * jitter)]))[-1]
    assert longest.direction == direction
    (sentence,) = prose("comparison", "Revenue", longest, "$")
    assert sentence.startswith("Revenue in the 12 months to December 2021: $")
    assert text in sentence


def test_a_short_log_compares_with_the_months_right_before():
    quarter = compare(series([100, 104, 98, 101, 99, 160, 158, 162]), 3)
    assert (str(quarter.earlier_months[0]), str(quarter.earlier_months[-1])) == ("2020-03", "2020-05")
    assert quarter.change == pytest.approx(480 / 298 - 1)


def test_what_is_usual_is_two_deviations_of_monthly_changes_over_the_root_of_the_months():
    values = [100, 120, 90, 100, 110, 88]
    half_width = 2 * np.std(np.diff(np.log(values)), ddof=1) / np.sqrt(3)
    quarter = compare(series(values), 3)
    assert quarter.usual_low == pytest.approx(np.expm1(-half_width))
    assert quarter.usual_high == pytest.approx(np.expm1(half_width))


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
    estimates = [
        autocorrelation(pd.Series(noise).diff(12 if on_year else 1).dropna(), on_year=on_year)
        for noise in (alike_months(alike, 72, rng) for _ in range(40))
    ]
    assert np.mean(estimates) == pytest.approx(alike, abs=0.12)
    assert autocorrelation(pd.Series(np.arange(8.0) ** 3), on_year=on_year) == 0.9
    steady = compare(series(2.0 ** np.arange(30)), 3)
    assert (steady.usual_low, steady.usual_high) == pytest.approx((0, 0), abs=1e-12), "steady growth"


@pytest.mark.parametrize("months", [12, 36])
def test_months_that_are_alike_seldom_show_more_than_usual(months):
    rng = np.random.default_rng(4)
    logs = [alike_months(0.5, months, rng) for _ in range(100)]
    false = [comparisons(series(np.exp(0.15 * log)))[-1].direction in ("higher", "lower") for log in logs]
    assert sum(false) <= 9


@pytest.mark.parametrize(("months", "lag", "widened"), [(10, 1, False), (15, 1, True), (30, 12, False)])
def test_a_change_of_one_month_is_widened_only_where_it_is_judged_by_changes_of_another_kind(months, lag, widened):
    logs = pd.Series(0.1 * alike_months(0.8, months, np.random.default_rng(6)))
    changes = logs.diff(lag).dropna()
    alike = autocorrelation(changes, on_year=lag == 12)
    assert alike > 0.3
    half_width = 2 * changes.std() * (np.sqrt((1 + alike) / (1 - alike)) if widened else 1)
    assert compare(series(np.exp(logs).to_numpy()), 1).usual_high == pytest.approx(np.expm1(half_width))


def test_a_yearly_comparison_is_judged_by_changes_on_the_year_before():
    seasonal = np.array([1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 6, 4.0])
    values = [*seasonal, *(seasonal * 1.3 * WOBBLE[:12])]
    month = compare(series(values), 1)
    assert month.direction == "higher", "the season is in both years and no excuse for the rise"
    assert month.usual_high < 0.1


def test_two_months_are_too_few_to_say_what_is_usual():
    (month,) = comparisons(series([100, 150]))
    assert month.direction == "unknown"
    assert prose("comparison", "Revenue", month, "$") == [
        "Revenue in February 2020: $150, up 50% on January 2020 ($100); the log holds too few months to say what ups "
        "and downs are usual."
    ]
    assert comparisons(series([100])) == []


def test_a_month_without_revenue_before_is_not_comparable():
    month = compare(series([50, 60, 70, 55, 0, 80]), 1)
    assert np.isnan(month.change)
    assert month.direction == "incomparable"
    assert prose("comparison", "Orders", month) == ["Orders in June 2020: 80, not comparable on May 2020 (0)."]


def test_a_mean_a_month_is_not_added_up():
    quarter = compare(series([10.0, 12, 11, 20, 22, 21]), 3)
    (sentence,) = prose("comparison", "Active customers", quarter, per_month=True)
    assert sentence.startswith("Active customers in the 3 months to June 2020: 21 a month, up 91% on the 3 months")


@pytest.mark.parametrize(
    ("orders", "source", "text"),
    [
        ((20, 40), "orders", "mostly from the number of orders (up 100%); beside it stands revenue per order ("),
        ((20, 20), "order_value", "mostly from revenue per order (up 9"),
        ((20, 28), "both", "from both the number of orders (up 40%) and revenue per order (up "),
    ],
)
def test_growth_comes_from_more_orders_or_larger_ones(orders, source, text):
    revenue = [*(100 * WOBBLE[:12]), *(200 * WOBBLE[1:13])]
    growth = decompose_revenue(months_of(revenue, orders=[orders[0]] * 12 + [orders[1]] * 12).whole)
    assert growth.source == source
    assert (1 + growth.orders) * (1 + growth.order_value) == pytest.approx(1 + growth.revenue.change)
    (sentence,) = prose("growth", growth, "order")
    assert sentence.startswith("The rise of revenue in the 12 months to December 2021 comes ")
    assert text in sentence
    fall = Decomposition(comparisons(series(revenue[::-1]))[-1], -0.5, 0.0)
    assert prose("growth", fall, "order")[0].startswith("The fall of revenue in the 12 months")
    assert decompose_revenue(months_of([*(100 * WOBBLE[:12]), *(100 * WOBBLE[1:13])]).whole) is None


def test_months_cut_by_the_ends_of_the_log_are_named_and_not_compared():
    months = months_of([100.0] * 3, end=date(2020, 3, 1))
    assert list(months.whole.index.astype(str)) == ["2020-01", "2020-02"]
    assert months.partial["days"].tolist() == [1]
    assert prose("revenue", overview(months))[-1] == (
        "March 2020 is in the log with 1 of its 31 days and is left out of comparisons."
    )
    assert months_of([100.0] * 3).partial.empty


def test_one_month_and_one_day_are_no_average():
    month, day = months_of([100.0]), months_of([100.0], end=date(2020, 1, 1))
    assert prose("customers", overview(month))[0] == (
        "In January 2020, 20 customers bought; 40 orders in all brought $2.50 each on average."
    )
    assert prose("customers", overview(day))[0].startswith("In the day recorded, 20 customers bought;")
    assert prose("revenue", overview(month))[0].startswith("The log holds 1 whole month: too little")
    assert prose("revenue", overview(day))[0].startswith("The log holds no whole month: too little")
    assert prose("summary", overview(month, concentration=None))[0] == "Revenue in January 2020: $100."


# ------------------------------------------------------------------------------------- new and returning


@pytest.mark.parametrize(
    ("new_share", "carrier", "text"),
    [
        (0.9, "new", "The shop lives on new customers: 10% of revenue ($12)"),
        (0.5, "both", "New and returning customers both carry the shop: 50% of revenue ($60)"),
        (0.1, "returning", "The shop lives on returning customers: 90% of revenue ($108)"),
        (0.0, "returning", "The shop lives on returning customers: all revenue ($120)"),
    ],
)
def test_who_brings_revenue(new_share, carrier, text):
    months = months_of([10.0] * 18, new_share)
    assert months.revenue_split.carrier == carrier
    assert months.revenue_split.returning_share == pytest.approx(1 - new_share)
    (sentence,) = prose("carriers", overview(months))
    assert sentence.replace(".00", "").startswith(text)


def test_the_first_months_of_a_log_are_no_sign_of_new_customers():
    months = months_of([10.0] * 6)
    assert list(months.revenue_split.months.astype(str)) == ["2020-04", "2020-05", "2020-06"]
    assert "the 3 months to June 2020" in prose("carriers", overview(months))[0]
    assert "too young to tell" in prose("returning", overview(months_of([10.0, 20.0])))[-1]
    assert months_of([0.0] * 6).revenue_split.carrier == "nobody"
    assert "There was no revenue" in prose("carriers", overview(months_of([0.0] * 6)))[0]


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
    return frame, Months.from_cohorts(frame, date(2020, 1, 1), index[-1].end_time.date())


def retention_prose(retention):
    return prose("retention", overview(YEAR_2020, retention=retention))


@pytest.mark.parametrize(
    ("later", "direction", "text"),
    [
        (0.4, "improving", "Retention is improving: of the later half of the cohorts, 20.0 percentage points more buy"),
        (0.05, "worsening", "Retention is worsening: of the later half of the cohorts, 15.0 percentage points fewer"),
        (0.2, "steady", "Later cohorts come back about as often as earlier ones: the difference (95% interval −"),
    ],
)
def test_retention_gets_better_worse_or_neither(later, direction, text):
    noise = np.tile([0.01, -0.01, 0.0, 0.02, -0.02], 4)
    rates = [0.9, 0.9, 0.9, *(0.2 + noise[:8]), *(later + noise[:8]), 0.5, 0.5, 0.5]
    retention = Retention.from_cohorts(*cohorts_of(rates))
    assert retention.trend.direction == direction
    levels, trend, immature = retention_prose(retention)
    assert levels.startswith("Of new customers, ")
    assert trend.startswith(text)
    assert "95% interval" in trend
    assert immature.startswith("The cohorts up to March 2020 may hold customers from before the log's first 3 months;")


def test_retention_table_leaves_out_what_the_log_does_not_hold():
    cohorts, months = cohorts_of([0.5, 0.25, 0.1])
    months = Months.from_cohorts(cohorts, date(2020, 1, 1), date(2020, 3, 30))
    table = Retention.from_cohorts(cohorts, months).table
    assert table.loc[pd.Period("2020-01"), 1] == 0.5
    assert table.drop(columns="customers").notna().sum().sum() == 1, "March is not whole"


def test_one_cohort_is_compared_with_nobody():
    cohorts, months = cohorts_of([0.3] * 8)
    cohorts = cohorts[cohorts["cohort"] == pd.Period("2020-01")]
    text = retention_prose(Retention.from_cohorts(cohorts, months))
    assert text[-1] == "All 100 customers first bought in one month, so no cohorts can be compared."
    assert text[0].startswith("Of new customers, 30% bought again a month later (of 100 customers); 30% bought again 3")


def test_a_log_of_one_month_knows_nothing_of_return():
    retention = Retention.from_cohorts(*cohorts_of([0.3]))
    assert retention.levels == []
    assert retention_prose(retention) == [
        "No cohort is followed by a whole month in the log, so nothing is known of its return."
    ]


def test_trend_is_welchs_interval():
    rates = np.array([0.2, 0.25, 0.22, 0.3, 0.28, 0.35])
    table = pd.DataFrame(dict.fromkeys((1, 2, 3), rates))
    expected = ttest_ind(rates[3:], rates[:3], equal_var=False).confidence_interval()
    trend = retention_trend(table)
    assert trend.difference == pytest.approx(rates[3:].mean() - rates[:3].mean())
    assert (trend.lower, trend.upper) == pytest.approx((expected.low, expected.high))
    assert retention_trend(table.iloc[:5]) is None


# ----------------------------------------------------------------------------------------- concentration


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=30).filter(any))
def test_gini_is_the_mean_difference_of_all_pairs(spend):
    x = np.array(spend, dtype=float)
    expected = np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean())
    assert Concentration.from_spend(pd.Series(x)).gini == pytest.approx(expected, abs=1e-12)


def test_revenue_is_concentrated_or_even():
    def spread(*spend):
        concentration = Concentration.from_spend(pd.Series(spend))
        (sentence,) = prose("spread", overview(YEAR_2020, concentration=concentration))
        return concentration and concentration.level, sentence

    when = "the 12 months to December 2020"
    assert spread(910.0, *[10.0] * 9) == (
        "concentrated",
        f"Revenue rests on few customers: the top 10% of the 10 customers in {when} bring 91% of revenue, the lower "
        "half 5.0% (Gini 0.81).",
    )
    assert spread(*[7.0] * 15)[1].startswith(
        f"Revenue is spread evenly: the top 10% of the 15 customers in {when} bring 10% of revenue"
    )
    assert spread(30.0, *[10.0] * 9)[0] == "between"
    assert spread(5.0, 0.0) == (
        "unknown",
        f"The largest of 2 customers in {when} brings 100% of revenue; tenths of so few say nothing.",
    )
    assert spread(-5.0, 0.0) == (None, f"Nobody spent anything in {when}.")


def test_one_customer_is_named_from_a_twentieth_of_revenue_on():
    few, many = (Concentration.from_spend(pd.Series([100.0] * count)) for count in (20, 21))
    assert few.is_dominated
    assert not many.is_dominated
    text = prose("concentration", overview(YEAR_2020, concentration=few))
    assert text[-1] == "One customer alone brings 5.0% ($100)."


def test_the_two_zeros_of_a_lorenz_curve_stand_apart():
    (panel,) = draw_lorenz_curve(Concentration.from_spend(pd.Series([1.0, 2.0, 9.0]))).axes
    panel.figure.draw_without_rendering()
    x, y = (
        next(label for label in axis.get_ticklabels() if label.get_text() == "0%")
        for axis in (panel.xaxis, panel.yaxis)
    )
    assert not x.get_window_extent().padded(2).overlaps(y.get_window_extent())


# --------------------------------------------------------------------------------------------- countries


def countries(**revenue):
    table = pd.DataFrame({"country": list(revenue), "revenue": list(revenue.values()), "customers": 1})
    return Countries.from_activity(table, None)


def country_prose(**revenue):
    return prose("countries", overview(YEAR_2020, countries=countries(**revenue)))


def test_one_country_carries_the_shop_or_many_do():
    when = "the 12 months to December 2020"
    assert country_prose(UK=80.0, FR=15.0, DE=5.0) == [
        f"One country carries the shop: UK brings 80% of revenue in {when} ($80.00); the 2 other countries bring 20%, "
        "led by FR (15%)."
    ]
    many = country_prose(UK=30.0, FR=25.0, DE=25.0, ES=20.0)
    assert many[0].startswith("Revenue comes from many places: UK brings 30%")
    assert many[1] == "It takes 3 countries to reach 80%."
    assert country_prose(UK=30.0) == [f"All revenue in {when} came from one country: UK ($30.00)."]
    assert country_prose(UK=60.0, FR=40.0)[0].endswith("the 1 other country brings 40%.")
    assert country_prose(UK=0.0) == [f"No country brought revenue in {when}."]
    levels = [countries(**revenue).level for revenue in ({"UK": 0.0}, {"UK": 1.0}, {"UK": 5.0, "FR": 5.0})]
    assert levels == ["none", "one", "home"]
    assert countries(UK=4.0, FR=3.0, DE=3.0).level == "many"


def test_a_country_is_compared_with_the_year_before():
    recent = pd.DataFrame({"country": ["UK", None, "DE"], "revenue": [60.0, 30.0, 10.0], "customers": 1})
    earlier = pd.DataFrame({"country": ["DE", None], "revenue": [0.0, 40.0], "customers": 1})
    table = Countries.from_activity(recent, earlier).table
    assert table["country"].tolist() == ["UK", "no country given", "DE"]
    assert table["revenue_share"].tolist() == [0.6, 0.3, 0.1]
    assert table["change"].tolist() == pytest.approx([np.nan, -0.25, np.nan], nan_ok=True)


def test_a_country_is_written_on_one_short_line():
    assert country_prose(**{"a\nb\x00c": 1.0})[0].endswith(": a b c ($1.00).")
    assert country_prose(**{"x" * 500: 1.0})[0].endswith(f": {'x' * 39}… ($1.00).")
    assert country_prose(**{" ": 1.0})[0].endswith(": no country given ($1.00).")


# ------------------------------------------------------------------------------------------- seasonality


def season_prose(effects):
    return prose("months_of_year", overview(YEAR_2020, months_of_year=effects))


def test_months_of_the_year_stand_out_or_do_not():
    year = np.ones(12)
    year[[10, 1]] = 2.0, 0.5
    growing = np.exp(0.02 * np.arange(36)) * WOBBLE[:36]
    effects = month_effects(series(100 * np.tile(year, 3) * growing))
    assert [effects.strongest[0].month_of_year, effects.weakest[0].month_of_year] == ["November", "February"]
    text = season_prose(effects)
    assert text[0].startswith("The strongest time of the year: November, ")
    assert text[1].startswith("The weakest time of the year: February, ")
    assert season_prose(month_effects(series(100 * growing)))[0].startswith("No month of the year stands out: over 3")
    assert month_effects(series(100 * growing[:23])) is None
    bounds = {"effect": 0.75, "lower_95": 0.53, "upper_95": 0.996}
    november = list(effects.table.iloc[[10]].assign(**bounds).itertuples())
    assert season_prose(Seasonality(effects.table, november, [], 2, 0.001)) == [
        "The strongest time of the year: November, 75% above the mean month (95% interval +53% to +100%).",
        "That rests on two years only.",
    ]


def test_a_year_without_seasons_is_seldom_given_any():
    rng = np.random.default_rng(3)
    flat = [month_effects(series(rng.lognormal(0.01 * np.arange(36), 0.1))) for _ in range(100)]
    assert sum(bool(effects.strongest or effects.weakest) for effects in flat) <= 11


def test_effects_of_months_are_those_put_in():
    year = np.exp(np.array([0.3, -0.3] * 6))
    effects = month_effects(series(np.tile(year, 3) * np.exp(0.03 * np.arange(36))))
    assert effects.table["effect"].to_numpy() == pytest.approx(year - 1, abs=1e-9)
    assert effects.p_value < 1e-6
