"""What a search came to: signs and intervals of differences, fits over several seeds, and the sentences about both."""

import json
import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from clv_experiments.data.window import Period
from clv_experiments.evaluation import metrics
from clv_experiments.forecasting.evaluation_result import EvaluatedForecast, EvaluatedOrigin, EvaluationResult
from clv_experiments.forecasting.forecaster import Forecast
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.cell import Cell, Entry
from clv_experiments.leaderboard.standings import standings
from clv_experiments.sweep.outcome import Difference, Fit, Outcome, differences, fits

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
    return {found.metric: found for found in differences(tuned, configured, seed)}


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
        assert found[name].better == pytest.approx(configured - tuned if better is None else better), name
    assert list(found) == list(METRICS)


def test_a_loss_is_below_zero_by_as_much():
    one, other = verdict((SPENT, SPENT + 1)), verdict((SPENT, SPENT[::-1] + 3))
    gained, lost = by_metric(one, other), by_metric(other, one)
    for name in METRICS:
        assert lost[name].better == -gained[name].better != 0, name
        assert lost[name].reach == pytest.approx(gained[name].reach, nan_ok=True), name
        assert (lost[name].tuned, lost[name].configured) == (gained[name].configured, gained[name].tuned), name


def test_of_several_origins_each_score_is_the_mean_and_bias_that_of_distances_from_zero():
    # One forecast is 4 of 60 too high and then 4 of 60 too low, which cancels; the other 2 of 60 too high and 10.
    tuned = verdict((SPENT, SPENT + 1), (SPENT, SPENT - 1))
    configured = verdict((SPENT, SPENT + 0.5), (SPENT, SPENT + 2.5))
    found = by_metric(tuned, configured)
    bias = found["aggregate_bias"]
    assert (bias.tuned, bias.configured, bias.better) == pytest.approx((4 / 60, 6 / 60, 2 / 60))
    assert (found["mae"].tuned, found["mae"].configured, found["mae"].better) == pytest.approx((1.0, 1.5, 0.5))


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
        assert found[name].reach == pytest.approx(half), name
        sign = 1 if behind.name == "configured" else -1
        assert found[name].better == pytest.approx(-sign * behind["from_best"]), name


def test_intervals_are_drawn_from_the_seed():
    spent, close, wide = shop(2)
    run, other = verdict((spent, close)), verdict((spent, wide))
    assert differences(run, other, 1) == differences(run, other, 1)
    assert by_metric(run, other, 1)["mae"].reach != by_metric(run, other, 2)["mae"].reach


def test_equal_runs_differ_by_nothing():
    spent, close, _ = shop(3)
    for found in differences(verdict((spent, close)), verdict((spent, close)), 0):
        assert (found.better, found.reach) == (0.0, 0.0), found.metric
        assert found.tuned == found.configured


# --- sentences ----------------------------------------------------------------------------------------------------


SEVERAL = [
    Fit(42, "validation", 1.0, 2.0),
    Fit(42, "holdout", 3.0, 2.5),
    Fit(43, "validation", 1.5, 2.0),
    Fit(43, "holdout", 2.0, 2.0),  # nobody is ahead
    Fit(44, "validation", 2.25, 2.0),
    Fit(44, "holdout", 2.0, 2.75),
]


def outcome(*found, by=("d2_tweedie",), seeds=1, several=SEVERAL[:2]):
    return Outcome(4, seeds, "tree", list(by), list(found), list(several))


D2 = Difference("d2_tweedie", 0.3, 0.2, 0.1, 0.05)
RMSE = Difference("rmse", 10.0, 12.0, 2.0, 1.0)
BIAS = Difference("aggregate_bias", 0.1, 0.25, 0.15, 0.2)
GINI = Difference("normalised_gini", 0.7, 0.72, -0.02, 0.01)
MAE = Difference("mae", 9.0, 8.0, -1.0, 0.5)


BEYOND, WITHIN = "than as configured, beyond chance in customers", "than as configured, beyond chance"


