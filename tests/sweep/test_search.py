"""Studies survive: counted, failing, interrupted, killed and shared among processes, with objectives of a few lines."""

import signal
import sqlite3
import sys
from subprocess import PIPE
from time import monotonic, sleep

import optuna
import pytest
from optuna import TrialPruned
from optuna.trial import TrialState

from clv_experiments.errors import ClvError
from clv_experiments.sweep import storage
from clv_experiments.sweep.sampling import FAILURE, PROPOSAL, is_killed_trial
from clv_experiments.sweep.search import MAX_FAILURES_AT_START, run_trials
from clv_experiments.sweep.study import AS_CONFIGURED, open_study

CONFIGURED = {"kind": "curved", "x": 0.5, "bend": 2}


def bowl(trial):
    """Least at x = 0.3 of the straight kind; the bend is chosen of the curved kind alone."""
    kind = trial.suggest_categorical("kind", ["straight", "curved"])
    x = trial.suggest_float("x", 0.0, 1.0)
    bend = trial.suggest_int("bend", 1, 9) if kind == "curved" else 0
    return [(x - 0.3) ** 2 + 0.01 * bend]


def open_toy(url=None, sampler="random", seed=7):
    return open_study(url, "toy", ["minimize"], {}, sampler=sampler, seed=seed)


def run_search(study, n_trials, objective=bowl, *, timeout=None, configured=CONFIGURED, after=None, waiting=None):
    """Search, and tell which trials this call made."""
    result = run_trials(
        study,
        objective,
        n_trials=n_trials,
        timeout=timeout,
        configured=configured,
        on_trial=after or (lambda trial: None),
        on_wait=waiting or (lambda: pytest.fail("waits for another process, and there is none")),
    )
    return [trial.number for trial in result.trials]


def interrupt(study, n_trials, objective, times):
    """Search as often as it is interrupted, which is so many times."""
    for _ in range(times + 1):
        try:
            run_search(study, n_trials, objective)
        except KeyboardInterrupt:
            times -= 1
    assert times == 0


def trials_of(study):
    """Parameters and values of all trials that count."""
    return [(trial.params, trial.values, trial.state) for trial in study.trials if not is_killed_trial(trial)]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def short_grace_period(monkeypatch):
    """Trials are given up soon after their process was killed."""
    monkeypatch.setattr(storage, "HEARTBEAT", 1)
    monkeypatch.setattr(storage, "GRACE", 1)


# --- one process ------------------------------------------------------------------------------------------------


def test_n_trials_counts_all_of_the_study(url):
    assert run_search(open_toy(url), 3) == [0, 1, 2]
    assert run_search(open_toy(url), 3) == []
    assert run_search(open_toy(url), 2) == []
    assert run_search(open_toy(url), 5) == [3, 4]


def test_the_configured_settings_are_tried_first_and_once():
    study = open_toy()
    run_search(study, 4)
    run_search(study, 6)
    assert study.trials[0].params == CONFIGURED
    assert [trial.number for trial in study.trials if AS_CONFIGURED in trial.user_attrs] == [0]
    study = open_toy()
    run_search(study, 2, configured=None)
    assert not any(AS_CONFIGURED in trial.user_attrs for trial in study.trials)


def test_a_timeout_ends_a_study_that_counts_no_trials():
    def slow(trial):
        sleep(0.05)
        return bowl(trial)

    began = monotonic()
    numbers = run_search(open_toy(), None, slow, timeout=0.3)
    assert 0.3 <= monotonic() - began < 2.0
    assert 1 <= len(numbers) <= 6
    assert run_search(open_toy(), 2, slow, timeout=60) == [0, 1]


def test_a_failing_trial_is_recorded_with_its_reason_and_the_study_goes_on():
    def failing(trial):
        values = bowl(trial)
        if trial.number in (1, 3):
            raise ClvError("too few customers") if trial.number == 1 else ZeroDivisionError("by nought")
        return values

    study = open_toy()
    failures = []
    numbers = run_search(study, 5, failing, after=lambda trial: failures.append(trial.user_attrs.get(FAILURE)))
    assert numbers == [0, 1, 2, 3, 4]
    assert failures == [None, "too few customers", None, "ZeroDivisionError: by nought", None]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "COMPLETE"]
    assert run_search(study, 5, failing) == []


def test_a_study_whose_first_trials_all_fail_ends_in_one_sentence_and_can_be_mended():
    def failing(trial):
        raise ClvError(f"no purchase in trial {trial.number}")

    study = open_toy()
    with pytest.raises(ClvError, match=r"^all of 5 trials failed,.*: no purchase in trial 4$"):
        run_search(study, 50, failing)
    with pytest.raises(ClvError, match=r"^all of 6 trials failed"):
        run_search(study, 50, failing)
    assert run_search(study, MAX_FAILURES_AT_START + 3) == [6, 7]


