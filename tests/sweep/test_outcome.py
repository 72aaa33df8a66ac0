"""What a search came to: signs and intervals of differences, fits over several seeds, and what follows from both."""

import json
import math
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from clv_experiments.comparison.bootstrap import applicable_metrics
from clv_experiments.comparison.cell import Cell, Entry
from clv_experiments.comparison.standings import compute_standings
from clv_experiments.data.horizon import Period
from clv_experiments.evaluation import metrics
from clv_experiments.forecasting.evaluation_result import EvaluatedForecast, EvaluatedOrigin, EvaluationResult
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.sweep.outcome import (
    ScoreDifference,
    SeedFit,
    TuningOutcome,
    fit_and_score_with_seeds,
    score_differences,
)

QUARTERS = (Period(date(1997, 12, 31), date(1998, 3, 31)), Period(date(1998, 3, 31), date(1998, 6, 30)))
SPENT = np.array([0.0, 10.0, 20.0, 30.0])


def evaluation(*origins, floors=(0.5, 2.0)):
    """A run over origins (spent, predicted); its validation, all zeros, says something else."""
    frames = [
        pd.DataFrame({"customer_id": [f"{i:03}" for i in range(len(spent))], "y_true": spent, "y_pred": predicted})
        .assign(cutoff=pd.Timestamp(period.cutoff), purchase_days=(spent > 0).astype(int))
        for (spent, predicted), period in zip(origins, QUARTERS, strict=False)
    ]  # fmt: skip
    evaluated_origins = []
    for step, (frame, floor) in enumerate(zip(frames, floors, strict=False)):
        table = frame.drop(columns="cutoff").set_index("customer_id")
        forecast = Forecast(QUARTERS[step], None, None, None, table, {})
        evaluated_origins.append(EvaluatedOrigin(step, EvaluatedForecast(forecast, {}, floor)))
    return EvaluationResult(evaluated_origins, None, None, "", [], [])


def by_metric(tuned, configured, seed=0):
    return {difference.metric: difference for difference in score_differences(tuned, configured, seed)}


def shop(seed, customers=60):
    """Spend of many customers, half of it none, and two forecasts of it: a closer one and a wider one."""
    rng = np.random.default_rng(seed)
    spent = rng.gamma(2.0, 20.0, customers) * (rng.random(customers) < 0.5)
    return spent, spent + rng.gamma(2.0, 3.0, customers), spent + rng.gamma(2.0, 12.0, customers)


# --- differences --------------------------------------------------------------------------------------------------


def test_a_gain_is_above_zero_whichever_way_a_metric_runs():
    differences = by_metric(evaluation((SPENT, SPENT + 1)), evaluation((SPENT, SPENT[::-1] + 3)))
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
        assert differences[name].tuned == pytest.approx(tuned), name
        assert differences[name].configured == pytest.approx(configured), name
        assert differences[name].gain == pytest.approx(configured - tuned if better is None else better), name
    assert list(differences) == list(applicable_metrics(has_losses=False))


def test_a_loss_is_below_zero_by_as_much():
    close, reversed_order = evaluation((SPENT, SPENT + 1)), evaluation((SPENT, SPENT[::-1] + 3))
    gained, lost = by_metric(close, reversed_order), by_metric(reversed_order, close)
    for name in applicable_metrics(has_losses=False):
        assert lost[name].gain == -gained[name].gain != 0, name
        assert lost[name].half_width == pytest.approx(gained[name].half_width, nan_ok=True), name
        assert (lost[name].tuned, lost[name].configured) == (gained[name].configured, gained[name].tuned), name


def test_of_several_origins_each_score_is_the_mean_and_bias_that_of_distances_from_zero():
    # One forecast is 4 of 60 too high and then 4 of 60 too low, which cancels; the other 2 of 60 too high and 10.
    tuned = evaluation((SPENT, SPENT + 1), (SPENT, SPENT - 1))
    configured = evaluation((SPENT, SPENT + 0.5), (SPENT, SPENT + 2.5))
    by_name = by_metric(tuned, configured)
    bias = by_name["aggregate_bias"]
    assert (bias.tuned, bias.configured, bias.gain) == pytest.approx((4 / 60, 6 / 60, 2 / 60))
    assert (by_name["mae"].tuned, by_name["mae"].configured, by_name["mae"].gain) == pytest.approx((1.0, 1.5, 0.5))


