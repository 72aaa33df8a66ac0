"""Nothing looks ahead: predictions do not move by a digit when everything after the cutoff is tampered with."""

import json
from datetime import date, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from clv_experiments.commands.train import run_experiment
from clv_experiments.config.model_options import build_model
from clv_experiments.data.cleaning import outliers
from clv_experiments.data.cleaning.report import Step
from clv_experiments.data.horizon import Horizon, Period
from clv_experiments.data.log import load_log
from clv_experiments.data.log_cache import LastLogCache
from clv_experiments.data.queries.activity import fetch_purchase_days_and_amounts
from clv_experiments.data.queries.outcomes import holdout_spend_and_purchase_days
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.cdnow import cdnow
from clv_experiments.data.window import Window
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm
from clv_experiments.forecasting import origin_folder, out_of_time
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import BtydAndCohortForecasts, TotalForecast
from clv_experiments.forecasting.origin_folder import write_origin_folder
from clv_experiments.forecasting.spend_intervals import add_intervals_and_scores

CONF = Path(__file__).resolve().parents[1] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
FEATURES = sorted(path.stem for path in (CONF / "features").glob("*.yaml"))
LOG_END = date(1998, 6, 30)
CUTOFF = date(1998, 3, 31)
LOGS: dict[str, LastLogCache] = {}  # the log read last from each of the sources below, since every model wants it


def raw(engine, rows):
    return RawTable(engine.register_arrow("rows", pa.Table.from_pandas(rows, preserve_index=False)))


def sample(engine):
    """600 customers of the CDNOW sample."""
    rows = cdnow(engine, sample=True).table.to_pyarrow().to_pandas()
    return rows[rows["customer_id"].isin(sorted(rows["customer_id"].unique())[::4])]


def tamper(rows):
    """The same up to the cutoff; afterwards other amounts and days, purchases missing, purchases and customers new."""
    known, later = rows[rows["date"] <= pd.Timestamp(CUTOFF)], rows[rows["date"] > pd.Timestamp(CUTOFF)]
    later = later.iloc[::2].assign(amount=lambda t: t["amount"] * 7 + 3)
    later["date"] = pd.Timestamp(LOG_END) - (later["date"] - pd.Timestamp(CUTOFF + timedelta(days=1)))
    invented = known.drop_duplicates("customer_id").iloc[::3].assign(date=pd.Timestamp("1998-05-05"), amount=500.0)
    strangers = invented.assign(customer_id="stranger " + invented["customer_id"])
    return pd.concat([known, later, invented, strangers])


def honest(engine):
    return raw(engine, sample(engine))


def tampered(engine):
    return raw(engine, tamper(sample(engine)))


def with_returns(rows, share):
    """Every fifth purchase is returned two weeks later, in part."""
    back = rows.iloc[::5].assign(date=lambda t: t["date"] + timedelta(days=14), amount=lambda t: -share * t["amount"])
    return pd.concat([rows, back[back["date"] <= pd.Timestamp(LOG_END)]])


def honest_returns(engine):
    return raw(engine, with_returns(sample(engine), 0.4))


def tampered_returns(engine):
    """Afterwards every customer returns half of the first purchase besides."""
    rows = tamper(with_returns(sample(engine), 0.4))
    refunds = rows.drop_duplicates("customer_id").assign(date=pd.Timestamp("1998-04-01"))
    return raw(engine, pd.concat([rows, refunds.assign(amount=-0.5 * refunds["amount"])]))


@pytest.fixture(scope="module")
def forecasters():
    made = []
    for source in (honest, tampered):
        log = load_log(source.__name__, source, (), LOG_END)
        made.append(Forecaster(log, Window(log.start, log.end, Horizon.parse("3 months"))))
    return made


def assert_looks_at_nothing_later(forecasters, model):
    before, after = (made.forecast(made.window.period(0), model).table for made in forecasters)
    assert before.index.equals(after.index)
    assert (before["y_true"] != after["y_true"]).mean() > 0.2, "the tampering itself must be felt"
    for column in before.columns.difference(["y_true", "purchase_days"]):
        np.testing.assert_array_equal(before[column], after[column], err_msg=column)


def cases():
    """Every model on one set of features, every set with one model; the other pairs take long."""
    for model in MODELS:
        learns_from_features = "${features}" in (CONF / "model" / f"{model}.yaml").read_text()
        for features in FEATURES if learns_from_features else FEATURES[-1:]:
            is_usual = features == FEATURES[-1] or model == "linear"
            yield pytest.param(model, features, marks=() if is_usual else pytest.mark.slow)


@pytest.mark.parametrize(("model", "features"), list(cases()))
def test_predictions_do_not_move(model, features, compose, forecasters):
    cfg = compose(f"model={model}", f"features={features}")
    assert_looks_at_nothing_later(forecasters, build_model(cfg.model))


