"""95 % intervals: reproducible draws, replicates without a value, the sign of an estimate, and shares by Wilson."""

import numpy as np
import pytest

from clv_experiments.evaluation.confidence_intervals import (
    Estimate,
    bootstrap_counts,
    bootstrap_positions,
    percentile_interval,
    wilson_interval,
)


def test_the_same_seed_draws_the_same_customers_and_another_others():
    draws, same_seed_draws, other_seed_draws = (list(bootstrap_positions(50, 3, seed)) for seed in (0, 0, 1))
    assert np.array_equal(draws, same_seed_draws)
    assert not np.array_equal(draws, other_seed_draws)
    assert not np.array_equal(draws[0], draws[1])
    naive = np.random.default_rng(0)
    assert np.array_equal(draws, [naive.integers(50, size=50) for _ in range(3)])


def test_a_generator_goes_on_where_it_was():
    rng = np.random.default_rng(0)
    parts = [*bootstrap_positions(20, 1, rng), *bootstrap_positions(20, 2, rng)]
    assert np.array_equal(parts, list(bootstrap_positions(20, 3, 0)))


def test_counts_are_those_of_the_positions():
    for counts, positions in zip(bootstrap_counts(30, 5, 2), bootstrap_positions(30, 5, 2), strict=True):
        assert counts.sum() == 30
        assert counts.tolist() == [(positions == customer).sum() for customer in range(30)]


def test_the_interval_is_of_the_replicates_that_have_a_value():
    estimates = np.column_stack([np.arange(101.0), np.full(101, np.nan), np.r_[np.nan, np.arange(100.0)]])
    low, high = percentile_interval(estimates)
    assert low.tolist() == pytest.approx([2.5, np.nan, 2.475], nan_ok=True)
    assert high.tolist() == pytest.approx([97.5, np.nan, 96.525], nan_ok=True)
    assert [end.tolist() for end in percentile_interval(np.arange(101.0))] == [[2.5], [97.5]]


def test_the_interval_is_the_percentile_interval_of_the_replicates():
    replicates = np.random.default_rng(0).normal(5, 1, 1000)
    estimate = Estimate.from_replicates(5, replicates)
    assert [estimate.low, estimate.high] == pytest.approx(np.quantile(replicates, [0.025, 0.975]))
    assert np.isnan(Estimate.from_replicates(5, np.full(9, np.nan)).low)


@pytest.mark.parametrize(("low", "high", "significant"), [(1, 3, True), (-3, -1, True), (-1, 3, False), (0, 3, False)])
def test_an_interval_that_holds_zero_is_not_significant(low, high, significant):
    assert Estimate(2, low, high).is_significant is significant


def test_the_size_of_a_loss_is_that_of_a_gain():
    assert abs(Estimate(-2, -3, 1)) == Estimate(2, -1, 3)
    assert abs(Estimate(2, -1, 3)) == Estimate(2, -1, 3)
    assert Estimate(2, -1, 3).to_columns("profit") == {"profit": 2, "profit_low": -1, "profit_high": 3}


def test_wilsons_interval_of_a_share():
    low, high = wilson_interval([0.0, 0.5, 1.0], [10, 10, 10])
    np.testing.assert_allclose(low, [0.0, 0.2366, 0.7225], atol=1e-4)
    np.testing.assert_allclose(high, [0.2775, 0.7634, 1.0], atol=1e-4)
    assert min(wilson_interval(0.0, 3)[0], 1 - wilson_interval(1.0, 3)[1]) == 0
    assert wilson_interval(0.5, 10) == pytest.approx((low[1], high[1]))
