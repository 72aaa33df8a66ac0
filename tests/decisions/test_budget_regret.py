"""Regret: nothing is lost with perfect foresight, whatever is resampled, and rules are what they say."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.decisions.budget.plan import profit
from clv_experiments.decisions.budget.regret import (
    AS_MANY,
    MODEL,
    ORACLE,
    RANDOM,
    RECENT,
    SCORE,
    TOTAL,
    contacts_of,
    curves,
    orders,
    profits,
    regret_table,
)
from clv_experiments.decisions.segments.rfm import RfmScores
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
    table = past()
    found, resampled = profits(table, campaign(budget), MARGIN, 40, seed=1)
    judged = regret_table(found, resampled, contacts_of(table, campaign(budget), MARGIN))
    assert (judged["regret"] >= -1e-9).all()
    assert (judged["regret_low"] >= -1e-9).all()
    numbers = judged.drop(columns=["plan"] if budget else ["plan", "share_lost", "share_lost_low", "share_lost_high"])
    assert numbers.notna().all(axis=None)
    assert (judged["contacts"] <= budget).all()


def test_predicting_what_came_leaves_no_regret():
    table = past().assign(expected_spend=lambda t: t["y_true"])
    found, resampled = profits(table, campaign(30), MARGIN, 40, seed=1)
    assert found[MODEL] == found[ORACLE]
    assert (resampled[MODEL] == resampled[ORACLE]).all()


def test_profits_are_those_of_a_loop_over_customers():
    table, of = past(60), campaign(15)
    found, _ = profits(table, of, MARGIN, 1, seed=1)
    worth = profit(table["y_true"], of, MARGIN)
    by_spend = table["total_spend"].sort_values(ascending=False).index[:15]
    assert found[TOTAL] == pytest.approx(sum(worth[i] for i in by_spend))
    assert found[RANDOM] == pytest.approx(worth.mean() * 15)
    pays = profit(table["expected_spend"], of, MARGIN).sort_values(ascending=False)
    assert found[MODEL] == pytest.approx(sum(worth[i] for i in pays[pays > 0].index[:15]))


def test_a_resampled_customer_may_be_contacted_as_often_as_drawn():
    table, of = past(20), campaign(5)
    _, resampled = profits(table, of, MARGIN, 1, seed=3)
    drawn = np.random.default_rng(3).integers(20, size=20)
    best = np.sort(profit(table["y_true"].to_numpy(), of, MARGIN)[drawn])[::-1][:5]
    assert resampled[ORACLE][0] == pytest.approx(best[best > 0].sum())


def test_rules_rank_by_what_they_name():
    table = past(50)
    ways = orders(table, campaign(1000), MARGIN)
    assert table["total_spend"].iloc[ways[TOTAL]].is_monotonic_decreasing
    assert (table["T"] - table["recency"]).iloc[ways[RECENT]].is_monotonic_increasing
    scores = RfmScores.of(table["T"] - table["recency"], table["frequency"], table["total_spend"]).scores(table)
    assert scores.sum(axis=1).iloc[ways[SCORE]].is_monotonic_decreasing
    assert len(ways[AS_MANY]) == len(ways[MODEL]) < 50
    assert AS_MANY not in orders(table, campaign(2), MARGIN)


def test_curves_meet_where_everybody_is_contacted():
    table = past(50)
    curve = curves(table, campaign(10), MARGIN, np.arange(51))
    realised = curve[["model", "perfect_foresight", "total_spend_so_far", "chance"]]
    assert realised.iloc[-1].to_numpy() == pytest.approx(np.full(4, realised["chance"].iloc[-1]))
    assert (realised.le(realised["perfect_foresight"] + 1e-9, axis=0)).all(axis=None)