def test_fewer_failures_or_one_success_are_no_reason_to_end():
    def failing(trial):
        if trial.number != 2:
            raise ClvError("no")
        return bowl(trial)

    assert len(run_search(open_toy(), 4, failing)) == 4
    assert len(run_search(open_toy(), 9, failing)) == 9


def test_a_pruned_trial_counts_and_has_no_failure():
    def pruned(trial):
        trial.report(bowl(trial)[0], 0)
        raise TrialPruned

    study = open_toy()
    assert run_search(study, MAX_FAILURES_AT_START + 1, pruned) == list(range(MAX_FAILURES_AT_START + 1))
    assert {trial.state for trial in study.trials} == {TrialState.PRUNED}
    assert not any(FAILURE in trial.user_attrs for trial in study.trials)


def test_an_error_in_what_is_told_is_not_the_trial_s():
    def full(trial):
        raise ClvError("the disk is full")

    study = open_toy()
    with pytest.raises(ClvError, match="the disk is full"):
        run_search(study, 3, after=full)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE]


# --- the same study again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsgaii"])
def test_the_same_seed_makes_the_same_study(sampler):
    studies = [open_toy(sampler=sampler, seed=seed) for seed in (7, 7, 8)]
    for study in studies:
        run_search(study, 14)
    same, again, other = map(trials_of, studies)
    assert same == again
    assert same[0] == other[0], "as configured"
    assert all(mine != its for mine, its in zip(same[1:], other[1:], strict=True))


@pytest.mark.parametrize(("sampler", "at"), [("tpe", (12,)), ("random", (0,)), ("random", (1, 5)), ("nsgaii", (4,))])
@pytest.mark.slow
def test_an_interrupted_study_becomes_what_it_would_have_been(url, sampler, at):
    uninterrupted = open_toy(sampler=sampler)
    run_search(uninterrupted, 14)
    waits = list(at)

    def interrupted(trial):
        values = bowl(trial)
        if waits and trial.number == waits[0]:
            waits.pop(0)
            raise KeyboardInterrupt
        return values

    for _ in at:
        with pytest.raises(KeyboardInterrupt):
            run_search(open_toy(url, sampler), 14, interrupted)
    resumed = open_toy(url, sampler)
    run_search(resumed, 14, interrupted)
    assert len(resumed.trials) == 14 + len(at)
    assert trials_of(resumed) == trials_of(uninterrupted)


def test_what_was_lost_twice_is_not_proposed_again():
    def interrupted(trial):
        values = bowl(trial)
        if trial.number in (2, 3):
            raise KeyboardInterrupt
        return values

    uninterrupted, study = open_toy(), open_toy()
    run_search(uninterrupted, 6)
    interrupt(study, 5, interrupted, times=2)
    assert study.trials[2].params == study.trials[3].params == uninterrupted.trials[2].params
    expected = trials_of(uninterrupted)
    assert trials_of(study)[:5] == [*expected[:2], *expected[3:6]]


def test_the_configured_settings_lost_twice_are_not_tried_again():
    def interrupted(trial):
        values = bowl(trial)
        if trial.params == CONFIGURED:
            raise KeyboardInterrupt
        return values

    study = open_toy()
    interrupt(study, 3, interrupted, times=2)
    assert [trial.params == CONFIGURED for trial in study.trials] == [True, True, False, False, False]


# --- what other processes do, played by this one -----------------------------------------------------------------


def test_the_last_trials_of_others_are_waited_for():
    study = open_toy()
    other = study.study.ask()
    other.set_user_attr(PROPOSAL, 0)
    events = []

    def waiting():
        events.append(len(study.trials))
        study.study.tell(other, 0.5)

    assert run_search(study, 2, configured=None, waiting=waiting) == [1]
    assert events == [2]


def test_a_trial_that_never_began_is_given_up_at_once():
    study = open_toy()
    study.study.ask()
    assert run_search(study, 2) == [1, 2]
    assert is_killed_trial(study.trials[0])


def test_a_choice_that_was_left_waiting_is_taken_and_holds_nothing_up():
    study = open_toy()
    run_search(study, 1)
    study.study.enqueue_trial({"x": 0.25})
    assert run_search(study, 1) == []
    assert run_search(study, 2) == [1]
    assert study.trials[1].params["x"] == 0.25


