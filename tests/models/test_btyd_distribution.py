"""The distribution of spend under BTYD models, against customers whose whole story is simulated."""

import numpy as np
import pandas as pd
import pytest

from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.btyd_distribution import PosteriorDraws, simulate_positive_spend
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

WEEKS, HORIZON = 52.0, 13.0
CUSTOMERS = 1000
PARAMETERS = {BgNbd: (0.8, 4.0, 0.8, 2.5), MbgNbd: (0.8, 4.0, 0.8, 2.5), ParetoNbd: (0.8, 4.0, 0.6, 10.0)}
SPEND = (6.0, 4.0, 15.0)  # p, q, v


def given(model, with_money=True):
    """A model with the parameters that customers are simulated from."""
    estimator = model(horizon_days=7 * HORIZON)
    for name, value in zip(estimator._parameter_names, PARAMETERS[model], strict=True):
        setattr(estimator, f"{name}_", value)
    estimator.spend_ = None
    if with_money:
        estimator.spend_ = GammaGamma()
        estimator.spend_.p_, estimator.spend_.q_, estimator.spend_.v_ = SPEND
        estimator.spend_.mean_spend_ = SPEND[0] * SPEND[2] / (SPEND[1] - 1)
    return estimator


def story(model, rng):
    """Days of one customer's repeat purchases until the end of the horizon, told as the papers do."""
    r, alpha, *dropout = PARAMETERS[model]
    rate, day, days = rng.gamma(r) / alpha, 0.0, []
    chance = 0.0 if model is ParetoNbd else rng.beta(*dropout)
    end = rng.exponential(dropout[1] / rng.gamma(dropout[0])) if model is ParetoNbd else np.inf
    alive = model is not MbgNbd or rng.random() >= chance
    while alive and (day := day + rng.exponential(1 / rate)) < min(WEEKS + HORIZON, end):
        days.append(day)
        alive = rng.random() >= chance
    return np.array(days)


@pytest.fixture(scope="module", params=PARAMETERS, ids=lambda model: model.__name__)
def simulated(request):
    """A model, its customers at the cutoff, and what they spend and buy afterwards."""
    rng, (p, q, v), rows = np.random.default_rng(11), SPEND, []
    for _ in range(CUSTOMERS):
        days, scale = story(request.param, rng), rng.gamma(q) / v
        known, spends = days[days <= WEEKS], rng.gamma(p, 1 / scale, len(days))
        before = spends[: len(known)]
        mean = before.mean() if len(before) else 0.0
        rows.append((len(known), known[-1] if len(known) else 0.0, WEEKS, mean, spends[len(known) :].sum(), len(days)))
    table = pd.DataFrame(rows, columns=["frequency", "recency", "T", "monetary_value", "spend", "days"])
    table[["recency", "T"]] *= 7
    return request.param, table[["frequency", "recency", "T", "monetary_value"]], table


def test_quantiles_are_exceeded_as_often_as_they_say(simulated):
    model, X, table = simulated
    quantiles = given(model).predict_quantiles(X, [0.5, 0.8, 0.9, 0.95])
    exceeded = (table["spend"].to_numpy()[:, None] > quantiles).mean(axis=0)
    # A quantile of 0 is exceeded by fewer: each must be above 0 for some, and then be right among them.
    for column, probability in enumerate([0.5, 0.8, 0.9, 0.95]):
        positive = quantiles[:, column] > 0
        error = 4 * np.sqrt(probability * (1 - probability) / positive.sum())
        share = (table["spend"].to_numpy() > quantiles[:, column])[positive].mean()
        assert share == pytest.approx(1 - probability, abs=error)
        assert exceeded[column] <= 1 - probability + error


@pytest.mark.parametrize("amount", [30.0, 150.0])
def test_amounts_are_exceeded_as_often_as_it_says(simulated, amount):
    model, X, table = simulated
    above, exceeded = given(model).probability_above(X, amount), (table["spend"] > amount).mean()
    assert above.mean() == pytest.approx(exceeded, abs=4 * np.sqrt(exceeded * (1 - exceeded) / CUSTOMERS))


def test_without_money_it_is_of_purchases(simulated):
    model, X, table = simulated
    counts, bought = given(model, with_money=False), table["days"] - table["frequency"]
    above = counts.probability_above(X.drop(columns="monetary_value"), 2.0).mean()
    assert above == pytest.approx((bought > 2).mean(), abs=4 * np.sqrt(0.25 / CUSTOMERS))
    quantiles = counts.predict_quantiles(X.iloc[:50], [0.3, 0.9])
    assert (quantiles == np.round(quantiles)).all()


