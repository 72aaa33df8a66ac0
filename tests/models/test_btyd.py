"""What every BTYD estimator owes its caller: the contract, clear errors, an answer at every extreme."""

import logging
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.models import btyd_fitting, newton
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.models.btyd_likelihood import PurchaseHistories
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.pareto_nbd import ParetoNbd

MODELS = [BgNbd, MbgNbd, ParetoNbd]
COLUMNS = ["frequency", "recency", "T", "monetary_value"]


def frame(rows):
    return pd.DataFrame(rows, columns=COLUMNS, dtype=float).rename_axis("customer_id")


def simulate(n, seed, first_coin=0):
    """Customers of a BG/NBD (or, with a first coin, MBG/NBD) with r 1, alpha 6 weeks, a 1, b 3: one event at a time."""
    rng = np.random.default_rng(seed)
    rate, chance, T = rng.gamma(1.0, 1 / 6, n), rng.beta(1.0, 3.0, n), rng.uniform(20, 60, n)
    x, last, alive = np.zeros(n), np.zeros(n), rng.random(n) >= first_coin * chance
    while alive.any():
        moment = last + rng.exponential(1 / rate)
        alive &= moment <= T
        x, last = x + alive, np.where(alive, moment, last)
        alive &= rng.random(n) >= chance
    spend = np.where(x > 0, rng.gamma(6 * np.maximum(x, 1), 1 / np.maximum(x, 1)) * 15 / rng.gamma(4.0, 1, n), 0)
    return frame(np.column_stack([x, 7 * last, 7 * T, spend]))


def simulate_pareto(n, seed):
    """Customers of a Pareto/NBD with r 1, alpha 6, s 1.5, beta 30 weeks."""
    rng = np.random.default_rng(seed)
    rate, T = rng.gamma(1.0, 1 / 6, n), rng.uniform(20, 60, n)
    life = np.minimum(T, rng.exponential(1 / rng.gamma(1.5, 1 / 30, n)))
    x = rng.poisson(rate * life).astype(float)
    last = np.where(x > 0, life * rng.beta(np.maximum(x, 1), 1), 0)  # the latest of x uniform moments
    return frame(np.column_stack([x, 7 * last, 7 * T, 20.0 * (x > 0)]))


@pytest.fixture(scope="module")
def customers():
    return simulate(400, seed=1)


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: model.__name__)
def fitted(request, customers):
    return request.param(horizon_days=91.0).fit(customers)


def test_constructor_stores_and_clone_starts_afresh(fitted):
    copy = clone(fitted)
    assert copy.get_params() == {"horizon_days": 91.0, "include_first_spend": False}
    assert copy.set_params(horizon_days=30).horizon_days == 30
    with pytest.raises(NotFittedError):
        copy.predict(frame([[1, 10, 20, 5]]))
    with pytest.raises(NotFittedError):
        copy.expected_cumulative_purchases(np.arange(3))


def test_tags_and_features(fitted):
    assert not fitted.__sklearn_tags__().target_tags.required
    assert fitted.n_features_in_ == 4
    assert list(fitted.feature_names_in_) == COLUMNS


def test_predict_is_purchases_times_spend_and_ignores_other_columns_and_labels(fitted, customers):
    forecast = fitted.predict(customers)
    assert forecast.shape == (len(customers),)
    expected = fitted.expected_purchases(customers) * fitted.spend_.expected_spend_per_purchase(customers)
    np.testing.assert_array_equal(forecast, expected)
    wider = customers.assign(country="UK")[["country", *reversed(COLUMNS)]]
    np.testing.assert_array_equal(clone(fitted).fit(wider, y=np.zeros(len(wider))).predict(wider), forecast)


