"""A run that is there is not run again; one that was killed, or failed for another reason than a short log, is."""

from datetime import date

import pytest

from clv_experiments.commands.train import train
from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.tracking.memory_tracker import MemoryTracker

KEPT = MemoryTracker()
SMALL = ["data=cdnow_sample", "evaluation.bootstrap_replicates=2"]


def kept():
    """What ``tracking._target_`` names: the same tracker for every run of a test."""
    return KEPT


@pytest.fixture
def once(compose, monkeypatch):
    """Run one experiment on an empty store, without pictures and baselines; ``resume`` unless said otherwise."""
    KEPT.runs.clear()
    monkeypatch.setattr("clv_experiments.commands.train.forecast_records", lambda *_: [])
    monkeypatch.setattr("clv_experiments.commands.train.build_all_baselines", lambda cfg: [])
    store = ["~tracking", "+tracking={_target_: test_resume.kept}"]
    return lambda *overrides: train(compose("resume=true", *SMALL, *store, *overrides))


def test_what_is_there_is_not_run_again_and_gives_the_same_objective(once, capsys):
    first = once("model=spend_rate")
    assert isinstance(first, float)
    capsys.readouterr()
    assert once("model=spend_rate") == first
    (run,) = KEPT.runs
    output = capsys.readouterr().out
    assert output.startswith(
        "spend_rate with features rfm_behaviour on cdnow_sample, next 3 months: there already (run "
    )
    assert run.run_id in output
    assert len(output.splitlines()) == 1


def test_in_a_backtest_the_objective_is_that_of_the_oldest_origin(once):
    first = once("model=spend_rate", "window.origins=2")
    assert once("model=spend_rate", "window.origins=2") == first


def test_without_resume_it_is_run_again(once):
    once("model=spend_rate")
    once("model=spend_rate", "resume=false")
    assert len(KEPT.runs) == 2


def test_other_settings_are_another_run(once):
    for override in ("seed=42", "seed=7", "window.origins=all", "window.origins=4"):
        once("model=spend_rate", override)
    assert len(KEPT.runs) == 4
    assert [run.to_stored_run().params["window.origins"] for run in KEPT.runs] == ["1", "1", "all", "4"]
    assert KEPT.runs[2].to_stored_run().tags["cell"] == KEPT.runs[3].to_stored_run().tags["cell"]


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_what_was_killed_or_failed_is_run_again(status, once):
    once("model=spend_rate")
    KEPT.runs[0].status = status
    once("model=spend_rate")
    assert [run.status for run in KEPT.runs] == [status, "FINISHED"]


def test_what_a_log_is_too_short_for_is_said_in_one_line_and_not_tried_again(once, capsys):
    assert once("model=linear", "window=12m") is None
    assert "left out: the log is too short for a horizon of 12 months" in capsys.readouterr().out
    assert once("model=linear", "window=12m") is None
    output = capsys.readouterr().out
    assert "linear with features full on cdnow_sample, next 12 months: left out: " in output
    assert "the log is too short" in output
    assert len(output.splitlines()) == 1
    assert [run.status for run in KEPT.runs] == ["FAILED"]


def test_without_resume_a_log_that_is_too_short_is_an_error(once):
    with pytest.raises(LogTooShort):
        once("model=linear", "window=12m", "resume=false")


def test_another_error_stays_an_error(once):
    with pytest.raises(ClvError, match="is not a date"):
        once("model=spend_rate", "data.log_end=garbage")


def test_all_origins_of_cdnow_are_four_and_cleaning_learns_up_to_the_oldest(once, monkeypatch):
    learnt = []

    def remembered(settings, get_learning_end, load):
        learnt.append(get_learning_end)
        return load(get_learning_end)

    monkeypatch.setattr("clv_experiments.config.log_and_window.LOG_CACHE.get_or_load", remembered)
    once("model=spend_rate", "window.origins=all")
    tags = KEPT.runs[0].to_stored_run().tags
    assert tags["holdouts"].split("; ")[0] == "1997-07-01 to 1997-09-30"
    assert len(tags["holdouts"].split("; ")) == 4
    # The oldest validation period, of models without labels, begins after the first quarter.
    assert learnt[0](date(1997, 1, 1), date(1998, 6, 30)) == date(1997, 3, 31)


def test_one_setting_more_is_another_run(once):
    """Not only those that both have: what somebody added on the command line counts too."""
    once("model=ridge", "+model.estimator.regressor.verbose=false")
    once("model=ridge")
    once("model=ridge", "+model.estimator.regressor.verbose=false")
    assert len(KEPT.runs) == 2
