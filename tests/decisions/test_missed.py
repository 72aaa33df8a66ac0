"""Missed opportunities: who they are, how many chance explains, what sets them apart, and where nothing does."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.missed import is_missed
from clv_experiments.decisions.missed.at_risk import at_risk_exhibit, fallen
from clv_experiments.decisions.missed.differences import differences
from clv_experiments.decisions.missed.exhibits import groups_in_words
from clv_experiments.decisions.missed.likely import absences
from clv_experiments.decisions.missed.section import missed_section
from clv_experiments.decisions.missed.traits import main_country, traits
from clv_experiments.decisions.missed.tree import Tree, tree
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.metrics import roc_auc

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


def by_days(table, rng):
    return rng.random(len(table)) < np.where(table["T"] - table["recency"] > 45, 0.6, 0.05)


def by_chance(table, rng):
    return rng.random(len(table)) < 0.25


def section_of(previous, now=None):
    then = Snapshot(BEFORE, previous, None, None, "ml", "bg_nbd")
    today = Snapshot(COMING, previous if now is None else now, None, None, "ml", "bg_nbd")
    return missed_section(today, then, SHOP, 0, 200)


def exhibit_of(section, name):
    return next(exhibit for exhibit in section.exhibits if exhibit.name == name)


def swapped(table):
    return table.assign(purchase_days=2 - table["purchase_days"])


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


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_differences_are_those_of_means_in_pooled_deviations(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(5, 2, (12, 2)) * [1, 1e4] + [0, 1e6], columns=["T", "total_spend"]).assign(
        p_alive=0.5
    )
    group = np.arange(12) < 5
    found = differences(frame, group, 5, 0).set_index("trait")
    assert set(found.index) == {"T", "total_spend"}
    for name in found.index:
        one, other = frame.loc[group, name], frame.loc[~group, name]
        naive = (one.mean() - other.mean()) / np.sqrt((one.var(ddof=0) + other.var(ddof=0)) / 2)
        assert found.loc[name, "difference"] == pytest.approx(naive)
        assert found.loc[name, ["mean_group", "mean_others"]].tolist() == pytest.approx([one.mean(), other.mean()])
    turned = differences(frame, ~group, 5, 0).set_index("trait")
    assert turned["difference"].reindex(found.index).tolist() == pytest.approx((-found["difference"]).tolist())


def test_traits_by_hand():
    table = population(by_chance).head(2).assign(T=[100.0, 50.0], recency=[70.0, 50.0], frequency=[4.0, 0.0])
    table = table.assign(total_spend=[50.0, 8.0], country=["UK", None])
    found = traits(table, "EIRE")
    assert found[["days_since_last", "days_per_purchase", "gaps_waited"]].to_numpy().tolist() == [
        [30, 20, 1.5],
        [0, 50, 0],
    ]
    assert found["mean_spend"].tolist() == [10.0, 8.0]
    assert found["abroad"].tolist() == [1.0, 0.0]
    assert "abroad" not in traits(table.drop(columns="country"), main_country(table.drop(columns="country")))
    assert main_country(table.assign(country=["b", "a"])) == "a"


def test_a_planted_reason_is_found_in_words():
    section = section_of(population(by_days))
    groups = exhibit_of(section, "missed_groups")
    assert "who had not bought for more than 45 days" in groups.sentences[0]
    assert "better than chance" in groups.sentences[1]
    assert section.summary == [
        exhibit_of(section, name).sentences[0] for name in ("missed_opportunities", "missed_groups", "at_risk")
    ]
    assert all(len(sentence.split()) <= 60 for sentence in section.summary)
    top = groups.table.iloc[0]
    assert top["low"] < 0.6 < top["high"]
    assert groups.table["customers"].sum() == 150
    apart = exhibit_of(section, "missed_differences")
    assert apart.sentences[0].startswith("On average, those who stayed away had not bought for longer (")
    assert apart.table.iloc[0][["trait", "apart"]].tolist() == ["days since last purchase", "yes"]


def test_the_words_flip_when_those_who_came_and_those_who_stayed_away_change_places():
    section = section_of(swapped(population(by_days)))
    assert "who had bought within 45 days" in exhibit_of(section, "missed_groups").sentences[0]
    said = exhibit_of(section, "missed_differences").sentences[0]
    assert said.startswith("On average, those who stayed away had bought more recently (")


def test_where_only_chance_decides_nothing_sets_them_apart():
    section = section_of(population(by_chance, seed=3))
    groups = exhibit_of(section, "missed_groups")
    assert groups.sentences[0].startswith("Their history does not tell who would stay away")
    assert groups.table is None
    apart = exhibit_of(section, "missed_differences")
    assert apart.sentences == ["Nothing in their history sets those who stayed away apart: every interval covers zero."]
    assert (apart.table["apart"] == "no").all()
    assert "did not: as many as chance alone explains, " in section.summary[0]


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
    assert exhibit_of(missed, "missed_differences").sentences == [
        "Too few of the likely customers stayed away to compare the two."
    ]
    came = section_of(table.assign(purchase_days=1))
    assert came.summary[0].endswith("and did: there is no missed opportunity.")


def test_the_auc_is_of_unseen_customers_with_its_interval():
    table = population(by_days)
    gone = (table["purchase_days"] == 0).to_numpy()
    grown = tree(traits(table, "UK"), gone, "£", 200, 0)
    auc, low, high = grown.auc
    assert low < auc < high
    days = table["T"] - table["recency"]
    assert auc < roc_auc(gone, (days > 45).astype(float)) + 0.02
    assert auc > 0.7
    assert tree(traits(table, "UK"), gone & (np.arange(300) < 20), "£", 200, 0) is None


def test_predictions_among_the_traits_do_not_make_groups_and_the_seed_makes_intervals():
    table = population(by_chance)
    gone = table["purchase_days"] == 0
    known = traits(table.assign(p_purchase=gone.astype(float)), "UK")
    assert tree(known, gone, "£", 50, 0).leaves.equals(tree(traits(table, "UK"), gone, "£", 50, 0).leaves)
    low = [differences(traits(table, "UK"), gone, 20, seed)["low"].tolist() for seed in (0, 0, 1)]
    assert low[0] == low[1] != low[2]


def test_the_shares_of_groups_are_not_flattered_by_the_customers_they_were_made_from():
    claims = 0
    for seed in range(12):
        table = population(by_chance, n=160, seed=seed)
        claims += tree(traits(table, "UK"), table["purchase_days"] == 0, "£", 2, seed).stands_out
    assert claims <= 1  # of the customers it was grown from, some group nearly always stands out


def test_a_group_that_does_not_stand_out_is_not_said_to():
    leaves = pd.DataFrame({"who": ["came rarely", "came often"], "customers": [20, 80], "missed": [5, 16]})
    leaves = leaves.assign(share=[0.25, 0.2], low=[0.11, 0.13], high=[0.47, 0.3])
    said, where = groups_in_words(Tree(leaves, (0.6, 0.52, 0.66)))
    assert said.endswith("but no group stands out for certain.")
    assert where.startswith("Of the 20 customers who came rarely, 25% (95% interval 11% to 47%) stayed away")
    said, _ = groups_in_words(Tree(leaves.assign(low=0.21), (0.6, 0.52, 0.66)))
    assert said.startswith("Of the 20 customers who came rarely, 25%")
    (said,) = groups_in_words(Tree(leaves.assign(low=0.21), (0.55, 0.48, 0.61)))
    assert "no better than chance" in said


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
