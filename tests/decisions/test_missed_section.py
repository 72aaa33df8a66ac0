"""The sentences about missed opportunities and customers at risk follow the numbers, in every case."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.display.missed import at_risk_exhibit, missed_exhibit, missed_section
from clv_experiments.decisions.missed import Absences, AtRisk, MissedOpportunities
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.resampling import Estimate

YEAR = Horizon(12, "months")
SHOP = Shop("£", 0.3, 0.1, YEAR, 0.8, (0.1, 0.3), 0.6, YEAR, Campaign(1000.0, 1.0, (0.0, 0.05, 0.1)))
BEFORE, COMING = Period(date(2023, 3, 31), date(2023, 6, 30)), Period(date(2023, 6, 30), date(2023, 9, 30))
NOW, PREVIOUS = (Snapshot(period, pd.DataFrame(), None, None, "ml", "bg_nbd") for period in (COMING, BEFORE))
MISSED = pd.DataFrame({"customer_id": ["<b>1", "2"], "expected_spend": [150.0, 75.0]})
AT_RISK = pd.DataFrame(
    {
        "customer_id": ["<b>018", "019"], "p_alive_before": 0.9, "p_alive_now": [0.3, 0.6], "at_stake": [12.0, 8.0],
        "expected_spend_before": [18.0, 19.0], "days_since_last": [1.0, 40.0],
    }
)  # fmt: skip


def missed_sentences(missed, expected, customers=400):
    low, high = max(expected - 10, 0), expected + 10
    absences = Absences(customers, missed, expected, low, high, Estimate(missed / customers, 0.1, 0.2))
    return missed_exhibit(MissedOpportunities(MISSED, absences, 0.9), PREVIOUS, SHOP).sentences


def test_how_many_stayed_away_stands_beside_chance():
    beginning = (
        "400 customers were likely to buy (P(buys) of 60% or more by bg_nbd) after 31 March 2023 and by 30 June 2023; "
    )
    first, stake = missed_sentences(60, 60.4)
    counts = "60 of them, 15% (95% interval 10% to 20%), did not: as many as chance alone explains, "
    assert first == f"{beginning}{counts}60 (95% range 50 to 70)."
    assert stake == "ml had expected £225 of those."
    first, _, verdict = missed_sentences(100, 60.4)
    assert "did not: more than the 60 (95% range 50 to 70) that chance alone explains." in first
    assert verdict == "That is about 40 beyond chance, or bg_nbd was too hopeful."
    first, _, verdict = missed_sentences(20, 60.4)
    assert "did not: fewer than the 60 (95% range" in first
    assert verdict.startswith("bg_nbd was too cautious about these customers")


@pytest.mark.parametrize(("missed", "end"), [(1, "of that one."), (0, "and did: there is no missed opportunity.")])
def test_one_likely_customer_is_spoken_of_as_one(missed, end):
    paragraphs = missed_sentences(missed, 0.2, customers=1)
    assert paragraphs[0].startswith("1 customer was likely to buy")
    assert paragraphs[-1].endswith(end)
    assert missed_sentences(0, 30.0)[-1].endswith("2023, and all did: there is no missed opportunity.")


def test_where_nobody_was_likely_there_is_a_reason_and_no_list():
    exhibit = missed_exhibit(MissedOpportunities(MISSED.head(0), None, 0.41), PREVIOUS, SHOP)
    (reason,) = exhibit.sentences
    assert "the highest P(buys) that bg_nbd gave was 41%, and 60% is asked for" in reason
    assert exhibit.table is None


def at_risk_sentences(table, high, absent=50, expected_absent=103.2, largest_fall=0.6):
    return at_risk_exhibit(AtRisk(table, high, absent, expected_absent, largest_fall), NOW, PREVIOUS, SHOP).sentences


def test_customers_at_risk_are_said_with_what_is_at_stake():
    first, usual, most = at_risk_sentences(AT_RISK, 522)
    assert "has fallen by 0.1 or more for 2 of the 522 customers who were High on 31 March 2023; at stake is " in first
    assert first.endswith("the £20.00 that ml expects of them in the coming period (£37.00 in the one before).")
    assert usual.endswith(": 103 of the 522 were expected not to buy since, and 50 did not.")
    assert most == (
        "Most is at stake with customer “<b>018”: £12.00, with P(alive) down from 90% to 30% and no purchase for 1 day."
    )
    assert ": 1 of the 2 was expected not to buy since" in at_risk_sentences(AT_RISK, 2, 1, 1.2)[1]


def test_where_nobody_is_at_risk_the_reason_is_said():
    (sentence,) = at_risk_sentences(AT_RISK.head(0), 1, largest_fall=0.05)
    assert sentence.startswith("None of the 1 customer who was High on 31 March 2023 is slipping away: by bg_nbd, ")
    assert "P(alive) has fallen at most by 0.05 since then, less than the 0.1 that" in sentence
    assert "has fallen not at all since then" in at_risk_sentences(AT_RISK.head(0), 2, largest_fall=-0.05)[0]
    nobody = at_risk_sentences(AT_RISK.head(0), 0, largest_fall=float("nan"))
    assert nobody[0].startswith("Nobody was of high value on 31 March 2023")


def test_the_section_answers_both_questions_and_rounds_no_limit():
    columns = {"frequency": 3.0, "recency": 90.0, "T": 100.0, "total_spend": 9.0, "p_alive": 0.9, "p_purchase": 0.9995}
    table = pd.DataFrame(columns | {"purchase_days": [0, 1] * 5, "expected_spend": range(10)}, index=range(10))
    now, previous = replace(NOW, table=table), replace(PREVIOUS, table=table)
    section = missed_section(now, previous, replace(SHOP, likely=0.999), 0, 20)
    assert [exhibit.name for exhibit in section.exhibits] == ["missed_opportunities", "at_risk"]
    assert section.summary == [exhibit.sentences[0] for exhibit in section.exhibits]
    assert all(len(sentence.split()) <= 60 for sentence in section.summary)
    assert "P(buys) of 99.9% or more" in section.summary[0]
    assert "was 99.9% or more" in section.method[0]
