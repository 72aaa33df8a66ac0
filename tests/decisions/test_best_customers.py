"""Whom the report names first, and what it says of the total: turned round where the numbers are."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.best_customers import past_totals, rank_customers
from clv_experiments.decisions.display.best_customers import best_customers_section
from clv_experiments.decisions.shop import Shop
from clv_experiments.forecasting.level import Level

CONF = Path(__file__).resolve().parents[2] / "conf"
SHOP = Shop.of(OmegaConf.load(CONF / "decisions" / "shop.yaml"), "£")


def snapshot(expected, actual=None, cutoff=date(2020, 12, 31), end=date(2021, 3, 31)):
    table = pd.DataFrame({"expected_spend": expected}, index=[f"c{n}" for n in range(len(expected))])
    if actual is not None:
        table["y_true"] = actual
    model = SimpleNamespace(level=None)
    names = {"model_name": "m", "btyd_name": "b", "timing_name": "b"}
    return SimpleNamespace(table=table, period=Period(cutoff, end), model=model, **names)


def best(expected, *past, chance=None, low=1.0, level=None, btyd_name="b"):
    now = snapshot(expected)
    now.btyd_name = btyd_name
    now.model.level = level
    scored = now.table.assign(
        customer_id=now.table.index,
        expected_spend_low=low,
        expected_spend_high=99.0,
        clv=7.0,
        p_purchase=chance or np.linspace(0.9, 0.1, len(expected)),
        value_tier=np.where(now.table["expected_spend"] == max(expected), "High", "Low"),
    )
    return rank_customers(scored, now, past)


def section(*args, **kwargs):
    return best_customers_section(best(*args, **kwargs), ["No interval."], SHOP, Horizon(3, "months"))


def test_the_total_stands_beside_how_far_it_was_off_before():
    past = snapshot([10.0, 10.0], [5.0, 5.0]), snapshot([10.0, 10.0], [20.0, 20.0])
    several = best([30.0, 10.0], *past)
    assert several.expected_total == 40
    assert several.past_ratios.tolist() == [0.5, 2.0]
    text = section([30.0, 10.0], *past).summary[0]
    for part in ("2 customers", "£40.00", "2 periods before", "0.50 to 2.00 times", "£20.00 to £80.00"):
        assert part in text
    once = section([30.0, 10.0], snapshot([10.0], [5.0])).summary[0]
    assert "0.50 times" in once
    assert "£20.00" in once
    assert best([30.0, 10.0], snapshot([0.0], [5.0])).past_ratios.empty
    assert "nothing in the past" in section([30.0, 10.0], snapshot([0.0], [5.0])).summary[0]


def test_a_total_at_a_level_stands_with_its_interval():
    past = snapshot([10.0, 10.0], [5.0, 5.0])
    level = Level(40.0, 3.0, 0.2, "btyd", "the season was never seen")
    made = section([30.0, 10.0], past, level=level)
    low, high = level.interval(0.8)
    assert f"£40.00 (80% interval £{low:.2f} to £{high:.2f});" in made.summary[0]
    assert "0.50 times" in made.summary[0]
    assert "were off; the season was never seen." in " ".join(made.method)
    own = section([30.0, 10.0], past)
    assert "£40.00; in the period before" in own.summary[0]
    assert "that of m is not brought to a season" in " ".join(own.method)


def test_the_period_a_year_before_is_named():
    before = snapshot([10.0], [8.0], date(2019, 12, 31), date(2020, 3, 31))
    other = snapshot([10.0], [7.0], date(2020, 9, 30), date(2020, 12, 31))
    (row,) = best([30.0], other, before).year_before
    assert (row.came, row.customers) == (8.0, 1)
    assert (row.first_day.date(), row.last_day.date()) == (date(2020, 1, 1), date(2020, 3, 31))
    text = section([30.0], other, before).summary[1]
    assert "2020-01-01 to 2020-03-31" in text
    assert "£8.00 from the 1 customer" in text
    assert best([30.0], other).year_before == []


def test_the_names_flip_when_the_numbers_do():
    past = snapshot([10.0], [10.0])
    now = best([30.0, 10.0], past)
    assert now.by_spend["customer_id"].tolist() == now.by_probability["customer_id"].tolist() == ["c0", "c1"]
    assert now.high_tier["expected_spend"].tolist() == [30.0]
    assert now.expected_total == 40.0
    text = section([30.0, 10.0], past).summary[1]
    for part in ("customer c0, £30.00", "(80% interval £1.00 to £99.00)", "75%", "1 customer in the tier High", "90%"):
        assert part in text
    assert best([10.0, 30.0], past).by_spend["customer_id"].iloc[0] == "c1"
    assert best([30.0, 10.0], past, chance=[0.2, 0.7]).by_probability["customer_id"].iloc[0] == "c1"
    assert "of customer c1" in section([10.0, 30.0], past).summary[1]
    assert "likely to buy is customer c1" in section([30.0, 10.0], past, chance=[0.2, 0.7]).summary[1]
    assert best([9.0, 9.0], past).has_equal_predictions
    assert not now.has_equal_predictions
    assert "everybody, £9.00" in section([9.0, 9.0], past).summary[1]
    assert not best([30.0, 10.0], past, low=np.nan).has_intervals
    assert "£30.00 (no interval" in section([30.0, 10.0], past, low=np.nan).summary[1]


def test_the_tables_lead_with_what_they_are_ordered_by():
    spend, likely, before = section([10.0, 30.0, 20.0], snapshot([10.0], [10.0])).exhibits
    assert spend.table["customer_id"].tolist() == ["c1", "c2", "c0"]
    assert spend.sentences[-1] == "No interval."
    assert likely.table["customer_id"].tolist() == ["c0", "c1", "c2"]
    assert before.table["came_to_expected"].tolist() == [1.0]


@pytest.mark.parametrize(("expected", "ratio"), [(4.0, 2.0), (0.0, np.nan)])
def test_a_past_total_without_expectation_has_no_ratio(expected, ratio):
    totals = past_totals([snapshot([expected], [8.0])])
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
    assert "CLV" not in tables[0].sentences[0]
    assert tables[1].sentences[0].startswith("Expected spend and CLV are m's")
    assert "may disagree with m" in " ".join(two.method)
    assert "CLV is the margin of" in " ".join(one.method)
