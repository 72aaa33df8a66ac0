"""A store that version 0.1 wrote is read: boards, scoring, resuming, making again, and what clv doctor says of it."""

import shutil
from pathlib import Path

import pytest

from clv_experiments.tracking.mlflow_tracker import MlflowTracker

STORE = Path(__file__).parent / "store_0_1" / "store_0_1.zip"
LOG = ("data.path=orders.csv", "window=1m", "evaluation.bootstrap_replicates=20")
EXPERIMENT = "orders 1m"


@pytest.fixture
def old(work, clv):
    """Run commands in a folder with the old store."""
    shutil.rmtree("mlruns")
    shutil.unpack_archive(STORE, work)
    return clv


def runs():
    return MlflowTracker("mlruns").reader().runs(EXPERIMENT)


def run_of(model):
    return next(run for run in runs() if run.tags.get("model") == model and run.is_evaluation)


def test_nothing_of_a_machine_is_in_it(work):
    shutil.unpack_archive(STORE, work)
    assert STORE.stat().st_size < 300_000
    for path in work.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(word in content for word in (b"/root", b"/home", b"/tmp", b"/dev/shm", b"/work", b"/Users")), (
            path
        )


def test_its_runs_are_read_with_their_models(work):
    shutil.unpack_archive(STORE, work)
    reader = MlflowTracker("mlruns").reader()
    assert {run.tags["model"] for run in runs() if run.is_evaluation} == {"bg_nbd", "ridge", "spend_rate"}
    run = run_of("bg_nbd")
    assert run.tags["code_version"].startswith("0.1.0")
    assert len(reader.table(run.run_id, "predictions.parquet")) > 100


def test_a_board_says_what_it_lacks(old):
    status, _, stderr = old("leaderboard", *LOG, "models=[bg_nbd,ridge]", "replicates=100")
    assert status == 1
    assert "or add --fill here" in stderr


def test_its_models_which_are_pickles_are_read_where_they_are_trusted(old):
    status, _, stderr = old("score", *LOG, f"model=runs:/{run_of('bg_nbd').run_id}")
    assert status == 1
    assert "kept as a pickle, which could run any code when it is read; type tracking.trusted=true" in stderr


def test_a_run_that_is_there_is_not_run_again(old):
    before = len(runs())
    status, stdout, stderr = old("train", *LOG, "model=bg_nbd", "resume=true")
    assert (status, stderr) == (0, "")
    assert "there already" in stdout
    assert len(runs()) == before


@pytest.mark.slow
def test_a_run_is_made_again_and_what_later_code_changed_is_named(old):
    status, stdout, stderr = old("rerun", run_of("spend_rate").run_id)
    assert status == 1
    assert "are not what they were; the code is" in stderr
    table = stdout[stdout.index("what differs from run") :]
    assert "holdout_crps" in table
    assert not any(name in table for name in ("holdout_mae", "holdout_d2_tweedie", "holdout_normalised_gini"))


def test_the_doctor_finds_nothing_wrong(old):
    status, stdout, stderr = old("doctor")
    assert (status, stderr) == (0, ""), stdout
