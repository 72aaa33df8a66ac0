"""What is wrong with a store is listed, nothing is changed unasked, and what can be mended is."""

import os
import shutil
import socket
import sqlite3
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.reporting.records import FittedModel, RegistrationRequest, Table, Tag, Text
from clv_experiments.tracking import process
from clv_experiments.tracking.stored_run import PROCESS


@pytest.fixture
def dead(start_process):
    """What a process that has been killed was known by."""
    child = start_process([sys.executable, "-c", "input()"], stdin=-1)
    description = f"{socket.gethostname()} {child.pid} {process._read_start_time(child.pid)}"
    assert process.has_process_ended(description) is False
    child.kill()
    child.wait()
    return description


def begin(tracker, known_by, name="model"):
    """Leave a run RUNNING, made by a process."""
    with tracker.run("log 3m", name) as run:
        run.log([Tag(PROCESS, known_by)] if known_by else [])
    client = mlflow.MlflowClient(tracker.uri)
    if not known_by:
        client.delete_tag(run.run_id, PROCESS)
    client.update_run(run.run_id, "RUNNING")
    return run.run_id


def status(tracker, run_id):
    return next(run for run in tracker.reader().runs("log 3m") if run.run_id == run_id)


def test_a_process_is_known_by_when_it_began():
    me = process.identify_current_process()
    assert process.has_process_ended(me) is False
    assert process.has_process_ended(f"{socket.gethostname()} {os.getpid()} 1") is True, (
        "another one had this id before"
    )
    assert process.has_process_ended(f"elsewhere {os.getpid()} 1") is None
    assert process.has_process_ended("") is None


def test_a_run_whose_process_is_gone_is_marked_on_demand(tracker, dead):
    killed, alive = begin(tracker, dead), begin(tracker, process.identify_current_process())
    (fault,) = tracker.inspect_store().unfinished_runs()
    assert f"run {killed} (model) stands as RUNNING, and no process is at it" in fault.text
    assert status(tracker, killed).status == "RUNNING", "nothing is changed unasked"
    fault.repair()
    assert (status(tracker, killed).status, status(tracker, alive).status) == ("KILLED", "RUNNING")
    assert status(tracker, killed).tags["failure"] == "its process was gone"
    assert [*tracker.inspect_store().unfinished_runs()] == []


@pytest.mark.parametrize(("known_by", "whose"), [("", "by an unknown process"), ("elsewhere 7 9", "of elsewhere")])
def test_a_run_of_a_process_elsewhere_is_marked_if_somebody_knows(tracker, known_by, whose):
    run_id = begin(tracker, known_by)
    (fault,) = tracker.inspect_store().unfinished_runs()
    assert whose in fault.text
    assert fault.text.endswith(f"type killed=[{run_id}]")
    assert fault.repair is None
    (fault,) = tracker.inspect_store([run_id]).unfinished_runs()
    fault.repair()
    assert status(tracker, run_id).status == "KILLED"


def fitted(tracker):
    """A whole run with a registered model."""
    X = pd.DataFrame({"frequency": np.arange(5.0), "T": 1.0})
    estimator = SpendRegressor(LinearRegression()).fit(X, X["frequency"])
    with tracker.run("log 3m", "model") as run:
        frame = pd.DataFrame({"y_pred": [1.0]})
        run.log([Tag("kind", "run"), Text("config.yaml", "a: 1"), Table("predictions.parquet", frame)])
        run.log([FittedModel(estimator, X.head(), "spend", "model"), RegistrationRequest("log-3m", "champion", (), "")])
    return run.run_id


@pytest.mark.filterwarnings("ignore")  # mlflow's own
def test_lost_files_orphans_and_broken_champions_are_listed(tracker):
    run_id, inspection = fitted(tracker), tracker.inspect_store()
    for run in mlflow.search_runs(search_all_experiments=True, output_format="list"):
        if run.info.run_id != run_id:
            mlflow.delete_run(run.info.run_id)
    for faults in (
        inspection.find_runs_with_lost_files(),
        inspection.find_orphaned_folders(),
        inspection.find_broken_champions(),
        inspection.check_database(),
    ):
        assert [*faults] == []
    artifacts = Path("mlruns/artifacts")
    (artifacts / ("a" * 32)).mkdir()
    (artifacts / "models" / ("m-" + "b" * 32)).symlink_to(artifacts.absolute() / run_id)
    (artifacts / "of somebody else").mkdir()
    Path("mlruns/mlflow.1234.part").touch()
    Path("mlruns/leaderboards").mkdir()
    Path("mlruns/leaderboards/.4194305.board.html").touch()  # beyond the largest id of a process
    Path(f"mlruns/leaderboards/.{os.getpid()}.board.html").touch()
    faults = [*inspection.find_orphaned_folders()]
    names = ["a" * 32, "m-" + "b" * 32, ".4194305.board.html", "mlflow.1234.part"]
    assert sorted(fault.text.split()[0].rpartition("/")[2] for fault in faults) == sorted(names)
    assert all(fault.remedy == "deletes it" for fault in faults)
    for fault in faults:
        fault.repair()
    assert [*inspection.find_orphaned_folders()] == []
    assert (artifacts / "of somebody else").exists()
    assert Path(f"mlruns/leaderboards/.{os.getpid()}.board.html").exists()

    (artifacts / run_id / "artifacts" / "predictions.parquet").unlink()
    assert "has lost predictions.parquet" in next(inspection.find_runs_with_lost_files()).text
    assert not inspection.reader.has_file("file:///" + "a" * 5000, "config.yaml"), "an address that no disk holds"
    shutil.rmtree(next(artifacts.glob("models/m-*")))
    assert "champion models:/log-3m@champion cannot be used: " in next(inspection.find_broken_champions()).text


def test_a_damaged_database_is_told(tracker):
    with tracker.run("log 3m", "model"):
        pass
    inspection = tracker.inspect_store()
    pages = Path("mlruns/mlflow.db").read_bytes()
    with sqlite3.connect("mlruns/mlflow.db") as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
    Path("mlruns/mlflow.db").write_bytes(pages[: 3 * size] + os.urandom(40 * size) + pages[43 * size :])
    assert "mlflow.db is damaged (" in next(inspection.check_database()).text


def test_files_are_kept_where_the_database_has_no_run_at_all(tracker):
    Path("mlruns/artifacts", "a" * 32).mkdir(parents=True)
    Path("mlruns/mlflow.db").unlink()
    tracker.store.open()
    (fault,) = tracker.inspect_store().find_orphaned_folders()
    assert "the database has no run at all; put back the database" in fault.text
    assert fault.repair is None
