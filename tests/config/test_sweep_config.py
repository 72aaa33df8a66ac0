"""Every option of conf/sweep reads, holds what is configured, and whatever it lets a study choose can be fitted."""

import re
from pathlib import Path

import numpy as np
import optuna
import pytest
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import FixedTrial

from clv_experiments.config.model_options import build_model
from clv_experiments.config.sweep_config import SweepConfig, build_candidate_model, depends_on_seed, replace_seed
from clv_experiments.data.horizon import Horizon
from clv_experiments.data.window import Window
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.sweep.objective import Objective

CONF = Path(__file__).resolve().parents[2] / "conf"
SPACES = sorted(path.stem for path in (CONF / "sweep").glob("*.yaml"))
TRIALS = 50  # of a study by default


@pytest.fixture(scope="module")
def config_of(compose_sweep):
    """What a study of a model starts from, composed once."""
    composed = {}

    def config(*overrides):
        if overrides not in composed:
            composed[overrides] = SweepConfig(*compose_sweep(*overrides))
        return composed[overrides]

    return config


@pytest.fixture(scope="module")
def objective_of(cdnow_sample):
    """Scores choices on the first validation period of the CDNOW sample at 3 months."""
    window = Window(cdnow_sample.start, cdnow_sample.end, Horizon.parse("3 months"))
    forecaster = Forecaster(cdnow_sample, window)
    metrics, periods = ["d2_tweedie"], [window.period(1)]
    return lambda config: Objective(config.space, config.build_candidate_model, forecaster, periods, metrics)


