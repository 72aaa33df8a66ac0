"""The run of a study and those of its trials: made once, taken up, whole, and no runs of a leaderboard."""

import errno
import sys
from datetime import UTC, datetime, timedelta
from subprocess import PIPE

import pandas as pd
import pytest

from clv_experiments.comparison.selection import find_run_not_to_repeat, select_runs
from clv_experiments.errors import ClvError
from clv_experiments.reporting.records import Metric, Param, Table, Tag, Text
from clv_experiments.tracking import store
from clv_experiments.tracking.memory_tracker import MemoryTracker
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

EXPERIMENT = "shop 3m"
STARTED = datetime(2026, 1, 2, 3, 4, 5)  # as Optuna tells it, in local time
RECORDS = [Param("model.estimator.alpha", 0.5), Metric("validation_d2_tweedie", 0.25), Tag("state", "complete")]


@pytest.fixture(params=["mlflow", "memory"])
def any_tracker(request):
    """A tracker of each kind."""
    return request.getfixturevalue("tracker") if request.param == "mlflow" else MemoryTracker()


def runs(tracker, kind):
    return [run for run in tracker.reader().runs(EXPERIMENT) if run.tags["kind"] == kind]


def only_study(tracker):
    [run] = runs(tracker, "study")
    return run


def trial_runs(tracker):
    return {run.name: run for run in runs(tracker, "trial")}


def test_a_study_is_made_once_and_taken_up(any_tracker):
    with any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        assert study.new
        study.log([Param("sweep.seed", 7), Metric("best", 0.5)])
    assert only_study(any_tracker).status == "FINISHED"
    with any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as reopened:
        assert not reopened.new
        assert reopened.run_id == study.run_id
        assert only_study(any_tracker).status == "RUNNING"
        reopened.log([Metric("best", 0.75)])
    run = only_study(any_tracker)
    assert (run.name, run.status) == ("mine", "FINISHED")
    assert run.params == {"sweep.seed": "7"}
    assert run.metrics == {"best": 0.75}


def test_studies_of_other_names_and_experiments_are_others(any_tracker):
    names = ["it's", 'a "b"', 'it\'s "both"', "back\\slash", "100 %", "`x`", "客户", "it''s"]
    ids = set()
    for name in names:
        with any_tracker.study(EXPERIMENT, name, name.encode().hex()) as study:
            ids.add(study.run_id)
    with any_tracker.study("shop 6m", names[0], names[0].encode().hex()) as other:
        assert other.new
    assert len(ids) == len(names)
    for name in names:
        with any_tracker.study(EXPERIMENT, name, name.encode().hex()) as study:
            assert not study.new
            ids.remove(study.run_id)
    assert not ids


@pytest.mark.parametrize("error", [ClvError("all trials failed"), RuntimeError("boom"), KeyboardInterrupt()])
def test_a_failure_is_kept_until_the_study_is_taken_up(any_tracker, error):
    with pytest.raises(type(error)), any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        study.log_trial(0, STARTED, RECORDS)
        raise error
    run = only_study(any_tracker)
    assert run.status == "FAILED"
    reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
    assert reason in run.tags["failure"]
    assert run.tags["failure_kind"] == type(error).__name__
    with any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        assert study.trial_numbers() == {0}
        assert "failure" not in only_study(any_tracker).tags
    assert {"failure", "failure_kind"}.isdisjoint(only_study(any_tracker).tags)
    assert only_study(any_tracker).status == "FINISHED"


def test_the_failure_of_one_process_does_not_outlive_the_other(any_tracker):
    with any_tracker.study(EXPERIMENT, "mine", b"mine".hex()):
        with pytest.raises(KeyboardInterrupt), any_tracker.study(EXPERIMENT, "mine", b"mine".hex()):
            raise KeyboardInterrupt
        assert only_study(any_tracker).status == "FAILED"
    run = only_study(any_tracker)
    assert run.status == "FINISHED"
    assert "failure" not in run.tags


def test_trials_are_runs_below_their_study(any_tracker):
    with any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        study.log_trial(0, STARTED, RECORDS)
        study.log_trial(3, STARTED + timedelta(seconds=90), [Param("model.estimator.alpha", 2)], "too few customers")
        with any_tracker.study(EXPERIMENT, "other", b"other".hex()) as other:
            other.log_trial(7, STARTED, RECORDS)
            assert other.trial_numbers() == {7}
        assert study.trial_numbers() == {0, 3}
    trials = trial_runs(any_tracker)
    assert sorted(trials) == ["trial 0", "trial 3", "trial 7"]
    good, bad = trials["trial 0"], trials["trial 3"]
    assert good.status == "FINISHED"
    assert good.params == {"model.estimator.alpha": "0.5"}
    assert good.metrics == {"validation_d2_tweedie": 0.25}
    expected = {"mlflow.parentRunId": study.run_id, "kind": "trial", "trial": "0", "state": "complete"}
    assert expected.items() <= good.tags.items()
    assert "failure" not in good.tags
    assert bad.status == "FAILED"
    assert bad.tags["failure"] == "too few customers"
    assert bad.tags["trial"] == "3"
    assert good.started == STARTED.astimezone(UTC)
    assert bad.started - good.started == timedelta(seconds=90)


