"""What a run leaves in MLflow, read back from the database and the disk."""

import json
import shutil
import sqlite3
import sys
import warnings
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

from clv_experiments.errors import ClvError
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.reporting.records import (
    Description,
    FigureRecord,
    FittedModel,
    LogIdentity,
    Metric,
    Param,
    Table,
    Tag,
    Text,
)
from clv_experiments.tracking import store
from clv_experiments.tracking.memory_tracker import MemoryTracker
from clv_experiments.tracking.mlflow_run import LONGEST_DESCRIPTION, REST_LEFT_OUT, shorten_description
from clv_experiments.tracking.mlflow_tracker import MlflowTracker


def test_a_long_description_ends_with_a_line_and_says_so():
    assert shorten_description("x" * LONGEST_DESCRIPTION) == "x" * LONGEST_DESCRIPTION
    lines = [f"| model {k} | {k / 7:.3f} |" for k in range(1000)]
    short = shorten_description("\n".join(lines))
    assert LONGEST_DESCRIPTION - 50 < len(short) <= LONGEST_DESCRIPTION
    assert short.endswith(REST_LEFT_OUT)
    kept = short.removesuffix(REST_LEFT_OUT).split("\n")
    assert kept == lines[: len(kept)]


def last_run(tracker, experiment):
    client = mlflow.MlflowClient(tracker.uri)
    stored = client.get_experiment_by_name(experiment)
    return client.search_runs([stored.experiment_id], max_results=1)[0]


def artifact(run, name):
    return Path(run.info.artifact_uri.removeprefix("file://"), name)


def test_records_are_written_and_read_back(tracker):
    frame = pd.DataFrame({"customer_id": ["a", "=1+1"], "y_pred": [0.1 + 0.2, 1e-300]})
    with tracker.run("log 3m", "model") as run:
        run.log(
            [
                Param("seed", 42),
                Param("long", "x" * 7000),
                *[Param(f"many.{number}", number) for number in range(150)],
                Tag("family", "ml"),
                Description("# read me"),
                Metric("holdout_mae", 1.0, 0),
                Metric("holdout_mae", 2.0, 1),
                Metric("undefined", float("nan")),
                Table("table.csv", frame),
                Table("deep/predictions.parquet", frame),
                FigureRecord("empty.png", Figure()),
                Text("note.txt", "ü"),
                LogIdentity("log", "0123456789abcdef"),
            ]
        )
    stored = last_run(tracker, "log 3m")
    assert stored.info.status == "FINISHED"
    assert stored.info.run_name == "model"
    assert stored.data.params["seed"] == "42"
    assert len(stored.data.params["long"]) == 6000
    assert stored.data.params["many.149"] == "149"
    assert stored.data.tags["family"] == "ml"
    assert stored.data.tags["mlflow.note.content"] == "# read me"
    history = mlflow.MlflowClient(tracker.uri).get_metric_history(stored.info.run_id, "holdout_mae")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 2.0)]
    pd.testing.assert_frame_equal(pd.read_parquet(artifact(stored, "deep/predictions.parquet")), frame)
    defused = frame.assign(customer_id=["a", "'=1+1"])
    pd.testing.assert_frame_equal(pd.read_csv(artifact(stored, "table.csv")), defused)
    assert artifact(stored, "note.txt").read_text(encoding="utf-8") == "ü"
    assert artifact(stored, "empty.png").stat().st_size > 100
    assert [entry.dataset.name for entry in stored.inputs.dataset_inputs] == ["log"]
    assert stored.inputs.dataset_inputs[0].dataset.digest == "0123456789abcdef"