def test_a_trial_given_up_while_its_process_slept_is_made_up_for():
    study = open_toy()

    def slept(trial):
        values = bowl(trial)
        if trial.number == 1:
            study.study.tell(trial.number, state=TrialState.FAIL)  # as another process does, seeing no heartbeat
        return values

    assert run_search(study, 3, slept) == [0, 2, 3]
    uninterrupted = open_toy()
    run_search(uninterrupted, 3)
    assert trials_of(study) == trials_of(uninterrupted)


def test_a_storage_that_breaks_off_is_said_in_one_sentence(url, tmp_path):
    def breaking(trial):
        values = bowl(trial)
        with sqlite3.connect(tmp_path / "studies.db") as database:
            database.execute("DROP TABLE trial_values")
        database.close()
        return values

    with pytest.raises(ClvError, match=r"^the study cannot be kept in sqlite:.*: no such table: trial_values"):
        run_search(open_toy(url), 3, breaking)


# --- real processes ----------------------------------------------------------------------------------------------

PROGRAM = """
import os, signal, sys, time
from optuna.samplers import RandomSampler
from clv_experiments.sweep import storage
from clv_experiments.sweep.search import run_trials
from clv_experiments.sweep.study import open_study

storage.HEARTBEAT = storage.GRACE = 1
url, n_trials, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def objective(trial):
    x = trial.suggest_float("x", 0.0, 1.0)
    trial.set_user_attr("process", os.getpid())
    time.sleep(0.05)
    if stop == f"in trial {trial.number}":
        print("sleeps", flush=True)
        time.sleep(60)
    if stop == f"after trial {trial.number}":
        RandomSampler.before_trial = die
    return [x]

print("ready", flush=True)
sys.stdin.readline()
study = open_study(url, "toy", ["minimize"], {}, sampler="random", seed=7)
run_trials(study, objective, n_trials=n_trials, timeout=None, configured={"x": 0.5}, on_trial=lambda trial: None,
       on_wait=lambda: None)
"""


@pytest.fixture
def start_searches(start_process):
    """Start processes that search, all at one moment."""

    def start(count, url, n_trials, stop="never"):
        command = [sys.executable, "-W", "error", "-c", PROGRAM, url, n_trials, stop]
        processes = [start_process(command, stdin=PIPE) for _ in range(count)]
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * count
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        return processes

    return start


@pytest.fixture
def server(new_database):
    """Address of a PostgreSQL database of our own."""
    with new_database("clv_studies") as uri:
        yield uri


def wait_for(processes):
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), errors


def optuna_trials(url):
    """The trials as Optuna itself reads them."""
    rdb_storage = optuna.storages.RDBStorage(url.replace("postgresql:", "postgresql+psycopg:"))
    trials = optuna.load_study(study_name="toy", storage=rdb_storage).trials
    rdb_storage.engine.dispose()
    return trials


@pytest.mark.slow
@pytest.mark.parametrize("storage_fixture", ["url", pytest.param("server", marks=pytest.mark.extras)])
def test_processes_that_start_together_on_a_new_storage_lose_no_trial(storage_fixture, request, start_searches):
    url = request.getfixturevalue(storage_fixture)
    wait_for(start_searches(2, url, 12))
    trials = optuna_trials(url)
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert len({trial.user_attrs["process"] for trial in trials}) == 2
    assert [trial.params["x"] for trial in trials].count(0.5) == 1
    assert len({trial.params["x"] for trial in trials}) == 12


@pytest.mark.slow
def test_a_study_killed_in_the_middle_of_a_trial_goes_on(url, start_searches, short_grace_period):
    [process] = start_searches(1, url, 6, "in trial 2")
    assert process.stdout.readline() == "sleeps\n"
    process.kill()
    process.wait()
    events = []
    assert run_search(open_toy(url), 6, configured=None, waiting=lambda: events.append("waits")) == [3, 4, 5, 6]
    assert [trial.number for trial in optuna_trials(url) if is_killed_trial(trial)] == [2]
    assert len(trials_of(open_toy(url))) == 6


@pytest.mark.slow
def test_a_study_killed_between_a_trial_and_its_first_heartbeat_goes_on_at_once(url, start_searches):
    [process] = start_searches(1, url, 6, "after trial 1")
    assert process.wait(30) == -signal.SIGKILL
    assert [trial.state for trial in optuna_trials(url)][2] is TrialState.RUNNING
    began = monotonic()
    assert run_search(open_toy(url), 6, configured=None) == [3, 4, 5, 6]
    assert monotonic() - began < storage.GRACE / 3
    assert len(trials_of(open_toy(url))) == 6