def test_without_monetary_value_purchases_alone_are_fitted_and_predicted(fitted, customers):
    counts = customers.drop(columns="monetary_value")
    alone = type(fitted)(horizon_days=91.0).fit(counts)
    assert alone.parameters_.equals(fitted.parameters_.query("part == 'purchases'"))
    assert np.array_equal(alone.predict(counts), fitted.expected_purchases(customers))
    assert alone.log_likelihood_ == fitted.log_likelihood_
    with pytest.raises(ClvError, match="without monetary_value"):
        alone.expected_spend_per_purchase(customers)


def test_a_forecast_depends_on_its_own_customer_only(fitted, customers):
    forecast = pd.Series(fitted.predict(customers), index=customers.index)
    chance = pd.Series(fitted.probability_purchase(customers), index=customers.index)
    shuffled = customers.sample(frac=0.3, random_state=3, replace=True)  # another order, fewer rows, some twice
    np.testing.assert_array_equal(fitted.predict(shuffled), forecast[shuffled.index])
    np.testing.assert_array_equal(fitted.probability_purchase(shuffled), chance[shuffled.index])
    refitted = clone(fitted).fit(customers.sample(frac=1, random_state=4))
    np.testing.assert_array_equal(refitted.predict(customers), forecast)


def test_pickle_carries_parameters_and_no_customers(fitted, customers):
    blob = pickle.dumps(fitted)
    twice = clone(fitted).fit(pd.concat([customers, customers], ignore_index=True))
    assert abs(len(pickle.dumps(twice)) - len(blob)) < 200  # a sentence, not 400 customers at 8 bytes a value
    np.testing.assert_array_equal(pickle.loads(blob).predict(customers), fitted.predict(customers))


def test_compressed_fit_has_the_log_likelihood_of_all_rows(fitted, customers):
    parameters = fitted.parameters_.query("part == 'purchases'")["estimate"].to_numpy()
    x, tx, T = customers[COLUMNS[:3]].to_numpy().T / [[1], [7], [7]]
    everyone = fitted._log_likelihood(parameters, PurchaseHistories(x, tx, T, np.ones(len(x)))).value
    assert fitted.log_likelihood_ == pytest.approx(everyone, rel=1e-12)
    twice = clone(fitted).fit(pd.concat([customers, customers], ignore_index=True))
    assert twice.log_likelihood_ == pytest.approx(2 * everyone, rel=1e-9)


def test_parameter_table(fitted):
    table = fitted.parameters_
    assert list(table.columns) == ["parameter", "estimate", "standard_error", "part"]
    assert list(table["part"]) == ["purchases"] * 4 + ["spend"] * 3
    for row in table.itertuples():
        owner = fitted if row.part == "purchases" else fitted.spend_
        assert getattr(owner, f"{row.parameter}_") == row.estimate
    assert (table["standard_error"] > 0).all()


@pytest.mark.parametrize("scale", [1 / 7, 30.0])
def test_a_change_of_time_unit_changes_nothing_but_the_times(fitted, customers, scale):
    stretched = customers.assign(recency=customers["recency"] * scale, T=customers["T"] * scale)
    other = clone(fitted).set_params(horizon_days=91.0 * scale).fit(stretched)
    for name in fitted._parameter_names:
        unit = scale if name in ("alpha", "beta") else 1.0
        # the optimiser stops at a gradient of 1e-8; Pareto/NBD is flat, which leaves about 1e-3 in beta
        assert getattr(other, f"{name}_") == pytest.approx(unit * getattr(fitted, f"{name}_"), rel=5e-3)
    np.testing.assert_allclose(other.predict(stretched), fitted.predict(customers), rtol=1e-3)


def test_the_same_parameters_in_another_unit_give_the_same_forecast(fitted, customers):
    other = pickle.loads(pickle.dumps(fitted))
    for name in {"alpha", "beta"} & set(fitted._parameter_names):
        setattr(other, f"{name}_", 3.0 * getattr(fitted, f"{name}_"))
    stretched = customers.assign(recency=customers["recency"] * 3, T=customers["T"] * 3)
    np.testing.assert_allclose(
        other.expected_purchases(stretched, 273.0), fitted.expected_purchases(customers, 91.0), rtol=1e-11
    )