@pytest.mark.parametrize("error", [ClvError("no column 'date'"), RuntimeError("boom"), KeyboardInterrupt()])
def test_a_failing_run_is_marked_with_its_reason_and_keeps_what_it_had(tracker, error):
    with pytest.raises(type(error)), tracker.run("log 3m", "model") as run:
        run.log([Metric("before", 1.0)])
        raise error
    stored = last_run(tracker, "log 3m")
    assert stored.info.status == "FAILED"
    reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
    assert reason in stored.data.tags["failure"]
    assert stored.data.tags["failure_kind"] == type(error).__name__
    assert stored.data.metrics == {"before": 1.0}
    with tracker.run("log 3m", "next"):
        pass
    assert last_run(tracker, "log 3m").info.status == "FINISHED", "the next run of a multirun is a run of its own"


def test_the_memory_twin_behaves_alike():
    tracker = MemoryTracker()
    with pytest.raises(RuntimeError), tracker.run("log 3m", "model") as run:
        run.log([Metric("before", 1.0)])
        raise RuntimeError("boom")
    assert tracker.runs[0].status == "FAILED"
    assert tracker.runs[0].failure == {"failure": "RuntimeError: boom", "failure_kind": "RuntimeError"}
    assert tracker.runs[0].records == [Metric("before", 1.0)]


