"""Runs come back from MLflow as they were recorded, and what is not there is said in one sentence."""

import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from clv_experiments.comparison.selection import select_runs
from clv_experiments.errors import ClvError
from clv_experiments.reporting.records import Metric, Param, Table, Tag
from clv_experiments.tracking import store
from clv_experiments.tracking.memory_tracker import MemoryTracker
from clv_experiments.tracking.mlflow_tracker import MlflowTracker
from clv_experiments.tracking.stored_run import LONGEST_PARAM

FRAME = pd.DataFrame({"customer_id": ["a", "b"], "y_pred": [0.1 + 0.2, 0.0]})
RECORDS = [
    Param("window.cutoff", None),
    Param("window.origins", 2),
    Param("empty", ""),
    Param("long", "x" * (LONGEST_PARAM + 1)),
    Tag("cell", "0123456789abcdef"),
    Metric("d2_floor", 2.5, 1),
    Table("predictions.parquet", FRAME),
    Table("origins.csv", FRAME[["y_pred"]]),
]


@pytest.mark.parametrize("kind", ["mlflow", "memory"])
def test_a_run_comes_back_as_it_was_recorded(kind, tracker):
    tracker = tracker if kind == "mlflow" else MemoryTracker()
    with tracker.run("log 3m", "first") as run:
        run.log(RECORDS)
        run.log([Metric("d2_floor", 1.5, 0)])
    with pytest.raises(ClvError), tracker.run("log 3m", "second"):
        raise ClvError("no column 'date'")
    with tracker.run("log 6m", "elsewhere"):
        pass
    reader = tracker.reader()
    assert reader.store_exists
    assert reader.runs("log 12m") == []
    second, first = reader.runs("log 3m")
    assert (first.run_id, first.name, first.status) == (run.run_id, "first", "FINISHED")
    assert abs(datetime.now(UTC) - first.started) < timedelta(minutes=1)
    params = {"window.cutoff": "None", "window.origins": "2", "empty": "", "long": "x" * LONGEST_PARAM}
    assert first.params == params
    assert first.tags["cell"] == "0123456789abcdef"
    assert set(first.metrics) == {"d2_floor"}
    assert (second.status, second.tags["failure"], second.tags["failure_kind"]) == (
        "FAILED", "no column 'date'", "ClvError",
    )  # fmt: skip
    assert list(reader.metric_by_origin(first.run_id, "d2_floor").items()) == [(0, 1.5), (1, 2.5)]
    assert reader.metric_by_origin(first.run_id, "validation_mae") == {}
    pd.testing.assert_frame_equal(reader.table(first.run_id, "predictions.parquet"), FRAME)
    assert reader.table(first.run_id, "origins.csv")["y_pred"].tolist() == [0.1 + 0.2, 0.0], "to the last digit"
    with pytest.raises(ClvError, match=r"splits\.parquet"):
        reader.table(first.run_id, "splits.parquet")


def test_runs_come_page_by_page_newest_first_without_deleted_ones(tracker, monkeypatch):
    for number in range(5):
        with tracker.run("log 3m", str(number)) as run:
            pass
    client = mlflow.MlflowClient(tracker.uri)
    client.delete_run(run.run_id)
    monkeypatch.setattr(store, "PAGE", 2)
    assert [run.name for run in tracker.reader().runs("log 3m")] == ["3", "2", "1", "0"]


@pytest.mark.parametrize("harm", ["deleted", "truncated", "rubbish"])
def test_a_table_that_is_gone_or_damaged_is_said(tracker, harm):
    with tracker.run("log 3m", "model") as run:
        run.log(RECORDS)
    (path,) = Path("mlruns/artifacts").rglob("predictions.parquet")
    if harm == "deleted":
        shutil.rmtree(path.parent)
    else:
        path.write_bytes(path.read_bytes()[:200] if harm == "truncated" else b"rubbish")
    with pytest.raises(ClvError, match=rf"run {run.run_id} has no readable predictions.parquet"):
        tracker.reader().table(run.run_id, "predictions.parquet")


def test_a_store_that_is_not_there_is_said_and_not_made(tmp_path):
    reader = MlflowTracker(tmp_path / "mlruns").reader()
    assert not reader.store_exists
    with pytest.raises(ClvError, match=r"no runs are kept in '.*mlruns' yet: run experiments first"):
        reader.runs("log 3m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_killed_run_is_not_finished_and_never_a_result(tracker, start_process):
    holdout = "1998-04-01 to 1998-06-30"
    program = (
        "import sys, time\n"
        "import pandas as pd\n"
        "from clv_experiments.reporting.records import Metric, Param, Table, Tag\n"
        "from clv_experiments.tracking.mlflow_tracker import MlflowTracker\n"
        "tags = dict(cell='c1', protocol='forecast', family='ml', features='full', code_version='1')\n"
        f"tags |= dict(holdouts='{holdout}')\n"
        "known = pd.DataFrame(dict(customer_id=['a'], y_true=[1.0], y_pred=[1.0], purchase_days=[1]))\n"
        "known = known.assign(cutoff=pd.Timestamp('1998-03-31'))\n"
        "for model in ('zeros', 'xgboost'):\n"
        "    with MlflowTracker('mlruns').run('log 3m', model) as run:\n"
        "        run.log([Param('model.name', model), Tag('model', model)])\n"
        "        run.log([Tag(*tag) for tag in tags.items()])\n"
        "        run.log([Metric('d2_floor', 0.1), Table('predictions.parquet', known)])\n"
        "        if model == 'xgboost':\n"
        "            print('in the middle', flush=True)\n"
        "            time.sleep(60)\n"
    )
    run = start_process([sys.executable, "-W", "ignore", "-c", program])
    assert run.stdout.readline() == "in the middle\n"
    run.kill()
    assert run.wait() == -signal.SIGKILL
    selection = select_runs(tracker.reader(), "log 3m", {}, ["zeros", "xgboost"], all_runs=True, metric="d2_tweedie")
    assert selection.cell.labels == ["zeros"]
    assert selection.cell.holdouts == (holdout,)
    assert selection.missing == {"xgboost": "not finished: still running, or killed in the middle"}
    assert "not finished" in selection.cell.excluded_runs[0]
