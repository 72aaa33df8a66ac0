"""Errors in one sentence, an exit status that says so, and a traceback for those who ask."""

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf

from clv_experiments.commands.cli.command_line import CommandLine, format_error
from clv_experiments.commands.cli.job_status import JobStatusFolder
from clv_experiments.commands.train import run_experiment
from clv_experiments.errors import ClvError

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.usefixtures("interruptible")  # a command line decides for its whole process


@pytest.fixture(autouse=True)
def _nothing_typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py"])


def refused(*overrides):
    """Give the sentence for overrides that Hydra refuses."""
    with pytest.raises(HydraException) as caught, initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        compose("config", overrides=list(overrides))
    return format_error(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("windw.origins=2", "there is no setting windw; did you mean window?"),
        ("window.orignis=2", "there is no setting window.orignis; did you mean origins?"),
        ("window.zzz=2", "there is no setting window.zzz; there are horizon, cutoff, origins, training_origins"),
        ("model=xgbost", "there is no model=xgbost; did you mean xgboost or xgboost_ziln?"),
        ("data=zzzz", "there is no data=zzzz; there are"),
        ("path=orders.csv", "there is no setting path; did you mean data.path or data.source.path?"),
        ("horizon=2m", "there is no setting horizon; did you mean window.horizon?"),
        ("data.path=orders.csv", "this log has no data.path, which is of one of your own; leave out data=<option>"),
        ("hydra.mode=nonsense", "Error merging override hydra.mode=nonsense"),
        ("seed=[1", "cannot read 'seed=[1'"),
        ("seed", "cannot read 'seed'"),
    ],
)
def test_what_hydra_refuses_comes_with_the_nearest_word(override, message):
    assert refused(override).startswith(message)


def test_a_setting_of_the_model_is_named_in_full():
    message = refused("model=xgboost", "max_depth=3")
    assert message == "there is no setting max_depth; did you mean model.estimator.regressor.max_depth?"


def test_a_parameter_that_a_library_may_take_can_be_added():
    message = refused("model=xgboost", "model.estimator.regressor.max_dept=3")
    assert "did you mean max_depth" in message
    assert "+model.estimator.regressor.max_dept=" in message


def test_our_own_error_is_found_below_what_a_library_wrapped_around_it():
    wrapped = RuntimeError("Error in call to target")
    wrapped.__cause__ = ClvError("the horizon\n  must be positive")
    assert format_error(wrapped) == "the horizon must be positive"


def test_a_password_in_an_error_is_masked():
    assert (
        format_error(ClvError("no answer from postgresql://ann:sesame@db")) == "no answer from postgresql://ann:***@db"
    )


def test_an_error_nobody_foresaw_says_its_type_and_how_to_see_more():
    assert format_error(KeyError("x")).startswith("KeyError: 'x' (unexpected: set HYDRA_FULL_ERROR=1")


def test_broken_interpolations_are_one_sentence():
    with pytest.raises(Exception, match="nowhere") as caught:
        OmegaConf.to_container(OmegaConf.create({"a": "${nowhere}"}), resolve=True)
    assert "unexpected" not in format_error(caught.value)
    assert "\n" not in format_error(caught.value)


def test_one_job_fails_alone(monkeypatch, capsys):
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    terminal, done = CommandLine(), []

    def main():
        for k in range(3):
            with terminal.run_job():
                if k == 1:
                    raise ClvError("number 1 is bad")
                done.append(k)

    assert terminal.run(main) == 1
    assert done == [0, 2]
    assert capsys.readouterr().err == "error: number 1 is bad\n"
    assert "HYDRA_FULL_ERROR" not in os.environ
    assert CommandLine().run(lambda: None) == 0


def test_a_traceback_is_for_those_who_ask_and_holds_no_password(monkeypatch, capsys):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    terminal = CommandLine()

    def main():
        with terminal.run_job():
            try:
                raise RuntimeError("no answer from postgresql://ann:sesame@db")
            except RuntimeError as error:
                raise ClvError("bad") from error

    assert terminal.run(main) == 1
    traceback = capsys.readouterr().err
    assert "RuntimeError: no answer from postgresql://ann:***@db\n" in traceback
    assert traceback.endswith("ClvError: bad\n")