@pytest.mark.slow
def test_logged_model_predicts_the_same_in_a_fresh_process(tracker, run_process, tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(50, 2)), columns=["a", "b"]).rename_axis("customer_id")
    estimator = SpendRegressor(LinearRegression()).fit(X, X["a"] * 3 + 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlflow's own
        with tracker.run("log 3m", "model") as run:
            run.log([FittedModel(estimator, X.head())])
    stored = last_run(tracker, "log 3m")
    program = (
        "import sys, json, mlflow\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "model = mlflow.pyfunc.load_model(f'runs:/{sys.argv[2]}/model')\n"
        "print(json.dumps(model.predict(model.input_example).tolist()))\n"
        "print(json.dumps([column.name for column in model.metadata.signature.inputs]))\n"
        "from pathlib import Path\n"
        "import clv_experiments\n"
        "file = clv_experiments.__file__\n"
        "print(json.dumps([file, [path.name for path in Path(file).parent.iterdir()]]))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, tracker.uri, stored.info.run_id]
    done = run_process(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    predicted, inputs, package = done.stdout.splitlines()[-3:]
    assert json.loads(predicted) == estimator.predict(X.head()).tolist()
    assert json.loads(inputs) == ["a", "b"]
    file, parts = json.loads(package)
    assert file.endswith("/code/clv_experiments/__init__.py"), "it predicts with the code that was kept beside it"
    assert (
        {"errors.py", "models", "tracking"}
        <= set(parts)
        <= {"__init__.py", "__pycache__", "errors.py", "models", "tracking"}
    )


def test_a_locked_database_is_tried_again(monkeypatch):
    monkeypatch.setattr(store, "PAUSES", (0.0, 0.0, 0.0))
    answers = iter([MlflowException("(sqlite3.OperationalError) database is locked")] * 2 + ["written"])

    def write():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert store.FolderStore("mlruns").call_mlflow(write) == "written"


def test_a_database_that_stays_locked_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(store, "PAUSES", (0.0, 0.0))

    def write():
        raise MlflowException("database is locked")

    with pytest.raises(ClvError, match="locked by another process"):
        store.FolderStore("mlruns").call_mlflow(write)


def test_other_refusals_are_said_in_one_sentence():
    def write():
        raise MlflowException("no such experiment\nand a long story")

    with pytest.raises(ClvError, match=r"^MLflow refuses: no such experiment$"):
        store.FolderStore("mlruns").call_mlflow(write)


@pytest.mark.parametrize("content", [b"rubbish", bytes(5000)])
def test_a_file_that_is_no_database_is_left_alone_and_said(tmp_path, content):
    (tmp_path / "mlflow.db").write_bytes(content)
    with (
        pytest.raises(ClvError, match="is not an SQLite database; move it away"),
        MlflowTracker(tmp_path).run("e", "r"),
    ):
        pass
    assert (tmp_path / "mlflow.db").read_bytes() == content


def test_a_half_made_database_is_said(tmp_path, template):
    shutil.copy(template, tmp_path / "mlflow.db")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("update alembic_version set version_num = '90e64c465722'")
    with pytest.raises(ClvError, match=r"made by an older MLflow .* db upgrade"), MlflowTracker(tmp_path).run("e", "r"):
        pass


@pytest.mark.slow
def test_an_interrupt_while_the_database_is_made_leaves_none(tmp_path, monkeypatch):
    def interrupted(client, **_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "search_experiments", interrupted)
        with pytest.raises(KeyboardInterrupt), MlflowTracker(tmp_path).run("e", "r"):
            pass
    assert not (tmp_path / "mlflow.db").exists()
    with MlflowTracker(tmp_path).run("e", "r"):
        pass


@pytest.mark.parametrize("name", ["a?b", "a%20b"])
def test_a_path_that_would_be_read_as_an_address_is_refused(tmp_path, name):
    with (
        pytest.raises(ClvError, match=r"must not lie on a path with \? or %"),
        MlflowTracker(tmp_path / name).run("e", "r"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_experiment_comes_back(tracker):
    with tracker.run("log 3m", "first"):
        pass
    client = mlflow.MlflowClient(tracker.uri)
    client.delete_experiment(client.get_experiment_by_name("log 3m").experiment_id)
    with tracker.run("log 3m", "second"):
        pass
    assert last_run(tracker, "log 3m").info.run_name == "second"


def test_an_experiment_of_a_version_that_wrote_a_slash_is_read_and_renamed_by_the_next_run(tracker):
    with tracker.run("unrelated", "other"):
        pass
    client = mlflow.MlflowClient(tracker.uri)
    former = client.create_experiment("log/3m")
    client.create_run(former, run_name="before")
    assert [run.name for run in tracker.reader().runs("log 3m")] == ["before"]
    assert client.get_experiment(former).name == "log/3m", "reading changes nothing"
    with tracker.run("log 3m", "after"):
        pass
    assert client.get_experiment(former).name == "log 3m"
    assert [run.name for run in tracker.reader().runs("log 3m")] == ["after", "before"]

    client.create_run(client.create_experiment("log/3m"), run_name="by the version of before")
    assert len(tracker.reader().runs("log 3m")) == 3


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    tracker = MlflowTracker(tmp_path / "file" / "mlruns")
    with pytest.raises(ClvError, match=r"tracking\.folder="), tracker.run("log 3m", "model"):
        pass


@pytest.mark.slow
def test_processes_that_start_together_on_a_fresh_store_lose_nothing(start_process, tmp_path):
    program = (
        "import sys\n"
        "import pandas as pd\n"
        "from clv_experiments.reporting.records import Metric, Param, Table, Tag\n"
        "from clv_experiments.tracking.mlflow_tracker import MlflowTracker\n"
        "number = int(sys.argv[1])\n"
        "with MlflowTracker('mlruns').run('log 3m', sys.argv[1]) as run:\n"
        "    run.log([Param(f'many.{n}', n * number) for n in range(150)] + [Tag('cell', sys.argv[1])])\n"
        "    for step in range(20):\n"
        "        run.log([Metric('m', float(step * number), step)])\n"
        "    run.log([Table('predictions.parquet', pd.DataFrame({'y_pred': [float(number)] * 1000}))])\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    running = [start_process([*command, number], cwd=tmp_path) for number in range(3)]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    reader = MlflowTracker(tmp_path / "mlruns").reader()
    runs = sorted(reader.runs("log 3m"), key=lambda run: run.name)
    assert [(run.name, run.status) for run in runs] == [(str(number), "FINISHED") for number in range(3)]
    for number, run in enumerate(runs):
        assert run.params == {f"many.{n}": str(n * number) for n in range(150)}
        assert run.tags["cell"] == str(number)
        assert reader.metric_by_origin(run.run_id, "m") == {step: float(step * number) for step in range(20)}
        assert set(reader.table(run.run_id, "predictions.parquet")["y_pred"]) == {float(number)}
