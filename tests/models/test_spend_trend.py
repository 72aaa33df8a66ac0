"""Spend that depends on how often customers buy: found where it is large, and followed by Gamma-Gamma."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import GammaRegressor

from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.mean_spends import BinnedMeanSpends
from clv_experiments.models.spend_trend import NO_TREND, fit_exponent, fit_significant_spend_trend


def simulate(customers, exponent, seed=0, q=3.7):
    """Draw repeat purchase days, their mean spend, and what a purchase day is expected to be worth in truth."""
    rng = np.random.default_rng(seed)
    x, rate = rng.geometric(0.4, customers) - 1.0, rng.gamma(q, 1 / 15.0, customers)
    days = np.maximum(x, 1)
    m = np.where(x > 0, rng.gamma(6 * days) / (rate * days) * (1 + x) ** exponent, 0.0)
    return pd.DataFrame({"frequency": x, "monetary_value": m}), 6.0 / rate * (1 + x) ** exponent


@pytest.mark.parametrize("exponent", [1.0, -0.8])
def test_a_trend_is_recovered_and_followed(exponent):
    customers, truth = simulate(4000, exponent)
    fitted = GammaGamma().fit(customers)
    assert fitted.trend_.exponent == pytest.approx(exponent, abs=0.1)
    assert len(fitted.notes_) == 1
    assert f"is worth {2**fitted.trend_.exponent - 1:+.0%} with every doubling" in fitted.notes_[0]
    expected = fitted.expected_spend_per_purchase(customers)
    for group in (customers["frequency"] == 0, customers["frequency"].between(1, 2), customers["frequency"] > 4):
        assert expected[group].mean() == pytest.approx(truth[group].mean(), rel=0.08)
    independent = GammaGamma().fit(
        customers.assign(monetary_value=lambda t: t["monetary_value"] / (1 + t["frequency"]))
    )
    if exponent == 1.0:
        assert fitted.p_ == pytest.approx(independent.p_, rel=0.1)
        assert fitted.trend_ is not NO_TREND
        assert independent.trend_ == NO_TREND


def test_without_a_trend_or_with_few_customers_nothing_is_changed():
    found = [fit_significant_spend_trend(repeaters(300, 0.0, seed)) for seed in range(100)]
    assert sum(trend != NO_TREND for trend in found) <= 1
    assert fit_significant_spend_trend(repeaters(4000, 0.15)) == NO_TREND, "too weak to matter"
    assert fit_significant_spend_trend(repeaters(300, 1.5)) != NO_TREND
    assert fit_significant_spend_trend(repeaters(40, 1.5)) == NO_TREND, "too few customers"
    assert (
        fit_significant_spend_trend(BinnedMeanSpends.from_customers(np.full(100, 2.0), np.arange(1.0, 101.0)))
        == NO_TREND
    )


def repeaters(customers, exponent, seed=0):
    table = simulate(customers, exponent, seed)[0]
    return BinnedMeanSpends.from_customers(*table[table["frequency"] > 0].to_numpy().T)


def test_the_exponent_is_that_of_a_gamma_regression_and_its_error_that_of_repeated_draws():
    spends = repeaters(2000, 0.6)
    regression = GammaRegressor(alpha=0.0, tol=1e-10).fit(np.log1p(spends.x)[:, None], spends.m, spends.weights)
    exponent, _ = fit_exponent(spends)
    assert exponent == pytest.approx(regression.coef_[0], abs=1e-5)
    draws = np.array([fit_exponent(repeaters(400, 0.6, seed)) for seed in range(200)])
    assert draws[:, 1].mean() == pytest.approx(draws[:, 0].std(), rel=0.15)


def test_the_unit_of_money_does_not_matter():
    customers, _ = simulate(1000, 0.9)
    cents = customers.assign(monetary_value=100 * customers["monetary_value"])
    ours, theirs = (GammaGamma().fit(table) for table in (customers, cents))
    assert theirs.trend_.exponent == pytest.approx(ours.trend_.exponent, rel=1e-9)
    np.testing.assert_allclose(
        theirs.expected_spend_per_purchase(cents), 100 * ours.expected_spend_per_purchase(customers), rtol=1e-6
    )


def test_quantiles_follow_the_trend():
    spend, _ = simulate(1500, 1.0)
    T = np.full(len(spend), 300.0)
    customers = spend.assign(recency=np.where(spend["frequency"] > 0, 250.0, 0.0), T=T)
    model = MbgNbd().fit(customers)
    sure = model.predict_quantiles(customers, (np.arange(200) + 0.5) / 200).mean(axis=1)
    often = customers["frequency"].between(2, 6)
    assert sure[often].sum() == pytest.approx(model.predict(customers)[often].sum(), rel=0.05)