def test_d2_is_floored_at_each_origin_by_what_the_run_recorded():
    low, high = np.zeros(4), np.full(4, 15.0)
    d2 = by_metric(evaluation((SPENT, low), (SPENT, low)), evaluation((SPENT, high), (SPENT, low)))["d2_tweedie"]
    first_d2, second_d2 = (metrics.d2_tweedie(SPENT, low, floor=floor) for floor in (0.5, 2.0))
    assert d2.tuned == pytest.approx((first_d2 + second_d2) / 2)
    assert d2.configured == pytest.approx((0.0 + second_d2) / 2)  # who says the mean of all has a D2 of 0


def test_intervals_are_those_of_a_leaderboard_of_the_two():
    spent, close, wide = shop(1)
    tuned = evaluation((spent, close), (spent, wide))
    configured = evaluation((spent, wide), (spent, wide + 1))
    entries = [
        Entry(label=name, predictions=run.holdout_predictions, d2_floors=(0.5, 2.0))
        for name, run in {"tuned": tuned, "configured": configured}.items()
    ]
    cell = Cell(entries=tuple(entries), holdouts=("one", "two"))
    differences = by_metric(tuned, configured, seed=7)
    board = compute_standings(cell, "d2_tweedie", replicates=2000, confidence=0.95, seed=7)
    for name in applicable_metrics(has_losses=False):
        behind = board.rows(name).iloc[1]
        half = (behind["from_best_upper"] - behind["from_best_lower"]) / 2
        assert half > 0, name
        assert differences[name].half_width == pytest.approx(half), name
        sign = 1 if behind.name == "configured" else -1
        assert differences[name].gain == pytest.approx(-sign * behind["from_best"]), name


def test_intervals_are_drawn_from_the_seed():
    spent, close, wide = shop(2)
    tuned, configured = evaluation((spent, close)), evaluation((spent, wide))
    assert score_differences(tuned, configured, 1) == score_differences(tuned, configured, 1)
    assert by_metric(tuned, configured, 1)["mae"].half_width != by_metric(tuned, configured, 2)["mae"].half_width


def test_equal_runs_differ_by_nothing():
    spent, close, _ = shop(3)
    for difference in score_differences(evaluation((spent, close)), evaluation((spent, close)), 0):
        assert (difference.gain, difference.half_width) == (0.0, 0.0), difference.metric
        assert difference.tuned == difference.configured


# --- sentences ----------------------------------------------------------------------------------------------------


SEED_FITS = [
    SeedFit(42, "validation", 1.0, 2.0),
    SeedFit(42, "holdout", 3.0, 2.5),
    SeedFit(43, "validation", 1.5, 2.0),
    SeedFit(43, "holdout", 2.0, 2.0),  # nobody is ahead
    SeedFit(44, "validation", 2.25, 2.0),
    SeedFit(44, "holdout", 2.0, 2.75),
]


def outcome(*differences, by=("d2_tweedie",), seeds=1, fits=SEED_FITS[:2]):
    return TuningOutcome(4, seeds, "tree", list(by), list(differences), list(fits))


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
    texts = [re.sub(r"[-−+\d.]", "", outcome(difference).sentences[0]) for difference in (gained, lost, by_chance)]
    assert len(set(texts)) == 3


def decisive_metrics(*differences, by):
    return [difference.metric for difference in outcome(*differences, by=by).searched_metric_differences]


def test_each_metric_searched_by_decides_in_its_order():
    assert decisive_metrics(D2, GINI, BIAS, by=("aggregate_bias", "normalised_gini")) == [
        "aggregate_bias", "normalised_gini",
    ]  # fmt: skip
    assert decisive_metrics(D2, RMSE, MAE, by=("rmse", "mae")) == ["rmse", "mae"], "one with an interval is enough"


@pytest.mark.parametrize("by", [("rmse",), ("decile_mape", "rmse")])
def test_where_no_interval_holds_d2_decides_besides(by):
    assert decisive_metrics(D2, RMSE, by=by) == ["rmse", "d2_tweedie"]
    first, _ = outcome(D2, RMSE, by=by).sentences
    assert "RMSE 10.00 against 12.00" in first
    assert "[" not in first, "an interval of it would mislead"


def test_a_metric_that_is_not_resampled_is_decided_by_d2():
    assert decisive_metrics(D2, MAE, by=("decile_mape",)) == ["d2_tweedie"]


SAME = [replace(difference, tuned=1.0, configured=1.0, gain=0.0, half_width=0.0) for difference in (D2, RMSE, BIAS)]


