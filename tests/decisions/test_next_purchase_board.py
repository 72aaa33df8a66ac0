"""The board of next purchases: scores by hand and against the project's own, ties, and sentences that flip with it."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.decisions.next_purchase.backtest import resampled, trial
from clv_experiments.decisions.next_purchase.baselines import OwnRhythm, ShareBought
from clv_experiments.decisions.next_purchase.board import board
from clv_experiments.decisions.next_purchase.calibration import reliability
from clv_experiments.decisions.next_purchase.candidates import Contender
from clv_experiments.decisions.next_purchase.sentences import accuracy, calibration, coming, winner
from clv_experiments.decisions.next_purchase.weekly import by_week, came_by_week, week_ends
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.metrics import brier, roc_auc

NONE = np.nan


class Tells:
    """Give each customer a chance of a purchase within 100 days, equally probable on any."""

    def __init__(self, chance):
        self.chance = np.asarray(chance, dtype=float)

    def purchase_probabilities(self, X, days):
        return self.chance[:, None] * np.minimum(days, 100) / 100


def index(n):
    return pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")


def tried(waited, horizon_days=100, families=None, **chances):
    """Set contenders, each given by its chances, before customers who waited so long."""
    waits = pd.Series(waited, index=index(len(waited)), dtype=float)
    X = pd.DataFrame(index=waits.index)
    family = {**dict.fromkeys(chances, "btyd"), **(families or {})}
    fitted = [Contender(name, family[name], Tells(chance), X, True) for name, chance in chances.items()]
    return trial(fitted, waits, horizon_days, 0.8)


def drawn(n=400, seed=0):
    """Waits of customers who buy with their own chance, and those chances rounded to tenths, so that many tie."""
    rng = np.random.default_rng(seed)
    chance = rng.random(n).round(1)
    return np.where(rng.random(n) < chance, rng.integers(1, 101, n), NONE), chance


def test_scores_are_those_of_the_projects_metrics():
    waited, chance = drawn()
    judged = tried(waited, good=chance, alike=np.full(400, 0.5), wrong=1 - chance)
    found, _ = resampled(judged, 1, 0)
    assert judged.marks == [30, 60, 90]
    for mark in judged.marks:
        bought = waited <= mark
        for place, told in enumerate(judged.told):
            p = told.probabilities[:, list(judged.days).index(mark)]
            assert found[f"auc_{mark}"][place] == pytest.approx(roc_auc(bought, p))
            assert found[f"brier_{mark}"][place] == pytest.approx(brier(bought, p))
            assert found[f"bias_{mark}"][place] == pytest.approx(p.mean() - bought.mean())
    over_days = [
        [brier(waited <= day, t.probabilities[:, i]) for i, day in enumerate(judged.days)] for t in judged.told
    ]
    np.testing.assert_allclose(found["integrated_brier"], np.mean(over_days, axis=1))


def test_a_replicate_scores_as_its_customers_written_out_do():
    waited, chance = drawn(60, seed=4)
    _, replicates = resampled(tried(waited, good=chance, wrong=1 - chance), 1, 7)
    rows = np.repeat(np.arange(60), np.random.default_rng(7).multinomial(60, np.full(60, 1 / 60)))
    written_out, _ = resampled(tried(waited[rows], good=chance[rows], wrong=1 - chance[rows]), 1, 0)
    for name, values in written_out.items():
        np.testing.assert_allclose(replicates[name][0], values, err_msg=name)


def test_dates_are_judged_among_those_who_bought():
    judged = tried([40, 95, 5, NONE, NONE], one=[0.9, 0.9, 0.9, 0.9, 0.1])
    found, _ = resampled(judged, 1, 0)  # the median is day 50, the interval days 10 to 90
    assert found["date_error"] == [45]
    assert found["coverage"] == pytest.approx(1 / 3)


def test_nobody_bought_leaves_gaps_and_says_so():
    made = board(tried([NONE, NONE], one=[0.2, 0.1], two=[0.3, 0.3]), 100, 0)
    assert made.of("auc_30")["value"].isna().all()
    assert made.of("date_error")["value"].isna().all()
    assert made.of("integrated_brier").index[0] == "one"
    assert accuracy(made, "one") == ["Nobody bought within the 100 days, so no date can be judged."]


def test_a_short_horizon_is_judged_at_its_end():
    assert tried([NONE, 3], horizon_days=14, one=[0.2, 0.1]).marks == [14]


def test_who_tells_best_flips_with_what_was_told():
    waited, chance = drawn()
    rule = {"alike": "baseline"}
    alike = np.full(400, chance.mean())
    made = board(tried(waited, families=rule, one=chance, two=1 - chance, alike=alike), 200, 0)
    flipped = board(tried(waited, families=rule, one=1 - chance, two=chance, alike=alike), 200, 0)
    assert list(made.of().index) == ["one", "alike", "two"]
    assert list(flipped.of().index) == ["two", "alike", "one"]
    assert made.of()["group"].tolist() == [1, 2, 3]
    first, behind, rest = winner(made)
    assert first.startswith("one tells best when customers buy next: the mean squared error")
    assert f"{made.of()['value']['one']:.4f}" in first
    assert "the next, alike, by" in behind
    assert rest.startswith("The best rule of thumb, alike, is behind by")
    assert winner(flipped)[0].startswith("two tells best")


def test_a_copy_shares_first_place_and_a_rule_among_the_best_is_named():
    waited, chance = drawn()
    made = board(tried(waited, families={"copy": "baseline"}, one=chance, copy=chance, wrong=1 - chance), 200, 0)
    assert made.of()["group"].tolist() == [1, 1, 2]
    first, rest = winner(made)
    assert first.startswith("copy and one tell best when customers buy next, copy ahead by no more than chance; the")
    assert rest == "The best rule of thumb, copy, is among them: no model is shown to tell more than it."
    everyone = board(tried(waited, one=chance, copy=chance), 200, 0)
    assert winner(everyone)[0].startswith("Nobody wins: all 2 contenders tie, copy ahead by no more")
    assert winner(board(tried(waited, one=chance), 200, 0))[0].startswith("one is alone")


def test_seed_decides_the_intervals():
    waited, chance = drawn(100)
    one, same, other = (board(tried(waited, a=chance, b=chance**2), 100, seed).table for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["lower"].equals(other["lower"])


def test_calibration_is_said_as_it_is():
    waited, chance = drawn(1000)
    said = {}
    for name, told in {"right": chance, "low": 0.7 * chance, "high": 0.4 + 0.6 * chance}.items():
        made = board(tried(waited, one=told), 200, 0)
        said[name] = calibration(made, "one")[2]
    expected, came = chance.sum() * 0.9, int((waited <= 90).sum())
    start = f"Within 90 days one expected {expected:,.0f} of 1,000 customers to buy; {came:,} did"
    assert said["right"] == f"{start}, a difference within chance."
    assert f"{came - 0.7 * expected:,.0f} too few (95% interval" in said["low"]
    assert "too many (95% interval" in said["high"]


def test_what_is_expected_next_stands_beside_what_came_before():
    waited, chance = drawn(1000)
    told, came = 0.5 * chance.sum() * 0.3, int((waited <= 30).sum())
    assert coming(tried(waited, one=0.5 * chance), "one", 1234.4, 5000, date(2011, 11, 30)) == (
        "1,234 of 5,000 customers are expected to buy in the 30 days after 30 November 2011; one period before, "
        f"{told:.0f} were expected and {came} came."
    )
    one = coming(tried([NONE, 3], one=[1.0, 1.0], horizon_days=100), "one", 0.9, 1, date(2011, 11, 30))
    assert "1 of 1 customer is expected to buy" in one
    assert "one period before, 1 was expected and 1 came." in one


def test_one_buyer_is_spoken_of_in_the_singular():
    made = board(tried([49, NONE], one=[0.9, 0.1]), 100, 0)
    assert "Of the one customer who bought" in accuracy(made, "one")[-1]
    assert "off by 1 day in the median" in accuracy(made, "one")[-1]


def test_reliability_sets_promises_beside_what_came():
    judged = tried([5, NONE, 5, 5], two=[0.25, 0.25, 0.75, 0.75])
    table = reliability(judged)
    table = table[table["within_days"] == 30]
    assert table["predicted"].tolist() == pytest.approx([0.075, 0.225])
    assert table["actual"].tolist() == [0.5, 1.0]
    assert table["customers"].tolist() == [2, 2]
    assert table["actual_lower"].tolist() == pytest.approx([0.0945, 0.3424], abs=1e-4)  # of 1 in 2, 2 in 2


def test_customers_back_are_counted_once_in_their_week():
    weeks = by_week(np.array([[0.7, 1.0], [0.35, 0.5]]), np.array([7, 14]))
    assert weeks["last_day"].tolist() == [7, 14]
    assert weeks["expected"].tolist() == pytest.approx([1.05, 0.45])
    spread = 1.959964 * np.sqrt(0.7 * 0.3 + 0.35 * 0.65)
    assert weeks["expected_upper"][0] == pytest.approx(1.05 + spread)
    assert weeks["expected_lower"][0] == 0  # no count lies below
    assert [week_ends(days).tolist() for days in (21, 22, 5)] == [[7, 14, 21], [7, 14, 21], [5]]  # whole weeks
    between = by_week(np.array([[0.3, 0.6]]), np.array([3, 14]))
    assert between["expected"].tolist() == pytest.approx([0.3 + 0.3 * 4 / 11, 0.3 * 7 / 11])
    assert came_by_week(tried([7, 8, 14, 15, NONE], horizon_days=15, one=np.full(5, 0.5))).tolist() == [1, 2]


def history(since, **columns):
    return pd.DataFrame({"T": np.full(len(since), 100.0), "recency": 100.0 - np.array(since), **columns})


def test_share_bought_is_counted_among_those_equally_recent():
    X = history([1, 2, 50, 60])
    alike = ShareBought().fit(X, [2, 4, 4, NONE], [5, 5, 5, 5])
    assert alike.purchase_probabilities(X.head(1), np.array([1, 2, 3, 4, 5])).tolist() == [
        pytest.approx([0, 0.25, 0.25, 0.75, 0.75])
    ]
    bands = ShareBought(2).fit(X, [2, 4, 4, NONE], [5, 5, 5, 5])
    told = bands.purchase_probabilities(history([0, 2, 3, 500]), np.array([2, 5]))
    np.testing.assert_allclose(told, [[0.5, 1.0], [0.5, 1.0], [0.0, 0.5], [0.0, 0.5]])


def test_share_bought_counts_a_wait_cut_short_as_long_as_it_was_seen():
    told = ShareBought().fit(history([1, 1, 1]), [4, NONE, NONE], [4, 2, 4])
    assert told.purchase_probabilities(history([1]), np.array([4]))[0, 0] == pytest.approx(0.5)  # 1 of 2 still watched


def test_more_bands_than_recencies_are_fewer_bands():
    X = history([3, 3, 3, 3])
    told = ShareBought(10).fit(X, [1, NONE, NONE, NONE], np.full(4, 9)).purchase_probabilities(X, np.array([9]))
    np.testing.assert_allclose(told, 0.25)
    with pytest.raises(ClvError, match="0 rows"):
        ShareBought().fit(X.head(0), [], [])


def test_own_rhythm_goes_on_as_before():
    X = pd.DataFrame({"frequency": [4.0, 0.0, 0.0], "recency": [40.0, 0.0, 0.0], "T": [90.0, 20.0, 0.0]})
    told = OwnRhythm().purchase_probabilities(X, np.array([10]))[:, 0]
    np.testing.assert_allclose(told, 1 - np.exp([-1.0, -0.5, -10.0]))
