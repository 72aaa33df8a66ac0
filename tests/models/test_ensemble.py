"""Several models as one: one weight but for what is learnt, one total, and nobody depends on who else is asked."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from clv_experiments.errors import ClvError
from clv_experiments.models.ensemble import Ensemble
from clv_experiments.models.logistic_per_row import LogisticPerRow
from clv_experiments.models.lognormal_ridge import LognormalRidge
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.spend_rate import SpendRate
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.two_part import TwoPart

draws = np.random.default_rng(9)
N = 400
X = pd.DataFrame({"frequency": draws.poisson(2, N).astype(float), "T": 200.0}, index=[f"c{k}" for k in range(N)])
X["recency"] = np.where(X["frequency"] > 0, draws.uniform(1, 200, N).round(), 0.0)
X["monetary_value"] = np.where(X["frequency"] > 0, draws.gamma(5.0, 4.0, N), 0.0)
X["spend_per_day"] = draws.gamma(2.0, 0.1, N)
Y = np.where(draws.random(N) < 0.4, draws.gamma(2.0, 20.0, N), 0.0)
MEMBERS = {
    "linear": SpendRegressor(LinearRegression()),
    "hurdle": SpendRegressor(TwoPart(LogisticPerRow(), LognormalRidge())),
    "mbg_nbd": MbgNbd(),
    "spend_rate": SpendRate(),
}


def alone(name):
    return clone(MEMBERS[name]).fit(X, Y)


def test_it_is_the_mean_of_its_members_until_it_is_scaled():
    ensemble = Ensemble(MEMBERS).fit(X, Y)
    expected = np.mean([alone(name).predict(X) for name in MEMBERS], axis=0)
    np.testing.assert_allclose(ensemble.predict(X), expected, rtol=1e-12)
    assert (ensemble.parameters_["estimate"] == 1).all()


def test_members_weigh_the_same_at_whatever_level_they_are():
    shouting = MEMBERS | {"linear": DummyRegressor(strategy="constant", constant=1e6)}
    constant = shouting | {"linear": DummyRegressor(strategy="constant", constant=1.0)}
    loud, quiet = (Ensemble(members).fit(X, Y).scale_to(X, 9000.0) for members in (shouting, constant))
    np.testing.assert_allclose(loud.predict(X), quiet.predict(X), rtol=1e-12)
    assert loud.predict(X).sum() == pytest.approx(9000)
    for member in loud.members_.values():
        assert member.predict(X).sum() == pytest.approx(9000)


def test_without_a_total_it_keeps_the_mean_of_its_members_totals():
    ensemble = Ensemble(MEMBERS).fit(X, Y)
    before = ensemble.predict(X).sum()
    assert ensemble.scale_to(X, 1.0).scale_to(X).predict(X).sum() == pytest.approx(before)
    totals = [alone(name).predict(X).sum() for name in MEMBERS]
    assert ensemble.parameters_["parameter"].tolist() == list(MEMBERS)
    assert ensemble.parameters_["estimate"].tolist() == pytest.approx([before / total for total in totals])


def test_nobodys_forecast_depends_on_who_else_is_asked():
    ensemble = Ensemble(MEMBERS).fit(X, Y).scale_to(X, 5000.0)
    everybody = pd.Series(ensemble.predict(X), X.index)
    few = X.sample(9, random_state=1)
    np.testing.assert_allclose(ensemble.predict(few), everybody[few.index], rtol=1e-12)


def test_the_chance_of_a_purchase_is_the_mean_of_members_that_predict_it():
    ensemble = Ensemble(MEMBERS).fit(X, Y).scale_to(X, 5000.0)
    expected = (alone("hurdle").probability_purchase(X) + alone("mbg_nbd").probability_purchase(X)) / 2
    np.testing.assert_allclose(ensemble.probability_purchase(X), expected, rtol=1e-12)
    assert not hasattr(Ensemble({"rate": SpendRate()}), "probability_purchase")


@pytest.mark.parametrize("learn_weight_of", [None, "mbg_nbd"])
def test_where_every_member_knows_its_distribution_it_knows_their_mixture(learn_weight_of):
    known = {name: MEMBERS[name] for name in ("hurdle", "mbg_nbd")}
    assert not hasattr(Ensemble(MEMBERS), "predict_quantiles")
    ensemble, few = Ensemble(known, learn_weight_of=learn_weight_of).fit(X, Y).scale_to(X, 5000.0), X.iloc[:60]
    quantiles = ensemble.predict_quantiles(few, [0.8, 0.95])
    members, weights = ensemble.members_.values(), list(ensemble.weights_.values())
    for column, probability in enumerate([0.8, 0.95]):
        for row in range(60):  # by hand: at the quantile the mean of the members' chances of more is what it says
            amount, customer = quantiles[row, column], few.iloc[[row]]
            above = np.dot(weights, [member.probability_above(customer, amount)[0] for member in members])
            assert above == pytest.approx(1 - probability, abs=0.006) or (amount == 0 and above < 1 - probability)
    np.testing.assert_allclose(ensemble.probability_above(few, 0.0), ensemble.probability_purchase(few), rtol=1e-12)
    means = ensemble.predict_quantiles(few, (np.arange(2000) + 0.5) / 2000).mean(axis=1)
    np.testing.assert_allclose(means, ensemble.predict(few), rtol=0.1)


def test_a_learnt_weight_leaves_the_rest_to_the_others():
    plain = Ensemble(MEMBERS).fit(X, Y).scale_to(X, 5000.0)
    drawn = Ensemble(MEMBERS, learn_weight_of="mbg_nbd").fit(X, Y).scale_to(X, 5000.0)
    weight = drawn.weight_
    assert 0 < weight < 1
    share = (1 - weight) / 3
    expected_weights = dict.fromkeys(MEMBERS, share) | {"mbg_nbd": weight}
    assert drawn.weights_ == pytest.approx(expected_weights)
    assert drawn.parameters_.iloc[-1].tolist() == ["weight_of_mbg_nbd", weight]
    predicted = {name: member.predict(X) for name, member in plain.members_.items()}
    expected = sum(expected_weights[name] * predicted[name] for name in MEMBERS)
    np.testing.assert_allclose(drawn.predict(X), expected, rtol=1e-12)
    assert drawn.predict(X).sum() == pytest.approx(5000)
    hurdle, mbg_nbd = alone("hurdle").probability_purchase(X), alone("mbg_nbd").probability_purchase(X)
    chances = (share * hurdle + weight * mbg_nbd) / (share + weight)  # the others do not know it
    np.testing.assert_allclose(drawn.probability_purchase(X), chances, rtol=1e-12)


def test_a_weight_is_learnt_of_one_of_several_members():
    for members, name in ((MEMBERS, "bg_nbd"), ({"mbg_nbd": MbgNbd()}, "mbg_nbd")):
        with pytest.raises(ClvError, match=f"'{name}', whose weight is to be learnt, must be one of at least two"):
            Ensemble(members, learn_weight_of=name).fit(X, Y)


def test_an_ensemble_stored_before_a_weight_could_be_learnt_predicts_as_it_did():
    ensemble = Ensemble(MEMBERS).fit(X, Y).scale_to(X, 5000.0)
    stored = Ensemble.__new__(Ensemble)
    stored.__dict__ = {name: value for name, value in vars(ensemble).items() if name != "learn_weight_of"}
    np.testing.assert_array_equal(stored.predict(X), ensemble.predict(X))
    assert set(stored.weights_.values()) == {1 / 4}


def test_members_that_need_no_labels_are_fitted_on_the_customers_of_the_cutoff():
    panel, customers = X.iloc[:250], X.iloc[150:]
    ensemble = Ensemble(MEMBERS).fit(panel, Y[:250], customers=customers)
    np.testing.assert_array_equal(
        ensemble.members_["mbg_nbd"].predict(X), clone(MEMBERS["mbg_nbd"]).fit(customers).predict(X)
    )
    linear = clone(MEMBERS["linear"]).fit(panel, Y[:250])
    np.testing.assert_array_equal(ensemble.members_["linear"].predict(X), linear.predict(X))


def test_the_horizon_reaches_the_members_that_take_it():
    month = Ensemble({"rate": SpendRate(), "linear": MEMBERS["linear"]}, horizon_days=30.0).fit(X, Y)
    np.testing.assert_allclose(month.members_["rate"].predict(X), SpendRate(30.0).fit(X).predict(X))


def test_notes_say_which_member_they_are_of():
    nobody_repeats = X.assign(frequency=0.0, recency=0.0, monetary_value=0.0)
    notes = Ensemble({"mbg_nbd": MbgNbd()}).fit(nobody_repeats, Y).notes_
    assert notes
    assert all(note.startswith("mbg_nbd: ") for note in notes)


def test_without_members_it_is_refused():
    with pytest.raises(ClvError, match="at least one member"):
        Ensemble({}).fit(X, Y)


def test_it_clones_and_pickles_and_leaves_the_members_given_unfitted():
    ensemble = Ensemble(MEMBERS).fit(X, Y).scale_to(X, 100.0)
    assert np.array_equal(pickle.loads(pickle.dumps(ensemble)).predict(X), ensemble.predict(X))
    assert clone(ensemble).members.keys() == MEMBERS.keys()
    assert not any(hasattr(member, "n_features_in_") for member in MEMBERS.values())
