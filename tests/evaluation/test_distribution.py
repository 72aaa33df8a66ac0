"""CRPS and coverage, by hand, against naive loops and against a known distribution."""

import numpy as np
import pytest
from scipy.stats import norm

from clv_experiments.evaluation.distribution import (
    PROBABILITIES,
    coverage_scores,
    crps,
    interval_and_upper_bound_probabilities,
    quantile_interval,
)


def test_crps_by_hand():
    # Pinball losses of the quartiles 0, 2, 4 at a spend of 1: 0.25 x 1, 0.5 x 1, 0.25 x 3; twice their mean.
    assert crps([1.0], [[0.0, 2.0, 4.0]], [0.25, 0.5, 0.75]) == pytest.approx([2 * (0.25 + 0.5 + 0.75) / 3])


def test_crps_of_certainty_is_the_absolute_error_and_returns_count_as_no_spend():
    assert crps([7.0, -5.0], np.full((2, 20), 4.0)) == pytest.approx([3.0, 4.0])


def test_crps_is_twice_the_mean_pinball_loss():
    rng = np.random.default_rng(1)
    y, quantiles = rng.gamma(1.0, 10.0, 30), np.sort(rng.gamma(1.0, 10.0, (30, 20)), axis=1)
    naive = [
        2 * np.mean([q * (y[i] - f) if y[i] >= f else (1 - q) * (f - y[i]) for q, f in zip(PROBABILITIES, row)])  # noqa: B905
        for i, row in enumerate(quantiles)
    ]
    np.testing.assert_allclose(crps(y, quantiles), naive)


def test_crps_comes_close_to_that_of_the_whole_distribution():
    y = np.array([8.0, 10.0, 13.0])
    z = (y - 10) / 2
    exact = 2 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))  # Gneiting and Raftery 2007, eq. 21
    quantiles = np.tile(norm.ppf(PROBABILITIES, 10, 2), (3, 1))
    np.testing.assert_allclose(crps(y, quantiles), exact, rtol=0.03)


def test_the_true_distribution_scores_best():
    rng = np.random.default_rng(2)
    y, truth = rng.normal(100, 20, 20_000), norm.ppf(PROBABILITIES, 100, 20)
    scores = [
        crps(y, np.tile(quantiles, (len(y), 1))).mean() for quantiles in (truth, truth - 10, 100 + (truth - 100) * 2)
    ]
    assert scores[0] == min(scores)


@pytest.mark.parametrize("factor", [0.01, 100.0, 7.3])
def test_crps_is_in_the_unit_of_money(factor):
    rng = np.random.default_rng(3)
    y, quantiles = rng.gamma(1.0, 10.0, 50), np.sort(rng.gamma(1.0, 10.0, (50, 20)), axis=1)
    np.testing.assert_allclose(crps(factor * y, factor * quantiles), factor * crps(y, quantiles))


def test_where_the_low_end_is_no_spend_the_high_one_leaves_out_both_tails():
    assert interval_and_upper_bound_probabilities(0.8) == pytest.approx((0.1, 0.8, 0.9))
    low, high = quantile_interval(np.array([[0.0, 5.0, 9.0], [1.0, 5.0, 9.0]]))
    assert (low.tolist(), high.tolist()) == ([0.0, 1.0], [5.0, 9.0])


def test_coverage_by_hand():
    y = np.array([0.0, 5.0, 20.0, -3.0])
    low, high = np.array([0.0, 0.0, 0.0, 0.0]), np.array([2.0, 4.0, 30.0, 1.0])
    scores = coverage_scores(y, (low, high), [1.0, 2.0, 3.0, 0.5], [True, True, False, False], 80)
    assert scores == {
        "coverage_80": 0.75,  # 5 lies above 4; a return counts as no spend
        "coverage_80_top_decile": 1.0,
        "coverage_80_one_time": 0.5,
        "interval_width_80": 37 / 4,
    }
    assert np.isnan(coverage_scores(y, (low, high), y, [False] * 4, 95)["coverage_95_one_time"])
