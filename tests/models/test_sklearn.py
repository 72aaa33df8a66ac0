"""Estimators do what scikit-learn asks of any, but for what docs/scikit_learn.md lists with reasons."""

import pickle
import re
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from xgboost import XGBRegressor

from clv_experiments import models
from clv_experiments.errors import ClvError
from clv_experiments.models.bg_nbd import BgNbd
from clv_experiments.models.early_stopping import EarlyStoppingRegressor
from clv_experiments.models.ensemble import Ensemble
from clv_experiments.models.gamma_gamma import GammaGamma
from clv_experiments.models.hiatus import Hiatus
from clv_experiments.models.last_period import LastPeriod
from clv_experiments.models.log_features import LogFeatures
from clv_experiments.models.logistic_per_row import LogisticPerRow
from clv_experiments.models.lognormal_ridge import LognormalRidge
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.offset_regressor import OffsetRegressor
from clv_experiments.models.pareto_nbd import ParetoNbd
from clv_experiments.models.rfm_decile import RfmDecile
from clv_experiments.models.ridge_per_row import RidgePerRow
from clv_experiments.models.scaled_regressor import ScaledRegressor
from clv_experiments.models.spend_rate import SpendRate
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.two_part import TwoPart
from clv_experiments.models.xgboost_ziln import XgboostZiln
from clv_experiments.models.zeros import Zeros

DOCS = Path(__file__).resolve().parents[2] / "docs" / "scikit_learn.md"
ANY_FEATURES = [
    RidgePerRow(),
    LogFeatures(),
    LogisticPerRow(),
    LognormalRidge(),
    TwoPart(LogisticPerRow(), LognormalRidge()),
    SpendRegressor(LinearRegression()),
    ScaledRegressor(LinearRegression()),
    Ensemble({"linear": LinearRegression()}),
    OffsetRegressor(LinearRegression(), offset="x0"),
    Zeros(),
]
SLOW = [
    XgboostZiln(n_estimators=40, learning_rate=0.3, min_child_weight=1e-3, n_jobs=1, subsample=1.0),
    EarlyStoppingRegressor(XGBRegressor(n_estimators=20, n_jobs=1)),
]
NAMED_COLUMNS = [BgNbd(), MbgNbd(), ParetoNbd(), GammaGamma(), RfmDecile(), SpendRate(), Hiatus(), LastPeriod()]
OTHER_COLUMNS = re.compile(r"must have the columns|a BTYD model reads|^column \w+ has \d+ value")


def name_of(estimator):
    return type(estimator).__name__


