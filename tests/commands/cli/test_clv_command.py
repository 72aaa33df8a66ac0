"""``clv``: every command under one name, and options of a user's own beside the packaged ones."""

import sys
import warnings

import pytest
from hydra.core.global_hydra import GlobalHydra

from clv_experiments import __version__
from clv_experiments.commands.cli.clv import COMMANDS, main
from clv_experiments.config.conf_folders import (
    find_ignored_user_options,
    find_option_files,
    packaged_conf_folder,
    read_options,
    user_conf_folder,
)
from clv_experiments.errors import command

MODEL = """# The mean, twice
name: twice_the_mean
family: ml
supervised: true
features: ${features}
estimator:
  _target_: own_models_of_a_test.TwiceTheMean
"""
CLASS = """
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin


class TwiceTheMean(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.n_features_in_, self.mean_ = X.shape[1], float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), 2 * self.mean_)
"""


@pytest.fixture
def clv(work, monkeypatch, capfd):
    """Run a command in an empty folder: exit status, stdout and stderr."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(GlobalHydra.instance(), "hydra", None)

    def run(*typed):
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["clv", *typed])
        with warnings.catch_warnings(action="ignore"), pytest.raises(SystemExit) as ended:
            sys.exit(main())
        return ended.value.code, *capfd.readouterr()

    return run


def test_help_names_every_command(clv):
    status, stdout, _ = clv("--help")
    assert status == 0
    assert all(f"\n  {name} " in stdout for name in COMMANDS)


@pytest.mark.parametrize("typed", [["--version"], ["train", "--version"], ["score", "--version"]])
def test_version_is_that_of_the_package(clv, typed):
    assert clv(*typed)[:2] == (0, f"clv-experiments {__version__}\n")


def test_an_unknown_command_names_the_nearest(clv):
    assert clv("leader")[::2] == (1, "error: there is no command 'leader'; did you mean leaderboard?\n")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("ui", "benchmark")])
def test_help_of_a_command_shows_how_it_is_typed(clv, name):
    status, stdout, _ = clv(name, "--help")
    assert status == 0
    assert f"  clv {'leaderboard' if name == 'promote' else name} " in stdout


def test_messages_name_the_command_as_it_was_started(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/train.py"])
    assert [command("train"), command("score")] == ["python train.py", "python scripts/score.py"]
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/clv"])
    assert [command("train"), command("score")] == ["clv train", "clv score"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [("clv sc", {*COMMANDS}), ("clv train model=xgb", {"model=xgboost", "model=xgboost_ziln"})],
)
def test_a_shell_completes_commands_and_settings(clv, monkeypatch, line, expected):
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    status, stdout, _ = clv("-sc", "query=bash")
    assert status == 0
    assert set(stdout.split()) == expected


def test_a_model_of_a_users_own_is_one_of_the_options(clv, tmp_path):
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "twice_the_mean.yaml").write_text(MODEL)
    (tmp_path / "own_models_of_a_test.py").write_text(CLASS)
    assert "twice_the_mean" in find_option_files("model")
    status, stdout, stderr = clv("train", "model=twice_the_mean", "data=cdnow_sample", "tracking=memory")
    assert (status, stderr) == (0, "")
    assert "\ntwice_the_mean " in stdout


def test_an_option_that_a_packaged_one_hides_is_said(clv, tmp_path):
    (tmp_path / "conf" / "model").mkdir(parents=True)
    hidden = tmp_path / "conf" / "model" / "zeros.yaml"
    hidden.write_text(MODEL)
    assert find_ignored_user_options() == [hidden]
    assert find_option_files("model")["zeros"] == packaged_conf_folder() / "model" / "zeros.yaml"
    assert f"note: {hidden} is not read" in clv("train", "--cfg", "job")[1]


def test_the_packaged_conf_is_no_conf_of_a_users_own(monkeypatch):
    monkeypatch.chdir(packaged_conf_folder().parent)
    assert user_conf_folder() is None
    assert find_ignored_user_options() == []


def test_the_ui_says_where_no_runs_are(clv):
    assert clv("ui")[::2] == (
        1, "error: there are no runs in mlruns; make one with clv train, or type folder=...\n",
    )  # fmt: skip
    assert clv("ui", "prot=5001")[0] == 1
    assert "port=5000" in clv("ui", "--help")[1]


def test_a_model_built_on_another_inherits_what_it_does_not_say(tmp_path, monkeypatch):
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "small_trees.yaml").write_text(
        "defaults:\n  - xgboost\n  - _self_\nname: small_trees\n"
    )
    monkeypatch.chdir(tmp_path)
    options = {option.name: option for option in read_options("model")}
    assert options["small_trees"].family == options["xgboost"].family
    assert options["small_trees"].estimator == options["xgboost"].estimator
    assert "defaults" not in options["small_trees"]
