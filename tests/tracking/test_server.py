"""Runs on a tracking server: a real one that is killed and started again, and one that refuses in every way."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from clv_experiments.errors import ClvError, StoreFailure
from clv_experiments.models.spend_regressor import SpendRegressor
from clv_experiments.reporting.records import (
    FittedModel,
    LogIdentity,
    Metric,
    Param,
    RegistrationRequest,
    Table,
    Tag,
    Text,
)
from clv_experiments.tracking import server
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

FRAME = pd.DataFrame({"customer_id": ["a", "b"], "y_pred": [0.1 + 0.2, 0.0]})
START_SECONDS = 120  # that a server has until it answers


class TrackingServer:
    """``mlflow server`` on a port of its own; what it keeps outlives it."""

    def __init__(self, start_process, folder, store, port):
        self.start_process, self.folder, self.uri = start_process, folder, f"http://127.0.0.1:{port}"
        self.command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        self.command += ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
        self.command += ["--workers", "1"]

    @contextmanager
    def running(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = self.start_process(self.command, cwd=self.folder, **quiet)
        try:
            until = time.monotonic() + START_SECONDS
            while not self.answers():
                assert time.monotonic() < until, "the server does not start"
                time.sleep(0.2)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def answers(self):
        try:
            with urlopen(f"{self.uri}/health", timeout=2) as response:
                return response.status == 200
        except OSError:
            return False


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.extras)])
def tracking_server(request, tmp_path, monkeypatch, unused_port, start_process):
    monkeypatch.chdir(tmp_path)
    if request.param == "sqlite":
        yield TrackingServer(start_process, tmp_path, f"sqlite:///{tmp_path}/server.db", unused_port)
        return
    with request.getfixturevalue("new_database")("mlflow_server") as database:
        store = database.replace("postgresql://", "postgresql+psycopg://")
        yield TrackingServer(start_process, tmp_path, store, unused_port)


@pytest.mark.slow
def test_a_run_outlives_a_server_that_is_killed_and_started_again(tracking_server):
    tracker = MlflowTracker(uri=tracking_server.uri)
    X = pd.DataFrame(np.arange(20.0).reshape(10, 2), columns=["a", "b"]).rename_axis("customer_id")
    estimator = SpendRegressor(LinearRegression()).fit(X, X["a"] * 3 + 10)
    started, is_over = threading.Event(), threading.Event()

    def serve_again():
        time.sleep(1)  # in which the run meets nobody
        with tracking_server.running():
            started.set()
            is_over.wait(300)

    again = threading.Thread(target=serve_again)
    with tracking_server.running():
        context = tracker.run("log 3m", "model")
        run = context.__enter__()
        run.log([Param("seed", 42), Metric("holdout_mae", 1.0, 0), Table("predictions.parquet", FRAME)])
    assert not tracking_server.answers()
    again.start()
    try:
        run.log([Metric("holdout_mae", 2.0, 1), Text("note.txt", "after"), LogIdentity("log", "0123456789abcdef")])
        assert started.is_set(), "it waited"
        about = RegistrationRequest("log-3m", "champion", (Tag("why", "best"),), "card")
        run.log([FittedModel(estimator, X.head()), about])
        context.__exit__(None, None, None)
        reader = tracker.reader()
        (stored,) = reader.runs("log 3m")
        assert (stored.status, stored.params["seed"]) == ("FINISHED", "42")
        assert reader.metric_by_origin(stored.run_id, "holdout_mae") == {0: 1.0, 1: 2.0}
        pd.testing.assert_frame_equal(reader.table(stored.run_id, "predictions.parquet"), FRAME)
        assert reader.text(stored.run_id, "note.txt") == "after"
        for address in (f"runs:/{stored.run_id}", "models:/log-3m@champion"):
            model = reader.model(address)
            assert model.estimator.predict(X).tolist() == estimator.predict(X).tolist()
            assert model.columns == ("a", "b")
        with pytest.raises(ClvError, match=r"has no readable absent\.csv \(FileNotFoundError\)"):
            reader.table(stored.run_id, "absent.csv")
        inspection = tracker.inspect_store()
        (fault,) = inspection.find_runs_with_lost_files()
        assert f"run {stored.run_id} (model) has lost config.yaml; " in fault.text
        assert [
            *inspection.check_database(),
            *inspection.unfinished_runs(),
            *inspection.find_orphaned_folders(),
            *inspection.find_broken_champions(),
        ] == []
        for _ in range(2):
            with tracker.study("log 3m", "ridge", "0a1b") as study:
                study.log_trial(0, datetime.now(UTC), [Metric("score", 1.0)])
                assert study.trial_numbers() == {0}
        kinds = [run.tags.get("kind", "run") for run in reader.runs("log 3m")]
        assert sorted(kinds) == ["run", "study", "trial"], "taken up, not made again"
    finally:
        is_over.set()
        again.join()


@contextmanager
def answering(status, body):
    """A server that gives every request the same answer; gives its address and the requests it had."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append((self.path, self.headers.get("Authorization")))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}", requests
        finally:
            httpd.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, b"You are not authenticated", "refuses the login: set MLFLOW_TRACKING_USERNAME and"),
        (403, b"Permission denied", r"does not let this user in \(403\)"),
        (403, b"Invalid Host header - possible DNS rebinding attack detected", "start it with --allowed-hosts"),
        (404, b"<html>not here</html>", r"no MLflow tracking server answers \(404\): check its port and path"),
        (200, b"<html>welcome</html>", "no MLflow tracking server answers: check its port and path"),
        (500, b"oops", r"fails \(500\)"),
        (503, b"later", r"fails \(503\)"),
    ],
)
def test_a_server_that_refuses_is_said_in_one_sentence_at_once(status, body, sentence, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "open-sesame")
    with answering(status, body) as (uri, requests):
        with pytest.raises(StoreFailure, match=sentence) as refused, MlflowTracker(uri=uri).run("log 3m", "model"):
            pass
        assert len(requests) == 1, "asked once"
        assert requests[0][1] == "Basic YW5uOm9wZW4tc2VzYW1l", "who logs in is said by MLflow's own variables"
    assert "sesame" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_server_that_is_not_there_is_said_at_once(unused_port, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreFailure, match=r"cannot be reached \(Connection refused\): check the address"):
        MlflowTracker(uri=f"http://127.0.0.1:{unused_port}").reader().runs("log 3m")


