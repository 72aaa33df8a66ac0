"""Cells of mean spend, which stand for any number of customers."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln

from clv_experiments.models.gamma_gamma import GammaGamma, _log_likelihood
from clv_experiments.models.mean_spends import CELLS_PER_E_FOLD, BinnedMeanSpends


def repeaters(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.4, n).astype(float)
    return x, rng.gamma(6.0 * x) / (rng.gamma(4.0, 1 / 15.0, n) * x)


def test_one_or_two_customers_of_a_cell_are_themselves():
    x, m = np.array([2.0, 2.0, 2.0, 7.0]), np.array([10.0, 10.0 * np.exp(0.3 / CELLS_PER_E_FOLD), 99.0, 0.01])
    spends = BinnedMeanSpends.from_customers(x, m)
    assert spends.customers == 4
    for frequency, mean_spend in zip(x, m, strict=True):
        close = (spends.x == frequency) & np.isclose(spends.m, mean_spend, rtol=1e-6)
        assert spends.weights[close].sum() == 1.0
    assert spends.mean == pytest.approx(m.mean(), rel=1e-11)


def test_few_rows_have_the_sums_of_many_customers():
    x, m = repeaters(200_000)
    spends = BinnedMeanSpends.from_customers(x, m)
    assert len(spends) < 40_000
    assert spends.customers == len(x)
    np.testing.assert_array_equal(np.bincount(spends.x.astype(int), spends.weights), np.bincount(x.astype(int)))
    assert spends.mean == pytest.approx(m.mean(), rel=1e-9)
    for p, q, v in [(6.0, 4.0, 15.0), (0.3, 1.1, 2.0), (80.0, 30.0, 900.0)]:
        plain = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) - (p * x + q) * np.log1p(v / (x * m)) + q * np.log(v)
        expected = (plain - q * np.log(x * m) - np.log(m)).sum()
        assert _log_likelihood(np.array([p, q - 1, v]), spends).value == pytest.approx(expected, rel=1e-10)


def test_a_fit_on_cells_is_that_on_customers_to_nine_digits():
    x, m = repeaters(20_000)
    everyone = BinnedMeanSpends(x, m, np.ones(len(x)))
    ours, theirs = (GammaGamma().fit_grouped(spends) for spends in (BinnedMeanSpends.from_customers(x, m), everyone))
    np.testing.assert_allclose(
        ours.parameters_[["estimate", "standard_error"]], theirs.parameters_[["estimate", "standard_error"]], rtol=1e-8
    )


def test_the_order_of_customers_leaves_no_trace():
    x, m = repeaters(5_000)
    order = np.random.default_rng(1).permutation(len(x))
    for ours, theirs in zip(
        *(vars(BinnedMeanSpends.from_customers(x[k], m[k])).values() for k in (slice(None), order)), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_without_customers_there_are_no_rows():
    spends = BinnedMeanSpends.from_customers(np.array([]), np.array([]))
    assert (len(spends), spends.customers, spends.mean) == (0, 0.0, 0.0)
    nobody = pd.DataFrame({"frequency": [0.0, 3.0], "monetary_value": 0.0})
    assert GammaGamma().fit(nobody).mean_spend_ == 0.0
