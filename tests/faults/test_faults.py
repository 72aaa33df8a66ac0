"""Faults at random moments of a run, and at random sizes of a disk: nothing is lost, and nobody is misled."""

import random
import shutil
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from forked_commands import COUNT, MEMORY, SEED, Command, Disk, can_mount

from clv_experiments.reporting.disk_errors import TEMPORARY_FOLDER_PREFIX
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="forks, and mounts disks")]
TYPED = ("train", "data=cdnow_sample", "model=bg_nbd", "window=3m", "evaluation.bootstrap_replicates=20")
EXPERIMENT = "cdnow_sample 3m"
COSTS = ("seconds_", "peak_memory_")  # metrics that differ from run to run
SENTENCES = 1  # lines that an error takes


@pytest.fixture
def scratch():
    """A folder in memory, where there is one, in which a run takes seconds."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def finished(template, tmp_path_factory):
    """A store with runs that ended before any fault, and the seconds that such a run takes."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "mlruns").mkdir()
    shutil.copy(template, folder / "mlruns" / "mlflow.db")
    outcome = Command(folder, *TYPED).wait()
    assert outcome.status == 0, outcome.stderr
    return folder


@pytest.fixture(scope="module")
def seconds(finished):
    """How long a run takes in a folder in memory."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        shutil.copytree(finished / "mlruns", Path(folder, "mlruns"))
        return Command(Path(folder), *TYPED).wait().seconds


@pytest.fixture
def store_of(finished):
    """Copy that store into a folder."""

    def copy(folder):
        (folder / "tmp").mkdir(parents=True)
        shutil.copytree(finished / "mlruns", folder / "mlruns")
        return folder

    return copy


def stored_runs(folder):
    """Runs newest first; each that is FINISHED can be read to its last file."""
    reader = MlflowTracker(str(folder / "mlruns")).reader()
    runs = reader.runs(EXPERIMENT)
    for run in runs:
        if run.status == "FINISHED":
            assert run.metrics["holdout_normalised_gini"] > 0
            assert len(reader.table(run.run_id, "predictions.parquet")) > 2000
            assert reader.model(f"runs:/{run.run_id}").estimator is not None
    return runs


def metrics_of(run):
    """All that the run measured, without what it took."""
    return {name: value for name, value in run.metrics.items() if not name.startswith(COSTS)}


@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_signal_at_any_moment(name, number, finished, seconds, store_of, scratch):
    before = len(stored_runs(finished))
    folder, moment = store_of(scratch), random.Random(f"{name} {number} {SEED}").uniform(0.0, seconds)
    command = Command(folder, *TYPED, environment={"TMPDIR": str(folder / "tmp")})
    time.sleep(moment)
    command.send(signal.Signals[name])
    outcome = command.wait()
    runs = stored_runs(folder)
    assert sum(run.status == "FINISHED" for run in runs[-before:]) == before, "a run that had ended is lost"
    begun = runs[:-before]
    context = f"{name} after {moment:.2f} s: {outcome}, {[(run.status, run.tags) for run in begun]}"
    if name == "SIGKILL":
        assert all(run.status in ("RUNNING", "FINISHED") for run in begun), context
        again = Command(folder, *TYPED, environment={"TMPDIR": str(folder / "tmp")}).wait()
        assert again.status == 0, again.stderr
        newest = stored_runs(folder)[0]
        assert (newest.status, metrics_of(newest)) == ("FINISHED", metrics_of(runs[-1]))
    else:
        has_handlers = outcome.status in (0, 130) or not begun
        assert has_handlers, context
        assert all(run.status == ("FINISHED" if outcome.status == 0 else "FAILED") for run in begun) or (
            outcome.status == 130 and all(run.status in ("FINISHED", "FAILED") for run in begun)
        ), context
        assert all(run.tags["failure"] == "interrupted" for run in begun if run.status == "FAILED"), context
        assert len(outcome.stderr.splitlines()) <= SENTENCES, context
    assert list((folder / "tmp").glob(f"{TEMPORARY_FOLDER_PREFIX}*")) == [], context


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("full", ["the store", "temporary files", "both"])
def test_a_disk_that_fills_up_at_any_write(full, number, finished, store_of, scratch):
    before = len(stored_runs(finished))
    generator = random.Random(f"{full} {number} {SEED}")
    folder, disk = store_of(scratch / "work"), scratch / "disk"
    disk.mkdir()
    environment = {"TMPDIR": str(folder / "tmp" if full == "the store" else disk)}
    if full == "temporary files":
        room = generator.randrange(4096, 1 << 20, 4096)
        size, typed = room, TYPED
    else:
        shutil.move(folder / "mlruns", disk / "mlruns")
        used = sum(-(-file.stat().st_size // 4096) * 4096 + 4096 for file in disk.rglob("*"))
        size, typed = used + generator.randrange(0, 3 << 19, 4096), (*TYPED, f"tracking.folder={disk / 'mlruns'}")
    command = Command(folder, *typed, disk=Disk(disk, size, is_working_folder=False), environment=environment)
    outcome = command.wait()
    assert outcome.status in (0, 1), outcome
    store = folder if full == "temporary files" else disk.with_suffix(".after")
    runs = stored_runs(store)
    assert sum(run.status == "FINISHED" for run in runs[-before:]) == before, "a run that had ended is lost"
    begun = runs[:-before]
    context = f"{full}, {size} bytes: {outcome}, {[(run.status, run.tags) for run in begun]}"
    assert all(run.status == ("FINISHED" if outcome.status == 0 else "FAILED") for run in begun), context
    if outcome.status:
        assert len(outcome.stderr.splitlines()) == SENTENCES, context
        assert "is full; free space there and run again, or" in outcome.stderr, context
        named = folder / "mlruns" if full == "the store" else disk
        assert str(disk) in outcome.stderr or str(named) in outcome.stderr, context
