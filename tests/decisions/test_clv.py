"""Discounted CLV against the closed form, against numerical integration and against simulated futures."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import hyperu

from clv_experiments.data.horizon import Horizon
from clv_experiments.decisions.customer_scores import discounted_clv
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

X = pd.DataFrame(
    {
        "frequency": [0.0, 0.0, 2.0, 10.0],
        "recency": [0.0, 0.0, 213.0, 270.0],
        "T": [0.0, 272.0, 272.0, 275.0],
        "monetary_value": [0.0, 0.0, 30.0, 50.0],
    },
    index=list("abcd"),
)
SHOP = Shop("$", 0.3, 0.15, Horizon.parse("12 months"), 0.8, (0.1, 0.3), 0.6, Horizon.parse("1 month"),
            Campaign(10.0, 1.0, (0.0, 0.1, 0.2)))  # fmt: skip
PARAMETERS = {
    ParetoNbd: {"r_": 0.5533, "alpha_": 10.578, "s_": 0.6062, "beta_": 11.669},
    BgNbd: {"r_": 0.2426, "alpha_": 4.4136, "a_": 0.7929, "b_": 2.4259},
    MbgNbd: {"r_": 0.5248, "alpha_": 6.1831, "a_": 0.8914, "b_": 1.6140},
}


def fitted(kind):
    model = kind()
    for name, value in PARAMETERS[kind].items():
        setattr(model, name, value)
    model.spend_ = GammaGamma()
    model.spend_.p_, model.spend_.q_, model.spend_.v_, model.spend_.mean_spend_ = 6.25, 3.744, 15.44, 35.17
    return model


def test_pareto_over_a_century_is_the_closed_form():
    """DERT of Fader, Hardie and Lee (2005), eq. 2, over P(alive)'s own likelihood ratio."""
    model = fitted(ParetoNbd)
    r, alpha, s, beta = PARAMETERS[ParetoNbd].values()
    delta = np.log(1.15) * 7 / 365.25
    x, T = X["frequency"].to_numpy(), X["T"].to_numpy() / 7
    z = delta * (beta + T)
    # For a customer alive at T: rate (r + x) / (alpha + T), dropout rate Gamma(s, beta + T).
    dert = (r + x) / (alpha + T) * (beta + T) * hyperu(1, 2 - s, z)
    expected = model.probability_alive(X) * dert
    assert model.discounted_purchases(X, 0.15, 365.25 * 100) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", PARAMETERS)
def test_discounting_is_the_integral_over_the_horizon(kind):
    model, delta, days = fitted(kind), np.log(1.15) / 365.25, 1000.0

    def one(row):
        customer = X.iloc[[row]]
        by = lambda t: model.expected_purchases(customer, t)[0] if t > 0 else 0.0  # noqa: E731
        body = quad(lambda u: 2 * u * delta * np.exp(-delta * u * u) * by(u * u), 0, np.sqrt(days), epsabs=1e-9)[0]
        return body + np.exp(-delta * days) * by(days)

    assert model.discounted_purchases(X, 0.15, days) == pytest.approx([one(row) for row in range(4)], rel=1e-5)


@pytest.mark.parametrize("kind", PARAMETERS)
def test_without_discount_clv_is_margin_times_expected_spend(kind):
    model, free = fitted(kind), replace(SHOP, annual_discount_rate=0.0)
    purchases = model.expected_purchases(X, 365.0)
    assert discounted_clv(model, X, free, 365.0) == pytest.approx(
        0.3 * purchases * model.expected_spend_per_purchase(X)
    )
    worth = discounted_clv(model, X, SHOP, 365.0)
    assert (worth < 0.3 * purchases * model.expected_spend_per_purchase(X)).all()
    assert (worth > 0.3 / 1.15 * purchases * model.expected_spend_per_purchase(X)).all()


@pytest.mark.parametrize("kind", [ParetoNbd, BgNbd])
def test_clv_of_new_customers_is_what_simulated_ones_leave(kind):
    """Draw rates, lifetimes, purchases and spends of new customers; discount each purchase to the first day."""
    rng, customers, weeks = np.random.default_rng(3), 40_000, 365 / 7
    model = fitted(kind)
    r, alpha, second, third = PARAMETERS[kind].values()
    rate = rng.gamma(r, 1 / alpha, customers)
    mean_spend = 6.25 / rng.gamma(3.744, 1 / 15.44, customers)
    if kind is ParetoNbd:
        lifetime, drop = rng.exponential(1 / rng.gamma(second, 1 / third, customers)), np.zeros(customers)
    else:
        lifetime, drop = np.full(customers, np.inf), rng.beta(second, third, customers)
    worth, clock, alive = np.zeros(customers), np.zeros(customers), np.ones(customers, dtype=bool)
    for _ in range(400):
        clock = clock + rng.exponential(1 / rate)
        alive &= (clock <= lifetime) & (clock <= weeks)
        if not alive.any():
            break
        spend = rng.gamma(6.25, mean_spend / 6.25)
        worth += np.where(alive, 0.3 * spend * 1.15 ** (-np.minimum(clock, weeks) * 7 / 365.25), 0.0)
        alive &= rng.random(customers) >= drop
    new = X.iloc[[0]]
    by_population = 0.3 * (6.25 * 15.44 / 2.744) * model.discounted_purchases(new, 0.15, 365.0)[0]
    error = worth.std() / np.sqrt(customers)
    assert worth.mean() == pytest.approx(by_population, abs=3.5 * error)
    assert error < 0.02 * by_population
    assert by_population == pytest.approx(discounted_clv(model, new, SHOP, 365.0)[0], rel=1e-3)


def test_the_horizon_is_counted_on_the_calendar():
    assert Horizon.parse("12 months").period_after(date(2011, 2, 28)).days == 366  # through 29 February 2012
    assert Horizon.parse("12 months").period_after(date(2010, 12, 31)).days == 365
    assert Horizon.parse("1 month").period_after(date(2011, 12, 31)).days == 31


def test_customers_who_share_a_history_share_what_they_are_worth():
    model = fitted(MbgNbd)
    alone = [model.discounted_purchases(X.iloc[[row]], 0.1, 365.0)[0] for row in range(4)]
    again = model.discounted_purchases(pd.concat([X, X.iloc[::-1]]), 0.1, 365.0)
    assert again.tolist() == [*alone, *alone[::-1]]
