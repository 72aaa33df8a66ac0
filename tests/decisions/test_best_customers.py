"""Whom the report names first, and what it says of the total: turned round where the numbers are."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.best_customers import best_section, past_totals
from clv_experiments.decisions.evidence import Evidence
from clv_experiments.decisions.shop import Shop

CONF = Path(__file__).resolve().parents[2] / "conf"
SHOP = Shop.of(OmegaConf.load(CONF / "decisions" / "shop.yaml"), "£")
FOUND = Evidence(None, None, "Nothing is known.")


def shot(expected, came=None, end=date(2021, 3, 31)):
    table = pd.DataFrame({"expected_spend": expected}, index=[f"c{n}" for n in range(len(expected))])
    if came is not None:
        table["y_true"] = came
    return SimpleNamespace(table=table, period=Period(date(2020, 12, 31), end), model_name="m", btyd_name="b")


def section(expected, *past, chance=None, low=1.0):
    now = shot(expected)
    scored = now.table.assign(
        customer_id=now.table.index,
        expected_spend_low=low,
        expected_spend_high=99.0,
        p_purchase=chance or np.linspace(0.9, 0.1, len(expected)),
        value_tier=np.where(now.table["expected_spend"] == max(expected), "High", "Low"),
    )
    return best_section(scored, now, past, FOUND, SHOP, Horizon(3, "months"))


def test_the_total_is_told_with_how_far_it_was_off_before():
    said = section([30.0, 10.0], shot([10.0, 10.0], [5.0, 5.0]), shot([10.0, 10.0], [20.0, 20.0])).summary[0]
    assert "spend £40.00" in said
    assert "in the 2 periods before 0.50 to 2.00 times" in said
    assert said.endswith("£20.00 to £80.00.")
    assert "times as much came, which would make it £20.00." in section([30.0, 10.0], shot([10.0], [5.0])).summary[0]
    assert "nothing in the past" in section([30.0, 10.0], shot([0.0], [5.0])).summary[0]


def test_the_names_flip_when_the_numbers_do():
    past = shot([10.0], [10.0])
    assert "of customer c0, £30.00 (80% interval £1.00 to £99.00)" in section([30.0, 10.0], past).summary[1]
    assert "of customer c1" in section([10.0, 30.0], past).summary[1]
    assert "75% of the total is expected of the 1 customer in the tier High" in section([30.0, 10.0], past).summary[1]
    assert "likely to buy is customer c1" in section([30.0, 10.0], past, chance=[0.2, 0.7]).summary[1]
    assert section([9.0, 9.0], past).summary[1].startswith("The same is expected of everybody, £9.00; most likely")
    assert "no interval" in section([30.0, 10.0], past, low=np.nan).summary[1]


def test_the_tables_lead_with_what_they_are_ordered_by():
    spend, likely, before = section([10.0, 30.0, 20.0], shot([10.0], [10.0])).exhibits
    assert spend.table["customer_id"].tolist() == ["c1", "c2", "c0"]
    assert likely.table["customer_id"].tolist() == ["c0", "c1", "c2"]
    assert before.table["came_to_expected"].tolist() == [1.0]


@pytest.mark.parametrize(("expected", "ratio"), [(4.0, 2.0), (0.0, np.nan)])
def test_a_past_total_without_expectation_has_no_ratio(expected, ratio):
    found = past_totals([shot([expected], [8.0])])
    assert found["came_to_expected"].tolist() == pytest.approx([ratio], nan_ok=True)
