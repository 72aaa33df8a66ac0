"""The MBG/CNBD-k: the MBG/NBD where gaps are random, the truth where they are regular."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import gamma

from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.models.mbg_cnbd_k import MbgCnbdK, _log_likelihood
from clv_experiments.models.mbg_nbd import MbgNbd

TRUTH = {"k": 5.0, "r": 2.0, "alpha": 12.0, "a": 1.0, "b": 6.0}


def with_parameters(k=1.0, r=0.8, alpha=30.0, a=0.7, b=2.5):
    made = MbgCnbdK()
    made.k_, made.r_, made.alpha_, made.a_, made.b_ = k, r, alpha, a, b
    return made


def simulate(n, seed=0, later=60.0):
    """Customers of the true parameters, and whether each bought in the days after the cutoff."""
    rng = np.random.default_rng(seed)
    T = rng.integers(30, 400, n).astype(float)
    rate, p = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], n), rng.beta(TRUTH["a"], TRUTH["b"], n)
    rows, bought = np.zeros((n, 4)), np.zeros(n, dtype=bool)
    for i in range(n):
        time, gaps = 0.0, []
        while rng.random() >= p[i]:
            gap = rng.gamma(TRUTH["k"], 1 / rate[i])
            if time + gap > T[i]:
                bought[i] = time + gap <= T[i] + later
                break
            gaps.append(gap)
            time += gap
        rows[i] = len(gaps), time, T[i], np.log(gaps).sum()
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "log_gaps"]), bought


@pytest.fixture(scope="module")
def shop():
    return simulate(4000)


@pytest.fixture(scope="module")
def fitted(shop):
    return MbgCnbdK(horizon_days=60).fit(shop[0])


def test_with_random_gaps_it_is_the_mbg_nbd():
    ours, theirs = with_parameters(), MbgNbd()
    theirs.r_, theirs.alpha_, theirs.a_, theirs.b_ = 0.8, 30.0 / 7, 0.7, 2.5  # in weeks
    X = pd.DataFrame({"frequency": [0.0, 1, 4, 4, 20], "recency": [0.0, 9, 100, 190, 300]})
    X["T"] = [90.0, 60, 200, 200, 300]
    np.testing.assert_allclose(ours.probability_alive(X), theirs.probability_alive(X), rtol=1e-9)
    days = np.array([1, 30, 365])
    np.testing.assert_allclose(
        ours.purchase_probabilities(X, days), theirs.purchase_probabilities(X, days), rtol=1e-6, atol=1e-9
    )


def test_the_likelihood_is_the_integral_over_rates():
    """Of a customer with gaps of 20 and 25 days, silent for 30: integrated over the rate by quadrature."""
    k, r, alpha, a, b = parameters = np.array(list(TRUTH.values()))

    def integrand(rate):
        gaps = gamma.pdf([20.0, 25.0], k, scale=1 / rate).prod()
        here = a / (b + 2) + gamma.sf(30.0, k, scale=1 / rate)
        return gaps * here * gamma.pdf(rate, r, scale=1 / alpha)

    stays = b / (a + b) * (b + 1) / (a + b + 1) * (b + 2) / (a + b + 2)
    customer = np.array([[2.0, 45.0, 75.0, np.log(20 * 25)]])
    expected = np.log(stays * quad(integrand, 0, 3, limit=200)[0])
    assert _log_likelihood(parameters, customer)[0] == pytest.approx(expected, rel=1e-7)


def test_parameters_are_recovered(fitted):
    assert fitted.k_ == pytest.approx(TRUTH["k"], rel=0.05)
    assert fitted.r_ / fitted.alpha_ == pytest.approx(TRUTH["r"] / TRUTH["alpha"], rel=0.1)
    assert fitted.a_ / (fitted.a_ + fitted.b_) == pytest.approx(1 / 7, abs=0.02)


def test_probabilities_are_shares_who_bought(shop, fitted):
    X, bought = shop
    probability = fitted.probability_purchase(X)
    for tenth in np.array_split(np.argsort(probability), 10):
        assert bought[tenth].mean() == pytest.approx(probability[tenth].mean(), abs=0.07)
    blind = MbgNbd(horizon_days=60).fit(X).probability_purchase(X)
    assert ((probability - bought) ** 2).mean() < ((blind - bought) ** 2).mean() - 0.01


def test_probabilities_rise_with_the_days_and_silence_past_the_rhythm_ends_them(fitted):
    X = pd.DataFrame({"frequency": 10.0, "recency": 300.0, "T": [300.0, 320, 360, 600]})
    probabilities = fitted.purchase_probabilities(X, np.array([5, 30, 90, 365]))
    assert (np.diff(probabilities, axis=1) >= 0).all()
    assert (np.diff(fitted.probability_alive(X)) < 0).all()
    assert fitted.probability_alive(X)[-1] < 0.01
    assert (fitted.probability_purchase(X) <= fitted.probability_alive(X)).all()


def test_many_customers_are_learnt_from_in_part_and_the_fit_is_the_same_each_time(shop):
    many = pd.concat([shop[0]] * 3, ignore_index=True)
    one, other = MbgCnbdK().fit(many), MbgCnbdK().fit(many)
    assert vars(one) == vars(other)
    assert one.k_ == pytest.approx(TRUTH["k"], rel=0.07)


def test_refusals():
    X = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.0], "log_gaps": [0.0]})
    with pytest.raises(LogTooShort, match="T = 0"):
        MbgCnbdK().fit(X)
    with pytest.raises(ClvError, match="lacks log_gaps"):
        MbgCnbdK().fit(X.drop(columns="log_gaps"))
