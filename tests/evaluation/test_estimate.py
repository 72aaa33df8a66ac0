"""An estimate: its interval is that of its replicates, its size loses the sign."""

import numpy as np
import pytest

from clv_experiments.evaluation.resampling import Estimate


def test_the_interval_is_the_percentile_interval_of_the_replicates():
    replicates = np.random.default_rng(0).normal(5, 1, 1000)
    estimate = Estimate.of(5, replicates)
    assert [estimate.low, estimate.high] == pytest.approx(np.quantile(replicates, [0.025, 0.975]))
    assert np.isnan(Estimate.of(5, np.full(9, np.nan)).low)


@pytest.mark.parametrize(("low", "high", "significant"), [(1, 3, True), (-3, -1, True), (-1, 3, False), (0, 3, False)])
def test_an_interval_that_holds_zero_is_not_significant(low, high, significant):
    assert Estimate(2, low, high).is_significant is significant


def test_the_size_of_a_loss_is_that_of_a_gain():
    assert abs(Estimate(-2, -3, 1)) == Estimate(2, -1, 3)
    assert abs(Estimate(2, -1, 3)) == Estimate(2, -1, 3)
    assert Estimate(2, -1, 3).columns("profit") == {"profit": 2, "profit_low": -1, "profit_high": 3}
