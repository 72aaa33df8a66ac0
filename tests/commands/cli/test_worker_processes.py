"""A multirun in worker processes that is told to stop more than once."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import mlflow
import pytest

ROOT = Path(__file__).resolve().parents[3]
SLOW_FOREST = ["data=cdnow_sample", "model=random_forest", "model.estimator.regressor.n_estimators=100000"]
PATIENCE = 240  # seconds until both runs have begun
SEMAPHORES = Path("/dev/shm")  # where Linux shows them as files


def stored(folder):
    """Give status and failure of every run of the experiment."""
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("cdnow_sample 3m")
    runs = client.search_runs([experiment.experiment_id]) if experiment else []
    return [(run.info.status, run.data.tags.get("failure")) for run in runs]


def in_the_middle_of_fits(process):
    """Whether both workers have semaphores of their own, as the threads have that grow a forest."""
    owners = {int(file.name.split("-")[1]) for file in SEMAPHORES.glob("sem.loky-*")} - {process.pid}
    return sum(is_of_group(owner, process.pid) for owner in owners) == 2


def is_of_group(process_id, group):
    try:
        return os.getpgid(process_id) == group
    except ProcessLookupError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no process groups")
@pytest.mark.parametrize("everybody", [False, True], ids=["the command", "its workers too"])
@pytest.mark.parametrize("pause", [0.5, 0.05])
def test_workers_mark_their_runs_however_often_a_stop_is_asked_for(pause, everybody, start_process, migrated, tmp_path):
    folder, temporary = tmp_path / "work", tmp_path / "tmp"
    folder.mkdir()
    temporary.mkdir()
    migrated(folder)
    parallel = ["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=1,2"]
    environment = os.environ | {"TMPDIR": str(temporary)}
    process = start_process([sys.executable, ROOT / "train.py", *parallel, *SLOW_FOREST], cwd=folder, env=environment)
    until = time.monotonic() + PATIENCE
    while len(stored(folder)) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.5)
    assert len(stored(folder)) == 2
    while SEMAPHORES.exists() and not in_the_middle_of_fits(process) and time.monotonic() < until:
        time.sleep(0.5)
    with suppress(ProcessLookupError):
        while process.poll() is None:
            (os.killpg if everybody else os.kill)(process.pid, signal.SIGTERM)
            time.sleep(pause)
    _, stderr = process.communicate(timeout=120)
    assert stderr == "interrupted; a run that was cut short stays in MLflow, marked FAILED\n"
    assert process.returncode == 130
    assert stored(folder) == [("FAILED", "interrupted")] * 2
    assert list(temporary.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
