"""When BTYD customers buy: probabilities by day, and discounted purchases, against other ways to the same number."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.errors import ClvError
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

# On the CDNOW sample, weeks; see tests/golden.
FITTED = {
    BgNbd: {"r_": 0.2426, "alpha_": 4.4136, "a_": 0.7929, "b_": 2.4259},
    MbgNbd: {"r_": 0.5248, "alpha_": 6.1831, "a_": 0.8914, "b_": 1.6140},
    ParetoNbd: {"r_": 0.5533, "alpha_": 10.578, "s_": 0.6062, "beta_": 11.669},
}
TIMES = ("alpha_", "beta_")
X = pd.DataFrame(
    {
        "frequency": [0.0, 0.0, 1.0, 2.0, 30.0, 200.0],
        "recency": [0.0, 0.0, 30.0, 213.0, 270.0, 300.0],
        "T": [0.0, 272.0, 260.0, 272.0, 272.0, 365.0],
    },
    index=list("abcdef"),
)
DAYS = np.array([1, 7, 30, 91, 365, 3650])


def fitted(kind, stretch=1.0):
    estimator = kind()
    for name, value in FITTED[kind].items():
        setattr(estimator, name, value * (stretch if name in TIMES else 1.0))
    return estimator


@pytest.fixture(params=FITTED, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


def test_probabilities_rise_up_to_being_alive_and_agree_with_probability_purchase(kind):
    estimator = fitted(kind)
    probabilities = estimator.purchase_probabilities(X, DAYS)
    assert probabilities.shape == (len(X), len(DAYS))
    assert (np.diff(probabilities, axis=1) >= 0).all()
    assert (probabilities[:, 0] > 0).all()
    assert (probabilities <= estimator.probability_alive(X)[:, None] + 1e-12).all()
    for column, days in enumerate(DAYS):
        np.testing.assert_array_equal(probabilities[:, column], estimator.probability_purchase(X, days))


def test_another_unit_of_time_changes_nothing(kind):
    stretched = X.assign(recency=X["recency"] * 3, T=X["T"] * 3)
    probabilities = fitted(kind, 3.0).purchase_probabilities(stretched, DAYS * 3)
    np.testing.assert_allclose(probabilities, fitted(kind).purchase_probabilities(X, DAYS), rtol=1e-9)


def test_chance_of_a_purchase_is_that_of_customers_drawn_by_the_story(kind):
    """Of new customers: a purchase at rate lambda comes before t, in the Pareto story before the end at rate mu."""
    rng, parameters, weeks = np.random.default_rng(5), FITTED[kind], 13.0
    rate = rng.gamma(parameters["r_"], 1 / parameters["alpha_"], 400_000)
    end = rng.gamma(parameters["s_"], 1 / parameters["beta_"], 400_000) if "s_" in parameters else 0.0
    both = np.maximum(rate + end, 1e-300)
    comes = rate / both * -np.expm1(-both * weeks)
    if kind is MbgNbd:  # may have dropped out right after the first purchase
        comes = comes * rng.beta(parameters["b_"], parameters["a_"], 400_000)
    probabilities = fitted(kind).purchase_probabilities(X.head(1), np.array([7 * weeks]))[0, 0]
    assert probabilities == pytest.approx(comes.mean(), abs=4 * comes.std() / np.sqrt(len(comes)))


def test_discounted_purchases_add_up_as_thin_slices_do(kind):
    estimator, horizon, rate = fitted(kind), 364.0, 0.15
    edges = np.linspace(0, horizon, 53)[1:]
    grown = np.column_stack([estimator.expected_purchases(X, edge) for edge in edges])
    slices = np.diff(grown, axis=1, prepend=0.0)
    discount = (1 + rate) ** -((edges - edges[0] / 2) / 365.25)
    discounted = estimator.discounted_purchases(X, rate, horizon)
    np.testing.assert_allclose(discounted, slices @ discount, rtol=5e-4)
    np.testing.assert_allclose(estimator.discounted_purchases(X, 0.0, horizon), grown[:, -1])
    assert (estimator.discounted_purchases(X, 0.3, horizon) < discounted).all()


def test_impossible_days_and_rates_are_refused(kind):
    with pytest.raises(ClvError, match="must be positive"):
        fitted(kind).purchase_probabilities(X, np.array([0, 7]))
    with pytest.raises(ClvError, match="discount rate must be 0 or more"):
        fitted(kind).discounted_purchases(X, -0.1, 91.0)
