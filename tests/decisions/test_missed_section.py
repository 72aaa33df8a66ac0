"""The sentences about missed opportunities and customers at risk follow the numbers, in every case."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.decisions.display.missed import at_risk_exhibit, missed_and_at_risk_section, missed_exhibit
from clv_experiments.decisions.missed import AtRisk, MissedOpportunities, NonBuyerCount
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import RHYTHM_MODEL_NAME, Snapshot, TimingChoice
from clv_experiments.evaluation.confidence_intervals import Estimate

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


def absences_of(missed, expected, customers=400):
    low, high = max(expected - 10, 0), expected + 10
    return NonBuyerCount(customers, missed, expected, low, high, Estimate(missed / customers, 0.1, 0.2))


def missed_sentences(missed, expected, customers=400):
    non_buyers = absences_of(missed, expected, customers)
    return missed_exhibit(MissedOpportunities(MISSED, non_buyers), PREVIOUS, SHOP).sentences


def test_how_many_stayed_away_stands_beside_chance():
    verdicts = [absences_of(missed, 60.4).verdict for missed in (60, 100, 20)]
    assert verdicts == ["as expected", "more", "fewer"]
    first, stake = missed_sentences(60, 60.4)
    for part in ("400 customers were", "a chance of 60% or more", "31 March 2023", "30 June 2023"):
        assert part in first
    for part in (
        "60 of them, 15% (95% interval 10% to 20%)",
        "no more and no fewer than chance",
        "60 (95% range 50 to 70)",
    ):
        assert part in first
    assert "£225" in stake
    first, _, verdict = missed_sentences(100, 60.4)
    assert "more than the 60 (95% range 50 to 70)" in first
    assert "about 40 beyond chance" in verdict
    first, _, verdict = missed_sentences(20, 60.4)
    assert "fewer than the 60 (95% range" in first
    assert "too cautious" in verdict


@pytest.mark.parametrize(("missed", "end"), [(1, "of the one who did not."), (0, "no missed opportunity.")])
def test_one_likely_customer_is_spoken_of_as_one(missed, end):
    paragraphs = missed_sentences(missed, 0.2, customers=1)
    assert paragraphs[0].startswith("1 customer was likely to buy")
    assert paragraphs[-1].endswith(end)
    assert ("and did" in paragraphs[0]) == (missed == 0)
    assert "and all did" in missed_sentences(0, 30.0)[-1]


def test_where_nobody_was_likely_there_is_a_reason_and_no_list():
    exhibit = missed_exhibit(MissedOpportunities(MISSED.head(0), None), PREVIOUS, SHOP)
    (reason,) = exhibit.sentences
    assert "every chance was below 60%" in reason
    assert exhibit.table is None


def at_risk_sentences(table, high, absent=50, expected_absent=103.2):
    return at_risk_exhibit(AtRisk(table, high, absent, expected_absent), NOW, PREVIOUS, SHOP).sentences


def test_customers_at_risk_are_said_with_what_is_at_stake():
    first, usual, most = at_risk_sentences(AT_RISK, 522)
    for part in (
        "0.1 or more",
        "2 of the 522 customers",
        "31 March 2023",
        "at stake is £20.00, expected of them",
        "(£37.00",
    ):
        assert part in first
    assert "103 of the 522 were" in usual
    assert "50 did not" in usual
    for part in ("customer <b>018: £12.00", "from 90% to 30%", "1 day."):
        assert part in most
    assert "1 of the 2 was" in at_risk_sentences(AT_RISK, 2, 1, 1.2)[1]
    assert at_risk_sentences(AT_RISK, 2, 0, 1.2)[1].endswith("expected not to buy since, and all did.")


def test_where_nobody_is_at_risk_the_reason_is_said():
    (sentence,) = at_risk_sentences(AT_RISK.head(0), 1)
    for part in ("The one customer who was High", "31 March 2023", "not slipping away", "not fallen by 0.1 or more"):
        assert part in sentence
    (nobody,) = at_risk_sentences(AT_RISK.head(0), 0)
    assert "31 March 2023" in nobody
    assert "nan" not in nobody


def test_the_section_answers_both_questions_and_rounds_no_limit():
    columns = {"frequency": 3.0, "recency": 90.0, "T": 100.0, "total_spend": 9.0, "p_alive": 0.9, "p_purchase": 0.9995}
    table = pd.DataFrame(columns | {"purchase_days": [0, 1] * 5, "expected_spend": range(10)}, index=range(10))
    timing_model = TimingChoice(None, SimpleNamespace(probability_alive=lambda table: table["p_alive"]))
    now, previous = replace(NOW, table=table, timing=timing_model), replace(PREVIOUS, table=table)
    section = missed_and_at_risk_section(now, previous, replace(SHOP, likely=0.999), 0, 20)
    assert [exhibit.name for exhibit in section.exhibits] == ["missed_opportunities", "at_risk"]
    assert section.summary == [exhibit.sentences[0] for exhibit in section.exhibits]
    assert all(len(sentence.split()) <= 60 for sentence in section.summary)
    assert "a chance of 99.9% or more" in section.summary[0]
    assert "was 99.9% or more" in section.method[0]
    assert "as bg_nbd put it" in section.method[0], "who told it then"
    assert f"P(alive), by {RHYTHM_MODEL_NAME}, has" in section.method[-1], "who tells it now"
