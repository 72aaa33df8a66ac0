"""Wheat and Morrison's test: silent on random purchases however dates are written, and right about regular ones."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.evaluation.regularity import MIN_CUSTOMERS_TO_CALL_REGULAR, measure_regularity


def last_gaps(rng, customers=400, shape=1.0, grid=1, mean_gap=25.0, days=540):
    """Last two gaps, in days of the grid, of customers who each buy at a rate of their own up to the end."""
    gaps = []
    for _ in range(customers):
        step = rng.gamma(2.0, mean_gap / 2) + 1
        times = rng.uniform(0, days) + np.cumsum(rng.gamma(shape, step / shape, 400))
        last = np.unique(times[times < days] // grid)[-3:]
        if len(last) == 3:
            gaps.append(np.diff(last))
    frame = pd.DataFrame(gaps, columns=["earlier", "later"]).astype(int)
    return frame.assign(customers=1)


@pytest.mark.parametrize("grid", [1, 7, 30])
@pytest.mark.parametrize("customers", [60, 1000])
def test_random_purchases_are_not_called_regular_on_days_weeks_or_months(grid, customers):
    found = [measure_regularity(last_gaps(np.random.default_rng(seed), customers, grid=grid)) for seed in range(40)]
    assert np.mean([each.is_high for each in found]) <= 0.025
    assert np.mean([each.p_value < 0.1 for each in found]) == pytest.approx(0.1, abs=0.12)
    assert np.median([each.shape for each in found]) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("shape", [3.0, 10.0])
def test_the_shape_of_regular_gaps_is_recovered(shape):
    found = measure_regularity(last_gaps(np.random.default_rng(1), 3000, shape))
    assert found.is_high
    assert found.shape == pytest.approx(shape, rel=0.15)


def test_gaps_by_hand():
    """D1 + D2 = 3 leaves the splits 1 + 2 and 2 + 1: M is 1/3 or 2/3 whatever happens, so nothing can be learnt."""
    found = measure_regularity(pd.DataFrame({"earlier": [1, 2], "later": [2, 1], "customers": [60, 50]}))
    assert (found.customers, found.shape, found.p_value) == (110, pytest.approx(1.0), 1.0)
    # Of 4, M may be 1/4, 1/2, 3/4, with variance 1/24; here it is always 1/2.
    even = measure_regularity(pd.DataFrame({"earlier": [2], "later": [2], "customers": [100]}))
    spread = np.sqrt(1 / 384 - 1 / 576)  # of (M - 1/2)^2, which is 1/16 in two of three cases
    assert even.shape == np.inf
    assert even.p_value < 1e-12
    assert (1 / 24) / spread * 10 > 7


def test_nothing_is_said_of_few_customers_or_of_none():
    few = pd.DataFrame({"earlier": [30], "later": [30], "customers": [MIN_CUSTOMERS_TO_CALL_REGULAR - 1]})
    assert not measure_regularity(few).is_high
    assert measure_regularity(few.assign(customers=MIN_CUSTOMERS_TO_CALL_REGULAR)).is_high
    daily = pd.DataFrame({"earlier": [1], "later": [1], "customers": [500]})  # nothing else was possible
    assert measure_regularity(daily).customers == 0
    assert not measure_regularity(daily[:0]).is_high
