"""Fitted estimators as files: what is read back, and what is not."""

import os
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.preprocessing import FunctionTransformer

from clv_experiments.config.model_options import build_model
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.reporting.records import FittedModel
from clv_experiments.tracking.loader import PICKLE, SKOPS_FILE, load_estimator, save_estimator

CONF = Path(__file__).resolve().parents[2] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))


class Planted(BaseEstimator):
    """Makes a folder when it is unpickled."""

    def __init__(self, path=""):
        self.path = path

    def predict(self, X):
        return np.zeros(len(X))

    def __reduce__(self):
        return (os.mkdir, (self.path,))


class OwnModel(SpendRegressor):
    """A model of the user's own."""


class PredictsZero(BaseEstimator):
    """Predicts nothing for anybody."""

    def predict(self, X):
        return np.zeros(len(X))


@pytest.fixture(scope="module")
def forecaster(cdnow_sample, log_of):
    days = cdnow_sample.purchase_days.select("customer_id", "date", "amount").to_pyarrow().to_pandas()
    log = log_of(days[days["customer_id"].isin(sorted(days["customer_id"].unique())[::12])])
    return Forecaster(log, Window(log.start, log.end, Horizon.parse("3 months"), training_origins=2))


@pytest.mark.whole_run_of_model("name")
@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_kept_without_a_pickle_and_predicts_the_same(name, forecaster, compose, tmp_path):
    forecast = forecaster.forecast(forecaster.window.period(0), build_model(compose(f"model={name}").model))
    path = save_estimator(forecast.estimator, tmp_path)
    assert path.name == SKOPS_FILE
    read = load_estimator(path, trusted=False)
    np.testing.assert_array_equal(read.predict(forecast.X), forecast.estimator.predict(forecast.X))
    if hasattr(forecast.estimator, "parameters_"):
        pd.testing.assert_frame_equal(read.parameters_, forecast.estimator.parameters_)


def test_a_planted_pickle_runs_nothing_unless_the_store_is_trusted(tmp_path):
    left = tmp_path / "left"
    joblib.dump(Planted(str(left)), tmp_path / PICKLE)
    with pytest.raises(ClvError, match="kept as a pickle, which could run any code"):
        load_estimator(tmp_path / PICKLE, trusted=False)
    assert not left.exists()
    load_estimator(tmp_path / PICKLE, trusted=True)
    assert left.exists()


def test_a_pickle_under_the_name_of_a_plain_file_runs_nothing(tmp_path):
    left = tmp_path / "left"
    (tmp_path / SKOPS_FILE).write_bytes(pickle.dumps(Planted(str(left))))
    with pytest.raises(Exception, match="zip"):
        load_estimator(tmp_path / SKOPS_FILE, trusted=True)
    assert not left.exists()


@pytest.mark.parametrize(
    ("estimator", "foreign"),
    [
        (FunctionTransformer(pd.read_pickle), r"pandas\.read_pickle"),
        (OwnModel(None), r"test_loader\.OwnModel"),
    ],
)
def test_types_from_elsewhere_need_a_trusted_store(estimator, foreign, tmp_path):
    path = save_estimator(estimator, tmp_path)
    assert path.name == SKOPS_FILE
    with pytest.raises(ClvError, match=rf"it holds .*{foreign}, which could run any code"):
        load_estimator(path, trusted=False)
    assert type(load_estimator(path, trusted=True)) is type(estimator)


def test_what_cannot_be_kept_plainly_is_pickled_and_read_where_it_is_trusted(tmp_path):
    class_with_frame = SpendRegressor(None)
    class_with_frame.table_ = pd.DataFrame({"a": [1.0]})
    path = save_estimator(class_with_frame, tmp_path)
    assert path.name == PICKLE
    assert sorted(file.name for file in tmp_path.iterdir()) == [PICKLE]
    assert load_estimator(path, trusted=True).table_.equals(class_with_frame.table_)


def test_a_store_says_how_to_use_a_model_it_does_not_trust(tracker):
    with warnings.catch_warnings(action="ignore"), tracker.run("shop 3m", "own") as run:  # mlflow's own
        run.log([FittedModel(PredictsZero(), pd.DataFrame({"T": [1.0, 2.0]}))])
    with pytest.raises(ClvError, match=r"is not read: it holds .*PredictsZero, .*; type tracking.trusted=true where"):
        tracker.reader().model(f"runs:/{run.run_id}")
    tracker.trusted = True
    assert tracker.reader().model(f"runs:/{run.run_id}").columns == ("T",)
