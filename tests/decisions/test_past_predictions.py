"""What scores rest on: what intervals were worth, and who missed a purchase beside what chance leaves."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.window import Horizon, Period
from clv_experiments.decisions.display.scores import interval_sentences, missed_sentences
from clv_experiments.decisions.past_predictions import (
    MissedPurchases,
    PastPredictions,
    assess_intervals,
    missed_purchases,
)
from clv_experiments.decisions.shop import Campaign, Shop

PERIOD = Period(date(2011, 8, 31), date(2011, 11, 30))
SHOP = Shop("£", 0.5, 0.0, Horizon.parse("12 months"), 0.8, (0.2, 0.4), 0.6, Horizon.parse("1 month"),
            Campaign(10.0, 1.0, (0.0, 0.1, 0.2)))  # fmt: skip


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)

    def draw(customers):
        p = rng.gamma(2.0, 10.0, customers)
        return pd.DataFrame({"y_true": p * rng.uniform(0.5, 1.5, customers), "y_pred": p})

    return draw


def assess(latest, earlier, origin="fitted"):
    return assess_intervals(PastPredictions(PERIOD, latest, earlier, origin), 0.8)


def test_evidence_is_what_intervals_held_one_period_later(predictions):
    assessment = assess(predictions(500), predictions(500))
    assert 0.7 < assessment.metrics()["interval_coverage"] < 0.9
    assert not assessment.undercovers
    [text] = interval_sentences(assessment, "£")
    coverage = assessment.coverage
    assert (assessment.period, assessment.intervals.level, assessment.intervals.customers) == (PERIOD, 0.8, 500)
    assert len(assessment.intervals.lower) == 10
    for part in ("The 80% intervals", "2011-09-01 to 2011-11-30", "500 customers in 10 groups"):
        assert part in text
    for part in (f"held {coverage.overall:.0%}", f"{coverage.top_decile:.0%} of the tenth"):
        assert part in text
    assert f"£{coverage.width:.2f} and £{coverage.top_decile_width:.2f}." in text


def test_intervals_that_held_too_few_are_called_too_narrow(predictions):
    richer = predictions(500).assign(y_true=lambda t: 1.5 * t["y_true"])
    assessment = assess(richer, predictions(500))
    assert assessment.undercovers
    [text] = interval_sentences(assessment, "£")
    assert "fewer than promised, beyond chance" in text


def test_one_period_calibrates_intervals_of_unknown_worth(predictions):
    assessment = assess(predictions(500), None)
    assert assessment.coverage is None
    assert assessment.intervals is not None
    assert (assessment.metrics(), assessment.undercovers) == ({}, False)
    assert "is not known" in interval_sentences(assessment, "£")[0]


@pytest.mark.parametrize(("customers", "reason"), [(None, "no period"), (5, "intervals that hold 80%")])
def test_without_enough_predictions_there_are_no_intervals(predictions, customers, reason):
    assessment = assess(predictions(customers) if customers else None, None)
    assert (assessment.intervals, assessment.metrics(), assessment.undercovers) == (None, {}, False)
    assert (assessment.refusal is None) == (customers is None)
    assert interval_sentences(assessment, "£")[0].startswith(f"Spend has no intervals: {reason}")


@pytest.mark.parametrize(
    ("origin", "words"),
    [("stored", "kept with the model"), ("refitted", "fitted before it")],
)
def test_where_predictions_come_from_is_said(predictions, origin, words):
    assessment = assess(predictions(500), None, origin)
    assert assessment.origin == origin
    [text], [fitted] = (interval_sentences(one, "£") for one in (assessment, assess(predictions(500), None)))
    assert "2011-09-01 to 2011-11-30" in text
    assert words in text
    assert words not in fitted


def test_missed_purchases_are_counted_beside_what_chance_leaves():
    forecast = pd.DataFrame({"p_purchase": [0.9, 0.6, 0.59], "purchase_days": [0, 2, 0]}, index=list("abc"))
    missed = missed_purchases(forecast, PERIOD, 0.6)
    assert missed.customers.tolist() == ["a"]
    assert (missed.likely, missed.expected) == (2, pytest.approx(0.1 + 0.4))
    (text,) = missed_sentences(missed, "bg_nbd", SHOP)
    for part in ("2 customers", "bg_nbd", "at least 60%", "2011-09-01 to 2011-11-30", "1 did not; 0 were"):
        assert part in text
    nobody = missed_purchases(forecast.iloc[2:], PERIOD, 0.6)
    assert (nobody.customers.tolist(), nobody.likely, nobody.highest) == ([], 0, 0.59)
    assert missed_sentences(nobody, "bg_nbd", SHOP)[0].endswith("at most 59%.")
    assert MissedPurchases().customers.tolist() == []
    assert "is not known" in missed_sentences(MissedPurchases(), "bg_nbd", SHOP)[0]
