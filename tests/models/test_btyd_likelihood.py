"""The derivatives that fits climb by, against finite differences, and the counting of histories."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.btyd_likelihood import PurchaseHistories
from clv_experiments.models.gamma_gamma import _log_likelihood
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.mean_spends import BinnedMeanSpends
from clv_experiments.models.pareto_nbd import ParetoNbd

MODELS = [BgNbd, MbgNbd, ParetoNbd]
X = [0.0, 0, 1, 1, 5, 20, 3, 0]
TX = [0.0, 0, 12, 39, 30, 35, 0.2, 0]
T = [39.0, 0, 39, 39, 30, 39, 500, 7]
HISTORIES = PurchaseHistories(*np.array([X, TX, T]), np.array([5.0, 1, 2, 1, 1, 3, 1, 2]))


def assert_derivatives(function, point, step=1e-4):
    """Check gradient and Hessian by central differences of the value and of the gradient."""
    moves = step * np.eye(len(point))
    ahead, behind = [function(point + move) for move in moves], [function(point - move) for move in moves]
    ours = function(point)
    gradient = [(a.value - b.value) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
    hessian = [(a.gradient - b.gradient) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
    np.testing.assert_allclose(ours.gradient, gradient, rtol=1e-6, atol=1e-6 * np.abs(ours.gradient).max())
    np.testing.assert_allclose(ours.hessian, hessian, rtol=1e-6, atol=1e-6 * np.abs(ours.hessian).max())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(8))
def test_derivatives_are_those_of_finite_differences(model, seed):
    logs = np.random.default_rng(seed).uniform(-2.0, 3.0, 4)
    assert_derivatives(
        lambda point: model()._log_likelihood(np.exp(point), HISTORIES).to_log_parameters(np.exp(point)), logs
    )


@pytest.mark.parametrize("logs", [(1.8, 1.3, -0.5), (-1.0, -2.0, 1.5), (6.0, 0.1, -6.0), (0.0, 5.0, 4.0)])
def test_derivatives_of_spend_are_those_of_finite_differences(logs):
    x, m, weights = np.array([1.0, 1.0, 2.0, 5.0, 40.0]), np.array([0.3, 2.0, 1.0, 0.7, 1.2]), [1.0, 2.5, 1.0, 0.5, 1.0]
    spends = BinnedMeanSpends(x, m, np.array(weights))
    assert_derivatives(
        lambda point: _log_likelihood(np.exp(point), spends).to_log_parameters(np.exp(point)), np.array(logs)
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_large_log_is_the_sum_of_its_parts(model):
    many = PurchaseHistories(
        *(np.tile(column, 3000) for column in (HISTORIES.x, HISTORIES.tx, HISTORIES.T, HISTORIES.weights))
    )
    parameters = np.array([0.5, 6.0, 0.8, 2.5])
    once, often = (model()._log_likelihood(parameters, histories) for histories in (HISTORIES, many))
    assert often.value == pytest.approx(3000 * once.value, rel=1e-11)
    np.testing.assert_allclose(often.gradient, 3000 * once.gradient, rtol=1e-9)
    np.testing.assert_allclose(often.hessian, 3000 * once.hessian, rtol=1e-9)


def test_histories_are_counted_in_weeks_and_sampled_evenly():
    customers = pd.DataFrame({"frequency": [1.0, 0, 1, 3], "recency": [7.0, 0, 7, 14], "T": [70.0, 35, 70, 70]})
    histories = PurchaseHistories.from_customers(customers)
    assert histories.x.tolist() == [0, 1, 3]
    assert histories.tx.tolist() == [0, 1, 2]
    assert histories.T.tolist() == [5, 10, 10]
    assert histories.weights.tolist() == [1, 2, 1]
    assert histories.customers_with_more_than.tolist() == [3, 1, 1]
    assert histories.systematic_sample(2).x.tolist() == [0, 3]
    assert len(histories.systematic_sample(3)) == 3
