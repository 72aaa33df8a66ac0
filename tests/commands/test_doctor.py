"""clv doctor says what is wrong, mends on demand, and its exit status says which."""

from pathlib import Path

import mlflow
import optuna

from clv_experiments.tracking.mlflow_tracker import MlflowTracker


def test_a_store_is_examined_and_mended_on_demand(clv):  # with a run that has no files
    status, stdout, stderr = clv("doctor")
    assert (status, stderr) == (1, "error: 1 thing is wrong with mlruns\n")
    assert "files of runs: 1 wrong\n" in stdout
    assert "has lost config.yaml and predictions.parquet; run its model again and delete it\n" in stdout
    assert "database: well\nruns: well\n" in stdout
    orphan = Path("mlruns/artifacts", "c" * 32)
    orphan.mkdir(parents=True)
    status, stdout, stderr = clv("doctor")
    assert (status, stderr) == (1, "error: 2 things are wrong with mlruns; clv doctor fix=true mends 1\n")
    assert f"{orphan} belongs to no run; fix=true deletes it\n" in stdout
    assert orphan.exists()
    status, stdout, stderr = clv("doctor", "fix=true")
    assert (status, stderr) == (1, "error: 1 thing is wrong with mlruns\n")
    assert not orphan.exists()


def test_studies_that_cannot_be_read_are_one_fault_among_others(clv):
    Path("mlruns/optuna.db").write_bytes(b"no database" * 500)
    status, stdout, stderr = clv("doctor")
    assert (status, stderr) == (1, "error: 2 things are wrong with mlruns\n")
    assert "studies: 1 wrong\n  the study cannot be kept in sqlite:///" in stdout


def test_what_keeps_nothing_cannot_be_examined(clv):
    assert clv("doctor", "tracking=memory")[2] == (
        "error: tracking=memory keeps nothing that could be looked at; type tracking.folder=<where runs are>\n"
    )
    status, _, stderr = clv("doctor", "tracking.folder=nowhere")
    assert status == 1
    assert stderr.startswith("error: no runs are kept in 'nowhere' yet")
    assert not Path("nowhere").exists()


def test_a_store_without_faults_is_well_and_studies_are_counted(clv):
    client = mlflow.MlflowClient(MlflowTracker("mlruns").uri)
    for run in client.search_runs([client.get_experiment_by_name("template").experiment_id]):
        client.delete_run(run.info.run_id)
    study = optuna.create_study(study_name="of xgboost", storage="sqlite:///mlruns/optuna.db")
    study.add_trial(optuna.trial.create_trial(value=1.0))
    status, stdout, stderr = clv("doctor")
    assert (status, stderr) == (0, "")
    assert stdout.count(": well\n") == 5
    assert "study of xgboost: 1 complete\n" in stdout
    assert clv("doctor", "--help")[1].startswith("Look for what is wrong with kept runs")
