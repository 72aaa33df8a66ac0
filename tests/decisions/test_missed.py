"""Missed opportunities and customers at risk: who they are, and how many chance alone explains."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.display.at_risk import at_risk_exhibit, fallen
from clv_experiments.decisions.display.missed import missed_section
from clv_experiments.decisions.missed import absences, is_missed
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot

YEAR = Horizon(12, "months")
SHOP = Shop("£", 0.3, 0.1, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, Campaign(1000.0, 1.0, (0.0, 0.05, 0.1)))
BEFORE, COMING = Period(date(2023, 3, 31), date(2023, 6, 30)), Period(date(2023, 6, 30), date(2023, 9, 30))


def population(away, n=300, seed=0):
    """Likely customers whose history is chance; ``away`` tells from it who stays away."""
    rng = np.random.default_rng(seed)
    T, frequency = rng.integers(200, 400, n).astype(float), rng.integers(3, 30, n).astype(float)
    table = pd.DataFrame({"frequency": frequency, "recency": T - rng.integers(0, 90, n), "T": T})
    table = table.assign(total_spend=rng.lognormal(6, 0.5, n), country=np.where(rng.random(n) < 0.2, "EIRE", "UK"))
    table = table.assign(expected_spend=rng.lognormal(4, 1, n), p_alive=0.9, p_purchase=rng.uniform(0.6, 0.9, n))
    table.index = pd.Index([f"<b>{k:03d}" for k in range(n)], name="customer_id")
    gone = away(table, rng)
    return table.assign(purchase_days=np.where(gone, 0, 2), y_true=np.where(gone, 0.0, 50.0))


def by_chance(table, rng):
    return rng.random(len(table)) < 0.25


def section_of(previous, now=None):
    then = Snapshot(BEFORE, previous, None, None, "ml", "bg_nbd")
    today = Snapshot(COMING, previous if now is None else now, None, None, "ml", "bg_nbd")
    return missed_section(today, then, SHOP, 0, 200)


def exhibit_of(section, name):
    return next(exhibit for exhibit in section.exhibits if exhibit.name == name)


def test_likely_and_absent_is_missed():
    assert is_missed([0.9, 0.6, 0.59, 0.9], [0, 0, 0, 1], 0.6).tolist() == [True, True, False, False]


def test_absences_by_hand_and_beside_what_chance_allows():
    p = np.full(400, 0.75)
    found = {missed: absences(p, np.arange(400) >= missed, 0, 400) for missed in (60, 100, 140)}
    assert [found[missed].verdict for missed in (60, 100, 140)] == ["fewer", "as expected", "more"]
    assert (found[60].customers, found[60].missed, found[60].expected) == (400, 60, 100.0)
    deviation = np.sqrt(400 * 0.75 * 0.25)
    assert found[60].by_chance == pytest.approx((100 - 1.96 * deviation, 100 + 1.96 * deviation), abs=4)
    spread = 1.96 * np.sqrt(0.15 * 0.85 / 400)
    assert found[60].rate == pytest.approx((0.15, 0.15 - spread, 0.15 + spread), abs=0.008)
    assert absences(p, np.arange(400) >= 60, 1, 400).by_chance != found[60].by_chance


def test_the_list_is_of_those_who_were_likely_and_stayed_away_most_money_first():
    table = population(by_chance)
    table.loc[table.index[:100], "p_purchase"] = 0.3
    section = section_of(table)
    listed = exhibit_of(section, "missed_opportunities").table
    gone = table[(table["p_purchase"] >= 0.6) & (table["purchase_days"] == 0)]
    assert sorted(listed["customer_id"]) == sorted(gone.index)
    assert listed["expected_spend"].is_monotonic_decreasing
    share = len(gone) / 200
    assert section.summary[0].startswith("200 customers were likely to buy (P(buys) of 60% or more by bg_nbd) after 31")
    assert f"; {len(gone)} of them, {share:.0%} (95% interval" in section.summary[0]
    stake = exhibit_of(section, "missed_opportunities").sentences[1]
    assert stake == f"ml had expected £{gone['expected_spend'].sum():,.0f} of those."


@pytest.mark.parametrize(
    ("chance", "verdict", "why"),
    [(0.05, "fewer", "bg_nbd was too cautious"), (0.5, "more", "beyond chance, or bg_nbd was too hopeful")],
)
def test_more_or_fewer_than_chance_explains_is_said_with_what_chance_does(chance, verdict, why):
    table = population(lambda table, rng: rng.random(len(table)) < chance)
    who = exhibit_of(section_of(table), "missed_opportunities")
    expected = (1 - table["p_purchase"]).sum()
    assert f"did not: {verdict} than the {expected:.0f} (95% range " in who.sentences[0]
    assert why in who.sentences[2]


def test_a_limit_is_not_rounded():
    table = population(by_chance).assign(p_purchase=0.9995)
    then, today = (Snapshot(period, table, None, None, "ml", "bg_nbd") for period in (BEFORE, COMING))
    section = missed_section(today, then, replace(SHOP, likely=0.999), 0, 20)
    assert "P(buys) of 99.9% or more" in section.summary[0]
    assert "was 99.9% or more" in section.method[0]


def test_nobody_likely_leaves_the_highest_probability_and_nothing_else():
    section = section_of(population(by_chance).assign(p_purchase=0.41))
    assert [exhibit.name for exhibit in section.exhibits] == ["missed_opportunities", "at_risk"]
    assert "the highest P(buys) that bg_nbd gave was 41%, and 60% is asked for" in section.summary[0]
    assert section.exhibits[0].table is None


def test_one_likely_customer_is_spoken_of_as_one():
    table = population(by_chance).assign(p_purchase=0.1, purchase_days=0)
    table.loc[table.index[0], "p_purchase"] = 0.8
    missed = section_of(table)
    assert "1 customer was likely to buy" in missed.summary[0]
    assert "1 of them, 100% (95% interval 21% to 100%), did not" in missed.summary[0]
    assert exhibit_of(missed, "missed_opportunities").sentences[1].endswith("of that one.")
    came = section_of(table.assign(purchase_days=1))
    assert came.summary[0].endswith("and did: there is no missed opportunity.")


def risky(now_alive, then_alive=0.9):
    then = population(by_chance, n=20).assign(p_alive=then_alive, expected_spend=np.arange(20.0))
    return then.assign(p_alive=now_alive), then


def at_risk(now, then):
    today, before = (
        Snapshot(COMING, now, None, None, "ml", "bg_nbd"),
        Snapshot(BEFORE, then, None, None, "ml", "bg_nbd"),
    )
    return at_risk_exhibit(today, before, SHOP)


def test_high_customers_whose_p_alive_fell_are_listed_by_what_is_at_stake():
    now, then = risky(np.r_[np.full(18, 0.1), 0.3, 0.6])
    now = now.assign(expected_spend=np.r_[np.full(18, 1.0), 12.0, 8.0])
    found = fallen(now, then, SHOP.tiers)
    assert found["customer_id"].tolist() == ["<b>018", "<b>019"]
    assert found["at_stake"].tolist() == [12.0, 8.0]
    then = then.assign(p_purchase=0.4, purchase_days=np.arange(20) % 2)
    first, usual, most = at_risk(now, then).sentences
    assert "for 2 of the 2 customers who were High on 31 March 2023; at stake is the £20.00 that ml expects" in first
    assert first.endswith("of them in the coming period (£37.00 in the one before).")
    assert usual.endswith(": 1 of the 2 was expected not to buy since, and 1 did not.")
    assert "customer “<b>018”: £12.00, with P(alive) down from 90% to 30%" in most
    later = fallen(now.drop("<b>018"), then, SHOP.tiers)
    assert later["customer_id"].tolist() == ["<b>019"]


def test_where_p_alive_hardly_moves_nobody_is_at_risk():
    assert "P(alive) has fallen at most by 0.05 since then" in at_risk(*risky(0.85)).sentences[0]
    assert "P(alive) has fallen not at all since then" in at_risk(*risky(0.95)).sentences[0]
    now, then = risky(0.1)
    alike = at_risk(now, then.assign(expected_spend=1.0))
    assert alike.sentences[0].startswith("Nobody was of high value on 31 March 2023")


def test_the_summary_answers_both_questions_in_short_sentences():
    section = section_of(population(by_chance, seed=3))
    assert section.summary == [exhibit_of(section, name).sentences[0] for name in ("missed_opportunities", "at_risk")]
    assert all(len(sentence.split()) <= 60 for sentence in section.summary)
    assert "did not: as many as chance alone explains, " in section.summary[0]
