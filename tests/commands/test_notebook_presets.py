"""The classic studies: what was published is found, and no more is claimed than random splits bear out."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clv_experiments.commands.train import run_experiment
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.model_options import build_model
from clv_experiments.evaluation.coefficients import extract_linear_slopes
from clv_experiments.evaluation.metrics import median_absolute_error, r2
from clv_experiments.forecasting.forecaster import Forecaster

DATA = os.environ.get("CLV_DATA_DIR")
pytestmark = pytest.mark.skipif(not DATA, reason="the retail logs are read from the folder CLV_DATA_DIR")
SPLITS = 500
PRESETS = Path(__file__).resolve().parents[1] / "conf" / "experiment"
NOTEBOOKS = sorted(path.stem for path in PRESETS.glob("*.yaml") if "override /data: online_retail" in path.read_text())


def log_of_study(name):
    return Path(DATA or "", "online_retail_ii.parquet" if name == "btyd_vs_ml_6m" else "online_retail.parquet")


@pytest.fixture(scope="module")
def quarterly(compose):
    """The quarterly study: (config, forecaster, model)."""
    cfg = compose("experiment=quarterly_linear", f"data.path={log_of_study('quarterly_linear')}")
    log = load_log_from_config(cfg.data, lambda start, end: end)
    return cfg, Forecaster(log, build_window(cfg.window, log.start, log.end)), build_model(cfg.model)


def test_quarterly_study_has_the_published_customers_features_and_periods(quarterly):
    _, forecaster, model = quarterly
    period = forecaster.window.period(0)
    assert str(period) == "2011-10-01 to 2011-11-30"
    X = forecaster.features(period.cutoff, model.features)
    assert X.shape == (3616, 12)
    # The notebook's own arithmetic, in pandas: invoices summed, then grouped by quarter.
    rows = pd.read_parquet(log_of_study("quarterly_linear"))
    rows = rows[rows["CustomerID"].notna() & (rows["Quantity"] > 0) & (rows["InvoiceDate"] < "2011-12-01")]
    rows = rows.assign(sales=rows["Quantity"] * rows["UnitPrice"], customer=rows["CustomerID"].astype(int).astype(str))
    invoices = rows.groupby(["customer", "InvoiceNo"]).agg(sales=("sales", "sum"), date=("InvoiceDate", "max"))
    invoices["quarter"] = invoices["date"].dt.to_period("Q").astype(str)
    table = invoices.reset_index().pivot_table("sales", "customer", "quarter", ["mean", "count", "sum"], fill_value=0)
    table = table.reindex(X.index)
    quarters = {"M_2": "2011Q3", "M_3": "2011Q2", "M_4": "2011Q1", "M_5": "2010Q4"}
    for name, ours in {"mean": "avg", "count": "count", "sum": "sum"}.items():
        for back, quarter in quarters.items():
            np.testing.assert_allclose(X[f"sales_{ours}_{back}"], table[name, quarter], rtol=1e-9, atol=1e-6)
    y = forecaster.outcome(period)["spend"]
    np.testing.assert_allclose(y, table["sum", "2011Q4"], rtol=1e-9, atol=1e-6)


@pytest.mark.slow
def test_published_coefficients_lie_inside_the_range_of_random_splits(quarterly):
    cfg, forecaster, model = quarterly
    period, slopes, scores = forecaster.window.period(0), [], []
    for split in range(SPLITS):
        held_out = np.random.default_rng([cfg.seed, split]).permutation(3616) < 0.3 * 3616
        made = forecaster.predict_held_out_customers(period, model, held_out)
        slopes.append(extract_linear_slopes(made.estimator, made.training.X))
        y, p = made.table["y_true"], made.table["y_pred"]
        scores.append((r2(y, p), median_absolute_error(y, p)))
    estimated, published = pd.DataFrame(slopes), pd.Series(dict(cfg.evaluation.published))
    assert len(published) == 12
    assert ((estimated.min() <= published) & (published <= estimated.max())).all()
    flips = ((estimated < 0).any() & (estimated > 0).any()).sum()
    assert flips >= 9, "most signs hang on the split"
    r2s, errors = np.array(scores).T
    assert r2s.min() < -1 < 0.4 < np.median(r2s) < 0.6 < 0.8 < r2s.max()
    assert 180 < np.median(errors) < 220


@pytest.mark.parametrize("protocol", ["customer_split", "forecast"])  # varies first: both read one log
@pytest.mark.parametrize("study", NOTEBOOKS)
def test_each_study_runs_on_its_own_protocol_and_out_of_time(study, protocol, compose, monkeypatch):
    """Out of time without the pictures, which are those of any other run."""
    if protocol == "forecast":
        monkeypatch.setattr("clv_experiments.commands.train.forecast_records", lambda *_: [])
    few = [] if protocol == "forecast" else ["evaluation.splits=2"]
    path = f"data.path={log_of_study(study)}"
    cfg = compose(f"experiment={study}", f"evaluation={protocol}", path, "evaluation.bootstrap_replicates=2", *few)
    result = run_experiment(cfg)
    assert (result.objective is None) is (protocol == "customer_split")
    assert result.latest_forecast.table["y_pred"].notna().all()
    assert len(result.latest_forecast.table) > 500
