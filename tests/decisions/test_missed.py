"""Missed opportunities and customers at risk: who they are, and how many chance alone explains."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Period
from clv_experiments.decisions.missed import count_non_buyers, find_at_risk, find_missed, missed_customer_ids
from clv_experiments.decisions.snapshot import Snapshot, TimingChoice
from clv_experiments.evaluation.regularity import Regularity

BEFORE, COMING = Period(date(2023, 3, 31), date(2023, 6, 30)), Period(date(2023, 6, 30), date(2023, 9, 30))


def population(n=300, seed=0):
    """Likely customers of whom a quarter stay away by chance."""
    rng = np.random.default_rng(seed)
    T, frequency = rng.integers(200, 400, n).astype(float), rng.integers(3, 30, n).astype(float)
    table = pd.DataFrame({"frequency": frequency, "recency": T - rng.integers(0, 90, n), "T": T})
    table = table.assign(total_spend=rng.lognormal(6, 0.5, n), country=np.where(rng.random(n) < 0.2, "EIRE", "UK"))
    table = table.assign(expected_spend=rng.lognormal(4, 1, n), p_alive=0.9, p_purchase=rng.uniform(0.6, 0.9, n))
    table.index = pd.Index([f"<b>{k:03d}" for k in range(n)], name="customer_id")
    return table.assign(purchase_days=np.where(rng.random(n) < 0.25, 0, 2))


def snapshots(now, previous):
    return Snapshot(COMING, now, None, None, "ml", "bg_nbd"), Snapshot(BEFORE, previous, None, None, "ml", "bg_nbd")


def missed_of(previous, likely=0.6):
    return find_missed(*snapshots(previous.assign(p_alive=0.4), previous), likely, 200, 0)


def test_likely_and_absent_is_missed():
    forecast = pd.DataFrame({"p_purchase": [0.9, 0.6, 0.59, 0.9], "purchase_days": [0, 0, 0, 1]}, index=list("abcd"))
    assert missed_customer_ids(forecast, 0.6).tolist() == ["a", "b"]


def test_absences_by_hand_and_beside_what_chance_allows():
    p = np.full(400, 0.75)
    counts = {missed: count_non_buyers(p, np.arange(400) >= missed, 400, 0) for missed in (60, 100, 140)}
    assert [counts[missed].verdict for missed in (60, 100, 140)] == ["fewer", "as expected", "more"]
    few = counts[60]
    assert (few.customers, few.missed, few.expected) == (400, 60, 100.0)
    deviation = np.sqrt(400 * 0.75 * 0.25)
    bounds = (100 - 1.96 * deviation, 100 + 1.96 * deviation)
    assert (few.expected_low, few.expected_high) == pytest.approx(bounds, abs=4)
    spread = 1.96 * np.sqrt(0.15 * 0.85 / 400)
    share = (few.share.value, few.share.low, few.share.high)
    assert share == pytest.approx((0.15, 0.15 - spread, 0.15 + spread), abs=0.008)
    other = count_non_buyers(p, np.arange(400) >= 60, 400, 1)
    assert (other.expected_low, other.expected_high) != (few.expected_low, few.expected_high)


def test_the_list_is_of_those_who_were_likely_and_stayed_away_most_money_first():
    table = population()
    table.loc[table.index[:100], "p_purchase"] = 0.3
    missed = missed_of(table)
    absent = table[(table["p_purchase"] >= 0.6) & (table["purchase_days"] == 0)]
    assert sorted(missed.table["customer_id"]) == sorted(absent.index)
    assert missed.table["expected_spend"].is_monotonic_decreasing
    assert (missed.non_buyers.customers, missed.non_buyers.missed) == (200, len(absent))
    assert missed.table["p_alive_now"].eq(0.4).all()
    first = missed.table.iloc[0]
    assert first["days_since_last"] == table.loc[first["customer_id"], ["T", "recency"]].diff().abs().iloc[1]
    assert "country" not in missed_of(table.drop(columns="country")).table


def test_where_nobody_was_likely_nobody_is_missed():
    missed = missed_of(population().assign(p_purchase=0.41))
    assert missed.non_buyers is None
    assert missed.table.empty


def at_risk_of(now, previous):
    return find_at_risk(*snapshots(now, previous), (0.1, 0.3))


def risky(now_alive):
    previous = population(20).assign(expected_spend=np.arange(20.0))
    return previous.assign(p_alive=now_alive), previous


def test_high_customers_whose_p_alive_fell_are_listed_by_what_is_at_stake():
    now, previous = risky(np.r_[np.full(18, 0.1), 0.3, 0.6])
    now = now.assign(expected_spend=np.r_[np.full(18, 1.0), 12.0, 8.0])
    previous = previous.assign(p_purchase=0.4, purchase_days=np.arange(20) % 2)
    at_risk = at_risk_of(now, previous)
    assert at_risk.table["customer_id"].tolist() == ["<b>018", "<b>019"]
    assert at_risk.table["at_stake"].tolist() == [12.0, 8.0]
    assert at_risk.table["expected_spend_before"].tolist() == [18.0, 19.0]
    assert (at_risk.high_customers, at_risk.absent_customers) == (2, 1)
    assert at_risk.expected_absent == pytest.approx(1.2)
    assert at_risk_of(now.drop("<b>018"), previous).table["customer_id"].tolist() == ["<b>019"]


@pytest.mark.parametrize("now_alive", [0.85, 0.95])
def test_where_p_alive_hardly_moves_nobody_is_at_risk(now_alive):
    at_risk = at_risk_of(*risky(now_alive))
    assert (at_risk.table.empty, at_risk.high_customers) == (True, 2)


def test_nobody_of_high_value_is_at_risk_where_all_are_expected_to_spend_the_same():
    now, previous = risky(0.1)
    assert at_risk_of(now, previous.assign(expected_spend=1.0)).high_customers == 0


def test_a_fall_between_two_models_is_no_fall_of_a_customer():
    """Now a model that knows the rhythm tells P(alive): it also tells what P(alive) was before."""

    class Rhythm:
        def probability_alive(self, X):
            return np.full(len(X), 0.35)

    now, previous = risky(0.3)
    previous = previous.assign(p_purchase=0.4, purchase_days=0)
    before, after = (
        Snapshot(BEFORE, previous, None, None, "ml", "bg_nbd"),
        Snapshot(COMING, now, None, None, "ml", "bg_nbd", TimingChoice(Regularity(100, 9.0, 0.0), Rhythm())),
    )
    assert find_at_risk(after, before, (0.1, 0.3)).table.empty
    assert len(find_at_risk(replace(after, timing=None), before, (0.1, 0.3)).table) == 2
