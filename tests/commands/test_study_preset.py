"""Several runs at once: what each says stays together, what fails or is killed is said once, and Ctrl-C stops all."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "conf" / "experiment" / "study.yaml"
pytestmark = pytest.mark.slow
PARALLEL = ["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "tracking=memory", "data=cdnow_sample"]
QUICK = ["model=spend_rate", "evaluation.bootstrap_replicates=2"]


@pytest.fixture
def start(start_process, tmp_path):
    def started(*overrides):
        environment = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
        environment["PYTHONPATH"] = str(Path(__file__).parent)
        (tmp_path / "conf").mkdir()  # allows what settings would run
        allowed = "".join(f"- _target_: test_study_preset.{name}\n" for name in ("dies", "lasts"))
        (tmp_path / "conf" / "allowed.yaml").write_text(allowed)
        return start_process([sys.executable, ROOT / "train.py", *PARALLEL, *overrides], cwd=tmp_path, env=environment)

    return started


def dies(engine, *, sample):
    """Read a log as a worker does whose memory the system wants back."""
    os.kill(os.getpid(), signal.SIGKILL)


def lasts(engine, *, sample):
    """Read a log that takes its time; leave a trace when it begins and when it is interrupted."""
    Path(f"begun-{os.getpid()}").touch()
    try:
        time.sleep(100)
    except KeyboardInterrupt:
        Path(f"interrupted-{os.getpid()}").touch()
        raise


def test_a_job_that_fails_is_said_once_and_the_other_finishes(start):
    process = start("model=linear,spend_rate", "window=12m", "evaluation.bootstrap_replicates=2")
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert len(stderr.splitlines()) == 1
    assert stderr.startswith("error: ")
    assert "model=linear" in stderr
    assert "the log is too short" in stderr
    assert "the log is too short" not in stdout
    assert stdout.count("started: ") == 2
    block = stdout[stdout.index("spend_rate with features") :]
    block = block[: block.index("kept in memory only")]
    assert "time: " in block
    assert "linear" not in block, "what one run says stays together"


def test_a_worker_that_is_killed_is_one_sentence_that_says_how_to_go_on(start):
    process = start(*QUICK, "seed=1,2", "data.source._target_=test_study_preset.dies")
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert len(stderr.splitlines()) == 1
    assert stderr.startswith("error: a worker process was killed")
    assert "in the middle of tracking=memory data=cdnow_sample" in stderr
    assert "seed=1" in stderr
    assert "add resume=true" in stderr


@pytest.mark.parametrize("whom", ["the command", "all processes, as Ctrl-C does"])
def test_a_stop_reaches_every_worker_and_lets_it_end_its_run(whom, start, tmp_path):
    process = start(*QUICK, "seed=1,2,3", "data.source._target_=test_study_preset.lasts")
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("begun-*"))) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    (os.kill if whom == "the command" else os.killpg)(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)  # ends when the last process that could write has ended
    assert process.returncode == 130
    assert stderr == "interrupted; a run that was cut short stays in MLflow, marked FAILED\n"
    assert stdout.count("started: ") == 2, "the third run never begins"
    assert len(list(tmp_path.glob("interrupted-*"))) == 2


def test_the_study_names_logs_and_windows_that_there_are_and_every_model():
    preset = OmegaConf.load(STUDY)
    assert list(preset.hydra.sweeper.params) == ["data", "window", "model"], "neighbours share a log"
    for group in ("data", "window"):
        for option in preset.hydra.sweeper.params[group].split(","):
            assert (ROOT / "conf" / group / f"{option}.yaml").is_file()
    assert preset.hydra.sweeper.params.model == "glob(*)"