def test_a_search_that_found_nothing_says_so_and_no_more():
    tuning = outcome(*SAME, seeds=5, fits=[SeedFit(42, "validation", 1.0, 1.0), SeedFit(42, "holdout", 1.0, 1.0)])
    assert tuning.has_same_scores
    (sentence,) = tuning.sentences
    assert "tree" in sentence
    assert not re.search(r"\d", sentence)


def test_one_score_that_moved_is_something_found():
    assert outcome(*SAME).has_same_scores
    assert not outcome(*SAME[:2], BIAS).has_same_scores


@pytest.mark.parametrize(
    ("difference", "validation", "holdout"),
    [(D2, 1, 1), (MAE, 2, 1), (replace(MAE, metric="aggregate_bias"), 2, 1)],
)
def test_seeds_count_as_won_in_the_direction_of_the_metric(difference, validation, holdout):
    tuning = outcome(difference, by=(difference.metric,), seeds=3, fits=SEED_FITS)
    first, second = tuning.seed_comparisons
    assert (first.period, first.wins, len(first.fits)) == ("validation", validation, 3)
    assert (second.period, second.wins, len(second.fits)) == ("holdout", holdout, 3)
    assert (first.tuned_range, first.configured_range) == ((1.0, 2.25), (2.0, 2.0))
    assert (second.tuned_range, second.configured_range) == ((2.0, 3.0), (2.0, 2.75))


def test_seeds_are_counted_by_the_first_metric():
    tuning = outcome(D2, MAE, by=("mae", "d2_tweedie"), seeds=3, fits=SEED_FITS)
    assert [comparison.wins for comparison in tuning.seed_comparisons] == [2, 1]
    last = tuning.sentences[-1]
    assert all(part in last for part in ("MAE", "3 seeds", "validation in 2 of 3", "holdout in 1 of 3"))
    ends = [re.findall(r"\d[\d.]*", spreads) for spreads in re.findall(r"\((.*?)\)", last)]
    assert ends == [["1", "2.25", "2"], ["2", "3", "2", "2.75"]]  # of the tuned and of the configured model


@pytest.mark.parametrize("seeds", [5, 1])
def test_one_fit_speaks_of_luck_only_where_more_were_asked_for(seeds):
    tuning = outcome(D2, seeds=seeds, fits=SEED_FITS[:2])
    assert (tuning.is_deterministic, tuning.seed_comparisons) == (seeds > 1, [])
    assert len(tuning.sentences) == 1 + (seeds > 1)


def test_an_outcome_is_kept_as_text_and_read_back():
    tuning = outcome(replace(D2, half_width=math.nan), RMSE, by=("rmse",), seeds=3, fits=SEED_FITS)
    again = TuningOutcome.from_json(json.loads(json.dumps(tuning.to_json())))
    assert repr(again) == repr(tuning)  # nan is not equal to itself, but written alike
    assert again.sentences == tuning.sentences


def test_an_outcome_as_tables():
    tuning = outcome(D2, MAE, fits=SEED_FITS)
    expected = pd.DataFrame(
        [["d2_tweedie", 0.3, 0.2, 0.1, 0.05, 0.15], ["mae", 9.0, 8.0, -1.0, -1.5, -0.5]],
        columns=["metric", "tuned", "configured", "better", "lower", "upper"],
    )
    pd.testing.assert_frame_equal(tuning.frame, expected)
    assert list(tuning.seeds_frame) == ["seed", "period", "tuned", "configured"]
    assert tuning.seeds_frame.iloc[1].tolist() == [42, "holdout", 3.0, 2.5]


# --- fits over several seeds --------------------------------------------------------------------------------------


class Scorer:
    """Stands in for an objective: a score by which the period and the candidate can be told."""

    def __init__(self, period):
        self.period = period

    def score(self, candidate):
        return self.period + candidate


def test_both_are_fitted_with_every_seed_on_both_periods():
    progress = []
    fits = fit_and_score_with_seeds(
        Scorer(1000), Scorer(2000), lambda seed: 200 + seed, lambda seed: 100 + seed, range(42, 45),
        lambda done, seeds: progress.append((done, seeds)),
    )  # fmt: skip
    assert fits == [
        SeedFit(seed, period, base + 200 + seed, base + 100 + seed)
        for seed in (42, 43, 44)
        for period, base in (("validation", 1000), ("holdout", 2000))
    ]
    assert progress == [(1, 3), (2, 3), (3, 3)]
