"""What a search came to: signs and intervals of differences, fits over several seeds, and what follows from both."""

import json
import math
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.data.window import Period
from clv_experiments.evaluation import metrics
from clv_experiments.forecasting.evaluation_result import EvaluatedForecast, EvaluatedOrigin, EvaluationResult
from clv_experiments.forecasting.forecaster import Forecast
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.cell import Cell, Entry
from clv_experiments.leaderboard.standings import standings
from clv_experiments.sweep.outcome import ScoreDifference, SeedFit, TuningOutcome, fit_with_seeds, score_differences

QUARTERS = (Period(date(1997, 12, 31), date(1998, 3, 31)), Period(date(1998, 3, 31), date(1998, 6, 30)))
SPENT = np.array([0.0, 10.0, 20.0, 30.0])


def verdict(*origins, floors=(0.5, 2.0)):
    """A run over origins (spent, predicted); its validation, all zeros, says something else."""
    frames = [
        pd.DataFrame({"customer_id": [f"{i:03}" for i in range(len(spent))], "y_true": spent, "y_pred": predicted})
        .assign(cutoff=pd.Timestamp(period.cutoff), purchase_days=(spent > 0).astype(int))
        for (spent, predicted), period in zip(origins, QUARTERS, strict=False)
    ]  # fmt: skip
    made = []
    for step, (frame, floor) in enumerate(zip(frames, floors, strict=False)):
        table = frame.drop(columns="cutoff").set_index("customer_id")
        forecast = Forecast(QUARTERS[step], None, None, None, table, {})
        made.append(EvaluatedOrigin(step, EvaluatedForecast(forecast, {}, floor)))
    return EvaluationResult(made, None, None, "", [], [])


def by_metric(tuned, configured, seed=0):
    return {found.metric: found for found in score_differences(tuned, configured, seed)}


def shop(seed, customers=60):
    """Spend of many customers, half of it none, and two forecasts of it: a closer one and a wider one."""
    rng = np.random.default_rng(seed)
    spent = rng.gamma(2.0, 20.0, customers) * (rng.random(customers) < 0.5)
    return spent, spent + rng.gamma(2.0, 3.0, customers), spent + rng.gamma(2.0, 12.0, customers)


# --- differences --------------------------------------------------------------------------------------------------


def test_a_gain_is_above_zero_whichever_way_a_metric_runs():
    found = by_metric(verdict((SPENT, SPENT + 1)), verdict((SPENT, SPENT[::-1] + 3)))
    # In reverse order the configured model errs by 33, 13, 7 and 27.
    expected = {
        "mae": (1.0, 20.0, 19.0),
        "rmse": (1.0, math.sqrt((33**2 + 13**2 + 7**2 + 27**2) / 4), None),
        "normalised_gini": (1.0, -1.0, 2.0),
        "spearman": (1.0, -1.0, 2.0),
        "top_20_share": (24 / 60, 0.0, 24 / 60),  # 0.8 of the customer who spent 30
        "aggregate_bias": (4 / 60, 12 / 60, 8 / 60),
    }
    for name, (tuned, configured, better) in expected.items():
        assert found[name].tuned == pytest.approx(tuned), name
        assert found[name].configured == pytest.approx(configured), name
        assert found[name].gain == pytest.approx(configured - tuned if better is None else better), name
    assert list(found) == list(METRICS)


def test_a_loss_is_below_zero_by_as_much():
    one, other = verdict((SPENT, SPENT + 1)), verdict((SPENT, SPENT[::-1] + 3))
    gained, lost = by_metric(one, other), by_metric(other, one)
    for name in METRICS:
        assert lost[name].gain == -gained[name].gain != 0, name
        assert lost[name].half_width == pytest.approx(gained[name].half_width, nan_ok=True), name
        assert (lost[name].tuned, lost[name].configured) == (gained[name].configured, gained[name].tuned), name