def leaves(node, name=""):
    """Every setting by its key, also below lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    values = {} if items else {name: node}
    for key, value in items:
        values |= leaves(value, f"{name}.{key}".lstrip("."))
    return values


def settings_in(cfg):
    return leaves(OmegaConf.to_container(cfg, resolve=True))


def middle_of(distribution):
    low, high = distribution.low, distribution.high
    middle = (low * high) ** 0.5 if distribution.log else (low + high) / 2
    return round(middle) if isinstance(distribution, IntDistribution) else middle


@pytest.mark.parametrize("option", SPACES)
def test_configured_settings_are_the_choice_that_changes_nothing(option, config_of):
    config = config_of(f"model={option}")
    chosen = config.configured_params
    assert chosen, "what a study finds is compared with what is configured, which it must be able to find"
    assert settings_in(config.compose(chosen)) == settings_in(config.cfg)


@pytest.mark.parametrize("option", SPACES)
def test_space_is_small_enough_for_a_study(option, config_of):
    assert 5 * len(config_of(f"model={option}").space.parameters) <= TRIALS


@pytest.mark.parametrize("option", SPACES)
def test_whatever_is_chosen_sets_that_and_nothing_else_and_builds_a_model(option, config_of):
    config = config_of(f"model={option}")
    before = settings_in(config.cfg)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(10):
        expected = config.space.to_settings(config.space.suggest(trial := study.ask()))
        cfg = config.compose(trial.params)
        after = settings_in(cfg)
        features = expected.pop("features", before["features.name"])
        assert cfg.features.name == features
        assert {key: after[key] for key in expected} == expected
        changed = {key for key in {*before, *after} if before.get(key, ...) != after.get(key, ...)}
        assert all(key in expected or re.match(r"(model\.)?features\.", key) for key in changed)
        build_model(cfg.model)
    assert len({str(trial.params) for trial in study.trials}) > 1


@pytest.mark.slow
@pytest.mark.parametrize("option", SPACES)
def test_every_word_that_an_estimator_is_told_can_be_fitted(option, config_of, objective_of):
    """Ranges stay in their middle; warnings, such as of what a library no longer knows, are errors."""
    config = config_of(f"model={option}", f"sweep={option}")
    words = {p.name: p for p in config.space.parameters if isinstance(p.distribution, CategoricalDistribution)}
    middle = {p.name: middle_of(p.distribution) for p in config.space.parameters if p.name not in words}
    choice_counts = [len(p.distribution.choices) for p in words.values() if p.key.startswith("model.estimator.")]
    objective = objective_of(config)
    for number in range(max(choice_counts, default=1)):
        picked = {name: p.distribution.choices for name, p in words.items()}
        chosen = middle | {name: choices[number % len(choices)] for name, choices in picked.items()}
        (value,) = objective(FixedTrial(chosen))
        assert np.isfinite(value)


def test_model_without_a_space_has_nothing_to_choose(config_of):
    without = sorted({path.stem for path in (CONF / "model").glob("*.yaml")} - set(SPACES))
    assert without
    for option in without:
        assert not config_of(f"model={option}").cfg.sweep.space


def test_objective_without_a_power_predicts_as_if_there_was_no_such_setting(config_of, objective_of):
    few = ("model=xgboost", "model.estimator.regressor.n_estimators=5")
    tweedie = config_of(*few)
    unset = tweedie.compose({"objective": "reg:squarederror"})
    assert unset.model.estimator.regressor.tweedie_variance_power is None
    key = "model.estimator.regressor.tweedie_variance_power"
    never = config_of(*few, "model.estimator.regressor.objective=reg:squarederror", f"~{key}", "sweep.space={}")
    both = {"objective": "reg:squarederror", "tweedie_variance_power": 1.5}
    objective = objective_of(tweedie)
    actual, expected = (
        objective.evaluate(build_candidate_model(cfg), objective.periods[0]) for cfg in (unset, never.cfg)
    )
    assert actual.scores == expected.scores
    with pytest.raises(ClvError, match="XGBoost does not use tweedie_variance_power with objective reg:squarederror"):
        objective.evaluate(tweedie.build_candidate_model(both), *objective.periods)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sweep.space.alpha.key=model.estimator.regressor.steps.1.1.alhpa", "did you mean alpha?"),
        ("sweep.space.alpha.key=model.estimator.regressor.steps.2.1.alpha", "there is no setting"),
        (
            "sweep.space.training_origins.key=window.training_origin",
            "only features, window.training_origins and",
        ),
        ("sweep.space.features.choices=[rfm,periods,bahaviour]", "did you mean behaviour?"),
        ("sweep.space.features.key=window", "which no study may choose"),
    ],
)
def test_misspelt_key_is_refused_with_the_near_one(override, message, config_of):
    with pytest.raises(ClvError, match=message.replace("?", r"\?")):
        _ = config_of("model=ridge", override).space


# --- seeds --------------------------------------------------------------------------------------------------------


def seeded(**estimator):
    """Settings of a model that follow the run's seed, unless another is typed."""
    estimator = {"random_state": "${seed}"} | estimator
    return OmegaConf.create({"seed": 42, "model": {"name": "tree", "estimator": estimator}})


def test_a_seed_that_was_typed_gives_way_wherever_it_stands():
    typed = {"random_state": 7, "parts": [["scale", {"mean": True}], ["part", {"random_state": None, "alpha": 7}]]}
    cfg = seeded(**typed)
    reseeded = OmegaConf.to_container(replace_seed(cfg, 43), resolve=True)
    assert reseeded["seed"] == 43
    assert reseeded["model"]["estimator"] == {
        "random_state": 43,
        "parts": [["scale", {"mean": True}], ["part", {"random_state": 43, "alpha": 7}]],
    }
    assert cfg == seeded(**typed), "the settings themselves stay"


def test_only_what_follows_the_seed_draws_at_random():
    assert depends_on_seed(seeded())
    assert depends_on_seed(seeded(random_state=7))
    without = seeded()
    del without.model.estimator["random_state"]
    assert not depends_on_seed(without)


@pytest.mark.parametrize(("model", "expected"), [("ridge", 0), ("decision_tree", 1), ("xgboost", 1), ("two_part", 1)])
def test_models_as_configured_tell_whether_they_draw(config_of, model, expected):
    assert depends_on_seed(config_of(f"model={model}").cfg) == expected
