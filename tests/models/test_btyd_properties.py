"""What must hold for BTYD forecasts at any parameters and any customer, and their oracles."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, gammaln, hyp2f1

from clv_experiments.models.bg_nbd import BgNbd, beta_quadrature
from clv_experiments.models.btyd_likelihood import PurchaseHistories
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

MODELS = [BgNbd, MbgNbd, ParetoNbd]
ROUNDING = 1e-9  # of quadrature and of sums over many terms, far below anything a forecast is read to

few_examples = settings(max_examples=25, deadline=None, derandomize=True)
logs = st.floats(-14, 14)
wild = st.tuples(logs, logs, logs, logs).map(np.exp)
tame = st.tuples(*[st.floats(np.log(0.05), np.log(20))] * 4).map(np.exp)
edges = st.sampled_from([(0.2, 4.0, 1.0, 2.0), (0.2, 4.0, 0.3, 0.2), (0.5, 3.0, 1e-6, 1e6), (1.0, 1.0, 1.0, 1.0)])
times = st.floats(0, 2000)
frequencies = st.one_of(st.integers(0, 60), st.sampled_from([500, 5000]))


def given_parameters(model, parameters):
    fitted = model()
    for name, value in zip(fitted._parameter_names, parameters, strict=True):
        setattr(fitted, f"{name}_", float(value))
    return fitted


def people(x, tx, T):
    return pd.DataFrame({"frequency": x, "recency": tx, "T": T}, dtype=float)


def log_likelihoods(model, parameters, *columns):
    one = np.ones(1)
    histories = [PurchaseHistories(*np.array(values)[:, None], one) for values in zip(*columns, strict=True)]
    return [model()._log_likelihood(np.array(parameters), history).value for history in histories]


@st.composite
def customers(draw):
    T = draw(times)
    x = draw(frequencies)
    return people([x], [T * draw(st.floats(0, 1)) if x else 0.0], [T])


@pytest.mark.parametrize("model", MODELS)
@given(
    parameters=st.one_of(wild, tame, edges), X=customers(), horizons=st.tuples(st.floats(0.01, 4000), st.floats(1, 4))
)
@few_examples
def test_forecasts_are_finite_ordered_probabilities_and_counts(model, parameters, X, horizons):
    fitted = given_parameters(model, parameters)
    horizon, longer = horizons[0], horizons[0] * horizons[1]
    alive = fitted.probability_alive(X)
    soon, later = fitted.expected_purchases(X, horizon), fitted.expected_purchases(X, longer)
    any_soon, any_later = fitted.probability_purchase(X, horizon), fitted.probability_purchase(X, longer)
    for values in (alive, soon, later, any_soon, any_later):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    slack = 1 + ROUNDING
    assert alive <= 1
    assert soon <= later * slack
    assert any_soon <= any_later * slack
    assert any_later <= alive * slack
    assert any_soon <= soon * slack


@pytest.mark.parametrize("model", MODELS)
@given(parameters=st.one_of(tame, edges), T=st.floats(1, 1000), x=st.integers(0, 50))
@few_examples
def test_recent_customers_are_rather_alive_and_frequent_ones_buy_more(model, parameters, T, x):
    fitted = given_parameters(model, parameters)
    moments = np.linspace(0, T, 9)
    alive = fitted.probability_alive(people(np.full(9, max(x, 1)), moments, np.full(9, T)))
    assert (np.diff(alive) >= -ROUNDING).all()
    X = people([x, x + 1], [T, T], [T, T])
    if_alive = fitted.expected_purchases(X, 91.0) / fitted.probability_alive(X)
    # more purchases raise the rate and, in the BG family, lower the dropout chance
    assert if_alive[0] <= if_alive[1] * (1 + ROUNDING)


@pytest.mark.parametrize("model", MODELS)
@given(parameters=st.one_of(wild, tame, edges))
@few_examples
def test_a_new_customers_purchases_accumulate(model, parameters):
    fitted = given_parameters(model, parameters)
    total = fitted.expected_cumulative_purchases(np.array([0, 1, 7, 91, 365, 3650]))
    assert total[0] == 0
    assert np.isfinite(total).all()
    assert (np.diff(total) >= -ROUNDING * total[1:]).all()
    first_day = people([0], [0], [0])
    assert fitted.expected_purchases(first_day, 91.0)[0] == pytest.approx(total[3], rel=ROUNDING)


@given(a=st.floats(1e-6, 1e3), b=st.floats(1e-6, 1e6), count=st.sampled_from([16, 64]))
@few_examples
def test_beta_nodes_have_the_moments_of_the_beta(a, b, count):
    p, weights = beta_quadrature(a, b, count)
    assert ((p >= 0) & (p <= 1) & (weights >= 0)).all()
    for k in (1, 2, 5):
        moment = np.exp(betaln(a + k, b) - betaln(a, b))
        # eigenvalues carry an absolute error of rounding times the largest
        assert (weights * p**k).sum() == pytest.approx(moment, rel=1e-8, abs=1e-14)


def closed_form(r, alpha, a, b, x, tx, T, t):
    """Fader, Hardie and Lee (2005), eq. 10."""
    hyper = hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
    top = (a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * hyper)
    return top / (1 + (x > 0) * a / (b + max(x, 1) - 1) * ((alpha + T) / (alpha + tx)) ** (r + x))


@pytest.mark.parametrize("parameters", [(0.24, 4.4, 0.79, 2.43), (1.5, 10.0, 2.5, 4.0), (0.5, 2.0, 0.3, 3.0)])
@pytest.mark.parametrize("x", [0, 1, 7, 30])
@pytest.mark.parametrize("t", [1.0, 13.0, 52.0])
def test_bg_expectation_is_the_closed_form(parameters, x, t):
    X = people([x], [7 * 20.0 * (x > 0)], [7 * 30.0])
    ours = given_parameters(BgNbd, parameters).expected_purchases(X, 7 * t)[0]
    # the closed form itself loses digits in its difference
    assert ours == pytest.approx(closed_form(*parameters, x, 20.0 * (x > 0), 30.0, t), rel=1e-9)


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
@pytest.mark.parametrize("parameters", [(0.5, 4.0, 1.0, 2.0), (0.5, 4.0, 1.3, 0.4), (0.3, 0.5, 2.0, 1.0)])
@pytest.mark.parametrize(("x", "T"), [(0, 0.0), (0, 30.0), (3, 30.0), (200, 250.0)])
def test_expectation_if_alive_is_the_integral_over_the_dropout_chance(model, parameters, x, T):
    r, alpha, a, b = parameters
    later = b + x + (model is MbgNbd)
    u = 39 / (alpha + T)

    # substituting p = y^(1/a) takes the pole of the Beta density at 0 away; splitting finds its peak
    def integrand(y):
        p = y ** (1 / a)
        tail = np.log1p(-p) * (later - 1) - np.log(a) - betaln(a, later)
        return -np.expm1(-(r + x) * np.log1p(p * u)) / p * np.exp(tail) if 0 < p < 1 else 0.0

    cuts = [0, *(np.array([0.1, 0.5, 1, 2, 5, 20]) / (later + 20)) ** a, 1]
    oracle = sum(quad(integrand, low, high, epsrel=1e-11, limit=200)[0] for low, high in pairwise(cuts))
    fitted = given_parameters(model, parameters)
    assert fitted._purchases_if_alive(np.array([x]), np.array([T]), np.array([39.0]))[0] == pytest.approx(
        oracle, rel=1e-7
    )


def pareto_pieces(parameters, x, start, end):
    """P(purchase first) and P(dropout first) in a silence, in log time and by adaptive integration."""
    r, alpha, s, beta = parameters

    def race(log_age, shape, age):
        v = np.exp(log_age)
        silence = -(r + x) * np.log1p(v / (alpha + start)) - s * np.log1p(v / (beta + start))
        return np.exp(silence + log_age) * shape / (age + start + v)

    cuts = np.append(np.arange(-30, np.log(end - start), 2.0), np.log(end - start))
    return [
        sum(quad(race, low, high, args=side, epsrel=1e-12)[0] for low, high in pairwise(cuts))
        for side in ((r + x, alpha), (s, beta))
    ]


@pytest.mark.parametrize(
    "parameters", [(0.55, 10.6, 0.61, 11.7), (1.0, 5.0, 1.0, 5.0), (0.3, 40, 3, 0.5), (9, 2, 50, 4e3)]
)
@pytest.mark.parametrize(("x", "tx", "T"), [(0, 0.0, 30.0), (4, 5.0, 39.0), (60, 80.0, 100.0), (2, 0.5, 500.0)])
def test_pareto_probabilities_are_the_integrals_of_the_race(parameters, x, tx, T):
    r, alpha, s, beta = parameters
    fitted = given_parameters(ParetoNbd, parameters)
    X = people([x], [7 * tx], [7 * T])
    dropped = pareto_pieces(parameters, x, tx, T)[1]
    silent = (r + x) * np.log((alpha + tx) / (alpha + T)) + s * np.log((beta + tx) / (beta + T))
    alive = 1 / (1 + dropped / np.exp(silent))
    assert fitted.probability_alive(X)[0] == pytest.approx(alive, rel=1e-7)
    bought = pareto_pieces(parameters, x, T, T + 39)[0]
    assert fitted.probability_purchase(X, 273.0)[0] == pytest.approx(alive * bought, rel=1e-7)


@pytest.mark.parametrize("parameters", [(0.55, 10.6, 0.61, 11.7), (0.55, 11.7, 0.61, 10.6), (2.0, 3.0, 1.5, 9.0)])
def test_pareto_log_likelihood_is_the_published_one(parameters):
    # Fader and Hardie (2005), "A Note on Deriving the Pareto/NBD Model", in its two cases
    r, alpha, s, beta = parameters
    x, tx, T = np.array([0.0, 1, 5, 20]), np.array([0.0, 12, 30, 35]), np.full(4, 39.0)
    big, small, shape = (alpha, beta, s + 1) if alpha >= beta else (beta, alpha, r + x)
    total = r + s + x
    parts = [hyp2f1(total, shape, total + 1, (big - small) / (big + u)) / (big + u) ** total for u in (tx, T)]
    alive = (alpha + T) ** -(r + x) * (beta + T) ** -s
    published = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    published += np.log(alive + s / total * (parts[0] - parts[1]))
    np.testing.assert_allclose(log_likelihoods(ParetoNbd, parameters, x, tx, T), published, rtol=1e-9)


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
def test_bg_family_log_likelihood_is_the_published_one(model):
    # Fader, Hardie and Lee (2005), eq. 6; Batislam, Denizel and Filiztekin (2007)
    r, alpha, a, b = 0.5, 6.0, 0.9, 1.6
    x, tx, T = np.array([0.0, 1, 5, 20]), np.array([0.0, 12, 30, 35]), np.full(4, 39.0)
    extra = 1 if model is MbgNbd else 0
    stay = np.exp(betaln(a, b + x + extra) - betaln(a, b)) * (alpha + T) ** -(r + x)
    leave = np.exp(betaln(a + 1, b + np.maximum(x + extra, 1) - 1) - betaln(a, b)) * (alpha + tx) ** -(r + x)
    published = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + np.log(stay + leave * (x + extra > 0))
    np.testing.assert_allclose(log_likelihoods(model, (r, alpha, a, b), x, tx, T), published, rtol=1e-12)


def test_pareto_expectation_passes_smoothly_through_s_of_one():
    X = people([3], [100], [200])
    below, at, above = (
        given_parameters(ParetoNbd, (0.5, 10.0, s, 12.0)).expected_purchases(X, 273.0)[0]
        for s in (1 - 1e-7, 1.0, 1 + 1e-7)
    )
    assert below == pytest.approx(at, rel=1e-6)
    assert above == pytest.approx(at, rel=1e-6)
    assert below > at > above