def test_of_several_origins_each_score_is_the_mean_and_bias_that_of_distances_from_zero():
    # One forecast is 4 of 60 too high and then 4 of 60 too low, which cancels; the other 2 of 60 too high and 10.
    tuned = verdict((SPENT, SPENT + 1), (SPENT, SPENT - 1))
    configured = verdict((SPENT, SPENT + 0.5), (SPENT, SPENT + 2.5))
    found = by_metric(tuned, configured)
    bias = found["aggregate_bias"]
    assert (bias.tuned, bias.configured, bias.gain) == pytest.approx((4 / 60, 6 / 60, 2 / 60))
    assert (found["mae"].tuned, found["mae"].configured, found["mae"].gain) == pytest.approx((1.0, 1.5, 0.5))


def test_d2_is_floored_at_each_origin_by_what_the_run_recorded():
    low, high = np.zeros(4), np.full(4, 15.0)
    found = by_metric(verdict((SPENT, low), (SPENT, low)), verdict((SPENT, high), (SPENT, low)))["d2_tweedie"]
    first, second = (metrics.d2_tweedie(SPENT, low, floor=floor) for floor in (0.5, 2.0))
    assert found.tuned == pytest.approx((first + second) / 2)
    assert found.configured == pytest.approx((0.0 + second) / 2)  # who says the mean of all has a D2 of 0


def test_intervals_are_those_of_a_leaderboard_of_the_two():
    spent, close, wide = shop(1)
    tuned, configured = verdict((spent, close), (spent, wide)), verdict((spent, wide), (spent, wide + 1))
    entries = [
        Entry(label=name, predictions=run.holdout_predictions, min_predictions=(0.5, 2.0))
        for name, run in {"tuned": tuned, "configured": configured}.items()
    ]
    cell = Cell(entries=tuple(entries), holdouts=("one", "two"))
    found = by_metric(tuned, configured, seed=7)
    board = standings(cell, "d2_tweedie", replicates=2000, confidence=0.95, seed=7)
    for name in METRICS:
        behind = board.rows(name).iloc[1]
        half = (behind["from_best_upper"] - behind["from_best_lower"]) / 2
        assert half > 0, name
        assert found[name].half_width == pytest.approx(half), name
        sign = 1 if behind.name == "configured" else -1
        assert found[name].gain == pytest.approx(-sign * behind["from_best"]), name


def test_intervals_are_drawn_from_the_seed():
    spent, close, wide = shop(2)
    run, other = verdict((spent, close)), verdict((spent, wide))
    assert score_differences(run, other, 1) == score_differences(run, other, 1)
    assert by_metric(run, other, 1)["mae"].half_width != by_metric(run, other, 2)["mae"].half_width


def test_equal_runs_differ_by_nothing():
    spent, close, _ = shop(3)
    for found in score_differences(verdict((spent, close)), verdict((spent, close)), 0):
        assert (found.gain, found.half_width) == (0.0, 0.0), found.metric
        assert found.tuned == found.configured


# --- sentences ----------------------------------------------------------------------------------------------------


SEVERAL = [
    SeedFit(42, "validation", 1.0, 2.0),
    SeedFit(42, "holdout", 3.0, 2.5),
    SeedFit(43, "validation", 1.5, 2.0),
    SeedFit(43, "holdout", 2.0, 2.0),  # nobody is ahead
    SeedFit(44, "validation", 2.25, 2.0),
    SeedFit(44, "holdout", 2.0, 2.75),
]


def outcome(*found, by=("d2_tweedie",), seeds=1, several=SEVERAL[:2]):
    return TuningOutcome(4, seeds, "tree", list(by), list(found), list(several))


D2 = ScoreDifference("d2_tweedie", 0.3, 0.2, 0.1, 0.05)
RMSE = ScoreDifference("rmse", 10.0, 12.0, 2.0, 1.0)
BIAS = ScoreDifference("aggregate_bias", 0.1, 0.25, 0.15, 0.2)
GINI = ScoreDifference("normalised_gini", 0.7, 0.72, -0.02, 0.01)
MAE = ScoreDifference("mae", 9.0, 8.0, -1.0, 0.5)


