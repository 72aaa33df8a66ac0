"""Errors in one sentence, an exit status that says so, and a traceback for those who ask."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf

from clv_experiments.command_line import CommandLine, sentence
from clv_experiments.errors import ClvError

ROOT = Path(__file__).resolve().parents[1]


def refused(*overrides):
    """Give the sentence for overrides that Hydra refuses."""
    with pytest.raises(HydraException) as caught, initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        compose("config", overrides=list(overrides))
    return sentence(caught.value)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("windw.origins=2", "there is no setting windw; did you mean window?"),
        ("window.orignis=2", "there is no setting window.orignis; did you mean origins?"),
        ("window.zzz=2", "there is no setting window.zzz; there are horizon, cutoff, origins, training_origins"),
        ("model=xgbost", "there is no model=xgbost; did you mean xgboost?"),
        ("data=zzzz", "there is no data=zzzz; there are"),
        ("seed=[1", "cannot read 'seed=[1'"),
        ("seed", "cannot read 'seed'"),
    ],
)
def test_what_hydra_refuses_comes_with_the_nearest_word(override, said):
    assert refused(override).startswith(said)


def test_a_parameter_that_a_library_may_take_can_be_added():
    said = refused("model.estimator.regressor.max_dept=3")
    assert "did you mean max_depth" in said
    assert "+model.estimator.regressor.max_dept=" in said


def test_our_own_error_is_found_below_what_a_library_wrapped_around_it():
    wrapped = RuntimeError("Error in call to target")
    wrapped.__cause__ = ClvError("the horizon\n  must be positive")
    assert sentence(wrapped) == "the horizon must be positive"


def test_a_password_in_an_error_is_masked():
    assert sentence(ClvError("no answer from postgresql://ann:sesame@db")) == "no answer from postgresql://ann:***@db"


def test_an_error_nobody_foresaw_says_its_type_and_how_to_see_more():
    assert sentence(KeyError("x")).startswith("KeyError: 'x' (unexpected: set HYDRA_FULL_ERROR=1")


def test_broken_interpolations_are_one_sentence():
    with pytest.raises(Exception, match="nowhere") as caught:
        OmegaConf.to_container(OmegaConf.create({"a": "${nowhere}"}), resolve=True)
    assert "unexpected" not in sentence(caught.value)
    assert "\n" not in sentence(caught.value)


def test_one_job_fails_alone(monkeypatch, capsys):
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    terminal, done = CommandLine(), []

    def main():
        for k in range(3):
            with terminal.job():
                if k == 1:
                    raise ClvError("number 1 is bad")
                done.append(k)

    assert terminal.run(main) == 1
    assert done == [0, 2]
    assert capsys.readouterr().err == "error: number 1 is bad\n"
    monkeypatch.delenv("HYDRA_FULL_ERROR")
    assert CommandLine().run(lambda: None) == 0


def test_a_traceback_is_for_those_who_ask(monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    terminal = CommandLine()

    def main():
        with terminal.job():
            raise ClvError("bad")

    with pytest.raises(ClvError, match="bad"):
        terminal.run(main)


@pytest.mark.parametrize("full", ["0", "1"])
def test_train_exits_1_with_a_traceback_only_on_demand(full, tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "window.orignis=2"],
        cwd=tmp_path, env=os.environ | {"HYDRA_FULL_ERROR": full}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) is (full == "1")
    if full == "0":
        assert done.stderr == "error: there is no setting window.orignis; did you mean origins?\n"
    assert list(tmp_path.iterdir()) == []
