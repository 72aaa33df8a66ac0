"""The plan: brute force agrees, constraints hold, and it turns with the predictions."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.decisions.budget.plan import contact_profit, plan_contacts
from clv_experiments.decisions.shop import Campaign
from clv_experiments.errors import ClvError

MARGIN = 0.5


def campaign(budget=3.0, cost=1.0, uplift=(0.05, 0.1, 0.2), **constraints):
    return Campaign(budget, cost, uplift, **constraints)


def customers(*spend):
    return pd.DataFrame({"expected_spend": np.array(spend, dtype=float)}, index=list("abcdefghij"[: len(spend)]))


def best_by_brute_force(spend, campaign, segments=None, countries=None):
    """The highest profit of any choice that meets the constraints, None where none does."""
    worth, best = contact_profit(np.array(spend), campaign, MARGIN), None
    for size in range(min(campaign.contacts, len(spend)) + 1):
        for chosen in combinations(range(len(spend)), size):
            enough = all(sum(segments[i] == name for i in chosen) >= n for name, n in campaign.min_by_segment.items())
            few = all(sum(countries[i] == name for i in chosen) <= n for name, n in campaign.max_by_country.items())
            if enough and few and (best is None or sum(worth[list(chosen)]) > best):
                best = sum(worth[list(chosen)])
    return best


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=7), st.integers(0, 8))
def test_the_sort_is_the_best_plan(spend, budget):
    limits = campaign(float(budget))
    plan = plan_contacts(customers(*spend), limits, MARGIN)
    assert plan.expected_profit == pytest.approx(best_by_brute_force(spend, limits), abs=1e-9)
    assert plan.cost <= budget


@pytest.mark.parametrize("seed", range(12))
def test_the_solver_finds_the_best_plan_under_demands(seed):
    rng = np.random.default_rng(seed)
    spend = rng.gamma(1.0, 30.0, 7).round()
    segments, countries = rng.choice(["x", "y"], 7), rng.choice(["p", "q"], 7)
    segments[0], countries[0] = "x", "p"
    limits = campaign(
        float(rng.integers(2, 7)),
        min_by_segment={"x": int(rng.integers(0, 3))},
        max_by_country={"p": int(rng.integers(0, 3))},
    )
    table = customers(*spend)
    best = best_by_brute_force(spend, limits, segments, countries)
    names = {"segments": pd.Series(segments, table.index), "countries": pd.Series(countries, table.index)}
    if best is None:
        with pytest.raises(ClvError, match="of 'x'"):
            plan_contacts(table, limits, MARGIN, **names)
    else:
        assert plan_contacts(table, limits, MARGIN, **names).expected_profit == pytest.approx(best)


def test_equal_customers_are_taken_by_id_whatever_the_order_of_rows():
    table = customers(50, 50, 50, 50, 50)
    names = pd.Series("x", table.index)
    for limits in (campaign(2.0), campaign(2.0, min_by_segment={"x": 1})):
        for rows in (table, table[::-1]):
            assert list(plan_contacts(rows, limits, MARGIN, names).contacted.index) == ["a", "b"]


def test_swapping_two_predictions_swaps_the_recommendation():
    assert list(plan_contacts(customers(90, 80, 10), campaign(1.0), MARGIN).contacted.index) == ["a"]
    assert list(plan_contacts(customers(10, 80, 90), campaign(1.0), MARGIN).contacted.index) == ["c"]


def test_a_demand_is_met_at_a_loss():
    table = customers(100, 90, 1)
    plan = plan_contacts(table, campaign(2.0, min_by_segment={"x": 1}), MARGIN, pd.Series(["y", "y", "x"], table.index))
    assert list(plan.contacted.index) == ["a", "c"]
    assert plan.expected_profit == pytest.approx(0.1 * 0.5 * 101 - 2)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"min_by_segment": {"loyl": 1}}, "names the segment 'loyl': did you mean loyal?"),
        ({"max_by_country": {"Narnia": 1}}, "names the country 'Narnia'"),
        ({"min_by_segment": {"loyal": 9}}, "asks for 9 contacts in all, and the budget of 5 pays for 5"),
        ({"min_by_segment": {"loyal": 3}}, "asks for 3 of 'loyal', and there are 2"),
        (
            {"min_by_segment": {"loyal": 2}, "max_by_country": {"UK": 1}},
            "2 of 'loyal', and decisions.contact.most does not leave",
        ),
        (
            {"min_by_segment": {"new": 2, "loyal": 1}, "max_by_country": {"UK": 1, "FR": 1}},
            "1 of 'loyal'.* beside what .* of 'new'",
        ),
    ],
)
def test_a_demand_that_cannot_be_met_is_named(constraints, message):
    table = customers(50, 50, 50, 50)
    segments = pd.Series(["loyal", "loyal", "new", "new"], table.index)
    countries = pd.Series(["UK", "UK", "UK", "FR"], table.index)
    with pytest.raises(ClvError, match=message):
        plan_contacts(table, campaign(5.0, **constraints), MARGIN, segments, countries)


def test_a_country_cap_needs_countries():
    with pytest.raises(ClvError, match="the log tells none"):
        plan_contacts(customers(50), campaign(max_by_country={"UK": 1}), MARGIN)


def test_the_curve_is_highest_where_contacts_stop_paying():
    plan = plan_contacts(customers(10, 100, 60, 5, 30), campaign(99.0), MARGIN)
    curve = plan.unconstrained_profit_curve()
    assert list(curve["contacts"]) == [0, 1, 2, 3, 4, 5]
    assert curve["expected_uplift"].idxmax() == plan.contacts == 3
    assert curve["expected_uplift"].max() == pytest.approx(plan.expected_profit)


def test_the_split_adds_up():
    table = customers(100, 90, 60, 5)
    plan = plan_contacts(table, campaign(99.0), MARGIN, pd.Series(["A", "A", "B", None], table.index))
    groups = plan.split_by("segment")
    assert list(groups["segment"]) == ["A", "B", "not known"]
    assert list(groups["contacts"]) == [2, 1, 0]
    assert list(groups["share_of_cost"]) == pytest.approx([2 / 3, 1 / 3, 0])
    assert groups["expected_profit"].sum() == pytest.approx(plan.expected_profit)


@pytest.mark.parametrize(
    ("settings", "reason_for_no_contacts", "limit"),
    [
        ({"budget": 2.0}, None, "budget"),
        ({"budget": 99.0}, None, "profit"),
        ({"budget": 99.0, "uplift": (9.0, 9.0, 9.0)}, None, "customers"),
        ({"budget": 3.0}, None, None),
        ({"budget": 0.5}, "budget", "budget"),
        ({"cost": 50.0, "budget": 99.0}, "profit", "profit"),
        ({"max_by_country": {"UK": 0}}, "constraints", "profit"),
    ],
)
def test_what_stands_in_the_way_of_more_contacts_is_told(settings, reason_for_no_contacts, limit):
    table = customers(100, 90, 60, 5)
    plan = plan_contacts(table, campaign(**settings), MARGIN, countries=pd.Series("UK", table.index))
    assert (plan.reason_for_no_contacts, plan.limit) == (reason_for_no_contacts, limit)


def test_constraints_cost_what_the_best_customers_would_have_brought():
    table = customers(100, 90, 60)
    segments = pd.Series(["y", "y", "x"], table.index)
    free = plan_contacts(table, campaign(2.0), MARGIN, segments)
    plan = plan_contacts(table, campaign(2.0, min_by_segment={"x": 1}), MARGIN, segments)
    assert free.group_limit_cost == 0.0
    assert plan.group_limit_cost == pytest.approx(0.1 * 0.5 * 30) == free.expected_profit - plan.expected_profit
    assert plan.next_profit == pytest.approx(0.1 * 0.5 * 90 - 1)
    assert plan.unconstrained_profit == pytest.approx(0.1 * 0.5 * 250 - 3)
    assert plan_contacts(table, campaign(2.0, uplift=(0.0, 0.015, 0.1)), MARGIN).profitable_contacts_by_uplift == (
        0,
        0,
        3,
    )
