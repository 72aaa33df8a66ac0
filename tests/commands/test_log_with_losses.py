"""What every command makes of a log with losses, such as a column of profits."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from clv_experiments.commands.insights import write_insights
from clv_experiments.commands.leaderboard import run_leaderboard
from clv_experiments.commands.score import score
from clv_experiments.commands.sweep import tune_model
from clv_experiments.commands.train import run_experiment
from clv_experiments.config.model_options import build_model
from clv_experiments.data.cleaning import returns
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError, LogWithLosses
from clv_experiments.evaluation.metrics import UNDEFINED_WITH_LOSSES
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.records import FigureRecord, Metric, Table

CONF = Path(__file__).resolve().parents[2] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
LEARN_LOSSES = {"linear", "ridge", "elastic_net", "decision_tree", "random_forest"}  # and the baselines
END = pd.Timestamp("2020-12-31")
DAYS = pd.date_range("2019-07-01", END)
HOLDOUT, BEFORE = (pd.Timestamp(2020, 10, 1), END), (pd.Timestamp(2020, 7, 1), pd.Timestamp(2020, 9, 30))


def profits(shift=0.0):
    """Profits of 120 customers in 18 months, of whom every other loses money."""
    rng = np.random.default_rng(7)
    rows = [
        (f"c{customer:03}", day, round(float(rng.normal((4.0, -2.0)[customer % 2] + shift, 3.0)), 2))
        for customer in range(120)
        for day in rng.choice(DAYS, 4 + customer % 7, replace=False)
    ]
    return pd.DataFrame([*rows, ("c000", DAYS[0], 5.0), ("c000", END, 5.0)], columns=["customer_id", "date", "amount"])


def spent(frame, first, last, customers=None):
    inside = frame[frame["date"].between(first, last)]
    totals = inside.groupby("customer_id")["amount"].sum()
    known = frame.loc[frame["date"] < first, "customer_id"].unique() if customers is None else customers
    return totals.reindex(sorted(known), fill_value=0.0)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "profits.csv"
    profits().to_csv(path, index=False)
    return path


def composed(config, path, *overrides):
    typed = ["data=file", "tracking=memory", f"data.path={path}", "data.cleaning.returns.policy=keep", *overrides]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose(config, overrides=typed)


def small(config, path, *overrides):
    return composed(config, path, "window=3m", "evaluation.bootstrap_replicates=2", *overrides)


def test_labels_predictions_and_scores_go_below_zero(path, capsys):
    result = run_experiment(small("config", path, "model=linear"))
    table, frame = result.holdout_predictions.set_index("customer_id"), profits()
    assert table["y_true"].to_dict() == pytest.approx(spent(frame, *HOLDOUT).to_dict())
    assert table["y_true"].min() < 0 > table["y_pred"].min()
    scores, errors = result.origins[0].holdout.scores, table["y_pred"] - table["y_true"]
    assert scores["rmse"] == pytest.approx((errors**2).mean() ** 0.5)
    assert scores["mae"] == pytest.approx(errors.abs().mean())
    assert scores["aggregate_bias"] == pytest.approx(table["y_pred"].sum() / table["y_true"].sum() - 1)
    assert not set(scores) & set(UNDEFINED_WITH_LOSSES)
    recorded = {record.name for record in result.records if isinstance(record, Metric)}
    assert not any(name.endswith(UNDEFINED_WITH_LOSSES) for name in recorded)
    assert result.comparison.objective == "normalised_gini"
    assert result.objective == result.origins[0].validation.scores["normalised_gini"]
    output = capsys.readouterr().out
    assert output.count("D2, shares of top customers and misses by decile mean nothing and are left out") == 1
    assert "of a log with losses d2_tweedie means nothing: normalised_gini names the best baseline" in output


def test_an_objective_that_means_something_is_taken_as_typed(path, capsys):
    result = run_experiment(small("config", path, "model=mean", "evaluation.objective=r2"))
    assert result.comparison.objective == "r2"
    assert "names the best baseline" not in capsys.readouterr().out


@pytest.fixture(scope="module")
def forecaster(log_of):
    log = log_of(profits(shift=-3.0), [returns("keep")])
    return Forecaster(log, Window(log.start, log.end, Horizon.parse("3 months")))


@pytest.mark.parametrize("name", MODELS)
def test_each_model_learns_losses_or_refuses_them(name, forecaster, compose):
    model, period = build_model(compose(f"model={name}").model), forecaster.window.period(0)
    if model.family != "baseline" and name not in LEARN_LOSSES:
        with pytest.raises(LogWithLosses, match=rf"^log 'toy' has .* below 0, and {name} cannot learn .*linear"):
            forecaster.forecast(period, model)
        return
    frame, forecast = profits(shift=-3.0), forecaster.forecast(period, model)
    predicted = forecast.table["y_pred"]
    labelled = [(earlier.cutoff, earlier.end) for earlier in forecast.training.periods]
    panel = [spent(frame, pd.Timestamp(cutoff) + DAYS.freq, pd.Timestamp(end)) for cutoff, end in labelled]
    if name == "mean":
        assert predicted.to_numpy() == pytest.approx(pd.concat(panel).mean(), rel=1e-6)
    elif name == "last_period":
        assert predicted.to_dict() == pytest.approx(spent(frame, *BEFORE, predicted.index).to_dict())
    elif name != "zeros":
        assert predicted.mean() < 0
    if model.supervised:
        assert len(panel) >= 2
        assert sorted(forecast.training.y) == pytest.approx(sorted(pd.concat(panel)))


def test_a_board_is_refused_a_metric_that_means_nothing_before_any_model_is_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed = [f"data.path={path}", "data.cleaning.returns.policy=keep", "window=3m", "models=[linear]", "fill=true"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = hydra_compose("leaderboard", overrides=["data=file", *typed])
        with pytest.raises(ClvError, match=r"d2_tweedie means nothing; type metric=<one of normalised_gini, spearman"):
            run_leaderboard(cfg, ["data=file", *typed], is_single=True)
    assert not (tmp_path / "mlruns").exists()


def test_scores_lists_and_reports_are_refused_in_a_sentence(path, tmp_path):
    with pytest.raises(LogWithLosses, match=r"^a scored list .* log 'profits' has some; .*clv leaderboard"):
        score(composed("score", path, "model=linear", f"output={tmp_path}"), "linear")
    with pytest.raises(LogWithLosses, match=r"^the report .* log 'profits' has some"):
        write_insights(composed("insights", path, "model=linear", f"output={tmp_path}"), "linear")


def test_a_holdout_whose_total_is_a_loss_is_judged_all_the_same(tmp_path):
    profits(shift=-6.0).to_csv(tmp_path / "losses.csv", index=False)
    result = run_experiment(small("config", tmp_path / "losses.csv", "model=ridge"))
    scores = result.origins[0].holdout.scores
    assert scores["actual_total"] < 0
    assert {name for name, value in scores.items() if np.isnan(value)} == {"aggregate_bias"}


@pytest.mark.slow
def test_customers_split_at_random_are_scored_by_what_means_something(path):
    result = run_experiment(small("config", path, "model=linear", "evaluation=customer_split", "evaluation.splits=3"))
    (splits,) = (record.frame for record in result.records if isinstance(record, Table) and record.name == "splits.csv")
    assert not set(splits) & set(UNDEFINED_WITH_LOSSES)
    assert splits["r2"].notna().all()
    assert any(isinstance(record, FigureRecord) for record in result.records)


@pytest.mark.slow
def test_a_study_searches_by_what_means_something(path, compose_sweep):  # last: Hydra stays open from here on
    def study(*typed):
        losses = ["data=file", f"data.path={path}", "data.cleaning.returns.policy=keep", "window=1m"]
        short = ["sweep.n_trials=2", "sweep.seeds=1", "evaluation.bootstrap_replicates=2"]
        return tune_model(*compose_sweep(*losses, *short, *typed))

    with pytest.raises(ClvError, match=r"has losses, of which d2_tweedie means nothing; type sweep\.metric=.*r2"):
        study("model=ridge")
    with pytest.raises(LogWithLosses, match="xgboost cannot learn from losses"):
        study("model=xgboost", "sweep.metric=r2")
    assert np.isfinite(study("model=ridge", "sweep.metric=rmse"))
