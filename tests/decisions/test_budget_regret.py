"""Regret: nothing is lost with perfect foresight, whatever is resampled, and rules are what they say."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.decisions.budget.plan import contact_profit
from clv_experiments.decisions.budget.regret import ContactStrategy, compare_strategies, rank_customers_by_strategy
from clv_experiments.decisions.segments.rfm import RfmCutPoints
from clv_experiments.decisions.shop import Campaign

MARGIN = 0.5


def campaign(budget):
    return Campaign(float(budget), 1.0, (0.05, 0.1, 0.2))


def past(n=200, seed=0):
    rng = np.random.default_rng(seed)
    spend = rng.gamma(0.5, 60, n)
    T = rng.integers(1, 300, n).astype(float)
    return pd.DataFrame(
        {
            "expected_spend": spend * rng.gamma(2, 0.5, n),
            "y_true": spend * (rng.random(n) < 0.6),
            "total_spend": spend * rng.gamma(1, 1, n),
            "frequency": rng.integers(0, 5, n).astype(float),
            "recency": np.floor(T * rng.random(n)),
            "T": T,
        }
    )


@pytest.mark.parametrize("budget", [0, 1, 30, 1000])
def test_regret_is_never_below_zero_and_no_number_is_missing(budget):
    table = compare_strategies(past(), campaign(budget), MARGIN, 40, seed=1).table
    assert (table["regret"] >= -1e-9).all()
    assert (table["regret_low"] >= -1e-9).all()
    numbers = table.drop(columns=["plan"] if budget else ["plan", "share_lost", "share_lost_low", "share_lost_high"])
    assert numbers.notna().all(axis=None)
    assert (table["contacts"] <= budget).all()


def test_predicting_what_came_leaves_no_regret():
    table = past().assign(expected_spend=lambda t: t["y_true"])
    model = compare_strategies(table, campaign(30), MARGIN, 40, seed=1).model
    assert (model.regret.value, model.regret.low, model.regret.high) == (0, 0, 0)


def test_profits_are_those_of_a_loop_over_customers():
    table, limits = past(60), campaign(15)
    results = compare_strategies(table, limits, MARGIN, 1, seed=1).results
    worth = contact_profit(table["y_true"], limits, MARGIN)
    by_spend = table["total_spend"].sort_values(ascending=False).index[:15]
    assert results[ContactStrategy.TOTAL_SPEND].profit.value == pytest.approx(sum(worth[i] for i in by_spend))
    assert results[ContactStrategy.CHANCE].profit.value == pytest.approx(worth.mean() * 15)
    pays = contact_profit(table["expected_spend"], limits, MARGIN).sort_values(ascending=False)
    assert results[ContactStrategy.MODEL].profit.value == pytest.approx(
        sum(worth[i] for i in pays[pays > 0].index[:15])
    )


def test_a_resampled_customer_may_be_contacted_as_often_as_drawn():
    table, limits = past(20), campaign(5)
    oracle = compare_strategies(table, limits, MARGIN, 1, seed=3).oracle
    rows = np.random.default_rng(3).integers(20, size=20)
    best = np.sort(contact_profit(table["y_true"].to_numpy(), limits, MARGIN)[rows])[::-1][:5]
    assert oracle.profit.low == oracle.profit.high == pytest.approx(best[best > 0].sum())


def test_rules_rank_by_what_they_name():
    table = past(50)
    rankings = rank_customers_by_strategy(table, campaign(49), MARGIN)
    assert table["total_spend"].iloc[rankings[ContactStrategy.TOTAL_SPEND]].is_monotonic_decreasing
    assert (table["T"] - table["recency"]).iloc[rankings[ContactStrategy.RECENCY]].is_monotonic_increasing
    scores = RfmCutPoints.from_customers(table).assign_scores(table)
    assert scores.sum(axis=1).iloc[rankings[ContactStrategy.RFM]].is_monotonic_decreasing
    assert len(rankings[ContactStrategy.TOTAL_SPEND_LIKE_MODEL]) == len(rankings[ContactStrategy.MODEL]) < 49
    assert ContactStrategy.TOTAL_SPEND_LIKE_MODEL not in rank_customers_by_strategy(table, campaign(2), MARGIN)


@pytest.mark.parametrize(
    ("budget", "change", "outcome"),
    [
        (30, {}, "compared"),
        (0, {}, "no budget"),
        (30, {"y_true": 0.0}, "nothing pays"),
        (30, {"expected_spend": 0.0}, "model abstains"),
    ],
)
def test_the_outcome_turns_with_budget_spend_and_predictions(budget, change, outcome):
    assert compare_strategies(past().assign(**change), campaign(budget), MARGIN, 9, seed=1).comparison_status == outcome


def test_rules_that_contact_everybody_are_one():
    table = past(50)
    regret = compare_strategies(table, campaign(50), MARGIN, 99, seed=1)
    others = {ContactStrategy.EVERYBODY, ContactStrategy.TOTAL_SPEND_LIKE_MODEL}
    assert set(regret.results) == {ContactStrategy.ORACLE, ContactStrategy.MODEL, *others}
    everybody = regret.results[ContactStrategy.EVERYBODY]
    assert everybody.contacts == 50
    assert everybody.profit.value == pytest.approx(contact_profit(table["y_true"], campaign(50), MARGIN).sum())
    eager = compare_strategies(table.assign(expected_spend=1e6), campaign(50), MARGIN, 99, seed=1)
    assert (eager.comparison_status, eager.model.contacts) == ("all alike", 50)
    assert ContactStrategy.EVERYBODY not in compare_strategies(table, campaign(49), MARGIN, 9, seed=1).results


def test_baselines_stand_behind_ahead_or_tied():
    table = past().assign(expected_spend=lambda t: t["y_true"])
    regret = compare_strategies(table, campaign(30), MARGIN, 99, seed=1)
    verdict = {baseline.strategy: baseline.verdict for baseline in regret.baselines}
    assert verdict[ContactStrategy.CHANCE] == "behind"
    assert "ahead" not in verdict.values()
    swapped = compare_strategies(
        table.assign(expected_spend=table["total_spend"], total_spend=table["y_true"]), campaign(30), MARGIN, 99, seed=1
    )
    ahead = [baseline.strategy for baseline in swapped.baselines if baseline.verdict == "ahead"]
    assert ahead == [ContactStrategy.TOTAL_SPEND]
    equal = compare_strategies(table.assign(total_spend=table["y_true"]), campaign(30), MARGIN, 99, seed=1)
    assert equal.results[ContactStrategy.TOTAL_SPEND].verdict == "tied"
