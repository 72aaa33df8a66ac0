"""The outlook: past errors are carried on, one period at a time, and intervals hold as often as they say."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Period
from clv_experiments.decisions.budget.outlook import (
    break_even_uplift,
    estimate_outlook,
    simulate_spend,
    summarise_simulated_profit,
)
from clv_experiments.decisions.budget.plan import contact_profit, plan_contacts
from clv_experiments.decisions.shop import Campaign
from clv_experiments.decisions.snapshot import Snapshot

MARGIN = 0.5


def campaign(budget=3.0):
    return Campaign(budget, 1.0, (0.05, 0.1, 0.2))


def customers(*spend):
    return pd.DataFrame({"expected_spend": np.array(spend, dtype=float)}, index=list("abcdefghij"[: len(spend)]))


def past(expected, actual):
    return pd.DataFrame({"expected_spend": expected, "y_true": actual})


def test_draws_carry_the_errors_of_the_period_before():
    """All spent twice what was predicted: so will they, without doubt."""
    then = np.linspace(1, 100, 400)
    simulated = simulate_spend(np.array([50.0, 70.0]), [past(then, 2 * then)], 20, seed=0)
    assert simulated == pytest.approx(np.full(20, 240.0))
    assert simulate_spend(np.array([]), [past(then, then)], 3, seed=0) == pytest.approx(np.zeros(3))
    assert np.isnan(simulate_spend(np.array([50.0]), [], 3, seed=0)).all()


def test_draws_are_of_one_period_at_a_time_and_of_each():
    """Twice what was predicted came in one period, half of it in another: so it will be, one or the other."""
    then = np.linspace(1, 100, 400)
    simulated = simulate_spend(np.array([50.0, 70.0]), [past(then, 2 * then), past(then, then / 2)], 200, seed=0)
    good = np.isclose(simulated, 240.0)
    assert (good | np.isclose(simulated, 60.0)).all()
    assert 60 < good.sum() < 140


def test_draws_follow_the_seed():
    rng = np.random.default_rng(0)
    then, actual = rng.gamma(1, 50, 300), rng.gamma(1, 50, 300)
    first, again, other = (simulate_spend(then[:9], [past(then, actual)], 20, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_the_interval_holds_what_came_as_often_as_it_says():
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        expected = rng.gamma(0.5, 100, (2, 600))
        actual = 1.3 * expected * rng.gamma(0.4, 1 / 0.4, expected.shape)  # 30 % more than predicted
        plan = plan_contacts(pd.DataFrame({"expected_spend": expected[0]}), campaign(100.0), MARGIN)
        spend = simulate_spend(plan.contacted["expected_spend"].to_numpy(), [past(expected[1], actual[1])], 100, seed)
        case = summarise_simulated_profit(plan, spend)[1]
        profit = contact_profit(actual[0][plan.contacted.index], plan.campaign, MARGIN).sum()
        inside += case.low <= profit <= case.high
    assert inside >= 51  # 57 expected; fewer than 51 has a probability of 0.3 %


def test_uplifts_stand_apart_and_break_even_is_where_nothing_is_left():
    plan = plan_contacts(customers(100, 60), campaign(), MARGIN)
    cases = pd.DataFrame(list(summarise_simulated_profit(plan, np.full(5, 320.0)))).set_index("case")
    assert list(cases["expected_profit"]) == pytest.approx([0.05 * 80 - 2, 0.1 * 80 - 2, 0.2 * 80 - 2])
    assert list(cases["low"]) == pytest.approx([0.05 * 160 - 2, 0.1 * 160 - 2, 0.2 * 160 - 2])
    even = break_even_uplift(plan, np.full(5, 320.0))
    assert (even.value, even.low, even.high) == pytest.approx((2 / 80, 2 / 160, 2 / 160))
    assert break_even_uplift(plan, np.zeros(5)) is None
    assert break_even_uplift(plan_contacts(customers(0), campaign(), MARGIN), np.zeros(5)) is None


def snapshot(days, expected, actual):
    return Snapshot(
        Period(date(2020, 1, 1), date.fromordinal(date(2020, 1, 1).toordinal() + days)),
        past(expected, actual),
        None,
        None,
        "xgboost",
        "mbg_nbd",
    )


@pytest.mark.parametrize(
    ("share", "days", "verdict", "seasons"),
    [(1.0, 90, "profit", False), (0.001, 90, "loss", False), (0.2, 364, "uncertain", True)],
)
def test_past_periods_decide_what_is_sure_and_which_seasons_are_in_it(share, days, verdict, seasons):
    plan = plan_contacts(customers(100, 100, 100), campaign(), MARGIN)
    then = np.full(400, 100.0)
    nobody = snapshot(90, np.zeros(9), np.zeros(9))
    actual = share * np.where(np.arange(400) % 2, 0.5, 1.5) * then
    outlook = estimate_outlook(plan, [snapshot(days, then, actual), nobody], 100, seed=1)
    assert (outlook.verdict, outlook.spans_all_seasons) == (verdict, seasons)
    assert (outlook.periods, outlook.days) == (1, days)
    assert outlook.expected.uplift == 0.1
