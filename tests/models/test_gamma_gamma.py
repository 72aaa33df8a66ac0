"""The spend model: recovery, oracle, fall-backs and extremes."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import gammaln
from scipy.stats import gamma
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from clv_experiments.errors import ClvError
from clv_experiments.models.gamma_gamma import GammaGamma, _log_likelihood
from clv_experiments.models.mean_spends import BinnedMeanSpends


def simulate(n, p, q, v, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 8, n).astype(float)
    rate = rng.gamma(q, 1 / v, n)
    m = np.where(x > 0, rng.gamma(p * np.maximum(x, 1)) / (rate * np.maximum(x, 1)), 0.0)
    return pd.DataFrame({"frequency": x, "monetary_value": m}).rename_axis("customer_id")


def test_simulated_parameters_are_recovered():
    fitted = GammaGamma().fit(simulate(5000, 6.0, 4.0, 15.0))
    table = fitted.parameters_
    assert list(table["parameter"]) == ["p", "q", "v"]
    assert set(table["part"]) == {"spend"}
    assert (np.abs(table["estimate"] - [6.0, 4.0, 15.0]) < 3.5 * table["standard_error"]).all()
    assert (table["standard_error"] < 0.3 * table["estimate"]).all()
    assert (fitted.boundary_, fitted.notes_) == ("", [])
    assert fitted.mean_spend_ == pytest.approx(fitted.p_ * fitted.v_ / (fitted.q_ - 1))


@pytest.mark.parametrize(("p", "q", "v", "x", "m"), [(6.0, 3.7, 15.0, 2.0, 30.0), (0.5, 1.2, 2.0, 5.0, 1.0)])
def test_density_and_conditional_mean_are_the_integrals_over_the_spend_rate(p, q, v, x, m):
    def joint(rate):
        return gamma.pdf(m, p * x, scale=1 / (rate * x)) * gamma.pdf(rate, q, scale=1 / v)

    density = quad(joint, 0, np.inf)[0]
    mean = quad(lambda rate: p / rate * joint(rate), 0, np.inf)[0] / density
    ours = _log_likelihood(np.array([p, q - 1, v]), BinnedMeanSpends(np.array([x]), np.array([m]), np.ones(1)))
    assert ours.value == pytest.approx(np.log(density), abs=1e-6)
    fitted = GammaGamma()
    fitted.p_, fitted.q_, fitted.v_, fitted.mean_spend_ = p, q, v, p * v / (q - 1)
    customer = pd.DataFrame({"frequency": [x], "monetary_value": [m]})
    assert fitted.expected_spend_per_purchase(customer)[0] == pytest.approx(mean, rel=1e-6)


def test_log_likelihood_is_in_the_currency_of_the_log():
    customers = simulate(300, 6.0, 4.0, 15.0)
    fitted = GammaGamma().fit(customers)
    x, m = customers[customers["frequency"] > 0].to_numpy().T
    p, q, v = fitted.p_, fitted.q_, fitted.v_
    plain = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
    plain += (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(v + m * x)
    assert fitted.log_likelihood_ == pytest.approx(plain.sum(), rel=1e-10)


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_a_change_of_currency_changes_nothing_but_the_money(factor):
    customers = simulate(300, 6.0, 4.0, 15.0)
    dear = customers.assign(monetary_value=customers["monetary_value"] * factor)
    ours, theirs = GammaGamma().fit(customers), GammaGamma().fit(dear)
    expected = factor * ours.expected_spend_per_purchase(customers)
    # rounding differs by 1e-16, which the optimiser may end 1e-5 apart on
    np.testing.assert_allclose(theirs.expected_spend_per_purchase(dear), expected, rtol=1e-4)


def test_customers_without_a_positive_repeat_spend_get_the_population_mean():
    fitted = GammaGamma().fit(simulate(300, 6.0, 4.0, 15.0))
    customers = pd.DataFrame({"frequency": [0, 3, 3, 3], "monetary_value": [0.0, 0.0, -5.0, 10.0]})
    spend = fitted.expected_spend_per_purchase(customers)
    np.testing.assert_array_equal(spend[:3], fitted.mean_spend_)
    assert 10 < spend[3] < fitted.mean_spend_


@pytest.mark.parametrize(("spends", "mean"), [([], 0.0), ([4.0, 8.0], 6.0)])
def test_too_few_repeaters_fall_back_to_the_mean_seen_and_say_so(spends, mean):
    customers = pd.DataFrame({"frequency": [1.0] * len(spends) + [0.0] * 5, "monetary_value": spends + [0.0] * 5})
    fitted = GammaGamma().fit(customers)
    assert f"{len(spends)} customers repeated, fewer than 10" in fitted.notes_[0]
    np.testing.assert_allclose(fitted.expected_spend_per_purchase(customers), mean, rtol=1e-9)
    assert fitted.parameters_["estimate"].isna().all()
    assert np.isnan(clone(fitted).set_params(min_repeaters=3).fit(customers).p_)


def test_equal_spends_are_expected_again():
    customers = pd.DataFrame({"frequency": np.arange(4000) % 5, "monetary_value": 10.0 * (np.arange(4000) % 5 > 0)})
    fitted = GammaGamma().fit(customers)
    assert fitted.boundary_
    assert len(fitted.notes_) == 1
    assert "bound" in fitted.notes_[0]
    np.testing.assert_allclose(fitted.expected_spend_per_purchase(customers), 10.0, rtol=1e-2)


def test_spends_without_a_mean_keep_q_above_one_and_the_mean_seen():
    rng = np.random.default_rng(0)
    customers = pd.DataFrame({"frequency": 2.0, "monetary_value": rng.pareto(0.6, 500) + 0.1})
    fitted = GammaGamma().fit(customers)
    assert fitted.q_ > 1
    assert fitted.mean_spend_ == pytest.approx(customers["monetary_value"].mean())
    assert any("no population mean" in note for note in fitted.notes_)
    assert np.isfinite(fitted.expected_spend_per_purchase(customers)).all()


def test_errors():
    with pytest.raises(ClvError, match="X lacks monetary_value"):
        GammaGamma().fit(pd.DataFrame({"frequency": [1.0]}))
    with pytest.raises(NotFittedError):
        GammaGamma().expected_spend_per_purchase(simulate(3, 6.0, 4.0, 15.0))
