"""Gamma-Gamma spend that counts the first purchase day among those that are known."""

from copy import copy

import numpy as np
import pandas as pd
import pytest

from clv_experiments.errors import ClvError
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.gamma_gamma import GammaGamma, summarise_known_spends
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

MODELS = [BgNbd, MbgNbd, ParetoNbd]
P, Q, V = 4.0, 4.0, 30.0
N = 4000


def simulate(seed):
    """Customers with Gamma-Gamma spend, most of whom bought once, and the long-run mean spend of each."""
    rng = np.random.default_rng(seed)
    x, T, scale = rng.geometric(0.6, N) - 1.0, rng.uniform(100, 300, N), V / rng.gamma(Q, size=N)
    repeats = np.where(x > 0, rng.gamma(P * np.maximum(x, 1)) * scale / np.maximum(x, 1), 0.0)
    columns = {"frequency": x, "recency": np.where(x > 0, T * rng.random(N), 0.0), "T": T, "monetary_value": repeats}
    return pd.DataFrame(columns).assign(first_spend=rng.gamma(P, size=N) * scale), P * scale


@pytest.fixture(scope="module")
def customers():
    return simulate(0)[0]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: model.__name__)
def fitted(request, customers):
    return request.param(include_first_spend=True).fit(customers)


def test_days_of_known_spend_and_their_mean():
    rows = [
        # frequency, monetary_value, first_spend: days, mean
        (0, 0.0, 12.0, 1, 12.0),
        (2, 30.0, 12.0, 3, 24.0),
        (2, 30.0, 0.0, 2, 30.0),  # a free first purchase tells nothing
        (2, 30.0, -5.0, 2, 30.0),  # nor does a refund
        (2, 0.0, 12.0, 1, 12.0),
        (0, 0.0, 0.0, 0, 0.0),
    ]
    table = pd.DataFrame(rows, columns=["frequency", "monetary_value", "first_spend", "days", "mean"], dtype=float)
    known = summarise_known_spends(table)
    assert known["frequency"].tolist() == table["days"].tolist()
    assert known["monetary_value"].tolist() == table["mean"].tolist()


def test_it_is_the_gamma_gamma_of_all_purchase_days_and_purchases_stay(fitted, customers):
    x, m, first = customers[["frequency", "monetary_value", "first_spend"]].to_numpy().T
    everything = pd.DataFrame({"frequency": x + 1, "monetary_value": (x * m + first) / (x + 1)})
    spend = GammaGamma().fit(everything)
    np.testing.assert_array_equal(fitted.spend_.parameters_["estimate"], spend.parameters_["estimate"])
    purchases = type(fitted)().fit(customers).expected_purchases(customers)
    np.testing.assert_array_equal(fitted.predict(customers), purchases * spend.expected_spend_per_purchase(everything))
    assert list(fitted.feature_names_in_) == ["frequency", "recency", "T", "monetary_value", "first_spend"]
    np.testing.assert_array_equal(fitted.predict(customers.to_numpy()), fitted.predict(customers))
    few = customers.iloc[:5]
    np.testing.assert_array_equal(fitted.predict_quantiles(few.to_numpy(), [0.9]), fitted.predict_quantiles(few, [0.9]))


def test_more_is_known_of_spend_where_the_process_is_gamma_gamma():
    for seed in range(3):
        customers, truth = simulate(seed)
        errors = [
            np.square(
                MbgNbd(include_first_spend=included).fit(customers).expected_spend_per_purchase(customers) - truth
            ).mean()
            for included in (True, False)
        ]
        assert errors[0] < 0.8 * errors[1]


def test_quantiles_are_of_what_is_predicted(fitted, customers):
    few = customers.iloc[:40]
    levels = (np.arange(500) + 0.5) / 500
    means = fitted.predict_quantiles(few, levels).mean(axis=1)
    np.testing.assert_allclose(means.sum(), fitted.predict(few).sum(), rtol=0.1)
    richer = few.assign(first_spend=20 * few["first_spend"])
    assert (fitted.probability_above(richer, 50.0) >= fitted.probability_above(few, 50.0)).all()
    assert (fitted.predict(richer) > fitted.predict(few)).all()


def test_without_amounts_it_is_of_purchases_alone(fitted, customers):
    counts = customers[["frequency", "recency", "T"]]
    alone = type(fitted)(include_first_spend=True).fit(counts)
    assert alone.spend_ is None
    np.testing.assert_array_equal(alone.predict(counts), fitted.expected_purchases(customers))


def test_what_is_missing_or_lost_is_said(customers):
    model = MbgNbd(include_first_spend=True)
    with pytest.raises(ClvError, match=r"X lacks first_spend .* which the feature set rfm_first_spend has"):
        model.fit(customers.drop(columns="first_spend"))
    with pytest.raises(ClvError, match="missing or infinite"):
        model.fit(customers.assign(first_spend=np.nan))
    with pytest.raises(ClvError, match="Gamma-Gamma describes spend above 0"):
        model.fit(customers.assign(monetary_value=-1.0))


def test_a_model_stored_before_there_was_a_choice_leaves_the_first_purchase_out(customers):
    stored = copy(MbgNbd().fit(customers))
    del stored.__dict__["include_first_spend"]
    expected = MbgNbd().fit(customers).predict(customers)
    np.testing.assert_array_equal(stored.predict(customers.drop(columns="first_spend")), expected)