@pytest.mark.parametrize(
    ("better", "reach", "how", "gain"),
    [
        (0.1, 0.05, f"better {BEYOND}", "+0.100 [+0.050, +0.150]"),
        (-0.1, 0.05, f"worse {BEYOND}", "−0.100 [−0.150, −0.050]"),
        (0.1, 0.2, f"not better {WITHIN}", "+0.100 [−0.100, +0.300]"),
        (-0.1, 0.2, f"not better {WITHIN}", "−0.100 [−0.300, +0.100]"),
        (0.1, 0.1, f"not better {WITHIN}", "+0.100 [0.000, +0.200]"),
        (0.1, math.nan, f"not better {WITHIN}", "+0.100 [–, –]"),
    ],
)
def test_the_holdout_says_better_worse_or_not_beyond_chance(better, reach, how, gain):
    made = outcome(Difference("d2_tweedie", 0.3, 0.2, better, reach))
    assert made.sentences == [f"on the holdout tree (tuned) is {how}: D2 0.300 against 0.200, a gain of {gain}"]


def test_each_metric_searched_by_has_its_sentence_in_order():
    first, second = outcome(D2, GINI, BIAS, by=("aggregate_bias", "normalised_gini")).sentences
    assert first.startswith("on the holdout tree (tuned) is not better than as configured, beyond chance: |bias| 10.0%")
    assert first.endswith("against 25.0%, a gain of +15.0% [−5.0%, +35.0%]")
    assert second.startswith(
        "on the holdout tree (tuned) is worse than as configured, beyond chance in customers: Gini"
    )


@pytest.mark.parametrize("by", [("rmse",), ("decile_mape", "rmse")])
def test_where_no_interval_holds_d2_is_said_besides(by):
    assert outcome(D2, RMSE, by=by).sentences == [
        "on the holdout tree (tuned) has RMSE 10.00 against 12.00: its tail is too heavy to tell that from chance",
        *outcome(D2).sentences,
    ]


def test_a_metric_that_is_not_resampled_is_judged_by_d2():
    assert outcome(D2, MAE, by=("decile_mape",)).sentences == outcome(D2).sentences


def test_one_metric_with_an_interval_is_enough():
    rmse, mae = outcome(D2, RMSE, MAE, by=("rmse", "mae")).sentences
    assert "has RMSE" in rmse
    assert "is worse than as configured, beyond chance in customers: MAE 9.00 against 8.00" in mae


SAME = [replace(found, tuned=1.0, configured=1.0, better=0.0, reach=0.0) for found in (D2, RMSE, BIAS)]


def test_a_search_that_found_nothing_says_so_and_no_more():
    made = outcome(*SAME, seeds=5, several=[Fit(42, "validation", 1.0, 1.0), Fit(42, "holdout", 1.0, 1.0)])
    assert made.sentences == ["the search found nothing better: tree (tuned) is tree as configured"]


def test_one_score_that_moved_is_something_found():
    assert outcome(*SAME[:2], BIAS).sentences == [
        "on the holdout tree (tuned) is not better than as configured, beyond chance: D2 1.000 against 1.000, a gain "
        "of 0.000 [0.000, 0.000]"
    ]


@pytest.mark.parametrize(
    ("found", "heading", "validation", "holdout"),
    [(D2, "D2", 1, 1), (MAE, "MAE", 2, 1), (replace(MAE, metric="aggregate_bias"), "|bias|", 2, 1)],
)
def test_seeds_count_as_ahead_in_the_direction_of_the_metric(found, heading, validation, holdout):
    assert outcome(found, by=(found.metric,), seeds=3, several=SEVERAL).sentences[1:] == [
        f"by {heading}, fitted with 3 seeds each, tuned is ahead on validation in {validation} of 3 (1 to 2.25 against "
        f"2) and on holdout in {holdout} of 3 (2 to 3 against 2 to 2.75)"
    ]


def test_seeds_are_counted_by_the_first_metric():
    made = outcome(D2, MAE, by=("mae", "d2_tweedie"), seeds=3, several=SEVERAL)
    assert made.sentences[-1].startswith("by MAE, fitted with 3 seeds each, tuned is ahead on validation in 2 of 3")


