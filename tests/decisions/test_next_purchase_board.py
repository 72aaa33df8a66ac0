"""The board of next purchases: scores by hand and against the project's own, ties, and verdicts that flip with them."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.decisions.display.next_purchase import TEMPLATE
from clv_experiments.decisions.next_purchase.backtest import Candidate, build_reliability_table, run_backtest
from clv_experiments.decisions.next_purchase.board import bootstrap_scores, compare_candidates
from clv_experiments.evaluation.metrics import brier, roc_auc

NONE = np.nan


class Uniform:
    """Give each customer a probability of a purchase within 100 days, equally likely on any."""

    def __init__(self, probability):
        self.probability = np.asarray(probability, dtype=float)

    def purchase_probabilities(self, X, days):
        return self.probability[:, None] * np.minimum(days, 100) / 100


def index(n):
    return pd.Index([f"c{i:04d}" for i in range(n)], name="customer_id")


def backtest_of(waits, horizon_days=100, families=None, **probabilities):
    """Compare candidates, each given by its probabilities, on customers who waited so long."""
    waits = pd.Series(waits, index=index(len(waits)), dtype=float)
    X = pd.DataFrame(index=waits.index)
    family = {**dict.fromkeys(probabilities, "btyd"), **(families or {})}
    candidates = [Candidate(name, family[name], Uniform(p), X) for name, p in probabilities.items()]
    return run_backtest(candidates, waits, horizon_days, 0.8)


def board_of(*args, replicates=200, **kwargs):
    return compare_candidates(backtest_of(*args, **kwargs), replicates, 0)


def simulate(n=400, seed=0):
    """Waits of customers who buy with their own probability, and those rounded to tenths, so that many tie."""
    rng = np.random.default_rng(seed)
    probability = rng.random(n).round(1)
    return np.where(rng.random(n) < probability, rng.integers(1, 101, n), NONE), probability


def values(backtest):
    return {name: scores for name, (scores, _) in bootstrap_scores(backtest, 1, 0).items()}


def test_scores_are_those_of_the_projects_metrics():
    waits, probability = simulate()
    backtest = backtest_of(waits, good=probability, alike=np.full(400, 0.5), wrong=1 - probability)
    scores = values(backtest)
    assert backtest.checkpoints == [30, 60, 90]
    for days in backtest.checkpoints:
        bought = waits <= days
        for position, prediction in enumerate(backtest.predictions):
            p = prediction.probabilities[:, list(backtest.days).index(days)]
            assert scores[f"auc_{days}"][position] == pytest.approx(roc_auc(bought, p))
            assert scores[f"brier_{days}"][position] == pytest.approx(brier(bought, p))
            assert scores[f"bias_{days}"][position] == pytest.approx(p.mean() - bought.mean())
    over_days = [
        [brier(waits <= day, prediction.probabilities[:, i]) for i, day in enumerate(backtest.days)]
        for prediction in backtest.predictions
    ]
    np.testing.assert_allclose(scores["integrated_brier"], np.mean(over_days, axis=1))


def test_a_replicate_scores_as_its_customers_written_out_do():
    waits, probability = simulate(60, seed=4)
    scores = bootstrap_scores(backtest_of(waits, good=probability, wrong=1 - probability), 1, 7)
    rows = np.repeat(np.arange(60), np.random.default_rng(7).multinomial(60, np.full(60, 1 / 60)))
    written_out = values(backtest_of(waits[rows], good=probability[rows], wrong=1 - probability[rows]))
    for name, expected in written_out.items():
        np.testing.assert_allclose(scores[name][1][0], expected, err_msg=name)


def test_dates_are_scored_among_those_who_bought():
    scores = values(backtest_of([40, 95, 5, NONE, NONE], one=[0.9, 0.9, 0.9, 0.9, 0.1]))
    assert scores["date_error"] == [45]  # the median is day 50, the interval days 10 to 90
    assert scores["coverage"] == pytest.approx(1 / 3)


def test_nobody_bought_leaves_gaps_and_says_so():
    board = board_of([NONE, NONE], one=[0.2, 0.1], two=[0.3, 0.3])
    assert board.select_score("auc_30")["value"].isna().all()
    assert board.select_score("date_error")["value"].isna().all()
    assert board.select_score("integrated_brier").index[0] == "one"
    assert (board.backtest.buyers, board.backtest.horizon_days) == (0, 100)
    (sentence,) = TEMPLATE.render_macro("accuracy", board, "one")
    assert "100 days" in sentence
    assert "nan" not in sentence


def test_a_short_horizon_is_scored_at_its_end():
    assert backtest_of([NONE, 3], horizon_days=14, one=[0.2, 0.1]).checkpoints == [14]


def test_who_predicts_best_flips_with_the_predictions():
    waits, probability = simulate()
    rule, alike = {"alike": "baseline"}, np.full(400, probability.mean())
    board = board_of(waits, families=rule, one=probability, two=1 - probability, alike=alike)
    flipped = board_of(waits, families=rule, one=1 - probability, two=probability, alike=alike)
    assert list(board.select_score().index) == ["one", "alike", "two"]
    assert list(flipped.select_score().index) == ["two", "alike", "one"]
    assert board.select_score()["group"].tolist() == [1, 2, 3]
    assert (board.result, board.tied, board.baseline_names) == ("clear", ["one"], ["alike"])
    deficit = board.deficit("alike")
    assert 0 < deficit.low < deficit.value < deficit.high
    first, behind = TEMPLATE.render_macro("winner", board)
    score = board.select_score().loc["one"]
    assert first.startswith("one ")
    assert f"{score['value']:.4f} (95% interval {score['lower']:.4f} to {score['upper']:.4f})" in first
    gap = f"{deficit.value:.4f} (95% interval {deficit.low:.4f} to {deficit.high:.4f})"
    assert "next, alike, the best rule of thumb, by " in behind
    assert gap in behind
    assert (flipped.result, flipped.tied) == ("clear", ["two"])
    assert TEMPLATE.render_macro("winner", flipped)[0].startswith("two ")


def test_a_copy_shares_first_place_and_a_rule_among_the_best_is_named():
    waits, probability = simulate()
    rule = {"copy": "baseline"}
    board = board_of(waits, families=rule, one=probability, copy=probability, wrong=1 - probability)
    assert board.select_score()["group"].tolist() == [1, 1, 2]
    assert (board.result, board.tied, board.baseline_names) == ("some tied", ["copy", "one"], ["copy"])
    first, rest = TEMPLATE.render_macro("winner", board)
    assert first.startswith("copy and one ")
    assert "copy, is among them" in rest
    everyone = board_of(waits, one=probability, copy=probability)
    assert (everyone.result, everyone.baseline_names) == ("all tied", [])
    assert "all 2 candidates tie" in TEMPLATE.render_macro("winner", everyone)[0]
    alone = board_of(waits, one=probability)
    assert alone.result == "alone"
    assert TEMPLATE.render_macro("winner", alone)[0].startswith("Only one ")
    rules = board_of(waits, families={"one": "baseline", "two": "baseline"}, one=probability, two=1 - probability)
    assert rules.baseline_names == ["one", "two"]
    assert len(TEMPLATE.render_macro("winner", rules)) == 2  # no rule of thumb is compared with rules of thumb


def test_seed_decides_the_intervals():
    waits, p = simulate(100)
    one, same, other = (compare_candidates(backtest_of(waits, a=p, b=p**2), 100, seed).table for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["lower"].equals(other["lower"])


def test_calibration_is_called_what_it_is():
    waits, probability = simulate(1000)
    predictions = {"right": probability, "low": 0.7 * probability, "high": 0.4 + 0.6 * probability}
    checks = {name: board_of(waits, one=p).calibration("one")[2] for name, p in predictions.items()}
    assert {name: check.verdict for name, check in checks.items()} == {
        "right": "within chance",
        "low": "too few",
        "high": "too many",
    }
    expected, bought = probability.sum() * 0.9, int((waits <= 90).sum())
    assert (checks["right"].within_days, checks["right"].customers, checks["right"].bought) == (90, 1000, bought)
    assert checks["right"].expected == pytest.approx(expected)
    low = checks["low"].excess
    assert low.value == pytest.approx(bought - 0.7 * expected)
    assert 0 < low.low < low.value < low.high
    assert checks["low"].expected == pytest.approx(0.7 * expected)
    right, few = TEMPLATE.render_macro("calibration", [checks["right"], checks["low"]])
    for part in ("90 days", f"{expected:,.0f} of 1,000 customers were expected", f"{bought:,} did", "within chance"):
        assert part in right
    assert f"{0.7 * expected:,.0f} of 1,000 customers were expected" in few
    assert f"{low.value:,.0f} too few were expected (95% interval {low.low:,.0f} to {low.high:,.0f})" in few


def test_one_buyer_is_spoken_of_in_the_singular():
    board = board_of([49, NONE], one=[0.9, 0.1])
    assert board.backtest.buyers == 1
    assert round(board.estimate("date_error", "one").value) == 1
    assert "the one customer who bought" in TEMPLATE.render_macro("accuracy", board, "one")[-1]
    assert "by 1 day in" in TEMPLATE.render_macro("accuracy", board, "one")[-1]


def test_reliability_sets_predicted_beside_actual_shares():
    table = build_reliability_table(backtest_of([5, NONE, 5, 5], two=[0.25, 0.25, 0.75, 0.75]))
    table = table[table["within_days"] == 30]
    assert table["predicted"].tolist() == pytest.approx([0.075, 0.225])
    assert table["actual"].tolist() == [0.5, 1.0]
    assert table["customers"].tolist() == [2, 2]
    assert table["actual_lower"].tolist() == pytest.approx([0.0945, 0.3424], abs=1e-4)  # of 1 in 2, 2 in 2
