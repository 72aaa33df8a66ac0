"""The command line as a person meets it: help, a run, its traces, and bad input."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import mlflow
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAIN = [sys.executable, str(ROOT / "train.py")]
libraries_may_warn = pytest.mark.filterwarnings("ignore")  # as in a process of its own
SMALL = ["data=cdnow_sample", "evaluation.bootstrap_replicates=5"]


@pytest.fixture(scope="session")
def train(run_process):
    def run(folder, *overrides):
        environment = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
        return run_process([*TRAIN, *overrides], cwd=folder, env=environment)

    return run


def runs(folder, experiment):
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    return client.search_runs([client.get_experiment_by_name(experiment).experiment_id])


def artifacts(run):
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    return folder, {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_help_is_written_for_a_person(train, tmp_path):
    done = train(tmp_path, "--help")
    assert done.returncode == 0
    choices = " ".join(done.stdout.split())
    for group in ("data", "window", "features", "model", "evaluation", "tracking", "experiment"):
        options = sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))
        assert f"{group}: {', '.join(options)}" in choices
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert "decisions:" not in done.stdout, "choices of this command only"
    assert "python train.py model=xgboost window=3m" in done.stdout
    assert not any(line.strip().startswith("hydra/") for line in done.stdout.splitlines()), "groups of our own only"
    assert list(tmp_path.iterdir()) == [], "help leaves nothing behind"


@pytest.fixture(scope="module")
def two_runs(train, migrated, tmp_path_factory):
    """A multirun of an ML and a BTYD model."""
    folder = migrated(tmp_path_factory.mktemp("runs"))
    return folder, train(folder, "-m", "model=xgboost,bg_nbd", *SMALL)


def test_multirun_exits_0_and_tracks_every_run(two_runs):
    folder, done = two_runs
    assert done.returncode == 0, done.stderr
    stored = runs(folder, "cdnow_sample 3m")
    assert {run.info.run_name: run.info.status for run in stored} == {"xgboost": "FINISHED", "bg_nbd": "FINISHED"}


def rows(stdout):
    """The first table: its heading, and the first words of the rows below it, without lines and blanks."""
    lines = [line.strip("│┃ ") for line in stdout.splitlines()]
    top = next(k for k, line in enumerate(lines) if line.startswith("model ") and "bias" in line)
    below = lines[top + 1 : next(k for k, line in enumerate(lines) if line.startswith("best baseline by"))]
    return lines[top], [line.split("  ")[0].split(" │")[0] for line in below if line[:1].isalpha()]


def test_terminal_shows_the_model_the_best_baseline_and_zeros(two_runs):
    lines = two_runs[1].stdout.splitlines()
    heading, (model, best, last) = rows(two_runs[1].stdout)
    assert all(score in heading for score in ("bias", "Gini", "Spearman", "MAE"))
    assert model == "xgboost"
    assert best.endswith("(best baseline)")
    assert last == "zeros"
    assert any(line.startswith("time: ") and "fit" in line and "features" in line for line in lines)
    assert any("mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db" in line for line in lines)


def test_run_leaves_what_the_design_lists(two_runs):
    by_name = {run.info.run_name: run for run in runs(two_runs[0], "cdnow_sample 3m")}
    always = {
        "coefficients.csv", "coefficients.png", "predicted_against_actual.png", "decile_calibration.png",
        "decile_calibration.csv", "value_capture.png", "residuals.png", "predictions.parquet",
        "validation_predictions.parquet", "cleaning_report.csv", "config.yaml", "baselines.csv",
        "origins.csv", "top_customers.csv",
    }  # fmt: skip
    client = mlflow.MlflowClient(f"sqlite:///{two_runs[0]}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("cdnow_sample 3m")
    assert experiment.tags["mlflow.experiment.primaryMetric.name"] == "holdout_d2_tweedie"
    for name, run in by_name.items():
        folder, files = artifacts(run)
        assert always <= files
        predictions = pd.read_parquet(folder / "predictions.parquet")
        assert {"customer_id", "cutoff", "y_true", "y_pred"} <= set(predictions.columns)
        assert len(predictions) == 2357
        assert run.data.params["model.name"] == name
        assert run.data.params["seed"] == "42"
        assert run.data.params["model.estimator"].startswith("clv_experiments.models.")
        assert "None" not in run.data.params.values()
        assert not any(part in key for key in run.data.params for part in ("_target_", "_partial_", "tracking"))
        tags = {"family", "model", "features", "window", "protocol", "cutoff", "cell", "code_version", "best_baseline"}
        assert tags <= set(run.data.tags)
        for period in ("holdout", "validation"):
            for metric in ("normalised_gini", "spearman", "aggregate_bias", "d2_tweedie", "mae", "top_20_share"):
                assert f"{period}_{metric}" in run.data.metrics
        assert {"seconds_features", "seconds_fit", "seconds_predict", "peak_memory_mb"} <= set(run.data.metrics)
        assert run.data.metrics["holdout_predicted_total"] == pytest.approx(predictions["y_pred"].sum())
        dataset = run.inputs.dataset_inputs[0].dataset
        assert dataset.name == "cdnow_sample"
        assert [column["name"] for column in json.loads(dataset.schema)["mlflow_colspec"]][:2] == [
            "customer_id",
            "date",
        ]
        assert json.loads(dataset.profile)["customers"] == 2357
        top = pd.read_csv(folder / "top_customers.csv")
        assert len(top) == 100
        assert top["y_pred"].min() >= predictions["y_pred"].nlargest(101).iloc[-1] - 1e-4
        printed = [line.removeprefix("note: ") for line in two_runs[1].stdout.splitlines() if line.startswith("note: ")]
        remarks = (folder / "remarks.txt").read_text(encoding="utf-8").splitlines() if "remarks.txt" in files else []
        assert set(remarks) <= set(printed)
        assert remarks or name not in " ".join(printed), "what was printed of a model is kept with it"
        assert run.data.tags["kind"] == "run"
        (logged,) = run.outputs.model_outputs
        assert client.get_logged_model(logged.model_id).name == name
    assert by_name["xgboost"].data.tags["cell"] == by_name["bg_nbd"].data.tags["cell"]
    assert {"tracking.png", "tracking.csv", "reliability.png"} <= artifacts(by_name["bg_nbd"])[1]
    assert {"p_alive", "expected_purchases"} <= set(
        pd.read_parquet(artifacts(by_name["bg_nbd"])[0] / "predictions.parquet").columns
    )
    assert {"log_likelihood", "aic", "bic", "spend_log_likelihood", "spend_bic", "holdout_buys_roc_auc"} <= set(
        by_name["bg_nbd"].data.metrics
    )


@libraries_may_warn
def test_backtest_logs_every_origin_as_a_step(run_script, migrated, work, without_figures):
    folder = migrated(work)
    status, _, stderr = run_script("train.py", "model=bg_nbd", "window.origins=2", *SMALL)
    assert status == 0, stderr
    run = runs(folder, "cdnow_sample 3m")[0]
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    history = client.get_metric_history(run.info.run_id, "holdout_mae")
    assert [point.step for point in history] == [0, 1]
    validation = client.get_metric_history(run.info.run_id, "validation_mae")
    assert validation[1].value == history[0].value, "the older holdout period is the newer origin's validation period"
    mean = sum(point.value for point in history) / 2
    assert run.data.metrics["holdout_mae_mean"] == pytest.approx(mean)
    predictions = pd.read_parquet(artifacts(run)[0] / "predictions.parquet")
    assert predictions["cutoff"].dt.date.astype(str).unique().tolist() == ["1997-12-31", "1998-03-31"]


def test_btyd_runs_without_a_validation_period_and_says_so(run_script, without_figures):
    status, stdout, stderr = run_script("train.py", "model=bg_nbd", "window=12m", "tracking=memory", *SMALL)
    assert status == 0, stderr
    assert "there is no validation period" in stdout
    assert rows(stdout)[1][0] == "bg_nbd"


BAD_INPUT = {
    "short log": (["model=xgboost", "window=12m"], ["1096 days are needed", "has 546", "6 months"]),
    "horizon": (["window.horizon='-3 months'"], ["horizon must be positive, got -3 months"]),
    "horizon unit": (["window.horizon='3 moons'"], ["'3 moons'", "39 weeks"]),
    "cutoff": (["window.cutoff=1998-13-01"], ["'1998-13-01' is not a date", "window.cutoff"]),
    "late cutoff": (["window.cutoff=1998-06-01"], ["the latest cutoff is 1998-03-31"]),
    "origins": (
        ["window.origins=0"],
        ["window.origins must be a whole number of at least 1, or all or earlier, got '0'"],
    ),
    "origins in words": (["window.origins=every"], ["window.origins must be", "or all or earlier, got 'every'"]),
    "resume": (["resume=maybe"], ["resume must be true or false, got 'maybe'"]),
    "misspelt model": (["model=xgbost"], ["xgbost", "xgboost"]),
    "misspelt key": (["windw.origins=2"], ["windw"]),
    "misspelt parameter": (["model=xgboost", "model.estimator.regressor.max_dept=3"], ["max_dept"]),
    "parameter forced in": (["model=xgboost", "+model.estimator.regressor.max_dept=3"], ["max_dept"]),
    "objective": (["model=zeros", "evaluation.objective=accuracy"], ["'accuracy'", "d2_tweedie"]),
    "objective where less is better": (["model=zeros", "evaluation.objective=mae"], ["evaluation.objective", "'mae'"]),
    "protocol": (["evaluation.protocol=split"], ["evaluation.protocol must be one of forecast, customer_split, got"]),
    "seed": (["seed=abc"], ["seed must be a whole number of at least 0, got 'abc'"]),
    "no seed": (["seed=null"], ["seed must be a whole number of at least 0, got 'None'"]),
    "broken origins": (["window.origins=1.5"], ["window.origins must be a whole number", "'1.5'"]),
    "training origins": (["window.training_origins=x"], ["window.training_origins", "or null for all", "'x'"]),
    "replicates": (["evaluation.bootstrap_replicates=-5"], ["evaluation.bootstrap_replicates must be", "'-5'"]),
    "patience": (["model=xgboost", "model.estimator.patience=-1"], ["patience must be at least 1 round, got -1"]),
    "patience in words": (
        ["model=xgboost", "model.estimator.patience=abc"],
        ["model 'xgboost' could not be fitted", "TypeError"],
    ),
    "fraction": (["model=xgboost", "model.estimator.fraction=2"], ["fraction must lie between 0 and 1, got 2"]),
    "depth": (["model=decision_tree", "model.estimator.regressor.max_depth=-1"], ["could not be fitted", "max_depth"]),
    "unused parameter": (
        ["model=xgboost", "model.estimator.regressor.objective=reg:squarederror"],
        ["does not use tweedie_variance_power with objective reg:squarederror", "~model.estimator.regressor."],
    ),
    "log end after the log": (
        ["data.log_end=1998-07-31"],
        ["31 days after the last purchase", "data.log_end=1998-06-30"],
    ),
    "log end": (["data.log_end=garbage"], ["'garbage' is not a date", "data.log_end"]),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_gets_one_sentence(case, run_script):
    overrides, messages = BAD_INPUT[case]
    model = [] if any("model" in override for override in overrides) else ["model=zeros"]
    status, _, stderr = run_script("train.py", "tracking=memory", "data=cdnow_sample", *model, *overrides)
    assert status == 1
    assert "Traceback" not in stderr
    for words in messages:
        assert words in stderr


def test_a_run_that_fails_is_marked_with_its_reason(run_script, migrated, work):
    folder = migrated(work)
    assert run_script("train.py", "model=linear", "window=12m", *SMALL)[0] == 1
    run = runs(folder, "cdnow_sample 12m")[0]
    assert run.info.status == "FAILED"
    assert "the log is too short" in run.data.tags["failure"]
    assert run.data.params["model.name"] == "linear"


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_stopped_run_is_marked_failed(stop, start_process, migrated, tmp_path):
    command = [*TRAIN, "model=random_forest", "model.estimator.regressor.n_estimators=100000", *SMALL]
    process = start_process(command, cwd=migrated(tmp_path))
    for line in process.stdout:
        if line.startswith("forecasting"):
            break
    time.sleep(1)
    process.send_signal(stop)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    run = runs(tmp_path, "cdnow_sample 3m")[0]
    assert (run.info.status, run.data.tags["failure"]) == ("FAILED", "interrupted")


@libraries_may_warn
@pytest.mark.slow
def test_multirun_over_a_glob_exits_0_and_runs_only_what_is_missing(two_runs, run_script, monkeypatch):
    folder, _ = two_runs
    monkeypatch.chdir(folder)
    status, stdout, stderr = run_script("train.py", "-m", "model=glob([bg*,m*,xgboost,z*])", "resume=true", *SMALL)
    assert status == 0, stderr
    models = {path.stem for part in ("bg*", "m*", "z*") for path in (ROOT / "conf" / "model").glob(f"{part}.yaml")}
    models |= {"xgboost"}
    assert len(models) > 3
    stored = runs(folder, "cdnow_sample 3m")
    assert sorted(run.info.run_name for run in stored) == sorted(models)
    assert {run.info.status for run in stored} == {"FINISHED"}
    assert len({run.data.tags["cell"] for run in stored}) == 1, "all runs of a multirun are comparable"
    assert stdout.count("there already") == 2


@pytest.mark.slow
@libraries_may_warn
def test_a_failing_job_of_a_multirun_does_not_stop_the_others(run_script, migrated, work):
    folder = migrated(work)
    status, _, stderr = run_script("train.py", "-m", "model=linear,bg_nbd", "window=12m", *SMALL)
    assert status == 1
    assert "Traceback" not in stderr
    status_by_name = {run.info.run_name: run.info.status for run in runs(folder, "cdnow_sample 12m")}
    assert status_by_name == {"linear": "FAILED", "bg_nbd": "FINISHED"}
