"""The unit of money is nobody's business: amounts in cents give 100 times the predictions of those in dollars."""

import pickle
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from clv_experiments.commands.train import run_experiment
from clv_experiments.config.model_options import build_features, build_model
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.evaluation.coefficients import extract_linear_slopes
from clv_experiments.evaluation.metrics import d2_tweedie, normalised_gini
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.models.spend_regressor import SpendRegressor

CONF = Path(__file__).resolve().parents[2] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
FEATURES = sorted(path.stem for path in (CONF / "features").glob("*.yaml"))
FACTORS = [0.01, 100.0, 7.3]  # no power of two, which would leave every last digit as it was
CLOSE = 1e-6
END = date(1998, 6, 30)


@pytest.fixture(scope="module")
def lines(cdnow_sample):
    """Every twelfth customer of the sample; amounts have two digits after the point, and four are kept."""
    days = cdnow_sample.purchase_days.select("customer_id", "date", "amount").to_pyarrow().to_pandas()
    kept = sorted(days["customer_id"].unique())[::12]
    return days[days["customer_id"].isin(kept)].assign(amount=days["amount"].astype(float).round(2))


@pytest.fixture(scope="module")
def forecasters(lines, log_of):
    """The log in each unit of money, by how many of them make the first."""

    def forecaster(factor):
        log = log_of(lines.assign(amount=(lines["amount"] * factor).round(4)), log_end=END)
        return Forecaster(log, Window(log.start, log.end, Horizon.parse("3 months"), training_origins=2))

    return {factor: forecaster(factor) for factor in [1.0, *FACTORS]}


def forecast(forecaster, model):
    return forecaster.forecast(forecaster.window.period(0), model)


def scores(forecaster, table):
    floor = 0.01 * forecaster.training_mean(forecaster.window.period(0))
    return d2_tweedie(table["y_true"], table["y_pred"], floor=floor), normalised_gini(table["y_true"], table["y_pred"])


def assert_equivariant(forecasters, model, factors=FACTORS):
    first = forecast(forecasters[1.0], model).table
    for factor in factors:
        other = forecast(forecasters[factor], model).table
        np.testing.assert_allclose(other["y_pred"], factor * first["y_pred"], rtol=CLOSE, err_msg=f"in {factor}")
        pd.testing.assert_frame_equal(
            other.drop(columns=["y_true", "y_pred"]), first.drop(columns=["y_true", "y_pred"]), rtol=CLOSE
        )
        assert scores(forecasters[factor], other) == pytest.approx(scores(forecasters[1.0], first), rel=CLOSE)


@pytest.mark.whole_run_of_model("name")
@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_in_the_unit_of_the_log(name, forecasters, compose):
    assert_equivariant(forecasters, build_model(compose(f"model={name}").model))


@pytest.mark.slow
@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("name", ["decision_tree", "elastic_net", "linear"])
def test_every_feature_set_leaves_no_trace_of_the_unit(name, features, forecasters, compose):
    model = build_model(compose(f"model={name}", f"features={features}").model)
    assert_equivariant(forecasters, model, [7.3])


@pytest.fixture(scope="module")
def panels(forecasters, compose):
    """The training panel in each unit of money."""
    features = build_features(compose("features=full").features)
    return {
        factor: forecaster.training_panel(forecaster.window.period(0), features)
        for factor, forecaster in forecasters.items()
    }


@pytest.mark.parametrize(
    "regressor",
    [Ridge(alpha=10.0), KNeighborsRegressor(), make_pipeline(FunctionTransformer(lambda X: np.log1p(abs(X))), Ridge())],
    ids=["a penalty", "a distance", "a logarithm"],
)
def test_any_regressor_is_spared_the_unit(regressor, panels):
    """As it is when somebody adds one: no scaler before it, no target transformed."""
    first, other = (SpendRegressor(clone(regressor)).fit(panels[factor].X, panels[factor].y) for factor in (1.0, 7.3))
    np.testing.assert_allclose(other.predict(panels[7.3].X), 7.3 * first.predict(panels[1.0].X), rtol=CLOSE)


def test_a_fitted_model_keeps_its_unit(panels):
    """A model that was fitted in dollars answers in dollars, whoever is scored, after it was stored."""
    X, y = panels[1.0].X, panels[1.0].y
    model = SpendRegressor(Ridge()).fit(X, y)
    stored = pickle.loads(pickle.dumps(model))
    assert stored.unit_ == model.unit_ == pytest.approx(y.clip(lower=0).mean())
    np.testing.assert_allclose(stored.predict(X.iloc[:5]), model.predict(X)[:5], rtol=1e-12)


def test_slopes_are_spend_per_unit_of_the_feature(panels):
    money = [name for name in panels[1.0].X if "spend" in name and name not in ("spend_trend",)]
    slopes = {
        factor: extract_linear_slopes(SpendRegressor(Ridge(alpha=10.0)).fit(panel.X, panel.y), panel.X)
        for factor, panel in panels.items()
    }
    np.testing.assert_allclose(slopes[100.0][money], slopes[1.0][money], rtol=CLOSE)
    np.testing.assert_allclose(slopes[100.0][["frequency", "T"]], 100 * slopes[1.0][["frequency", "T"]], rtol=CLOSE)
    model, X = SpendRegressor(Ridge(alpha=10.0)).fit(panels[1.0].X, panels[1.0].y), panels[1.0].X
    raw = model.unit_ * model.regressor_.predict(X / model.feature_units_)
    np.testing.assert_allclose(np.ptp(X @ slopes[1.0]), np.ptp(raw), rtol=CLOSE)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["xgboost", "elastic_net"])
def test_a_run_scores_the_same_in_cents(name, lines, compose, work):
    def objective(factor):
        lines.assign(amount=(lines["amount"] * factor).round(4)).to_csv("log.csv", index=False)
        cfg = compose(
            f"model={name}", "data=file", "data.path=log.csv", "features=rfm", "evaluation.bootstrap_replicates=2"
        )
        return run_experiment(cfg).objective

    assert objective(100.0) == pytest.approx(objective(1.0), rel=CLOSE)
