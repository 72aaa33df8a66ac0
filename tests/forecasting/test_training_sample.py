"""A training panel of sampled customers: every model that learns takes its weights, and predicts for everybody."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra.utils import instantiate
from sklearn.neighbors import KNeighborsRegressor

from clv_experiments.config.log_and_window import build_window
from clv_experiments.config.model_options import build_model
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import TRAINING_CUSTOMERS, Window
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import scale_labels_to_totals
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.run_records import estimator_warnings
from clv_experiments.models.lognormal_ridge import LognormalRidge
from clv_experiments.models.mbg_nbd import MbgNbd
from clv_experiments.models.rfm_decile import RfmDecile
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.models.two_part import TwoPart

CONF = Path(__file__).resolve().parents[2] / "conf"
OPTIONS = sorted(path.stem for path in (CONF / "model").glob("*.yaml") if "supervised: true" in path.read_text())


@pytest.fixture(scope="module")
def forecaster(cdnow_sample):
    window = Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months"), training_origins=2)
    return Forecaster(cdnow_sample, window)


@pytest.fixture(scope="module")
def sampled(forecaster):
    return forecaster.with_window(replace(forecaster.window, training_customers=800, training_seed=42))


@pytest.mark.whole_run_of_model("option")
@pytest.mark.parametrize("option", OPTIONS)
def test_every_model_that_learns_takes_the_weights_and_predicts_for_all(option, forecaster, sampled, compose):
    model, target = build_model(compose(f"model={option}").model), sampled.window.period(0)
    forecast, of_all = sampled.forecast(target, model), forecaster.forecast(target, model)
    assert list(forecast.table.index) == list(of_all.table.index)
    assert len(forecast.training.X) < 0.4 * len(of_all.training.X)
    assert forecast.training.weights.sum() == pytest.approx(len(of_all.training.X))
    assert forecast.table["y_pred"].sum() == pytest.approx(of_all.table["y_pred"].sum(), rel=0.25)
    (note,) = [note for note in estimator_warnings(forecast.estimator) if "sampled" in note]
    assert note.startswith(
        f"learned from {len(forecast.training.X):,} sampled rows of customers, weighted to stand for"
    )
    assert of_all.training.weights is None
    assert not [note for note in estimator_warnings(of_all.estimator) if "sampled" in note]


def test_unasked_a_sample_is_taken_where_customers_are_too_many_for_memory(compose):
    days = date(2020, 1, 1), date(2022, 12, 31)
    sizes = [
        build_window(compose(*typed).window, *days).training_customers
        for typed in ([], ["window.training_customers=all"], ["window.training_customers=5000"])
    ]
    assert sizes == [TRAINING_CUSTOMERS, None, 5000]


def test_rows_and_labels_are_those_of_the_whole_panel(forecaster, sampled, compose):
    features = FeatureSet("full", [instantiate(block) for block in compose("features=full").features.blocks])
    target = forecaster.window.period(0)
    whole = forecaster.training_panel(target, features)
    panel = sampled.training_panel(target, features, sampled=True)
    assert panel.periods == whole.periods
    lengths = [len(forecaster.outcome(period)) for period in whole.periods]
    for k, sample in enumerate(sampled._sample_customers(period) for period in panel.periods):
        rows = slice(sum(lengths[:k]), sum(lengths[: k + 1]))
        ids = sample.weights.index
        first = 0 if k == 0 else len(sampled._sample_customers(panel.periods[0]).weights)
        part = slice(first, first + len(ids))
        pd.testing.assert_frame_equal(panel.X.iloc[part], whole.X.iloc[rows].loc[ids])
        pd.testing.assert_series_equal(panel.y.iloc[part], whole.y.iloc[rows].loc[ids])
    assert (panel.weights * panel.y).sum() == pytest.approx(whole.y.sum(), rel=0.15)
    assert sampled.training_panel(target, features).weights is None


def test_estimates_among_the_features_are_those_of_a_fit_on_everybody(forecaster, sampled):
    features = FeatureSet("estimates", RFM.blocks, {"btyd": MbgNbd()})
    period = forecaster.window.period(0)
    sample = sampled._sample_customers(period)
    estimates = sampled._compute_cached_features(period.cutoff, features, sample)
    pd.testing.assert_frame_equal(estimates, forecaster.features(period.cutoff, features).loc[sample.weights.index])


def test_labels_are_aligned_by_what_they_stand_for():
    y, weights = pd.Series([1.0, 2.0, 4.0]), pd.Series([5.0, 2.0, 1.0])
    aligned = scale_labels_to_totals([y], [26.0], [weights])
    assert (aligned * weights).sum() == pytest.approx(26.0)
    repeated = scale_labels_to_totals([y.repeat([5, 2, 1])], [26.0])
    assert sorted(set(repeated.round(9)))[:2] == sorted(set(aligned.round(9)))[:2]


@pytest.mark.parametrize(
    "model",
    [LognormalRidge(), RfmDecile(), SpendRegressor(LognormalRidge())],
    ids=lambda model: type(model).__name__,
)
def test_a_weight_of_two_counts_a_row_twice(model):
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.integers(0, 9, (60, 4)).astype(float), columns=["frequency", "recency", "T", "monetary_value"])
    y, weights = pd.Series(rng.gamma(2.0, 10.0, 60)), np.tile([1.0, 2.0], 30)
    weighted = model.fit(X, y, sample_weight=weights).predict(X)
    twice = X.index.repeat(weights.astype(int))
    ones = np.ones(len(twice))  # the same definition of a quantile
    np.testing.assert_allclose(
        weighted, model.fit(X.loc[twice], y.loc[twice], sample_weight=ones).predict(X), rtol=1e-6
    )


def test_a_model_without_weights_refuses_a_sample_in_a_sentence(forecaster, sampled):
    target = forecaster.window.period(0)
    for regressor in (KNeighborsRegressor(), TwoPart(KNeighborsRegressor(), LognormalRidge())):
        model = Model("mine", "ml", True, RFM, SpendRegressor(regressor))
        with pytest.raises(ClvError, match=r"KNeighborsRegressor takes no weights, .* window.training_customers=all"):
            sampled.forecast(target, model)