@pytest.mark.parametrize(
    ("model", "customers", "truth"),
    [
        (BgNbd, simulate(6000, seed=11), (1.0, 6.0, 1.0, 3.0)),
        (MbgNbd, simulate(6000, seed=12, first_coin=1), (1.0, 6.0, 1.0, 3.0)),
        (ParetoNbd, simulate_pareto(6000, seed=13), (1.0, 6.0, 1.5, 30.0)),
    ],
)
def test_simulated_parameters_are_recovered(model, customers, truth):
    table = model().fit(customers).parameters_.iloc[:4]
    assert (np.abs(table["estimate"] - np.array(truth)) < 3.5 * table["standard_error"]).all()
    assert (table["standard_error"] < 0.5 * np.array(truth)).all()  # or anything would be recovered


EXTREMES = {
    "one customer": frame([[3, 40, 60, 12]]),
    "one customer, no repeat": frame([[0, 0, 60, 0]]),
    "nobody repeats": frame([[0, 0, T, 0] for T in range(1, 50)]),
    "no dropout": frame([[12, 360, 365, 20]] * 20 + [[6, 350, 365, 30]] * 20),
    "clockwork": frame([[9, 63, 63, 5]] * 30),
    "a robot among people": pd.concat([simulate(100, seed=5), frame([[5000, 6000, 6100, 10]])], ignore_index=True),
    "only robots": frame([[5000, 6000, 6100, 10]] * 3),
    "twenty customers": simulate(20, seed=6),
    "twenty others": simulate(20, seed=9),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_are_fitted_and_forecast(model, name):
    customers = EXTREMES[name]
    fitted = model(horizon_days=365.0).fit(customers)
    everyone = pd.concat([*EXTREMES.values(), frame([[0, 0, 0, 0]])], ignore_index=True)  # one who is new today
    assert np.isfinite(fitted.log_likelihood_)
    for values in (fitted.predict(everyone), fitted.expected_cumulative_purchases(np.arange(0, 3000, 100))):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    for chance in (fitted.probability_alive(everyone), fitted.probability_purchase(everyone)):
        assert ((chance >= 0) & (chance <= 1)).all()
    if not (customers["frequency"] > 0).any():
        assert fitted.boundary_
        assert any("no customer repeated" in note for note in fitted.notes_)
        assert fitted.predict(customers).max() == 0


@pytest.mark.parametrize("model", MODELS)
def test_a_log_without_visible_dropout_is_accepted_and_said(model, caplog):
    rng = np.random.default_rng(2)
    T = rng.integers(100, 200, 200)
    gaps = rng.gamma(3.0, 1.0, 200)
    x = np.floor(T / 7 / gaps) + 1
    customers = frame(np.column_stack([x, T, T, np.full(200, 9.0)]))  # everyone was seen on the last day
    with caplog.at_level(logging.INFO):
        fitted = model().fit(customers)
    assert "no dropout visible" in fitted.boundary_
    assert "no dropout visible" in caplog.text
    assert fitted.parameters_["standard_error"].iloc[:4].isna().all()
    assert fitted.probability_alive(customers).min() > 0.99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda X: X.drop(columns=["recency", "T"]),
            r"X lacks recency, T .*it has frequency, monetary_value.*feature set rfm",
        ),
        (lambda X: X.assign(T=X["T"].mask(X.index == 2)), r"column T has 1 value.*missing.*customer_id 2"),
        (lambda X: X.assign(frequency=-1.0), r"column frequency has 3 value.*below 0.*customer_id 0 \(-1\), 1"),
        (lambda X: X.assign(recency=X["T"] + 1), r"column recency has 3 value.*later than T"),
        (lambda X: X.assign(frequency=0.5), r"frequency.*not a whole number"),
        (lambda X: X.assign(monetary_value=np.inf), r"column monetary_value.*infinite"),
        (lambda X: X.assign(recency="soon"), r"other than numbers"),
        (lambda X: X.assign(extra=1.0).set_axis([*COLUMNS, "T"], axis=1), r"twice"),
        (lambda X: X.iloc[:0], r"no customer to fit"),
        (lambda X: X.to_numpy()[:, :2], r"an array without names must have the columns .*got 2 column"),
    ],
)
def test_bad_input_gets_one_clear_sentence(change, message):
    customers = frame([[2, 30, 60, 9], [0, 0, 50, 0], [1, 5, 40, 7]])
    with pytest.raises(ClvError, match=message):
        BgNbd().fit(change(customers))


