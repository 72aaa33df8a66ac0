"""Whom the report names first, and what it says of the total: turned round where the numbers are."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from clv_experiments.config.shop import build_shop
from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.window import Window
from clv_experiments.decisions.best_customers import (
    SamePeriodLastYear,
    past_totals,
    rank_customers,
    sum_same_period_last_year,
    widen_interval,
    widening_factor,
)
from clv_experiments.decisions.display.best_customers import best_customers_section
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import TotalForecast
from clv_experiments.reporting.exhibit import NARROW, WIDE

CONF = Path(__file__).resolve().parents[2] / "conf"
SHOP = build_shop(OmegaConf.load(CONF / "decisions" / "shop.yaml"), "£")
LEVEL = TotalForecast(40.0, 3.0, 0.2, "btyd", "the season of 2021-01-01 to 2021-03-31 was never seen")


def snapshot(expected, actual=None, cutoff=date(2020, 12, 31), end=date(2021, 3, 31), level=None):
    table = pd.DataFrame({"expected_spend": expected}, index=[f"c{n}" for n in range(len(expected))])
    if actual is not None:
        table["y_true"] = actual
    names = {"model_name": "m", "btyd_name": "b", "timing_name": "t"}
    return SimpleNamespace(table=table, period=Period(cutoff, end), model=SimpleNamespace(level=level), **names)


def best(expected, *past, chance=None, low=1.0, level=None, year_before=None, btyd_name="b"):
    now = snapshot(expected, level=level)
    now.btyd_name = btyd_name
    scored = now.table.assign(
        customer_id=now.table.index,
        expected_spend_low=low,
        expected_spend_high=99.0,
        clv=7.0,
        p_purchase=chance or np.linspace(0.9, 0.1, len(expected)),
        value_tier=np.where(now.table["expected_spend"] == max(expected), "High", "Low"),
    )
    return rank_customers(scored, now, past, 0.8, year_before)


def section(*args, **kwargs):
    return best_customers_section(best(*args, **kwargs), ["No interval."], SHOP)


def test_without_a_level_the_total_is_as_far_off_as_it_was_before():
    past = snapshot([10.0, 10.0], [5.0, 5.0]), snapshot([10.0, 10.0], [20.0, 20.0])
    several = best([30.0, 10.0], *past)
    assert several.expected_total == 40
    assert several.past_total_ratios.tolist() == [0.5, 2.0]
    assert (several.total_range.low, several.total_range.high, several.total_range.periods) == (20.0, 80.0, 2)
    once = best([30.0, 10.0], snapshot([10.0], [5.0])).total_range
    assert (once.low, once.high) == (20.0, 40.0)
    assert best([30.0, 10.0], snapshot([0.0], [5.0])).total_range is None


def test_the_interval_of_a_level_is_widened_until_it_would_have_held_before():
    near, far = TotalForecast(100.0, 3.0, 0.1, "forecast"), TotalForecast(100.0, 3.0, 0.1, "forecast")
    calm = [snapshot([100.0], [spend], level=near) for spend in (101.0, 99.0, 105.0, 95.0)]
    assert widening_factor(calm, 0.8) == 1.0
    total = best([30.0, 10.0], *calm, level=LEVEL).total_range
    assert (total.low, total.high) == LEVEL.interval(0.8)
    assert (total.periods, total.periods_covered) == (4, 4)
    wild = [*calm[:3], snapshot([100.0], [150.0], level=far)]
    factor = widening_factor(wild, 0.8)
    assert widen_interval(far, 0.8, factor)[1] == pytest.approx(150.0)
    wide = best([30.0, 10.0], *wild, level=LEVEL)
    assert wide.total_range.low < total.low < total.high < wide.total_range.high
    assert wide.total_range.periods_covered == 4
    assert wide.past["high"].iloc[-1] == pytest.approx(150.0)
    many = [*calm, *calm, snapshot([100.0], [150.0], level=far)]
    assert widening_factor(many, 0.8) == 1.0, "one of nine may lie outside"
    assert widening_factor([snapshot([100.0], [0.0], level=near)], 0.8) == 1.0


def test_the_method_says_what_the_range_rests_on():
    made = section([30.0, 10.0], snapshot([10.0], [9.0], level=LEVEL), level=LEVEL)
    assert "the season of 1 January 2021 to 31 March 2021 was never seen." in " ".join(made.method)
    assert "that of m is not brought to a season" in " ".join(section([30.0, 10.0], snapshot([10.0], [9.0])).method)


def test_the_same_days_a_year_before_are_summed_of_the_customers_known_then(log_of):
    log = log_of(
        [
            ("a", "2019-01-05", 7.0),
            ("a", "2020-01-01", 5.0),
            ("a", "2020-03-31", 3.0),
            ("a", "2020-04-01", 100.0),
            ("new", "2020-02-01", 50.0),
            ("b", "2018-06-01", 1.0),
            ("b", "2020-12-30", 1.0),
        ],
        log_end=date(2020, 12, 31),
    )
    forecaster = Forecaster(log, Window(log.start, log.end, Horizon(3, "months")))
    before = sum_same_period_last_year(forecaster, Period(date(2020, 12, 31), date(2021, 3, 31)))
    assert before == SamePeriodLastYear(2, 8.0)
    assert sum_same_period_last_year(forecaster, Period(date(2020, 12, 31), date(2022, 3, 31))) is None, "not over"
    assert sum_same_period_last_year(forecaster, Period(date(2019, 3, 31), date(2019, 6, 30))) is None, "before the log"


def test_the_names_flip_when_the_numbers_do():
    past = snapshot([10.0], [10.0])
    now = best([30.0, 10.0], past)
    assert now.by_spend["customer_id"].tolist() == now.by_probability["customer_id"].tolist() == ["c0", "c1"]
    assert now.high_tier["expected_spend"].tolist() == [30.0]
    assert now.expected_total == 40.0
    text = section([30.0, 10.0], past).summary[0]
    for part in (
        "customer c0, £30.00",
        "(80% interval £1.00 to £99.00)",
        "75%",
        "one customer in the tier High",
        "90%",
    ):
        assert part in text
    assert best([10.0, 30.0], past).by_spend["customer_id"].iloc[0] == "c1"
    assert best([30.0, 10.0], past, chance=[0.2, 0.7]).by_probability["customer_id"].iloc[0] == "c1"
    assert "of customer c1" in section([10.0, 30.0], past).summary[0]
    assert "likely to buy is customer c1" in section([30.0, 10.0], past, chance=[0.2, 0.7]).summary[0]
    assert best([9.0, 9.0], past).all_predictions_equal
    assert not now.all_predictions_equal
    assert "everybody, £9.00" in section([9.0, 9.0], past).summary[0]
    assert not best([30.0, 10.0], past, low=np.nan).has_intervals
    assert "£30.00 (no interval" in section([30.0, 10.0], past, low=np.nan).summary[0]


def test_the_tables_lead_with_what_they_are_ordered_by():
    made = section([10.0, 30.0, 20.0], snapshot([10.0], [5.0]))
    spend, likely, before = made.exhibits
    assert spend.table["customer_id"].tolist() == ["c1", "c2", "c0"]
    assert likely.table["customer_id"].tolist() == ["c0", "c1", "c2"]
    assert [exhibit.file for exhibit in made.exhibits] == ["scores.csv", "scores.csv", ""]
    assert before.table["came_to_expected"].tolist() == [0.5]
    assert before.sentences[0].startswith("In the period before, 0.50 times")
    assert made.method[0] == "No interval."


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("expected", [[30.0, 10.0, 0.0], [9.0, 9.0], [0.0, 0.0]])
def test_pictures_count_every_customer_and_every_period(expected, width):
    year_before = SamePeriodLastYear(2, 8.0)
    past = [snapshot([10.0], [9.0], level=LEVEL)] * 4
    spend, _, totals = section(expected, *past, level=LEVEL, year_before=year_before).exhibits
    (panel,) = spend.draw(width).axes
    assert sum(bar.get_height() for bar in panel.patches) == len(expected)
    (panel,) = totals.draw(width).axes
    assert [bar.get_height() for bar in panel.patches] == [9.0] * 4
    assert len(panel.get_xticklabels()) == 5


@pytest.mark.parametrize(("expected", "ratio"), [(4.0, 2.0), (0.0, np.nan)])
def test_a_past_total_without_expectation_has_no_ratio(expected, ratio):
    totals = past_totals([snapshot([expected], [8.0])], 0.8)
    assert totals["came_to_expected"].tolist() == pytest.approx([ratio], nan_ok=True)


def test_whoever_leads_together_is_named_together():
    past = snapshot([10.0, 10.0], [5.0, 5.0])
    alike = section([30.0, 30.0, 10.0], past, chance=[0.9, 0.9, 0.2]).summary[-1]
    assert "Most is expected of 2 customers alike, one of them c0, £30.00" in alike
    assert "most likely to buy are 2 customers, c0 among them, with a probability of 90%" in alike
    alone = section([30.0, 20.0, 10.0], past, chance=[0.2, 0.9, 0.3]).summary[-1]
    assert "Most is expected of customer c0, £30.00" in alone
    assert "most likely to buy is customer c1, with a probability of 90%" in alone
    assert "all are equally likely to buy, with" in section([30.0, 10.0], past, chance=[0.4, 0.4]).summary[-1]


def test_a_row_holds_a_clv_only_beside_the_spend_of_the_same_model():
    past = snapshot([10.0, 10.0], [5.0, 5.0])
    two, one = section([30.0, 10.0], past), section([30.0, 10.0], past, btyd_name="m")
    tables = [next(e for e in made.exhibits if e.name == "highest_expected_spend") for made in (two, one)]
    assert ["clv" in exhibit.table for exhibit in tables] == [False, True]
    assert [len(exhibit.sentences) for exhibit in tables] == [0, 1]
    assert tables[1].sentences[0].startswith("The value of the next purchases is the margin")
    assert two.method[1] == "Expected spend is m's; the chance to buy and dates are t's."
    assert one.method[1].startswith("Expected spend and the value of the next purchases (CLV) are m's; the chance")
    assert "may disagree with m" in " ".join(two.method)
    assert "CLV is the margin of" in " ".join(one.method)
