"""The business overview of whole logs: real, short, hostile, without order ids or countries."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.decisions.best_customers import AllCustomersTotalRange
from clv_experiments.decisions.display.overview import draw_revenue, overview_section
from clv_experiments.decisions.overview.business import describe_business
from clv_experiments.errors import ClvError
from clv_experiments.reporting.exhibit import NARROW, WIDE
from clv_experiments.reporting.prose import render_paragraphs


@pytest.fixture(scope="module")
def hostile(log_of):
    """Two months of a shop whose customers and countries are called anything."""
    names = ["<script>alert(1)</script>", "=cmd()", "$x^{$", "広" * 60, "a\nb", None, "x" * 300]
    rows = [
        (
            f"{names[k % 7]}{k % 11}",
            datetime(2020, 1, 1) + timedelta(days=k % 60),
            1.0 + k % 5,
            f"{kind}{k}",
            names[k % 7],
        )
        for k in range(200)
        for kind in "op"
    ]
    return log_of(pd.DataFrame(rows, columns=["customer_id", "date", "amount", "order_id", "country"]))


def section_of(log, end):
    total = AllCustomersTotalRange(700.0, 900.0, 4, 4)
    return overview_section(describe_business(log, end), Horizon(3, "months").period_after(end), total)


def exhibits_of(section):
    return {exhibit.name.removeprefix("overview_"): exhibit for exhibit in section.exhibits}


def test_cdnow_is_described(cdnow_sample):
    section = section_of(cdnow_sample, date(1998, 6, 30))
    exhibits = exhibits_of(section)
    assert set(exhibits) == {"revenue", "retention", "concentration"}
    assert "All revenue ($97,964) in the 12 months to June 1998" in exhibits["revenue"].sentences[-1]
    assert "too few cohorts" in exhibits["retention"].sentences[-1]
    assert exhibits["revenue"].headings["revenue_per_order"] == "revenue per purchase day"
    days = cdnow_sample.purchase_days.to_pyarrow().to_pandas()
    assert exhibits["revenue"].table["revenue"].sum() == pytest.approx(float(days["amount"].sum()))
    assert exhibits["retention"].table["customers"].sum() == 2357
    year = days[pd.to_datetime(days["date"]) > "1997-06-30"]
    best = year.groupby("customer_id")["amount"].sum().astype(float).sort_values(ascending=False)
    tenth = best.iloc[: round(len(best) / 10)].sum() / best.sum()
    assert exhibits["concentration"].table["cumulative_share"].iloc[0] == pytest.approx(tenth, abs=0.002)


def test_nothing_after_the_end_is_read(cdnow_sample, log_of):
    end = date(1997, 9, 15)
    days = cdnow_sample.purchase_days.to_pyarrow().to_pandas().drop(columns="orders").astype({"amount": float})
    cut = log_of(days[pd.to_datetime(days["date"]) <= pd.Timestamp(end)], log_end=end)
    whole, part = (section_of(log, end) for log in (cdnow_sample, cut))
    assert whole.summary == part.summary
    for one, other in zip(whole.exhibits, part.exhibits, strict=True):
        assert list(one.sentences) == list(other.sentences)
        pd.testing.assert_frame_equal(one.table, other.table)
    assert "15 of its 30 days" in " ".join(exhibits_of(whole)["revenue"].sentences)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_the_range_ahead_is_drawn_as_a_mean_month_after_the_last(cdnow_sample, width):
    overview = describe_business(cdnow_sample, date(1998, 6, 30))
    period, total = Period(date(1998, 6, 30), date(1998, 9, 30)), AllCustomersTotalRange(6000.0, 9000.0, 4, 4)
    (panel,) = draw_revenue(overview, period, total, width).axes
    (band,) = [one for one in panel.collections if one.get_label().startswith("range ahead")]
    corners = band.get_paths()[0].vertices
    assert (corners[:, 0].min(), corners[:, 0].max()) == (17.5, 20.5), "July to September after eighteen months"
    assert (corners[:, 1].min(), corners[:, 1].max()) == (2000.0, 3000.0)
    assert not list(draw_revenue(overview, period, None, width).axes[0].collections)


def test_names_in_a_log_do_no_harm(hostile):
    section = section_of(hostile, hostile.end)
    exhibits = exhibits_of(section)
    assert exhibits["revenue"].headings["orders"] == "orders"
    assert exhibits["countries"].table["revenue"].sum() == pytest.approx(exhibits["revenue"].table["revenue"].sum())
    assert "no country given" in set(exhibits["countries"].table["country"])
    for exhibit in section.exhibits:
        assert all("\n" not in sentence and len(sentence) < 500 for sentence in exhibit.sentences)


@pytest.mark.parametrize("days", [10, 45])
def test_a_log_of_weeks_says_what_it_can(log_of, days):
    start = datetime(2020, 1, 10)
    log = log_of([("ab"[k % 2], start + timedelta(days=k), 5.0) for k in range(days)])
    section = section_of(log, log.end)
    text = " ".join([*section.summary, *(sentence for exhibit in section.exhibits for sentence in exhibit.sentences)])
    assert "nan" not in text
    assert "too little to compare revenue" in text
    assert "tenths of so few say nothing" in text


@pytest.mark.parametrize(
    ("spend", "sentence"),
    [
        ([5.0, 5.0, 5.0], "All 3 whole months brought the same ($5.00)."),
        ([9.0, 0.0, 4.0], "was January 2020 ($9.00), the weakest February 2020 ($0.00)."),
        ([9.0, 0.0, 9.0], "was March 2020 like 1 other ($9.00), the weakest February 2020 ($0.00)."),
        ([9.0, 0.0, 0.0, 0.0], "was January 2020 ($9.00), the weakest April 2020 like 2 others ($0.00)."),
    ],
)
def test_months_that_brought_the_same_are_not_put_in_order(spend, sentence):
    index = pd.date_range("2020-01-01", periods=len(spend), freq="MS")
    (rendered,) = render_paragraphs("report/overview.jinja", "extremes", pd.Series(spend, index=index), "$")
    assert rendered.endswith(sentence)


def test_an_end_before_the_log_is_refused(hostile):
    with pytest.raises(ClvError, match="starts on 2020-01-01, after 2019-12-31"):
        describe_business(hostile, date(2019, 12, 31))
