"""What becomes of a run when its disk is full, its database gone or locked, or its process asked to stop."""

import errno
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from clv_experiments.errors import ClvError
from clv_experiments.reporting.records import Tag, Text
from clv_experiments.tracking import store
from clv_experiments.tracking.store import RESERVE, RESERVE_SIZE
from clv_experiments.tracking.store_errors import describe_store_error

pytestmark = pytest.mark.usefixtures("interruptible")


def last_run(tracker):
    return tracker.reader().runs("log 3m")[0]


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device", "a.png", None, "mlruns/artifacts/a.png")


def test_a_full_disk_is_said_and_the_run_marked_failed(tracker, monkeypatch):
    Path("mlruns/artifacts").mkdir()
    Path("mlruns/artifacts/a.png").write_text("half of it")
    monkeypatch.setattr(mlflow.MlflowClient, "log_artifacts", full_disk)
    message = "mlruns' is full; free space there and run again, or type tracking.folder="
    with pytest.raises(ClvError, match=message), tracker.run("log 3m", "model") as run:
        run.log([Text("note.txt", "x")])
    assert message in last_run(tracker).tags["failure"]
    assert not Path("mlruns/artifacts/a.png").exists()


def test_a_run_is_marked_failed_in_the_space_that_was_kept_for_it(tracker, monkeypatch):
    reserve, log_batch = Path("mlruns", RESERVE), mlflow.MlflowClient.log_batch

    def write_if_there_is_space(client, *args, **named):
        if reserve.exists():
            raise MlflowException("(sqlite3.OperationalError) database or disk is full")
        return log_batch(client, *args, **named)

    with pytest.raises(KeyError), tracker.run("log 3m", "model"):
        assert reserve.stat().st_size == RESERVE_SIZE
        monkeypatch.setattr(mlflow.MlflowClient, "log_batch", write_if_there_is_space)
        raise KeyError("another error")
    run = last_run(tracker)
    assert (run.status, run.tags["failure"]) == ("FAILED", "KeyError: 'another error'")
    with tracker.run("log 3m", "next"):
        assert reserve.exists()


def test_a_run_that_cannot_be_marked_failed_says_so(tracker, monkeypatch):
    def refuse(*_, **__):
        raise MlflowException("not today")

    with pytest.raises(ClvError, match="the cause") as raised, tracker.run("log 3m", "model") as run:
        monkeypatch.setattr(mlflow.MlflowClient, "log_batch", refuse)
        raise ClvError("the cause")
    assert raised.value.__notes__ == [f"run {run.run_id} could not be marked FAILED, since MLflow refuses: not today"]


def test_a_disk_without_room_for_a_run_is_said_before_it_begins(tracker, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ClvError, match="no run can be kept in 'mlruns': the disk that"), tracker.run("log 3m", "model"):
        pass
    assert tracker.reader().runs("log 3m") == []


def test_a_database_that_is_deleted_meanwhile_is_said(tracker):
    with pytest.raises(ClvError, match=r"mlflow\.db was deleted or moved") as raised, tracker.run("log 3m", "m") as run:
        Path("mlruns/mlflow.db").unlink()
        run.log([Tag("a", "b")])
    assert raised.value.__notes__ == [f"run {run.run_id} could not be marked FAILED"]


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "was deleted or moved"), (b"x" * 8192, "is damaged; move it away")]
)
def test_a_database_that_is_emptied_or_overwritten_meanwhile_is_said(tracker, content, message):
    with pytest.raises(ClvError, match=rf"mlflow\.db {message}"), tracker.run("log 3m", "m") as run:
        Path("mlruns/mlflow.db").write_bytes(content)
        run.log([Tag("a", "b")])


@pytest.mark.parametrize("call", ["search_experiments", "set_terminated"])
def test_a_store_that_is_locked_as_a_run_begins_or_ends_is_waited_for(tracker, monkeypatch, call):
    monkeypatch.setattr(store, "PAUSES", (0.0, 0.0))
    original, locked = getattr(mlflow.MlflowClient, call), [MlflowException("database is locked")]

    def locked_once(client, *args, **named):
        if locked:
            raise locked.pop()
        return original(client, *args, **named)

    monkeypatch.setattr(mlflow.MlflowClient, call, locked_once)
    with tracker.run("log 3m", "model"):
        pass
    assert (locked, last_run(tracker).status) == ([], "FINISHED")


def test_a_signal_waits_for_a_call_to_the_store(tracker, monkeypatch):
    log_batch, ended = mlflow.MlflowClient.log_batch, []

    def interrupted(client, *args, **named):
        signal.raise_signal(signal.SIGINT)
        log_batch(client, *args, **named)
        ended.append(args)

    with pytest.raises(KeyboardInterrupt), tracker.run("log 3m", "model") as run, monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "log_batch", interrupted)
        run.log([Tag("a", "b")])
    run = last_run(tracker)
    assert ended
    assert (run.status, run.tags["a"], run.tags["failure"]) == ("FAILED", "b", "interrupted")


def test_a_signal_as_a_run_is_made_leaves_none_that_runs(tracker, monkeypatch):
    start_run = mlflow.start_run

    def interrupted(**named):
        signal.raise_signal(signal.SIGINT)
        return start_run(**named)

    monkeypatch.setattr(mlflow, "start_run", interrupted)
    with pytest.raises(KeyboardInterrupt), tracker.run("log 3m", "model"):
        pass
    assert last_run(tracker).status == "FAILED"
    assert mlflow.active_run() is None


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ("ffffffffffff", "was made by a newer MLflow than .*; upgrade clv-experiments, which brings its MLflow along"),
        (
            "451aebb31d03",
            "was made by an older MLflow than .*; copy it, then type mlflow db upgrade sqlite:///.*mlflow.db",
        ),
    ],
)
def test_a_store_of_another_mlflow_is_not_to_be_moved_away(schema, sentence, migrated, work):
    database = migrated(work) / "mlruns" / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [schema])
    with pytest.raises(ClvError, match=sentence) as raised:
        store.open_store(database.parent)
    assert "move it away" not in str(raised.value)


def test_a_database_that_is_cut_short_asks_for_a_backup(migrated, work):
    database = migrated(work) / "mlruns" / "mlflow.db"
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    with pytest.raises(
        ClvError, match=r"malformed.*; move it away and put back your last backup, or run again, or type"
    ):
        store.open_store(database.parent)


def test_a_database_that_the_system_does_not_write_asks_for_its_limits(migrated, work):
    database = migrated(work) / "mlruns" / "mlflow.db"
    error = MlflowException("(sqlite3.OperationalError) disk I/O error")
    assert "(disk I/O error); see whether the size of files is limited (ulimit -f)" in describe_store_error(
        error, database
    )


def test_what_happened_is_said_and_no_hint_for_programmers():
    error = MlflowException("(raised as a result of Query-invoked autoflush; consider)\n(sqlite3.Error) not today")
    assert describe_store_error(error) == "MLflow refuses: (sqlite3.Error) not today"