@pytest.mark.parametrize("full", ["0", "1"])
def test_train_exits_1_with_a_traceback_only_on_demand(full, run_process, tmp_path):
    command = [sys.executable, ROOT / "train.py", "window.orignis=2"]
    done = run_process(command, cwd=tmp_path, env=os.environ | {"HYDRA_FULL_ERROR": full})
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) is (full == "1")
    if full == "0":
        assert done.stderr == "error: there is no setting window.orignis; did you mean origins?\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_multirun_leaves_no_password_behind(run_script, migrated, work, monkeypatch):
    monkeypatch.setenv("CLV_DATA_CONNECTION", "so that it is gone after the test")
    (work / "shop.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"\1" * 50)  # does not open, and needs no driver to say so
    connection = "data.connection='duckdb://shop.duckdb?password=sesame'"
    migrated(work)
    status, stdout, stderr = run_script(
        "train.py", "-m", "model=zeros,mean", "data=sql", "data.table=orders", connection
    )
    assert status == 1
    assert "cannot open the database duckdb://shop.duckdb?password=***: " in stderr
    written = [path for path in work.rglob("*") if path.is_file()]
    assert any(path.name == "multirun.yaml" for path in written)
    assert "sesame" not in stdout + stderr
    assert [path for path in written if b"sesame" in path.read_bytes()] == []


def test_an_interrupt_that_a_library_reports_as_its_own_error_stays_an_interrupt(monkeypatch, capsys):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    terminal, later = CommandLine(), []

    def main():
        with terminal.run_job():
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt:
                raise RuntimeError("Query interrupted") from None
        later.append("another job of the multirun")

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        assert terminal.run(main) == 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert later == []
    assert capsys.readouterr().err.startswith("interrupted")


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """A command line as a worker process has it: started by another process, on a noticeboard they share."""
    overrides = SimpleNamespace(task=OmegaConf.create(["model=zeros"]))
    hydra = SimpleNamespace(get=lambda: SimpleNamespace(overrides=overrides))
    monkeypatch.setattr("clv_experiments.commands.cli.typed_secrets.HydraConfig", hydra)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    terminal = CommandLine()
    terminal.process, terminal.status = os.getppid(), JobStatusFolder(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield terminal
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_worker_prints_a_job_in_one_piece_and_leaves_its_error_for_the_command(worker, capsys):
    with worker.run_job():
        sys.stdout.write("one\n")
        assert capsys.readouterr().out == "started: model=zeros\n"
        assert worker.status.unfinished_jobs() == ["model=zeros"]
        raise ClvError("bad")
    written = capsys.readouterr()
    assert written.out == "\nmodel=zeros\none\n"
    assert written.err == "error: model=zeros: bad\n"
    assert worker.status.failures == ["bad"]
    assert worker.status.unfinished_jobs() == []


def test_a_worker_that_is_interrupted_twice_ends_its_job_in_peace(worker):
    ended = []
    with pytest.raises(KeyboardInterrupt), worker.run_job():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            ended.append("marked FAILED")
            raise
    assert ended == ["marked FAILED"]


def test_a_worker_begins_nothing_after_a_stop(worker):
    worker.status.stop_workers()
    begun = []
    with pytest.raises(KeyboardInterrupt), worker.run_job():
        begun.append("a job")
    assert begun == []


def test_a_stop_does_not_wait_for_a_worker_that_was_killed(start_process, tmp_path):
    child = start_process([sys.executable, "-c", ""])
    child.wait()
    (tmp_path / f"{child.pid}.job").write_text("model=zeros")
    started = time.monotonic()
    JobStatusFolder(tmp_path).stop_workers()
    assert time.monotonic() - started < 5
    assert JobStatusFolder(tmp_path).unfinished_jobs() == ["model=zeros"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.cleaning=null", "data.cleaning holds settings of its own"),
        ("data.columns=x", "data.columns holds settings of its own"),
        ("data.cleaning.returns=drop", "data.cleaning.returns must be null or have settings of its own"),
    ],
)
def test_a_value_where_settings_belong_is_said(override, message, compose):
    with pytest.raises(ClvError, match=message):
        run_experiment(compose("data=file", "data.path=x.csv", "model=zeros", override))


@pytest.mark.parametrize("key", ["model.fallback.features.blocks", "model.members.two_part.features.blocks"])
def test_a_setting_of_a_model_inside_another_is_checked_as_its_own(key, compose):
    with pytest.raises(ClvError, match=f"{key} must be a list, got '0'"):
        run_experiment(compose("data=file", "data.path=x.csv", "model=blend", f"++{key}=0"))