def test_mean_and_chance_of_a_purchase_are_those_predicted(simulated):
    model, X, _ = simulated
    few, estimator = X.drop_duplicates("frequency").head(12), given(model)
    means = estimator.predict_quantiles(few, (np.arange(20_000) + 0.5) / 20_000).mean(axis=1)
    np.testing.assert_allclose(means, estimator.predict(few), rtol=0.12, atol=0.02)
    assert means.sum() == pytest.approx(estimator.predict(few).sum(), rel=0.04)
    np.testing.assert_array_equal(estimator.probability_above(few, 0.0), estimator.probability_purchase(few))
    assert (estimator.probability_above(few, -1.0) == 1).all()


@pytest.mark.parametrize("model", PARAMETERS)
def test_many_draws_have_the_mean_of_the_closed_form(model, monkeypatch):
    for module in ("bg_nbd", "pareto_nbd"):
        monkeypatch.setattr(f"clv_experiments.models.{module}.DRAWS", 400_000)
    estimator = given(model, with_money=False)
    X = pd.DataFrame({"frequency": [0.0, 2.0, 30.0], "recency": [0.0, 150.0, 360.0], "T": 364.0})
    means = estimator.predict_quantiles(X, (np.arange(20_000) + 0.5) / 20_000).mean(axis=1)
    np.testing.assert_allclose(means, estimator.predict(X), rtol=0.01)


def test_company_order_and_repetition_do_not_matter(simulated):
    model, X, _ = simulated
    estimator = given(model)
    all_at_once = estimator.predict_quantiles(X.iloc[:30], [0.5, 0.9])
    assert np.array_equal(estimator.predict_quantiles(X.iloc[:30][::-1], [0.5, 0.9])[::-1], all_at_once)
    assert np.array_equal(estimator.predict_quantiles(X.iloc[[7]], [0.5, 0.9]), all_at_once[[7]])


@pytest.mark.parametrize("factor", [0.01, 7.3])
def test_quantiles_are_in_the_unit_of_money(simulated, factor):
    model, X, _ = simulated
    estimator, other = given(model), given(model)
    other.spend_.v_, other.spend_.mean_spend_ = factor * SPEND[2], factor * estimator.spend_.mean_spend_
    money = X.assign(monetary_value=factor * X["monetary_value"]).iloc[:40]
    expected = factor * estimator.predict_quantiles(X.iloc[:40], [0.7, 0.95])
    np.testing.assert_allclose(other.predict_quantiles(money, [0.7, 0.95]), expected, rtol=1e-9)


@pytest.mark.parametrize("parameters", [(1e-6, 1e6, 1e-6, 1e6), (1e6, 1e-6, 1e6, 1e-6), (1e-6, 1e-6, 1e6, 1e6)])
@pytest.mark.parametrize("model", PARAMETERS)
def test_it_is_finite_at_the_ends_of_the_parameters(model, parameters):
    estimator = given(model)
    for name, value in zip(estimator._parameter_names, parameters, strict=True):
        setattr(estimator, f"{name}_", value)
    X = pd.DataFrame({"frequency": [0, 0, 50], "recency": [0, 0, 60], "T": [0, 90, 90], "monetary_value": [0, 0, 9.0]})
    quantiles = estimator.predict_quantiles(X.astype(float), [0.0, 0.5, 1.0])
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_too_few_repeaters_leave_a_spend_per_purchase_that_does_not_vary():
    spend = GammaGamma().fit(pd.DataFrame({"frequency": [1.0, 0.0], "monetary_value": [8.0, 0.0]}))
    units = spend.spend_draw_scales(np.array([1.0]), np.array([8.0]))
    drawn = units * spend.draw_spend(1.0, np.random.default_rng(0), np.array([1, 3]))
    assert drawn.tolist() == pytest.approx([8.0, 24.0])


def test_purchases_given_one_are_those_of_a_truncated_poisson():
    rng = np.random.default_rng(3)
    draws = PosteriorDraws(np.full(200_000, 0.7), np.full(200_000, np.inf))
    positive = simulate_positive_spend(draws, np.asarray, rng)
    chance = -np.expm1(-0.7)
    for count, poisson in [(1, 0.7 * np.exp(-0.7)), (2, 0.7**2 / 2 * np.exp(-0.7))]:
        share = positive.probability_above(count - 1) - positive.probability_above(count)
        assert share == pytest.approx(poisson / chance, abs=0.005)