@pytest.mark.parametrize("horizon", [0, -91, np.nan, np.inf])
def test_horizon_must_be_positive(fitted, customers, horizon):
    with pytest.raises(ClvError, match="horizon must be positive"):
        fitted.expected_purchases(customers, horizon_days=horizon)


def test_negative_days_are_refused(fitted):
    with pytest.raises(ClvError, match="days since the first purchase"):
        fitted.expected_cumulative_purchases([-1.0])


def test_no_rows_give_no_forecast(fitted, customers):
    assert fitted.predict(customers.iloc[:0]).shape == (0,)
    assert fitted.probability_purchase(customers.iloc[:0]).shape == (0,)


def test_base_is_not_a_model_by_itself():
    with pytest.raises(TypeError, match="abstract"):
        BtydRegressor()


@pytest.mark.parametrize("model", MODELS)
def test_where_nobody_has_had_time_to_come_back_nothing_is_forecast(model):
    customers = pd.DataFrame({"frequency": 0.0, "recency": 0.0, "T": 0.0, "monetary_value": 0.0}, index=range(30))
    with pytest.raises(LogTooShort, match=r"of 30 customers nobody has had time to come back: .* \(T = 0\)"):
        model().fit(customers)
    customers.loc[0, "T"] = 1.0
    assert np.isfinite(model().fit(customers).predict(customers)).all()


# --- convergence ----------------------------------------------------------------------------------------------------


def test_the_start_of_a_large_log_is_looked_for_on_a_sample_and_leads_to_the_same_optimum(customers, monkeypatch):
    whole = BgNbd().fit(customers)
    sizes, original = [], BgNbd._log_likelihood

    def log_likelihood(self, parameters, histories):
        sizes.append(len(histories))
        return original(self, parameters, histories)

    monkeypatch.setattr(btyd_fitting, "SAMPLE", 50)
    monkeypatch.setattr(BgNbd, "_log_likelihood", log_likelihood)
    started = BgNbd().fit(customers)
    assert max(sizes[:10]) <= 50
    assert sum(size > 50 for size in sizes) < 10
    np.testing.assert_allclose(started.parameters_["estimate"], whole.parameters_["estimate"], rtol=1e-7)
    np.testing.assert_allclose(started.parameters_["standard_error"], whole.parameters_["standard_error"], rtol=1e-6)


def test_a_sample_that_misleads_does_no_harm(customers, monkeypatch):
    whole = BgNbd().fit(customers)
    monkeypatch.setattr(btyd_fitting, "SAMPLE", 1)  # one history leads to a boundary
    started = BgNbd().fit(customers)
    assert started.log_likelihood_ == pytest.approx(whole.log_likelihood_, abs=1e-6)
    assert not started.boundary_


def test_a_fit_that_does_not_converge_says_so(customers, monkeypatch):
    whole = BgNbd().fit(customers)
    monkeypatch.setattr(newton, "MAX_STEPS", 1)
    short = BgNbd().fit(customers)
    assert short.log_likelihood_ < whole.log_likelihood_ - 1
    assert any("could not be maximised to convergence" in note for note in short.notes_)