def test_a_server_that_goes_away_is_not_taken_for_one_that_lost_its_files(monkeypatch, tmp_path, unused_port):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    store = server.ServerStore(f"http://127.0.0.1:{unused_port}")
    with pytest.raises(StoreFailure, match="no longer answers"):
        store.fetch("mlflow-artifacts:/1/abc/artifacts", "predictions.parquet")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"folder": "http://host:5000"}, "type tracking=server tracking.uri=http://host:5000"),
        ({"folder": "sqlite:///x.db"}, "must be a folder, not 'sqlite:///x.db'"),
        ({"uri": ""}, "type tracking.uri=http://host:5000, or set MLFLOW_TRACKING_URI"),
        ({"uri": "postgresql://host/runs"}, "no address of a tracking server"),
        ({"uri": "databricks"}, "no address of a tracking server"),
        ({"uri": "http://host:5000/?token=sesame"}, r"'http://host:5000/\?token=\*\*\*' is no address"),
        ({"uri": "http://ann:sesame@host:5000"}, r"'http://ann:\*\*\*@host:5000' must not say who logs in"),
    ],
)
def test_what_is_not_understood_is_refused(options, sentence):
    with pytest.raises(ClvError, match=sentence):
        MlflowTracker(**options)


@pytest.mark.usefixtures("interruptible")
def test_a_server_that_vanishes_as_a_run_is_made_does_not_hold_up_who_wants_to_stop(monkeypatch):
    def vanished(**_):
        signal.raise_signal(signal.SIGINT)
        time.sleep(60)

    monkeypatch.setattr(server.ServerStore, "max_interrupt_delay", 0.1)
    monkeypatch.setattr("mlflow.start_run", vanished)
    tracker, started = MlflowTracker(uri="http://127.0.0.1:1"), time.monotonic()
    monkeypatch.setattr(tracker, "_open_experiment", lambda _: (None, "1"))
    with pytest.raises(KeyboardInterrupt), tracker.run("log 3m", "model"):
        pass
    assert time.monotonic() - started < 30
