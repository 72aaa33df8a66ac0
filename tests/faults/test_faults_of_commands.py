"""Faults at random moments of a board that is filled, a study, a report and a promotion,
and disks that fill meanwhile."""

import random
import shutil
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import pytest
from forked_commands import COUNT, MEMORY, SEED, Command, Disk, can_mount, copy_store

from clv_experiments.reporting.disk_errors import TEMPORARY_FOLDER_PREFIX
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="forks, and mounts disks")]
BOARD = ("data=cdnow_sample", "models=[bg_nbd]", "replicates=100")
COMMANDS = {
    "fill": ("leaderboard", *BOARD, "window=1m", "--fill"),
    "sweep": ("sweep", "data=cdnow_sample", "model=hiatus", "sweep.n_trials=4", "sweep.seeds=2"),
    "insights": ("insights", "data=cdnow_sample", "model=bg_nbd"),
    "promote": ("promote", *BOARD),
}
EXPERIMENTS = ("cdnow_sample 3m", "cdnow_sample 1m")
EACH = -(-COUNT // 8)  # of a command


@pytest.fixture(scope="module")
def finished(template, tmp_path_factory):
    """A store with the runs of one board, which ended before any fault."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "mlruns").mkdir()
    shutil.copy(template, folder / "mlruns" / "mlflow.db")
    outcome = Command(folder, "leaderboard", *BOARD, "--fill").wait()
    assert outcome.status == 0, outcome.stderr
    client = mlflow.MlflowClient(MlflowTracker(folder / "mlruns").uri)
    template_runs = client.search_runs([client.get_experiment_by_name("template").experiment_id])
    for run in template_runs:
        client.delete_run(run.info.run_id)
    return folder


@pytest.fixture
def work_folder(finished):
    """A working folder, in memory where there is some, with a copy of that store."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name, "work")
        (folder / "tmp").mkdir(parents=True)
        copy_store(finished / "mlruns", folder / "mlruns")
        yield folder


@pytest.fixture(scope="module")
def seconds(finished, tmp_path_factory):
    """How long each command takes, measured where it is first asked for."""
    measured = {}

    def of(name):
        if name not in measured:
            folder = tmp_path_factory.mktemp(name)
            copy_store(finished / "mlruns", folder / "mlruns")
            outcome = run(folder, name).wait()
            assert outcome.status == 0, outcome.stderr
            measured[name] = outcome.seconds
        return measured[name]

    return of


def run(folder, name, **options):
    return Command(folder, *COMMANDS.get(name, (name,)), environment={"TMPDIR": str(folder / "tmp")}, **options)


def all_runs(store):
    """Every run of both experiments by its id; each evaluation that is FINISHED can be read to its last file."""
    reader = MlflowTracker(str(store)).reader()
    runs = {one.run_id: one for experiment in EXPERIMENTS for one in reader.runs(experiment)}
    for one in runs.values():
        if one.status == "FINISHED" and one.is_evaluation:
            assert len(reader.table(one.run_id, "predictions.parquet")) > 2000
            assert reader.text(one.run_id, "config.yaml")
    return runs


def assert_nothing_lost(before, after):
    lost = {one for one in before if before[one].status == "FINISHED" and after[one].status != "FINISHED"}
    assert lost == set(), "runs that had ended are lost"


def debris(store):
    """Files that were never finished."""
    return [path for path in store.rglob(".*.*") if path.is_file() and path.name.split(".")[1].isdigit()]


@pytest.mark.parametrize("number", range(EACH))
@pytest.mark.parametrize("stop", ["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_stopped_loses_nothing_and_runs_again(name, stop, number, finished, seconds, work_folder):
    before, store = all_runs(finished / "mlruns"), work_folder / "mlruns"
    moment = random.Random(f"{name} {stop} {number} {SEED}").uniform(0.1, 1.0) * seconds(name)
    command = run(work_folder, name)
    time.sleep(moment)
    command.send(signal.Signals[stop])
    outcome = command.wait()
    after = all_runs(store)
    begun = [(one.name, one.status, one.tags.get("failure")) for one in after.values() if one.run_id not in before]
    context = f"{name}, {stop} after {moment:.1f} s: {outcome}, {begun}"
    assert_nothing_lost(before, after)
    if stop == "SIGTERM":
        assert outcome.status in (0, 130), context
        assert len(outcome.stderr.splitlines()) <= 1, context
        assert {status for _, status, _ in begun} <= {"FINISHED", "FAILED", "KILLED"}, context
        assert debris(store) == [], context
    again = run(work_folder, name).wait()
    assert again.status == 0, again.stderr
    assert_nothing_lost(after, all_runs(store))
    if stop == "SIGKILL":
        Command(work_folder, "doctor", "fix=true").wait()
    healthy = run(work_folder, "doctor").wait()
    assert healthy.status == 0, f"{context}\n{healthy.stdout}"
    assert debris(store) == []
    assert list((work_folder / "tmp").glob(f"{TEMPORARY_FOLDER_PREFIX}*")) == []


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize("number", range(EACH))
@pytest.mark.parametrize("name", ["sweep", "insights", "fill", "promote"])
def test_a_disk_that_fills_up_during_a_command_is_said(name, number, finished, work_folder):
    before, disk = all_runs(finished / "mlruns"), work_folder.parent / "disk"
    disk.mkdir()
    shutil.rmtree(work_folder / "mlruns")
    copy_store(finished / "mlruns", disk / "mlruns")
    used = sum(-(-file.stat().st_size // 4096) * 4096 + 4096 for file in disk.rglob("*"))
    size = used + random.Random(f"disk {name} {number} {SEED}").randrange(0, 3 << 19, 4096)
    typed = (*COMMANDS[name], f"tracking.folder={disk / 'mlruns'}")
    environment = {"TMPDIR": str(work_folder / "tmp")}
    outcome = Command(
        work_folder, *typed, disk=Disk(disk, size, is_working_folder=False), environment=environment
    ).wait()
    after = all_runs(disk.with_suffix(".after") / "mlruns")
    begun = [(one.name, one.status, one.tags.get("failure")) for one in after.values() if one.run_id not in before]
    context = f"{name}, {size - used} bytes free: {outcome}, {begun}"
    assert_nothing_lost(before, after)
    assert outcome.status in (0, 1), context
    assert "RUNNING" not in {status for _, status, _ in begun}, context
    assert debris(disk.with_suffix(".after")) == [], context
    if outcome.status:
        assert len(outcome.stderr.splitlines()) == 1, context
        assert "is full; free space there and run again, or" in outcome.stderr, context
