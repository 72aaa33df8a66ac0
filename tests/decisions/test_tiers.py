"""Value tiers: shares and ties by hand and by a naive count, moves between them, and the truth of a simulated shop."""

from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.log import load_log
from clv_experiments.data.sources.simulated import simulated
from clv_experiments.data.window import Window
from clv_experiments.decisions.segments.profiles import revenue_shares
from clv_experiments.decisions.segments.tiers import (
    NEW,
    TIERS,
    TierThresholds,
    count_tier_moves,
    measure_tier_movement,
    summarise_tiers,
)
from clv_experiments.decisions.snapshot import Snapshot, take_snapshot
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_nbd import MbgNbd

SHARES = (0.1, 0.3)
BEFORE, COMING = Period(date(2023, 3, 31), date(2023, 6, 30)), Period(date(2023, 6, 30), date(2023, 9, 30))


def snapshot_of(expected, period=BEFORE, **columns):
    """Make customers with nothing but what tiers need."""
    n = len(expected)
    table = pd.DataFrame({"expected_spend": np.asarray(expected, float), "total_spend": 10.0, "p_alive": 0.5})
    table.index = pd.Index([f"{k:04d}" for k in range(n)], name="customer_id")
    return Snapshot(period, table.assign(**columns), None, None, "ml", "bg_nbd")


def test_ten_customers_by_hand():
    tiers = TierThresholds.from_expected_spend(np.arange(1, 11), (0.1, 0.3))
    assert (tiers.high, tiers.mid) == (10.0, 7.0)
    assert tiers.assign_tiers([10, 9, 7, 6.99, 0, 99]).tolist() == ["High", "Mid", "Mid", "Low", "Low", "High"]


def test_equal_predictions_share_the_tier_of_the_middle_one_of_them():
    assert TierThresholds.from_expected_spend([5.0] * 8, (0.1, 0.3)).assign_tiers([5.0]).tolist() == ["Low"]
    top = [9.0] * 3 + [1.0] * 17  # 15 %, the middle of them within the first 10 %
    assert TierThresholds.from_expected_spend(top, (0.1, 0.3)).assign_tiers([9.0, 1.0]).tolist() == ["High", "Low"]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_tiers_are_cut_where_a_count_says(values, high, mid):
    spend = np.array(values, float)
    names = TierThresholds.from_expected_spend(spend, (high, mid)).assign_tiers(spend)
    for value, name in zip(spend, names, strict=True):
        rank = ((spend > value).sum() + (spend == value).sum() / 2) / len(spend)
        assert name == ("High" if rank <= high + 1e-9 else "Mid" if rank <= high + mid + 1e-9 else "Low")


def test_shares_of_revenue_have_the_bootstrap_interval_of_a_mean():
    rng = np.random.default_rng(1)
    groups = np.where(rng.random(400) < 0.3, "a", "b")
    shares = revenue_shares(groups, np.ones(400), ["a", "b", "none"], 400, 0)
    p = (groups == "a").mean()
    assert shares["share_that_came"].tolist() == pytest.approx([p, 1 - p, 0.0])
    width = shares.loc["a", "share_that_came_high"] - shares.loc["a", "share_that_came_low"]
    assert width == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 400), rel=0.2)
    assert shares.equals(revenue_shares(groups, np.ones(400), ["a", "b", "none"], 400, 0))
    assert not shares.equals(revenue_shares(groups, np.ones(400), ["a", "b", "none"], 400, 1))
    assert revenue_shares(groups, np.zeros(400), ["a", "b"], 3, 0)["share_that_came"].isna().all()


def test_moves_are_counted_by_hand():
    before = pd.Series({"a": "High", "b": "High", "c": "Low", "gone": "Mid"})
    after = pd.Series({"d": "Low", "a": "High", "b": "Mid", "e": "High", "c": "High"})
    counts = count_tier_moves(before, after)
    assert counts.loc["High"].tolist() == [1, 1, 0]
    assert counts.loc["Low"].tolist() == [1, 0, 0]
    assert counts.loc[NEW].tolist() == [1, 0, 1]
    assert counts.to_numpy().sum() == len(after)


def test_moves_follow_who_fell_and_who_rose():
    then, today = np.arange(20.0), np.arange(20.0)
    today[19], today[0] = 0.5, 30.0
    moves = measure_tier_movement(snapshot_of([*today, 40.0], COMING), snapshot_of(then), SHARES)
    assert moves.counts.loc["High"].tolist() == [0, 1, 1]
    assert moves.counts["High"].tolist() == [0, 0, 1, 1]
    assert moves.counts.loc[NEW].sum() == 1
    assert (moves.spend_before, moves.spend_now) == (37.0, 18.5)
    still = measure_tier_movement(snapshot_of(then, COMING), snapshot_of(then), SHARES)
    assert still.counts.loc["High"].tolist() == [2, 0, 0]
    assert (still.counts.loc[NEW].sum(), still.spend_before) == (0, 0.0)


def test_what_a_tier_brought_is_compared_with_what_was_expected_and_flips_with_it():
    expected = np.r_[np.full(90, 1.0), np.full(10, 10.0)]

    def high(spent):
        previous = snapshot_of(expected, y_true=spent)
        summary = summarise_tiers(snapshot_of(expected, COMING), previous, SHARES, None, 200, 0)
        assert summary.threshold == 10.0
        assert [outcome.tier for outcome in summary.outcomes] == list(TIERS)
        return summary.outcomes[0]

    assert high(expected).expected == pytest.approx(100 / 190)
    assert high(np.r_[np.full(90, 1.0), np.full(10, 100.0)]).verdict == "more"
    assert high(np.full(100, 1.0)).verdict == "less"
    assert high(expected).verdict == "as expected"


def test_a_model_that_expects_the_same_of_all_makes_no_tiers():
    now, previous = snapshot_of([3.0] * 9, COMING), snapshot_of([3.0] * 9, y_true=1.0)
    summary = summarise_tiers(now, previous, SHARES, None, 20, 0)
    assert summary.high is None
    assert summary.table["group"].tolist() == ["Low"]
    assert summary.outcomes == []
    moves = measure_tier_movement(now, previous, SHARES)
    assert (moves.counts.loc["High"].sum(), moves.counts["High"].sum()) == (0, 0)


def test_on_a_simulated_shop_the_reported_interval_holds_the_true_share_of_each_tier():
    source = partial(simulated, process="pareto_nbd", customers=2000, start="2022-01-01", end="2023-06-30", seed=1)
    log = load_log("simulated", source, (), date(2023, 6, 30))
    model = Model("mbg_nbd", "btyd", False, FeatureSet("rfm", (rfm,)), MbgNbd())
    forecaster = Forecaster(log, Window(log.start, log.end, Horizon(3, "months")))
    over = take_snapshot(forecaster, BEFORE, model, model)
    expected = over.table["expected_spend"]
    tiers = TierThresholds.from_expected_spend(expected, SHARES).assign_tiers(expected)
    shares = revenue_shares(tiers, over.table["y_true"], TIERS, 300, 0)
    truth = log.truth.expected_spend(BEFORE).loc[expected.index].groupby(tiers).sum()
    true_share = (truth / truth.sum()).reindex(TIERS)
    assert true_share.between(shares["share_that_came_low"], shares["share_that_came_high"]).all()
    assert true_share["High"] > 4 * 0.1