@pytest.mark.parametrize(
    ("gain", "half_width", "conclusion"),
    [
        (0.1, 0.05, "better"),
        (-0.1, 0.05, "worse"),
        (0.1, 0.2, "undecided"),
        (-0.1, 0.2, "undecided"),
        (0.1, 0.1, "undecided"),
        (0.1, math.nan, "undecided"),
    ],
)
def test_a_gain_is_beyond_chance_where_its_interval_leaves_zero_out(gain, half_width, conclusion):
    difference = ScoreDifference("d2_tweedie", 0.3, 0.2, gain, half_width)
    assert difference.conclusion == conclusion
    assert (difference.lower, difference.upper) == pytest.approx((gain - half_width, gain + half_width), nan_ok=True)


def test_a_heavy_tail_allows_no_conclusion():
    assert RMSE.conclusion == "heavy tail"
    assert abs(RMSE.gain) > RMSE.half_width


@pytest.mark.parametrize(
    ("difference", "conclusion", "numbers"),
    [
        (D2, "better", ["D2 0.300", "0.200", "+0.100", "[+0.050, +0.150]"]),
        (GINI, "worse", ["Gini 0.700", "0.720", "−0.020", "[−0.030, −0.010]"]),
        (BIAS, "undecided", ["|bias| 10.0%", "25.0%", "+15.0%", "[−5.0%, +35.0%]"]),
        (replace(D2, half_width=math.nan), "undecided", ["D2 0.300", "0.200", "+0.100", "[–, –]"]),
    ],
)
def test_the_holdout_says_how_much_was_gained_and_whether_by_chance(difference, conclusion, numbers):
    assert difference.conclusion == conclusion
    (sentence,) = outcome(D2, difference, by=(difference.metric,)).sentences
    positions = [sentence.find(part) for part in ["tree", *numbers]]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_a_gain_a_loss_and_chance_read_differently():
    gained, lost = replace(D2, half_width=0.0), replace(D2, gain=-0.1, half_width=0.0)
    by_chance = replace(D2, half_width=0.2)
    texts = [re.sub(r"[-−+\d.]", "", outcome(one).sentences[0]) for one in (gained, lost, by_chance)]
    assert len(set(texts)) == 3


def metrics_told(*differences, by):
    return [difference.metric for difference in outcome(*differences, by=by).decisive_differences]


def test_each_metric_searched_by_decides_in_its_order():
    assert metrics_told(D2, GINI, BIAS, by=("aggregate_bias", "normalised_gini")) == [
        "aggregate_bias", "normalised_gini",
    ]  # fmt: skip
    assert metrics_told(D2, RMSE, MAE, by=("rmse", "mae")) == ["rmse", "mae"], "one with an interval is enough"


@pytest.mark.parametrize("by", [("rmse",), ("decile_mape", "rmse")])
def test_where_no_interval_holds_d2_decides_besides(by):
    assert metrics_told(D2, RMSE, by=by) == ["rmse", "d2_tweedie"]
    first, _ = outcome(D2, RMSE, by=by).sentences
    assert "RMSE 10.00 against 12.00" in first
    assert "[" not in first, "an interval of it would mislead"


def test_a_metric_that_is_not_resampled_is_decided_by_d2():
    assert metrics_told(D2, MAE, by=("decile_mape",)) == ["d2_tweedie"]


SAME = [replace(found, tuned=1.0, configured=1.0, gain=0.0, half_width=0.0) for found in (D2, RMSE, BIAS)]


def test_a_search_that_found_nothing_says_so_and_no_more():
    made = outcome(*SAME, seeds=5, several=[SeedFit(42, "validation", 1.0, 1.0), SeedFit(42, "holdout", 1.0, 1.0)])
    assert made.unchanged
    (sentence,) = made.sentences
    assert "tree" in sentence
    assert not re.search(r"\d", sentence)


