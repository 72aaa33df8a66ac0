"""What scores rest on: what intervals were worth, and who missed a purchase beside what chance leaves."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.decisions.customer_scores import ScoringModels
from clv_experiments.decisions.display.scores import (
    describe_missed_purchases,
    describe_model_caveats,
    describe_spend_intervals,
    describe_weak_ranking,
)
from clv_experiments.decisions.past_predictions import (
    MissedPurchases,
    PastPeriodPredictions,
    assess_intervals,
    assess_past_ranking,
    count_missed_purchases,
)
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.mbg_nbd import MbgNbd

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
    return assess_intervals(PastPeriodPredictions(PERIOD, latest, earlier, origin), 0.8)


def test_evidence_is_what_intervals_held_one_period_later(predictions):
    assessment = assess(predictions(500), predictions(500))
    assert 0.7 < assessment.metrics()["interval_coverage"] < 0.9
    assert not assessment.undercovers
    [text] = describe_spend_intervals(assessment, "£")
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
    [text] = describe_spend_intervals(assessment, "£")
    assert "fewer than promised, beyond chance" in text


def test_one_period_calibrates_intervals_of_unknown_worth(predictions):
    assessment = assess(predictions(500), None)
    assert assessment.coverage is None
    assert assessment.intervals is not None
    assert (assessment.metrics(), assessment.undercovers) == ({}, False)
    assert "is not known" in describe_spend_intervals(assessment, "£")[0]


@pytest.mark.parametrize(("customers", "reason"), [(None, "no period"), (5, "intervals that hold 80%")])
def test_without_enough_predictions_there_are_no_intervals(predictions, customers, reason):
    assessment = assess(predictions(customers) if customers else None, None)
    assert (assessment.intervals, assessment.metrics(), assessment.undercovers) == (None, {}, False)
    assert (assessment.refusal is None) == (customers is None)
    assert describe_spend_intervals(assessment, "£")[0].startswith(f"Spend has no intervals: {reason}")


@pytest.mark.parametrize(
    ("origin", "words"),
    [("stored", "kept with the model"), ("refitted", "fitted before it")],
)
def test_where_predictions_come_from_is_said(predictions, origin, words):
    assessment = assess(predictions(500), None, origin)
    assert assessment.origin == origin
    [text], [fitted] = (describe_spend_intervals(one, "£") for one in (assessment, assess(predictions(500), None)))
    assert "2011-09-01 to 2011-11-30" in text
    assert words in text
    assert words not in fitted


def test_missed_purchases_are_counted_beside_what_chance_leaves():
    forecast = pd.DataFrame({"p_purchase": [0.9, 0.6, 0.59], "purchase_days": [0, 2, 0]}, index=list("abc"))
    missed = count_missed_purchases(forecast, PERIOD, 0.6)
    assert missed.customer_ids.tolist() == ["a"]
    assert (missed.likely_customers, missed.expected) == (2, pytest.approx(0.1 + 0.4))
    (text,) = describe_missed_purchases(missed, "bg_nbd", SHOP)
    for part in ("2 customers", "bg_nbd", "at least 60%", "2011-09-01 to 2011-11-30", "1 did not; 0 were"):
        assert part in text
    nobody = count_missed_purchases(forecast.iloc[2:], PERIOD, 0.6)
    assert (nobody.customer_ids.tolist(), nobody.likely_customers) == ([], 0)
    almost = count_missed_purchases(forecast.iloc[2:].assign(p_purchase=0.598), PERIOD, 0.6)
    for of_nobody in (nobody, almost):  # rounded, the second is what is asked for
        assert describe_missed_purchases(of_nobody, "bg_nbd", SHOP)[0].endswith(
            "by bg_nbd every P(buys) was below 60%."
        )
    assert MissedPurchases().customer_ids.tolist() == []
    assert "is not known" in describe_missed_purchases(MissedPurchases(), "bg_nbd", SHOP)[0]


def test_a_list_in_an_order_no_better_than_chance_says_so(predictions):
    good = PastPeriodPredictions(PERIOD, predictions(300), None)
    assert describe_weak_ranking(assess_past_ranking(good), "trees", PERIOD, "spend") == []
    reversed_order = good.latest.assign(y_pred=-good.latest["y_pred"])
    found = assess_past_ranking(PastPeriodPredictions(PERIOD, reversed_order, None))
    (text,) = describe_weak_ranking(found, "trees", PERIOD, "spend")
    for part in (
        "2011-09-01 to 2011-11-30",
        "trees",
        "no more of their spend than chance",
        "(Gini −0.",
        "do not rely",
    ):
        assert part in text
    alike = PastPeriodPredictions(PERIOD, good.latest.assign(y_true=0.0), None)
    (text,) = describe_weak_ranking(assess_past_ranking(alike), "trees", PERIOD, "spend")
    assert "nan" not in text
    assert (
        describe_weak_ranking(assess_past_ranking(PastPeriodPredictions(None, None, None)), "trees", None, "spend")
        == []
    )


@pytest.fixture(scope="module")
def one_time_buyers():
    return pd.DataFrame({"frequency": [0.0, 0, 0, 2, 5], "recency": [0.0, 0, 0, 60, 90], "T": [9.0, 200, 300, 90, 100]})


def models_of(spend_name, btyd_name, btyd):
    return ScoringModels(None, spend_name, (), btyd, btyd_name)


def test_whose_p_alive_is_1_by_construction_is_said(one_time_buyers):
    (text,) = describe_model_caveats(models_of("bg_nbd", "bg_nbd", BgNbd().fit(one_time_buyers)), has_amounts=True)
    assert "bg_nbd takes whoever bought once to be a customer still" in text
    assert (
        describe_model_caveats(models_of("mbg_nbd", "mbg_nbd", MbgNbd().fit(one_time_buyers)), has_amounts=True) == []
    )


def test_spend_and_clv_of_two_models_are_told_apart(one_time_buyers):
    models = models_of("trees", "mbg_nbd", MbgNbd().fit(one_time_buyers))
    (text,) = describe_model_caveats(models, has_amounts=True)
    assert text.startswith("Expected spend is trees's, and expected purchases and CLV are mbg_nbd's")
    assert describe_model_caveats(models, has_amounts=False) == []