def test_a_trial_has_one_run_whoever_writes_it(any_tracker):
    with (
        any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study,
        any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as same,
    ):
        study.log_trial(4, STARTED, RECORDS)
        same.log_trial(4, STARTED, [Metric("validation_d2_tweedie", 0.99)], "late")
    run = trial_runs(any_tracker)["trial 4"]
    assert len(runs(any_tracker, "trial")) == 1
    assert run.status == "FINISHED"
    assert run.metrics == {"validation_d2_tweedie": 0.25}


def test_a_trial_killed_while_it_was_written_is_written_again(tracker, monkeypatch):
    with tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:

        def killed(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(study.client, "set_terminated", killed)
            study.log_trial(0, STARTED, RECORDS)
        assert study.trial_numbers() == set()
        study.log_trial(0, STARTED, RECORDS)
        assert study.trial_numbers() == {0}
    [found] = runs(tracker, "trial")
    assert found.status == "FINISHED"


def test_a_trial_that_a_full_disk_cut_short_is_marked_and_written_again(tracker, monkeypatch):
    def full_disk(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ClvError, match="is full"), tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        with monkeypatch.context() as patched, pytest.raises(ClvError, match="is full") as raised:
            patched.setattr(study.client, "log_artifacts", full_disk)
            study.log_trial(0, STARTED, [*RECORDS, Text("note.txt", "x")])
        [cut_short] = runs(tracker, "trial")
        assert (cut_short.status, "is full" in cut_short.tags["failure"]) == ("KILLED", True)
        raise raised.value
    with tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        assert study.trial_numbers() == set()
        study.log_trial(0, STARTED, RECORDS)
    [whole] = runs(tracker, "trial")
    assert (whole.status, "failure" in whole.tags) == ("FINISHED", False)


def test_trials_are_found_on_every_page(tracker, monkeypatch):
    monkeypatch.setattr(store, "PAGE", 2)
    with tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        for number in range(5):
            study.log_trial(number, STARTED, [])
            assert study.trial_numbers() == set(range(number + 1))


@pytest.mark.slow
def test_processes_that_start_together_share_one_study(tracker, start_process, tmp_path):
    program = (
        "import sys\n"
        "from datetime import datetime\n"
        "from clv_experiments.reporting.records import Metric\n"
        "from clv_experiments.tracking.mlflow_tracker import MlflowTracker\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "with MlflowTracker('mlruns').study('shop 3m', 'mine', 'mine'.encode().hex()) as study:\n"
        "    print(study.new)\n"
        "    for number in [int(sys.argv[1]), int(sys.argv[1]) + 2, 9, 10, 11]:\n"
        "        study.log_trial(number, datetime.now(), [Metric('m', float(number))])\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    running = [start_process([*command, number], cwd=tmp_path, stdin=PIPE) for number in range(2)]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * 2
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert sorted(out for out, _ in outputs) == ["False\n", "True\n"]
    assert only_study(tracker).status == "FINISHED"
    numbers = sorted(int(run.tags["trial"]) for run in runs(tracker, "trial"))
    assert numbers == [0, 1, 2, 3, 9, 10, 11]
    assert all(run.status == "FINISHED" for run in runs(tracker, "trial"))
    assert MlflowTracker(str(tmp_path / "mlruns")).reader().runs("shop 6m") == []


def test_no_leaderboard_shows_a_study_or_a_trial(any_tracker):
    settings = {"data.name": "shop", "model.name": "ridge"}
    frame = pd.DataFrame({"customer_id": ["a", "b"], "y_true": [0.0, 9.0], "y_pred": 5.0, "purchase_days": [0, 1]})
    frame["cutoff"] = pd.Timestamp("1998-03-31")
    records = [Param(name, value) for name, value in settings.items()]
    records += [Tag(name, "x") for name in ("cell", "family", "features", "protocol", "code_version")]
    records += [
        Metric("d2_floor", 0.5),
        Tag("model", "ridge"),
        Tag("holdouts", "1998-04-01 to 1998-06-30"),
        Table("predictions.parquet", frame),
    ]
    with any_tracker.study(EXPERIMENT, "mine", b"mine".hex()) as study:
        study.log(records)
        study.log_trial(0, STARTED, records)
        study.log_trial(1, STARTED, records, "too few customers")
    assert len(any_tracker.reader().runs(EXPERIMENT)) == 3
    selection = select_runs(any_tracker.reader(), EXPERIMENT, settings, ["ridge"], all_runs=True, metric="d2_tweedie")
    assert selection.cell is None
    assert selection.missing == {"ridge": ""}
    assert selection.other_cells == []
    assert find_run_not_to_repeat(any_tracker.reader(), EXPERIMENT, settings) is None
    with any_tracker.run(EXPERIMENT, "ridge") as run:
        run.log(records)
    assert find_run_not_to_repeat(any_tracker.reader(), EXPERIMENT, settings).run_id == run.run_id
