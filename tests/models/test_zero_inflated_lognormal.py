"""Zero-inflated lognormal spend: closed forms against each other, and at the ends."""

import numpy as np
import pytest
from scipy.stats import lognorm

from clv_experiments.models.zero_inflated_lognormal import ZeroInflatedLognormal, bound_lognormal

SPEND = ZeroInflatedLognormal(np.array([0.3, 1.0, 0.0]), np.array([1.0, 2.0, 0.0]), np.array([0.5, 1.0, 1.0]))


def test_quantiles_and_probabilities_are_inverse():
    quantiles = SPEND.quantiles([0.75, 0.9, 0.99])
    above = np.column_stack([SPEND.probability_above(amount) for amount in quantiles[0]])
    assert above[0] == pytest.approx([0.25, 0.1, 0.01])
    assert quantiles[1] == pytest.approx(lognorm(s=1.0, scale=np.e**2).ppf([0.75, 0.9, 0.99]))
    assert quantiles[2].tolist() == [0, 0, 0]


def test_quantiles_are_zero_up_to_the_chance_of_no_purchase():
    assert SPEND.quantiles([0.0, 0.5, 0.7, 0.71])[0].tolist()[:3] == [0, 0, 0]
    assert SPEND.quantiles([0.71])[0, 0] > 0
    assert (np.diff(SPEND.quantiles(np.linspace(0, 0.99, 50)), axis=1) >= 0).all()


@pytest.mark.filterwarnings("error")
def test_spend_that_does_not_vary_is_one_amount_or_nothing():
    constant = ZeroInflatedLognormal(np.array([0.4]), np.array([2.0]), np.array([0.0]))
    assert constant.quantiles([0.0, 0.5, 0.7, 0.99])[0] == pytest.approx([0, 0, np.e**2, np.e**2])


@pytest.mark.parametrize(("customer", "largest"), [(0, 100.0), (1, 4000.0)])
def test_the_mean_is_the_integral_of_the_survival_function(customer, largest):
    amounts = np.linspace(0, np.sqrt(largest), 4001) ** 2
    above = [SPEND.probability_above(amount)[customer] for amount in amounts]
    assert np.trapezoid(above, amounts) == pytest.approx(SPEND.mean[customer], rel=1e-3)


def test_who_never_buys_is_expected_to_spend_nothing():
    assert SPEND.mean[2] == 0


def test_nobody_spends_less_than_nothing():
    assert SPEND.probability_above(-1.0).tolist() == [1, 1, 1]
    assert SPEND.probability_above(0.0).tolist() == SPEND.probability.tolist()


def test_a_bound_lowers_the_mean_to_the_largest_and_no_other():
    mu, sigma = bound_lognormal(np.array([0.0, 0.0, 9.0]), np.array([0.1, 9.0, 1.0]), np.e)
    assert np.exp(mu + sigma**2 / 2) == pytest.approx([np.exp(0.005), np.e, np.e])
    assert (mu[0], sigma[0]) == (0.0, 0.1)
