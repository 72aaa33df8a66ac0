"""Customer splits draw the same customers for every model, learn from the others, and say what they are."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from clv_experiments.commands.train import run_experiment
from clv_experiments.config.model_options import build_model
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.metrics import r2
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.records import Metric, Table, Tag
from clv_experiments.tracking.memory_tracker import MemoryRun

SPLIT = ["evaluation=customer_split", "data=cdnow_sample", "evaluation.bootstrap_replicates=2"]


@pytest.fixture(scope="module")
def forecaster(cdnow_sample):
    return Forecaster(cdnow_sample, Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months")))


def records(compose, *overrides, explained=False):
    """Run an experiment and give what it recorded: (result, metrics by name, tables by name, tags by name).

    Coefficients are tabled and plots drawn only if the run is to be ``explained``.
    """
    from clv_experiments.tracking import memory_tracker

    logged_records = []
    original = memory_tracker.MemoryRun.log
    with pytest.MonkeyPatch.context() as patch:
        if not explained:
            patch.setattr("clv_experiments.commands.train.forecast_records", lambda *_: [])
        patch.setattr(
            memory_tracker.MemoryRun,
            "log",
            lambda run, batch: (logged_records.extend(batch), original(run, batch))[1],
        )
        result = run_experiment(compose(*SPLIT, *overrides))
    metrics = {r.name: r.value for r in logged_records if isinstance(r, Metric)}
    tables = {r.name: r.frame for r in logged_records if isinstance(r, Table)}
    tags = {r.name: r.value for r in logged_records if isinstance(r, Tag)}
    return result, metrics, tables, tags


def test_a_split_learns_from_the_others_and_predicts_the_held_out(forecaster, compose):
    model = build_model(compose("model=linear", "features=rfm").model)
    period = forecaster.window.period(0)
    customers = forecaster.outcome(period)
    held_out = np.arange(len(customers)) % 4 == 0
    forecast = forecaster.predict_held_out_customers(period, model, held_out)
    assert list(forecast.table.index) == list(customers.index[held_out])
    assert list(forecast.training.X.index) == list(customers.index[~held_out])
    assert forecast.training.periods == (period,)
    pd.testing.assert_series_equal(forecast.training.y, customers["spend"][~held_out])
    # The oracle: ordinary least squares on the other customers, cut at zero.
    X = forecaster.features(period.cutoff, model.features)
    design = np.column_stack([np.ones(len(X)), X])
    slopes, *_ = np.linalg.lstsq(design[~held_out], customers["spend"][~held_out], rcond=None)
    np.testing.assert_allclose(forecast.table["y_pred"], np.maximum(design[held_out] @ slopes, 0), rtol=1e-6, atol=1e-6)


def test_a_model_without_labels_learns_from_the_other_customers_only(forecaster, compose):
    model = build_model(compose("model=bg_nbd").model)
    period = forecaster.window.period(0)
    held_out = np.arange(len(forecaster.outcome(period))) % 2 == 0
    forecast = forecaster.predict_held_out_customers(period, model, held_out)
    assert forecast.training.y is None
    assert set(forecast.training.X.index).isdisjoint(forecast.table.index)
    full_forecast = forecaster.forecast(period, model)
    assert forecast.estimator.parameters_["estimate"][0] != full_forecast.estimator.parameters_["estimate"][0]


@pytest.mark.slow
def test_splits_are_the_same_for_every_model_and_move_with_the_seed(compose):
    one = records(compose, "model=linear", "evaluation.splits=2")[0]
    other = records(compose, "model=zeros", "evaluation.splits=2")[0]
    assert list(one.latest_forecast.table.index) == list(other.latest_forecast.table.index)
    assert len(one.latest_forecast.table) == int(np.ceil(0.3 * 2357))
    again = records(compose, "model=linear", "evaluation.splits=2", "seed=7")[0]
    assert list(one.latest_forecast.table.index) != list(again.latest_forecast.table.index)


def test_scores_are_medians_over_the_splits_and_there_is_no_objective(compose):
    result, metrics, tables, tags = records(compose, "model=linear", "features=rfm", "evaluation.splits=7")
    splits = tables["splits.csv"]
    assert len(splits) == 7
    assert splits["r2"].nunique() == 7
    assert splits["r2"][0] == pytest.approx(
        r2(result.latest_forecast.table["y_true"], result.latest_forecast.table["y_pred"])
    )
    assert metrics["split_r2"] == pytest.approx(splits["r2"].median())
    assert metrics["split_r2_least"] == splits["r2"].min()
    assert metrics["split_mse"] == pytest.approx(splits["mse"].median())
    assert metrics["split_r2_lower"] <= metrics["split_r2"] <= metrics["split_r2_upper"]
    assert not [name for name in metrics if name.startswith("validation")]
    assert result.objective is None
    assert any("say nothing about the future" in note for note in result.warnings)
    assert tags["protocol"] == "customer_split"
    slopes = tables["split_coefficients.csv"]
    assert list(slopes["name"]) == ["frequency", "recency", "T", "monetary_value"]
    assert (slopes["least"] <= slopes["median"]).all()
    assert "published" not in slopes


def test_published_coefficients_stand_beside_those_found(compose):
    tables = records(
        compose, "model=linear", "features=rfm", "evaluation.splits=5",
        "+evaluation.published={frequency: 0.0, T: 1e9}",
    )[2]  # fmt: skip
    table = tables["split_coefficients.csv"].set_index("name")
    assert table["published"]["T"] == 1e9
    assert np.isnan(table["published"]["recency"])
    assert not table["inside"]["T"]


@pytest.mark.slow
def test_runs_of_a_protocol_or_a_split_of_their_own_have_a_cell_of_their_own(compose):
    cells = {
        overrides: records(compose, "model=zeros", *overrides)[3]["cell"]
        for overrides in [
            ("evaluation.splits=2",),
            ("evaluation.splits=3",),
            ("evaluation.splits=2", "evaluation.test_share=0.5"),
            ("evaluation.splits=2", "seed=1"),
            ("evaluation=forecast",),
        ]
    }
    assert len(set(cells.values())) == len(cells)
    assert records(compose, "model=mean", "evaluation.splits=2")[3]["cell"] == cells["evaluation.splits=2",]
    assert records(compose, "model=zeros", "evaluation=forecast", "seed=3")[3]["cell"] == cells["evaluation=forecast",]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("evaluation.splits=0", "evaluation.splits must be a whole number of at least 1, got '0'"),
        ("evaluation.test_share=1", "evaluation.test_share must lie between 0 and 1, got '1'"),
        ("evaluation.test_share=some", "evaluation.test_share must lie between 0 and 1, got 'some'"),
        ("window.origins=2", "type window.origins=1, or evaluation=forecast"),
    ],
)
def test_settings_that_make_no_split_are_refused(compose, override, message):
    with pytest.raises(ClvError, match=message):
        run_experiment(compose(*SPLIT, "model=zeros", override))


def test_a_holdout_without_spend_is_refused(log_of, compose, monkeypatch):
    rows = [(customer, f"2020-0{month}-05", 10.0) for customer in "abc" for month in (1, 2, 3)]
    rows += [("new", "2020-04-10", 5.0), ("new", "2020-06-28", 5.0)]
    log = log_of(rows)
    monkeypatch.setattr("clv_experiments.commands.train.load_log_from_config", lambda *_: log)
    with pytest.raises(ClvError, match=r"nobody spent anything in the holdout period 2020-03-29 to 2020-06-28"):
        run_experiment(compose("model=zeros", "window.horizon=3 months"))


def test_a_simulated_log_leaves_its_truth_behind(compose):
    small = ["data=simulated", "data.source.customers=400", "evaluation=forecast", "model=bg_nbd"]
    result, metrics, tables, _ = records(compose, *small, "data.source.process=bg_nbd", explained=True)
    predictions = tables["predictions.parquet"]
    assert np.isfinite(predictions["true_expected_spend"]).all()
    assert (predictions["true_expected_spend"] == 0).any(), "some have dropped out"
    assert metrics["holdout_truth_bias"] == pytest.approx(
        result.latest_forecast.table["y_pred"].sum() / predictions["true_expected_spend"].sum() - 1
    )
    assert set(tables["recovery.csv"]["parameter"]) == {"r", "alpha", "a", "b", "p", "q", "v"}


def test_terminal_shows_the_split_headline(compose, capsys):
    records(compose, "model=linear", "features=rfm", "evaluation.splits=2")
    printed = capsys.readouterr().out
    assert "R2" in printed
    assert "median AE" in printed
    assert "30% of 2,357 customers held out at random" in " ".join(printed.split())


def test_a_run_says_what_its_scores_rest_on(compose):
    backtest = ["model=linear", "features=rfm", "evaluation=forecast", "window.origins=2"]
    logged_records = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryRun, "log", lambda run, batch: logged_records.extend(batch))
        run_experiment(compose("data=cdnow_sample", "evaluation.bootstrap_replicates=2", *backtest))
    tags = {r.name: r.value for r in logged_records if isinstance(r, Tag)}
    assert tags["holdouts"] == "1998-01-01 to 1998-03-31; 1998-04-01 to 1998-06-30"
    assert tags["currency"] == "$"
    assert "at_edge" not in tags
    (origins,) = (r.frame for r in logged_records if isinstance(r, Table) and r.name == "origins.csv")
    assert origins["label_margin_days"].tolist() == [0.0, 0.0]
    assert origins["d2_floor"].nunique() == 2
    assert origins["cutoff"].tolist() == ["1997-12-31", "1998-03-31"]
    assert tags["customers"] == str(origins["customers"].iloc[-1]) == "2357"
    names = [r.name for r in logged_records if isinstance(r, Metric)]
    assert names[:2] == ["holdout_d2_tweedie"] * 2, "the objective at each origin before all other scores"
    assert not [name for name in names if name.endswith(("customers", "buyers", "actual_total", "floor"))]


def test_labels_from_the_period_itself_have_a_margin_below_zero(compose):
    _, _, tables, tags = records(compose, "model=linear", "features=rfm", "evaluation.splits=1")
    assert tables["origins.csv"]["label_margin_days"].tolist() == [-91.0]
    assert tags["holdouts"] == "1998-04-01 to 1998-06-30"
    _, _, tables, _ = records(compose, "model=zeros", "evaluation.splits=1")
    assert tables["origins.csv"]["label_margin_days"].isna().all()


def test_the_floor_recorded_is_a_hundredth_of_the_training_mean(forecaster, compose):
    _, _, tables, tags = records(compose, "model=zeros", "evaluation=forecast")
    period = forecaster.window.period(0)
    assert tables["origins.csv"]["d2_floor"].item() == pytest.approx(forecaster.training_mean(period) / 100)
    identity = f"{forecaster.log.fingerprint}|1998-03-31|1998-06-30|forecast" + "\x1f".join(
        forecaster.outcome(period).index
    )
    assert tags["cell"] == hashlib.sha256(identity.encode()).hexdigest()[:16]


def test_what_lies_at_the_edge_is_tagged(compose):
    few = ["features=rfm", "evaluation=forecast", "model.estimator.regressor.n_estimators=3"]
    _, _, _, tags = records(compose, "model=xgboost", *few, explained=True)
    assert tags["at_edge"].startswith("the best of 3 trees allowed was number 3")
