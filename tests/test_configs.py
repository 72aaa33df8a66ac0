"""Every YAML option composes, instantiates and runs; none is named in this file."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from clv_experiments.errors import ClvError
from clv_experiments.experiment import build_model, run_experiment

CONF = Path(__file__).resolve().parents[1] / "conf"
GROUPS = ["data", "window", "features", "model", "evaluation", "tracking", "experiment"]
OPTIONS = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]
MODELS = [name for group, name in OPTIONS if group == "model"]
FAMILIES = {"baseline", "btyd", "ml", "hybrid"}


def test_no_yaml_is_overlooked():
    found = {path.relative_to(CONF).with_suffix("").parts for path in CONF.rglob("*.yaml")} - {("config",)}
    assert found == set(OPTIONS)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_says_what_it_is(group, option, compose):
    cfg = compose(f"{group}={option}")
    assert not OmegaConf.missing_keys(cfg)
    OmegaConf.to_container(cfg, resolve=True)
    first = (CONF / group / f"{option}.yaml").read_text().splitlines()[0]
    assert first.startswith("# "), "a YAML begins with a line that says what it is"
    if group in ("data", "features", "model"):
        assert cfg[group].name == option


@pytest.mark.parametrize("option", MODELS)
def test_model_says_its_family_and_whether_it_learns_from_labels(option, compose):
    cfg = compose(f"model={option}")
    assert set(cfg.model) == {"name", "family", "supervised", "features", "estimator"}
    assert cfg.model.family in FAMILIES
    model = build_model(cfg.model)
    assert not hasattr(model.estimator, "n_features_in_"), "an estimator comes unfitted"


@pytest.mark.parametrize("option", MODELS)
def test_model_runs(option, compose):
    result = run_experiment(compose(f"model={option}", "data=cdnow_sample", "evaluation.bootstrap_replicates=5"))
    assert isinstance(result.objective, float)
    assert len(result.holdout[0].forecast.table) == 2357


@pytest.mark.parametrize(("group", "option"), [pair for pair in OPTIONS if pair[0] not in ("model", "tracking")])
def test_option_runs(group, option, compose):
    """With the least model of each kind; a window may be too short for labels, and must then say so."""
    small = [] if group in ("data", "experiment") else ["data=cdnow_sample"]
    model = [] if group == "experiment" else ["model=linear"]
    overrides = [f"{group}={option}", *small, *model, "evaluation.bootstrap_replicates=5"]
    try:
        result = run_experiment(compose(*overrides))
    except ClvError as error:
        if group != "window" or "the log is too short" not in str(error):
            raise
        result = run_experiment(compose(*overrides, "model=bg_nbd"))
        assert result.objective is None
    assert result.holdout[0].scores["customers"] > 2000


def test_preset_says_its_own_command():
    for path in sorted((CONF / "experiment").glob("*.yaml")):
        lines = path.read_text().splitlines()
        assert lines[0] == "# @package _global_"
        assert lines[1] == f"# python train.py experiment={path.stem}"


def test_preset_values_win_over_the_defaults(compose):
    for path in sorted((CONF / "experiment").glob("*.yaml")):
        defaults, preset = compose(), compose(f"experiment={path.stem}")
        choices = [key for entry in OmegaConf.load(path).defaults for key in entry]
        changed = [group for group in GROUPS if group in preset and preset[group] != defaults[group]]
        assert {choice.removeprefix("override /") for choice in choices} <= set(changed)


@pytest.mark.parametrize("option", MODELS)
def test_seed_reaches_every_estimator_that_draws(option):
    text = (CONF / "model" / f"{option}.yaml").read_text()
    assert text.count("random_state") == text.count("random_state: ${seed}")