@pytest.mark.parametrize("model", ["linear", "mbg_nbd"])
def test_predictions_at_the_forecast_level_do_not_move(model, compose, forecasters):
    assert_looks_at_nothing_later(forecasters, build_model(compose(f"model={model}", "model.level=forecast").model))


@pytest.mark.parametrize(
    ("model", "column"), [("linear", "gap_mean"), ("bg_nbd", "monetary_value"), ("last_period", "sales_sum_M_2")]
)
def test_guard_sees_a_feature_that_looks_ahead(model, column, compose, forecasters, monkeypatch):
    real = FeatureSet.compute

    def looks_ahead(features, log, cutoff, horizon):
        X = real(features, log, cutoff, horizon)
        return X.assign(
            **{
                column: X[column]
                + holdout_spend_and_purchase_days(log, Period(cutoff, cutoff + timedelta(days=45)))["spend"]
            }
        )

    monkeypatch.setattr(FeatureSet, "compute", looks_ahead)
    fresh = [Forecaster(made.log, made.window) for made in forecasters]
    with pytest.raises(AssertionError, match="y_pred"):
        assert_looks_at_nothing_later(fresh, build_model(compose(f"model={model}").model))


@pytest.mark.parametrize("model", ["tweedie_offset", "hurdle_offset", "blend"])
@pytest.mark.slow
def test_guard_sees_an_offset_that_looks_ahead(model, compose, forecasters, monkeypatch):
    """What BTYD expects of each customer, moved by what came in the holdout."""
    real = Forecaster.features

    def looks_ahead(forecaster, cutoff, features):
        X = real(forecaster, cutoff, features)
        if "mbg_nbd_spend" not in X:
            return X
        later = holdout_spend_and_purchase_days(forecaster.log, Period(cutoff, cutoff + timedelta(days=45)))["spend"]
        return X.assign(mbg_nbd_spend=X["mbg_nbd_spend"] + later)

    monkeypatch.setattr(Forecaster, "features", looks_ahead)
    fresh = [Forecaster(made.log, made.window) for made in forecasters]
    with pytest.raises(AssertionError, match=r"p_purchase|y_pred"):
        assert_looks_at_nothing_later(fresh, build_model(compose(f"model={model}").model))


@pytest.mark.parametrize("model", ["linear", "xgboost", "mean"])
def test_guard_sees_a_fit_on_holdout_labels(model, compose, forecasters, monkeypatch):
    real = Window.training_periods
    monkeypatch.setattr(Window, "training_periods", lambda window, target: [target, *real(window, target)])
    with pytest.raises(AssertionError, match="y_pred"):
        assert_looks_at_nothing_later(forecasters, build_model(compose(f"model={model}").model))


def run(compose, model, source, *overrides):
    """Run the experiment on one of the sources above, without baselines, tables and pictures, which decide nothing."""
    target = f"+data.source={{_target_: test_leakage.{source}, _partial_: true}}"
    small = ("data=cdnow_sample", "evaluation.bootstrap_replicates=2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clv_experiments.commands.train.forecast_records", lambda *_: [])
        patch.setattr("clv_experiments.commands.train.build_all_baselines", lambda cfg: [])
        patch.setattr("clv_experiments.config.log_and_window.LOG_CACHE", LOGS.setdefault(source, LastLogCache()))
        return run_experiment(compose(f"model={model}", *small, "~data.source", target, *overrides))


@pytest.mark.whole_run_of_model("model")
@pytest.mark.parametrize("model", MODELS)
def test_neither_objective_nor_intervals_move_when_the_holdout_does(model, compose):
    before, after = run(compose, model, "honest"), run(compose, model, "tampered")
    assert before.objective == after.objective
    pd.testing.assert_frame_equal(interval_ends(before), interval_ends(after), check_exact=True)
    assert before.origins[0].holdout.scores["actual_total"] != after.origins[0].holdout.scores["actual_total"]


def test_guard_sees_an_objective_from_the_holdout(compose, monkeypatch):
    real = Window.period
    monkeypatch.setattr(Window, "period", lambda window, k: real(window, 0 if k == 1 else k))
    before, after = run(compose, "bg_nbd", "honest"), run(compose, "bg_nbd", "tampered")
    assert before.objective != after.objective


def interval_ends(result):
    return result.origins[0].holdout.forecast.table[["low_80", "high_80", "low_95", "high_95", "frequency"]]


@pytest.mark.slow
def test_guard_sees_intervals_calibrated_on_the_holdout(compose, monkeypatch):
    monkeypatch.setattr(
        out_of_time,
        "add_intervals_and_scores",
        lambda made, holdout, _: add_intervals_and_scores(made, holdout, holdout),
    )
    before, after = (interval_ends(run(compose, "xgboost", source)) for source in ("honest", "tampered"))
    assert not before.equals(after)