@pytest.mark.parametrize(
    ("seeds", "said"), [(5, ["tree leaves nothing to chance: another seed fits the same"]), (1, [])]
)
def test_one_fit_speaks_of_luck_only_where_more_were_asked_for(seeds, said):
    assert outcome(D2, seeds=seeds, several=SEVERAL[:2]).sentences[1:] == said


def test_an_outcome_is_kept_as_text_and_read_back():
    made = outcome(replace(D2, reach=math.nan), RMSE, by=("rmse",), seeds=3, several=SEVERAL)
    again = Outcome.from_json(json.loads(json.dumps(made.as_json())))
    assert repr(again) == repr(made), "nan is not equal to itself, but written alike"
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
    """Stands in for an objective: a score by which the period, the settings and the seed can be told."""

    def __init__(self, period):
        self.period = period
        self.seen = []

    def mean(self, cfg):
        self.seen.append(OmegaConf.to_container(cfg, resolve=True))
        return self.period + 100 * cfg.model.estimator.get("depth", 0) + cfg.seed


def settings(depth, **estimator):
    """Settings of a model that follow the run's seed, unless another is typed."""
    estimator = {"random_state": "${seed}", "depth": depth} | estimator
    return OmegaConf.create({"seed": 42, "model": {"name": "tree", "estimator": estimator}})


def fitted(tuned, configured, seeds):
    told, validation, holdout = [], Scorer(1000), Scorer(2000)
    found = fits(validation, holdout, tuned, configured, seeds, lambda done, of: told.append((done, of)))
    return found, told, validation.seen + holdout.seen


def test_both_are_fitted_with_as_many_seeds_as_asked_on_both_periods():
    found, told, _ = fitted(settings(2), settings(1), 3)
    assert found == [
        Fit(seed, period, base + 200 + seed, base + 100 + seed)
        for seed in (42, 43, 44)
        for period, base in (("validation", 1000), ("holdout", 2000))
    ]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_seed_that_was_typed_gives_way_wherever_it_stands():
    typed = {"random_state": 7, "parts": [["scale", {"mean": True}], ["part", {"random_state": None, "alpha": 7}]]}
    tuned = settings(2, **typed)
    _, _, seen = fitted(tuned, settings(1, random_state=8), 2)
    for cfg in seen:
        estimator = cfg["model"]["estimator"]
        assert estimator["random_state"] == cfg["seed"]
        if "parts" in estimator:
            assert estimator["parts"] == [
                ["scale", {"mean": True}],
                ["part", {"random_state": cfg["seed"], "alpha": 7}],
            ]
    assert sorted({cfg["seed"] for cfg in seen}) == [42, 43]
    assert tuned == settings(2, **typed), "the settings themselves stay"


@pytest.mark.parametrize("seeds", [1, 5])
def test_without_any_draws_one_fit_is_enough(seeds):
    tuned, configured = settings(2), settings(1)
    for cfg in (tuned, configured):
        del cfg.model.estimator["random_state"]
    found, told, _ = fitted(tuned, configured, seeds)
    assert found == [Fit(42, "validation", 1242, 1142), Fit(42, "holdout", 2242, 2142)]
    assert told == [(1, 1)]


@pytest.mark.parametrize("lucky", [0, 1])
def test_draws_in_one_of_the_two_are_enough_for_several_fits(lucky):
    both = [settings(2), settings(1)]
    del both[1 - lucky].model.estimator["random_state"]
    assert len(fitted(*both, 3)[0]) == 6


@pytest.mark.parametrize(("model", "times"), [("ridge", 1), ("decision_tree", 2), ("xgboost", 2), ("two_part", 2)])
def test_models_as_configured_tell_whether_they_draw(compose_sweep, model, times):
    cfg, _ = compose_sweep(f"model={model}")
    assert len(fitted(cfg, cfg, 2)[0]) == 2 * times
