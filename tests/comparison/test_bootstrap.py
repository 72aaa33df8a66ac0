"""Every resampled score is what scoring the drawn customers one by one would give, and customers are drawn in pairs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from clv_experiments.comparison import bootstrap
from clv_experiments.comparison.bootstrap import (
    METRICS,
    applicable_metrics,
    bootstrap_scores,
    score_predictions_by_model,
)
from clv_experiments.comparison.cell import OriginPredictions
from clv_experiments.evaluation import metrics
from clv_experiments.evaluation.metrics import OBJECTIVE_NAMES

FLOOR = 0.5


def panel(y, *predicted, ids=None):
    y = np.array(y, dtype=float)
    ids = np.array([f"c{place:04}" for place in range(len(y))] if ids is None else ids, dtype=object)
    predictions = np.column_stack(predicted).astype(float)
    crps = np.sqrt(np.abs(predictions - y[:, None]) + 1.0)  # any number a customer and model
    return OriginPredictions(ids, y, y != 0, predictions, FLOOR, crps=crps)


def shop(n=300, seed=0, prefix="c"):
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.5, 40.0, n)
    y = np.where(rng.random(n) < 0.3, rate * rng.gamma(2.0, 0.5, n), 0.0)
    blurred = [rate * rng.gamma(shape, 1 / shape, n) for shape in (9.0, 1.0)]
    return panel(y, rate * 0.3, *blurred, np.zeros(n), ids=[f"{prefix}{place:05}" for place in range(n)])


def under(sample, *counts):
    """Score a panel under given counts, a replicate each."""
    return bootstrap._OriginScorer(sample).scores(np.array(counts, dtype=np.float32).T)


def test_hand_worked_replicate():
    """Drawn: the first customer twice, the third not at all. y = 0, 0, 10, 30; predicted 2, 2, 1, 4."""
    scores = under(panel([0, 10, 0, 30], [2, 1, 3, 4]), [2, 1, 0, 1])
    worked = {
        "aggregate_bias": 9 / 40 - 1,
        "normalised_gini": 30 / 50,  # centred ranks 0, 0, -1.5, 1.5 against -1, -1, 0.5, 1.5, times spend
        "spearman": 1.5 / 4.5,
        "top_10_share": 0.4 * 30 / 40,  # a tenth of four customers is 0.4 of the best
        "top_20_share": 0.8 * 30 / 40,
        "rmse": np.sqrt((4 + 4 + 81 + 676) / 4),
        "r2": 1 - 765 / 600,
        "mae": 39 / 4,
        "crps": (2 * np.sqrt(3) + np.sqrt(10) + np.sqrt(27)) / 4,
        # d(0, m) = 4 sqrt(m); d(y, m) = 2 (2 y / sqrt(m) + 2 sqrt(m) - 4 sqrt(y)); null 8 (sqrt(mean) - mean sqrt)
        "d2_tweedie": 1 - (2 * 5.656854 + 18.701779 + 24.182195) / 4 / (8 * (3.162278 - 8.639503 / 4)),
    }
    assert {name: values.item() for name, values in scores.items()} == pytest.approx(worked, rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_scoring_the_drawn_customers(data):
    n = data.draw(st.integers(3, 25))
    spend = st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.5, 7.0, 100.0, -3.0])
    y = data.draw(st.lists(spend, min_size=n, max_size=n))
    predicted = [data.draw(st.lists(st.sampled_from([0.0, 0.1, 1.0, 3.0, 50.0]), min_size=n, max_size=n)) for _ in "ab"]
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    if counts.sum() == 0:
        counts[0] = 1
    sample, has_losses = panel(y, *predicted), min(y) < 0
    scores = under(sample, counts, np.ones(n))
    for replicate, repeats in enumerate((counts, np.ones(n, dtype=int))):
        rows = np.repeat(np.arange(n), repeats)
        for model in range(2):
            columns = sample.y_true[rows], sample.y_pred[rows, model]
            naive = metrics.compute_scores(*columns, FLOOR, sample.bought[rows], has_losses=has_losses)
            naive["crps"] = sample.crps[rows, model].mean()
            for name in applicable_metrics(has_losses=has_losses, has_crps=True):
                assert scores[name][replicate, model] == pytest.approx(naive[name], rel=1e-9, abs=1e-9, nan_ok=True), (
                    name
                )


def test_points_are_the_scores_of_a_run():
    sample = shop()
    naive = metrics.compute_scores(sample.y_true, sample.y_pred[:, 1], FLOOR, sample.bought) | {
        "crps": sample.crps[:, 1].mean()
    }
    assert {name: values[1] for name, values in score_predictions_by_model(sample).items()} == pytest.approx(
        {name: naive[name] for name in METRICS}
    )


def test_with_losses_only_scores_that_mean_something_are_drawn():
    rng = np.random.default_rng(2)
    y = rng.normal(1.0, 5.0, 60)
    lost = OriginPredictions(np.arange(60).astype(str), y, y != 0, np.column_stack([y / 2, y - 9]), -0.5)
    sample = bootstrap_scores([lost], 100, 1, has_losses=True)
    assert set(sample.scores) == set(METRICS) - {*metrics.UNDEFINED_WITH_LOSSES, "crps"}
    assert set(score_predictions_by_model(lost, has_losses=True)) == set(sample.oriented) == set(sample.scores)
    assert sample.scores["normalised_gini"] == pytest.approx(1.0)  # both rank as what came


def test_an_origin_at_which_a_model_has_no_crps_does_not_count_for_it():
    one = shop()
    both = bootstrap_scores([replace(one, crps=None), one], 100, 1).scores
    alone = bootstrap_scores([one], 100, 1).scores
    np.testing.assert_array_equal(both["crps"], alone["crps"])
    assert "crps" not in bootstrap_scores([replace(one, crps=None)], 100, 1).scores


def test_oriented_scores_are_better_when_higher():
    sample = bootstrap_scores([shop()], 100, 1)
    np.testing.assert_array_equal(sample.oriented["d2_tweedie"], sample.scores["d2_tweedie"])
    np.testing.assert_array_equal(sample.oriented["rmse"], -sample.scores["rmse"])
    np.testing.assert_array_equal(sample.oriented["aggregate_bias"], -np.abs(sample.scores["aggregate_bias"]))


def test_all_models_meet_the_same_customers():
    one = shop()
    twice = panel(one.y_true, one.y_pred[:, 0], one.y_pred[:, 0])
    scores = bootstrap_scores([twice], 100, 1).scores
    for values in scores.values():
        np.testing.assert_array_equal(values[:, 0], values[:, 1])


def test_a_customer_counts_alike_in_all_origins():
    """The same origin twice moves as one; origins of different customers average their luck out."""
    once = bootstrap_scores([shop()], 400, 1).scores
    same = bootstrap_scores([shop(), shop()], 400, 1).scores
    np.testing.assert_array_equal(same["mae"], once["mae"])
    others = bootstrap_scores([shop(), shop(prefix="d")], 400, 1).scores
    assert others["mae"][:, 0].std() / once["mae"][:, 0].std() == pytest.approx(0.5**0.5, rel=0.15)


def some_of(sample, rows):
    return panel(sample.y_true[rows], *sample.y_pred[rows].T, ids=sample.customer_id[rows])


def correlation(one, other, name="mae"):
    """How far the scores of two cells, resampled apart, move together."""
    scores = [bootstrap_scores([sample], 1000, 1).scores[name][:, 0] for sample in (one, other)]
    return np.corrcoef(scores)[0, 1]


def shared_variance(one, other):
    """Which share of the variance of two mean absolute errors is that of customers who are in both."""
    errors = [
        pd.Series(np.abs(sample.y_true - sample.y_pred[:, 0]), index=sample.customer_id) for sample in (one, other)
    ]
    (a, b) = (error - error.mean() for error in errors)
    return a.mul(b).dropna().sum() / np.sqrt((a**2).sum() * (b**2).sum())


def test_a_customer_counts_alike_in_all_cells_however_many_others_they_hold():
    """Two cells move together by as much as the customers whom they share make of their errors."""
    sample = shop(n=900)
    first, middle, last = (some_of(sample, rows) for rows in (slice(0, 450), slice(150, 600), slice(450, 900)))
    assert 0.5 < shared_variance(first, middle) < 0.95
    assert correlation(first, middle) == pytest.approx(shared_variance(first, middle), abs=0.06)
    assert correlation(first, last) == pytest.approx(0, abs=0.1)
    ids = np.array(["b", "a", "d", "c"], dtype=object)
    of_all, of_two = (np.hstack(list(bootstrap._resample_counts(some, 50, 1))) for some in (ids, ids[1:3]))
    np.testing.assert_array_equal(of_two, of_all[1:3])


def test_counts_are_poisson_draws_of_mean_1():
    ids = np.array([str(number) for number in range(2000)], dtype=object)
    counts = np.hstack(list(bootstrap._resample_counts(ids, 500, 3)))
    observed = np.bincount(counts.ravel().astype(int), minlength=7)[:7] / counts.size
    np.testing.assert_allclose(observed, poisson.pmf(range(7), 1), atol=1.5e-3)
    for pairs in (np.corrcoef(counts[:40]), np.corrcoef(counts.T[:40])):  # of customers, of replicates
        assert np.abs(pairs[np.triu_indices(40, 1)]).max() < 0.22


def test_intervals_hold_the_true_mean_error_as_often_as_they_say():
    held = []
    for seed in range(200):
        y = np.random.default_rng(seed).exponential(1.0, 150)
        lower, upper = np.quantile(bootstrap_scores([panel(y, np.zeros(150))], 200, seed).scores["mae"], [0.05, 0.95])
        held.append(lower <= 1.0 <= upper)
    assert np.mean(held) == pytest.approx(0.9, abs=0.06)


def test_spread_is_that_of_a_mean():
    sample = shop(n=2000)
    scores = bootstrap_scores([sample], 1000, 1).scores
    error = np.abs(sample.y_pred[:, 0] - sample.y_true)
    assert scores["mae"][:, 0].std() == pytest.approx(error.std() / np.sqrt(len(error)), rel=0.1)
    assert scores["mae"][:, 0].mean() == pytest.approx(error.mean(), rel=0.02)


def test_draws_hang_on_the_seed_alone(monkeypatch):
    whole = bootstrap_scores([shop()], 100, 7).scores
    monkeypatch.setattr(bootstrap, "CHUNK", 2000)
    done = []
    parts = bootstrap_scores([shop()], 100, 7, lambda *state: done.append(state)).scores
    other = bootstrap_scores([shop()], 100, 8).scores
    assert done[0] == (6, 100)
    assert done[-1] == (100, 100)
    for name in METRICS:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-9, atol=1e-12)
    assert not np.array_equal(other["mae"], whole["mae"])


def test_a_replicate_without_a_buyer_has_no_ranking():
    scores = under(panel([0, 0, 9], [1, 2, 3]), [2, 1, 0])
    assert np.isnan(scores["normalised_gini"]).all()
    assert np.isnan(scores["d2_tweedie"]).all()
    assert scores["mae"].item() == pytest.approx(4 / 3)


def test_a_board_can_be_ordered_by_every_objective():
    assert set(OBJECTIVE_NAMES) <= set(METRICS)