def test_one_score_that_moved_is_something_found():
    assert outcome(*SAME).unchanged
    assert not outcome(*SAME[:2], BIAS).unchanged


@pytest.mark.parametrize(
    ("difference", "validation", "holdout"),
    [(D2, 1, 1), (MAE, 2, 1), (replace(MAE, metric="aggregate_bias"), 2, 1)],
)
def test_seeds_count_as_won_in_the_direction_of_the_metric(difference, validation, holdout):
    made = outcome(difference, by=(difference.metric,), seeds=3, several=SEVERAL)
    first, second = made.seed_comparisons
    assert (first.period, first.wins, len(first.fits)) == ("validation", validation, 3)
    assert (second.period, second.wins, len(second.fits)) == ("holdout", holdout, 3)
    assert (first.tuned, first.configured) == ((1.0, 2.25), (2.0, 2.0))
    assert (second.tuned, second.configured) == ((2.0, 3.0), (2.0, 2.75))


def test_seeds_are_counted_by_the_first_metric():
    made = outcome(D2, MAE, by=("mae", "d2_tweedie"), seeds=3, several=SEVERAL)
    assert [comparison.wins for comparison in made.seed_comparisons] == [2, 1]
    last = made.sentences[-1]
    assert all(part in last for part in ("MAE", "3 seeds", "validation in 2 of 3", "holdout in 1 of 3"))
    ends = [re.findall(r"\d[\d.]*", spreads) for spreads in re.findall(r"\((.*?)\)", last)]
    assert ends == [["1", "2.25", "2"], ["2", "3", "2", "2.75"]]  # of the tuned and of the configured model


@pytest.mark.parametrize("seeds", [5, 1])
def test_one_fit_speaks_of_luck_only_where_more_were_asked_for(seeds):
    made = outcome(D2, seeds=seeds, several=SEVERAL[:2])
    assert (made.deterministic, made.seed_comparisons) == (seeds > 1, [])
    assert len(made.sentences) == 1 + (seeds > 1)


def test_an_outcome_is_kept_as_text_and_read_back():
    made = outcome(replace(D2, half_width=math.nan), RMSE, by=("rmse",), seeds=3, several=SEVERAL)
    again = TuningOutcome.from_json(json.loads(json.dumps(made.as_json())))
    assert repr(again) == repr(made)  # nan is not equal to itself, but written alike
    assert again.sentences == made.sentences


def test_an_outcome_as_tables():
    made = outcome(D2, MAE, several=SEVERAL)
    expected = pd.DataFrame(
        [["d2_tweedie", 0.3, 0.2, 0.1, 0.05, 0.15], ["mae", 9.0, 8.0, -1.0, -1.5, -0.5]],
        columns=["metric", "tuned", "configured", "better", "lower", "upper"],
    )
    pd.testing.assert_frame_equal(made.frame, expected)
    assert list(made.seeds_frame) == ["seed", "period", "tuned", "configured"]
    assert made.seeds_frame.iloc[1].tolist() == [42, "holdout", 3.0, 2.5]


# --- fits over several seeds --------------------------------------------------------------------------------------


class Scorer:
    """Stands in for an objective: a score by which the period and the candidate can be told."""

    def __init__(self, period):
        self.period = period

    def score(self, candidate):
        return self.period + candidate


def test_both_are_fitted_with_every_seed_on_both_periods():
    progress = []
    fits = fit_with_seeds(
        Scorer(1000), Scorer(2000), lambda seed: 200 + seed, lambda seed: 100 + seed, range(42, 45),
        lambda done, seeds: progress.append((done, seeds)),
    )  # fmt: skip
    assert fits == [
        SeedFit(seed, period, base + 200 + seed, base + 100 + seed)
        for seed in (42, 43, 44)
        for period, base in (("validation", 1000), ("holdout", 2000))
    ]
    assert progress == [(1, 3), (2, 3), (3, 3)]
