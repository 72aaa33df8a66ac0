"""Subscribers and random buyers: who tells P(buys), dates and who was missed, by what was known at each cutoff."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.decisions.customer_scores import CustomerGroups, Scorer, ScoringModels
from clv_experiments.decisions.display.scores import describe_missed_purchases, describe_timing_model
from clv_experiments.decisions.missed import find_missed
from clv_experiments.decisions.next_purchase.timing import add_timing_model, choose_timing_model
from clv_experiments.decisions.past_predictions import find_latest_missed_purchases
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import take_snapshot
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_nbd import MbgNbd

START, END = date(2021, 1, 1), date(2022, 6, 30)
DAYS = (END - START).days
MBG = Model("mbg_nbd", "btyd", False, FeatureSet("rfm", (rfm,)), MbgNbd())
SHOP = Shop("", 0.3, 0.1, Horizon.parse("12m"), 0.8, (0.1, 0.3), 0.6, Horizon.parse("12m"), Campaign(1, 1, (0, 0, 0)))
STAYS = 0.94


def subscribers(seed=3, customers=250):
    """Customers who pay every month, a day early or late, of whom 6 % leave after each payment."""
    rng = np.random.default_rng(seed)
    for customer in range(customers):
        day = float(rng.uniform(0, DAYS - 20))
        while day < DAYS + 0.5:
            yield f"s{customer:03}", pd.Timestamp(START) + pd.Timedelta(int(day), "D"), 19.0
            if rng.random() > STAYS:
                break
            day += 30.4 + rng.normal(0, 0.7)


def random_buyers(seed=3, customers=400):
    rng = np.random.default_rng(seed)
    for customer in range(customers):
        day, gap = float(rng.uniform(0, DAYS)), rng.gamma(2.0, 20.0) + 3
        while day < DAYS:
            yield f"r{customer:03}", pd.Timestamp(START) + pd.Timedelta(int(day), "D"), 19.0
            day += rng.exponential(gap) if rng.random() < 0.93 else 9999


def forecaster_of(log, horizon="1 month"):
    return Forecaster(log, Window(START, END, Horizon.parse(horizon)))


def snapshots(forecaster):
    periods = forecaster.window.future_period, forecaster.window.period(0)
    return [add_timing_model(take_snapshot(forecaster, period, MBG, MBG), forecaster, MBG) for period in periods]


@pytest.fixture(scope="module")
def subscriptions(log_of):
    return log_of(list(subscribers()), log_end=END)


@pytest.fixture(scope="module")
def forecaster(subscriptions):
    return forecaster_of(subscriptions)


@pytest.fixture(scope="module")
def shop_of_random(log_of):
    return forecaster_of(log_of(list(random_buyers()), log_end=END))


def paid_lately(table):
    return table["T"] - table["recency"] <= 29


def test_who_paid_last_month_pays_next_month_with_the_true_probability(forecaster):
    period = forecaster.window.future_period
    plain = take_snapshot(forecaster, period, MBG, MBG)
    told = add_timing_model(plain, forecaster, MBG)
    paying = paid_lately(plain.table)
    assert told.timing_name == "mbg_cnbd_k"
    assert told.table.loc[paying, "p_purchase"].mean() == pytest.approx(STAYS, abs=0.03)
    assert plain.table.loc[paying, "p_purchase"].mean() < 0.75  # by BTYD
    long_ago = plain.table["T"] - plain.table["recency"] > 40
    assert told.table.loc[long_ago, "p_purchase"].max() < 0.2
    pd.testing.assert_series_equal(told.table["expected_spend"], plain.table["expected_spend"])


def test_who_stops_paying_is_missed(forecaster):
    now, before = snapshots(forecaster)
    was_due = (before.table["T"] - before.table["recency"]).between(1, 30)  # who paid on the cutoff is due on day 31
    stopped = was_due & (before.table["purchase_days"] == 0)
    missed = find_missed(now, before, SHOP.likely, 100, 0)
    assert 3 <= stopped.sum() <= 20
    assert set(missed.table["customer_id"]) == set(before.table.index[stopped])
    assert missed.non_buyers.verdict == "as expected"
    scored = find_latest_missed_purchases(forecaster, MBG, SHOP.likely)
    assert set(scored.customer_ids) == set(missed.table["customer_id"])
    assert "to whom mbg_cnbd_k gave" in describe_missed_purchases(scored, "mbg_nbd", SHOP)[0]


def test_dates_of_subscribers_are_a_month_after_their_last_payment_and_advice_follows(forecaster):
    now, before = snapshots(forecaster)
    scorer = Scorer(ScoringModels.from_snapshot(now), None, SHOP, END)
    missed = find_missed(now, before, SHOP.likely, 100, 0).table["customer_id"]
    scores = CustomerGroups.learn_thresholds(now.table, SHOP, pd.Index(missed), END).assign_groups(
        scorer.score_customers(now.table)
    )
    scores = scores.set_index("customer_id")
    assert set(scores["timing_model"]) == {"mbg_cnbd_k"}
    silence = (now.table["T"] - now.table["recency"]).loc[scores.index]
    known = paid_lately(now.table).loc[scores.index] & (scores["frequency"] > 1)
    waits = (scores["next_purchase"] - scores["last_purchase"]).dt.days
    assert waits[known].between(28, 33).mean() > 0.95
    early, overdue = known & (silence < 14), (scores["frequency"] > 1) & (silence > 91)
    contacts = ("Win back", "Probably lost", "Spend nothing", "Send one", "Ask", "Remind")
    assert not scores.loc[early, "recommended_action"].str.startswith(contacts).any()
    assert scores.loc[overdue, "recommended_action"].str.startswith(contacts).mean() >= 0.95
    assert early.sum() > 20
    assert overdue.sum() > 20


def test_random_buyers_stay_with_btyd_and_nothing_is_said(shop_of_random):
    for made in snapshots(shop_of_random):
        assert made.timing.timing_model is None
        assert made.timing_name == "mbg_nbd"
        assert describe_timing_model(made.timing, "mbg_nbd") == []


def test_the_sentence_says_who_tells_it(forecaster):
    timing = choose_timing_model(forecaster, forecaster.window.future_period, MBG)
    (sentence,) = describe_timing_model(timing, "mbg_nbd")
    assert sentence.startswith("mbg_nbd takes purchases to come at random, and customers buy too regularly for that")
    assert "those of mbg_cnbd_k" in sentence
    without = type(timing)(timing.regularity, None)
    assert "with care" in describe_timing_model(without, "mbg_nbd")[0]


def test_without_a_period_that_is_over_nobody_takes_btyds_place(subscriptions):
    forecaster = forecaster_of(subscriptions, "12 months")
    timing = choose_timing_model(forecaster, forecaster.window.future_period, MBG)
    assert timing.regularity.is_high
    assert timing.timing_model is None


def test_nothing_after_the_cutoff_is_looked_at(log_of, subscriptions):
    """The latest month is over: another one must leave the choice for it, and all that is told of it, as they were."""
    rows = pd.DataFrame(list(subscribers()), columns=["customer_id", "date", "amount"])
    other = rows.copy()
    late = other["date"] >= "2022-06-01"
    other.loc[late, "date"] = pd.Timestamp("2022-06-30") - pd.to_timedelta(np.arange(late.sum()) % 3, "D")
    both = []
    for log in (subscriptions, log_of(other[~late | (other.index % 2 == 0)], log_end=END)):
        forecaster = forecaster_of(log)
        both.append(add_timing_model(take_snapshot(forecaster, forecaster.window.period(0), MBG, MBG), forecaster, MBG))
    assert both[0].timing.regularity == both[1].timing.regularity
    assert both[0].timing_model is not None
    columns = ["p_alive", "p_purchase"]
    known = both[0].table.index
    pd.testing.assert_frame_equal(both[0].table[columns], both[1].table.loc[known, columns])
    assert (both[0].table["purchase_days"] != both[1].table.loc[known, "purchase_days"]).any()


def test_models_of_a_scored_list_hand_the_choice_on(forecaster):
    timing = choose_timing_model(forecaster, forecaster.window.future_period, MBG)
    models = ScoringModels(None, "mbg_nbd", (), None, "mbg_nbd", timing=timing)
    assert models.timing_model is timing.timing_model
    assert models.timing_name == "mbg_cnbd_k"