@pytest.mark.slow
def test_guard_sees_a_level_that_looks_ahead(compose, monkeypatch):
    """A model at its own level, whose intervals are brought to what came in the holdout."""

    def looks_ahead(forecaster, target):
        level = TotalForecast(float(forecaster.outcome(target)["spend"].sum()), 1.0, 0.1, "forecast")
        return BtydAndCohortForecasts(level, None)

    monkeypatch.setattr(Forecaster, "forecast_btyd_and_cohort_levels", looks_ahead)
    before, after = (interval_ends(run(compose, "xgboost", source)) for source in ("honest", "tampered"))
    assert not before.equals(after)


# --- files for tools elsewhere ----------------------------------------------------------------------------------


def files_for_tools(forecaster, folder):
    """Write the folder of the latest cutoff, and give what is in it by file."""
    period = forecaster.window.period(0)
    features = FeatureSet("rfm", [rfm])
    write_origin_folder(folder, forecaster, period, features, cell="", cutoffs=[CUTOFF], time_budget=60, seed=42)
    tables = {path.name: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    about = json.loads((folder / "cell.json").read_text())
    return tables | {"cell.json": {name: value for name, value in about.items() if name != "log"}}


def assert_files_look_at_nothing_later(forecasters, tmp_path):
    before, after = (files_for_tools(made, tmp_path / made.log.name) for made in forecasters)
    files = ["cell.json", "customers.parquet", "features.parquet", "panel.parquet", "transactions.parquet"]
    assert sorted(before) == files
    assert before.pop("cell.json") == after.pop("cell.json")
    for name, table in before.items():
        pd.testing.assert_frame_equal(table, after[name], check_exact=True, obj=name)
    assert before["transactions.parquet"]["date"].max() <= pd.Timestamp(CUTOFF)
    assert before["panel.parquet"]["cutoff"].max() == pd.Timestamp("1997-12-31")


def test_files_for_tools_do_not_move(forecasters, tmp_path):
    assert_files_look_at_nothing_later(forecasters, tmp_path)


def test_guard_sees_purchases_after_the_cutoff_in_the_files(forecasters, tmp_path, monkeypatch):
    monkeypatch.setattr(
        origin_folder, "fetch_purchase_days_and_amounts", lambda log, _: fetch_purchase_days_and_amounts(log, LOG_END)
    )
    with pytest.raises(AssertionError, match=r"transactions\.parquet"):
        assert_files_look_at_nothing_later(forecasters, tmp_path)


def test_guard_sees_holdout_labels_in_the_files(forecasters, tmp_path, monkeypatch):
    real = Window.training_periods
    monkeypatch.setattr(Window, "training_periods", lambda window, target: iter([target, *real(window, target)]))
    with pytest.raises(AssertionError, match=r"panel\.parquet"):
        assert_files_look_at_nothing_later(forecasters, tmp_path)


# --- cleaning ---------------------------------------------------------------------------------------------------

NET = "+data.cleaning.returns={_target_: clv_experiments.data.cleaning.returns, policy: net}"
WINSORISE = ("data.cleaning.outliers.policy=winsorise", "data.cleaning.outliers.quantile=0.9")


def reaching_back():
    """A planted fault: each customer's returns are spread over all purchases, earlier ones too."""

    def apply(t):
        bought, left = (t.amount.sum(where=where).over(group_by=t.customer_id) for where in (t.amount > 0, None))
        t = t.mutate(share=ibis.ifelse(bought > 0, ibis.greatest(left / bought, 0), 0)).cache()
        return t.filter(t.amount >= 0).mutate(amount=(t.amount * t.share).cast(t.amount.type())).drop("share")

    return Step("planted", apply)


def learning_from_all():
    """A planted fault: the quantile of all rows, the holdout's too."""
    return Step("planted", lambda t: outliers("winsorise", 0.9).apply(t, LOG_END))


def felt_by(compose, model, *cleaning):
    """Say what of a run moves when the holdout is tampered with, returns included."""
    before, after = (run(compose, model, source, *cleaning) for source in ("honest_returns", "tampered_returns"))
    assert before.origins[0].holdout.scores["actual_total"] != after.origins[0].holdout.scores["actual_total"]
    moved = {"objective"} if before.objective != after.objective else set()
    predicted = [result.origins[0].holdout.forecast.table["y_pred"] for result in (before, after)]
    return moved | ({"predictions"} if not predicted[0].equals(predicted[1]) else set())


@pytest.mark.parametrize("model", ["linear", "bg_nbd"])
def test_cleaning_tells_neither_objective_nor_predictions_of_the_holdout(model, compose):
    assert felt_by(compose, model, NET, *WINSORISE) == set()


@pytest.mark.parametrize(("step", "plant"), [("returns", "reaching_back"), ("outliers", "learning_from_all")])
@pytest.mark.slow
def test_guard_sees_cleaning_that_looks_ahead(step, plant, compose):
    drop = "~data.cleaning.outliers"
    planted = f"+data.cleaning.{step}={{_target_: test_leakage.{plant}}}"
    kept = [NET] if step == "outliers" else []
    assert felt_by(compose, "linear", drop, *kept, planted) == {"objective", "predictions"}
