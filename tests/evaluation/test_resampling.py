"""The bootstrap over customers: reproducible draws, and intervals that leave out replicates without a value."""

import numpy as np
import pytest

from clv_experiments.evaluation.resampling import bootstrap_counts, bootstrap_positions, percentile_interval


def test_the_same_seed_draws_the_same_customers_and_another_others():
    one, same, other = (list(bootstrap_positions(50, 3, seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[0], one[1])
    naive = np.random.default_rng(0)
    assert np.array_equal(one, [naive.integers(50, size=50) for _ in range(3)])


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