def listed():
    """What the docs list: {estimator: {check: reason}}."""
    exceptions = {}
    for row in re.findall(r"^\| `(.+?)` \| `(check_\w+)` \| (.+?) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE):
        for name in row[0].split("`, `"):
            exceptions.setdefault(name, {})[row[1]] = row[2]
    return exceptions


def speaks_of_columns(error):
    """Whether an error, or what it was raised from or during, refuses columns or values that no customer has."""
    while error is not None:
        if OTHER_COLUMNS.search(str(error)) or (isinstance(error, ClvError) and OTHER_COLUMNS.search(error.args[0])):
            return True
        error = error.__cause__ or error.__context__
    return False


def failures(estimator):
    """Run all checks; gives those that failed as {check: errors}."""
    failed = {}
    with warnings.catch_warnings(action="ignore"):
        for result in check_estimator(clone(estimator), on_fail=None, on_skip=None):
            if result["status"] == "failed":
                failed.setdefault(result["check_name"], []).append(result["exception"])
    return failed


@pytest.mark.parametrize(
    "estimator", [*ANY_FEATURES, *(pytest.param(e, marks=pytest.mark.slow) for e in SLOW)], ids=name_of
)
def test_estimators_of_any_features_pass_but_for_what_is_listed(estimator):
    failed = failures(estimator)
    assert sorted(failed) == sorted(listed().get(name_of(estimator), {})), failed


@pytest.mark.parametrize("estimator", NAMED_COLUMNS, ids=name_of)
def test_estimators_of_named_columns_refuse_others_and_pass_the_rest(estimator):
    failed = failures(estimator)
    others = {check: errors for check, errors in failed.items() if not all(map(speaks_of_columns, errors))}
    assert sorted(others) == sorted(listed().get(name_of(estimator), {})), others


def test_all_estimators_are_asked():
    asked = {name_of(estimator) for estimator in (*ANY_FEATURES, *SLOW, *NAMED_COLUMNS)}
    modules = [import_module(f"{models.__name__}.{module.name}") for module in iter_modules(models.__path__)]
    classes = {
        name
        for module in modules
        for name, member in vars(module).items()
        if isinstance(member, type) and issubclass(member, BaseEstimator) and member.__module__ == module.__name__
    }
    abstract = {"BtydRegressor", "RuleBaseline"}
    of_their_own = {"PurchaseHazard", "RecencyBandBaseline", "OwnRateBaseline", "AgePeriodCohort", "MbgCnbdK"}
    assert classes - abstract - of_their_own == asked
    assert all(f"`{name}`" in DOCS.read_text() for name in of_their_own)


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(4)
    T = rng.integers(100, 300, 200).astype(float)
    frequency = rng.poisson(1.5, 200).astype(float)
    recency = np.where(frequency > 0, np.round(T * rng.beta(2, 1, 200)), 0.0)
    money = np.where(frequency > 0, rng.gamma(4, 8, 200), 0.0)
    columns = {"frequency": frequency, "recency": recency, "T": T, "monetary_value": money}
    return pd.DataFrame(columns, index=pd.Index([f"c{i:03d}" for i in range(200)], name="customer_id"))


@pytest.fixture(scope="module")
def spend(customers):
    return customers["frequency"] * customers["monetary_value"] * np.tile([0.0, 0.4], 100)


FITTED_ON_CUSTOMERS = [
    MbgNbd(),
    RfmDecile(),
    SpendRegressor(LinearRegression()),
    Ensemble({"story": BgNbd(), "line": SpendRegressor(LinearRegression())}),
]


@pytest.mark.parametrize("estimator", FITTED_ON_CUSTOMERS, ids=name_of)
def test_an_array_of_the_same_columns_gives_the_same(estimator, customers, spend):
    named = clone(estimator).fit(customers, spend).predict(customers)
    if name_of(estimator) == "Ensemble":
        estimator = Ensemble({"line": SpendRegressor(LinearRegression())})
        named = clone(estimator).fit(customers, spend).predict(customers)
    unnamed = clone(estimator).fit(customers.to_numpy(), spend.to_numpy())
    np.testing.assert_allclose(unnamed.predict(customers.to_numpy()), named, rtol=1e-9)
    assert unnamed.n_features_in_ == 4


@pytest.mark.parametrize("estimator", FITTED_ON_CUSTOMERS, ids=name_of)
def test_they_survive_pickle_and_joblib(estimator, customers, spend, tmp_path):
    fitted = clone(estimator).fit(customers, spend)
    joblib.dump(fitted, tmp_path / "model.joblib")
    for restored in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(restored.predict(customers), fitted.predict(customers))


def test_they_stand_in_a_pipeline(customers, spend):
    rounded = FunctionTransformer(lambda X: X.assign(monetary_value=X["monetary_value"].round()))
    assert (make_pipeline(rounded, MbgNbd()).fit(customers).predict(customers) >= 0).all()
    scaled = make_pipeline(StandardScaler(), SpendRegressor(LinearRegression())).fit(customers, spend)
    assert np.corrcoef(scaled.predict(customers), spend)[0, 1] > 0.3


@pytest.mark.slow
def test_a_grid_search_over_workers_finds_what_one_finds(customers, spend):
    grids = [
        (SpendRegressor(RidgePerRow()), {"regressor__alpha": [0.01, 10.0]}),
        (MbgNbd(), {"horizon_days": [30.0, 180.0]}),
    ]
    for estimator, grid in grids:
        alone, together = (
            GridSearchCV(estimator, grid, cv=3, n_jobs=jobs, scoring="neg_mean_absolute_error", error_score="raise")
            for jobs in (1, 2)
        )
        together.fit(customers, spend)
        alone.fit(customers, spend)
        assert alone.best_params_ == together.best_params_
        np.testing.assert_allclose(
            alone.cv_results_["mean_test_score"], together.cv_results_["mean_test_score"], rtol=1e-9
        )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.ones((5, 2)), r"must have the columns frequency, recency, T\[, monetary_value\] in this order, got 2 col"),
        (np.ones((5, 5)), "got 5 column"),
        ([[1.0, 9.0, 3.0]], "recency has 1 value.* later than T"),
    ],
)
def test_an_array_of_other_columns_is_refused(values, words):
    with pytest.raises(ClvError, match=words):
        MbgNbd().fit(values)


@pytest.mark.parametrize(("unit", "days"), [("D", 1), ("W", 7)])
def test_a_frame_of_lifetimes_is_fitted_as_it_is(unit, days):
    rng = np.random.default_rng(0)
    orders = pd.DataFrame({"customer_id": rng.integers(0, 80, 300), "amount": rng.gamma(3, 10, 300)})
    orders["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 300), "D")
    with warnings.catch_warnings(action="ignore"):  # of lifetimes with the pandas of today
        from lifetimes.utils import summary_data_from_transaction_data

        summary = summary_data_from_transaction_data(
            orders, "customer_id", "date", "amount", observation_period_end="2024-10-31", freq=unit
        )
    summary[["recency", "T"]] *= days
    model = MbgNbd(horizon_days=90).fit(summary)
    assert model.predict(summary).shape == (len(summary),)
    assert (model.expected_purchases(summary) > 0).all()
    assert model.spend_ is not None
