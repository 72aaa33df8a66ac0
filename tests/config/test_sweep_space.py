"""What a study may choose: every way of writing it, every refusal, and what a choice sets."""

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

from clv_experiments.config.sweep_options import read_space
from clv_experiments.errors import ClvError, suggest
from clv_experiments.sweep.space import SearchSpace, format_value

CONFIGURED = {
    "features": "full",
    "window.horizon": "3 months",
    "window.training_origins": None,
    "model.name": "forest",
    "model.estimator.objective": "tweedie",
    "model.estimator.power": 1.5,
    "model.estimator.depth": 4,
    "model.estimator.rate": 0.1,
    "model.estimator.random_state": 42,
    "data.path": "orders.csv",
}
DEPTH = {"key": "model.estimator.depth", "low": 2, "high": 8}
RATE = {"key": "model.estimator.rate", "low": 0.01, "high": 1.0}
OBJECTIVE = {"key": "model.estimator.objective", "choices": ["tweedie", "squared"]}
POWER = {"key": "model.estimator.power", "low": 1.1, "high": 1.9, "when": {"objective": ["tweedie"]}, "otherwise": None}
FEATURES = {"key": "features", "choices": ["rfm", "full"]}
ORIGINS = {"key": "window.training_origins", "choices": [1, 2, None]}


def configured_value(key):
    if key not in CONFIGURED:
        raise ClvError(f"there is no setting {key}; {suggest(key, CONFIGURED)}")
    return CONFIGURED[key]


def group_options(key):
    return ["behaviour", "full", "periods", "rfm"] if key == "features" else []


def space_of(**space) -> SearchSpace:
    return read_space(space, configured_value, group_options)


def parameter_of(**fields):
    """The one parameter of a space of one."""
    return space_of(x=fields).parameters[0]


@pytest.mark.parametrize(
    ("fields", "distribution"),
    [
        ({"low": 2, "high": 8}, IntDistribution(2, 8)),
        ({"low": 2, "high": 8, "step": 3}, IntDistribution(2, 8, step=3)),
        ({"low": 2, "high": 800, "log": True}, IntDistribution(2, 800, log=True)),
        ({"low": 2, "high": 8, "log": False, "step": None}, IntDistribution(2, 8)),
        ({"low": 2, "high": 8.0}, FloatDistribution(2, 8)),
        ({"low": 2, "high": 8, "step": 0.5}, FloatDistribution(2, 8, step=0.5)),
        ({"low": 0.01, "high": 1.0, "log": True}, FloatDistribution(0.01, 1, log=True)),
        ({"low": 0.1, "high": 0.7, "step": 0.2}, FloatDistribution(0.1, 0.7, step=0.2)),
        ({"choices": [2, 0.5, "sqrt", True, None]}, CategoricalDistribution([2, 0.5, "sqrt", True, None])),
    ],
)
def test_range_and_choices_become_what_optuna_draws_from(fields, distribution):
    result = parameter_of(key="model.estimator.depth", **fields).distribution
    assert result == distribution
    assert type(result) is type(distribution)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (None, "sweep.space.x must say which key it sets, such as {key: model.estimator.alpha, low: 1, high: 9}"),
        ({"low": 1, "high": 2}, "sweep.space.x must say which key it sets"),
        (DEPTH | {"lwo": 1}, "there is no setting sweep.space.x.lwo; did you mean low or log?"),
        (DEPTH | {"key": "model.estimator.dept"}, "there is no setting model.estimator.dept; did you mean model.est"),
        (DEPTH | {"key": "model.name"}, "sweep.space.x sets model.name, which no study may choose: only features, "),
        (DEPTH | {"key": "window.horizon"}, "window.horizon, which no study may choose"),
        (DEPTH | {"key": "data.path"}, "data.path, which no study may choose"),
        (DEPTH | {"key": "model.estimator.random_state"}, "model.estimator.random_state, which no study may choose"),
        (RATE | {"high": None}, "must have choices, or numbers for low and high, of at most 1e+15; its high is 'null'"),
        (RATE | {"low": 99999999999999999999}, "its low is '99999999999999999999'"),
        ({"key": "model.estimator.rate", "low": 1}, "its high is 'null'"),
        (RATE | {"low": "little"}, "its low is 'little'"),
        (RATE | {"low": True}, "its low is 'true'"),
        (RATE | {"high": float("inf")}, "its high is 'inf'"),
        (RATE | {"step": "fine"}, "its step is 'fine'"),
        (RATE | {"log": 10}, "sweep.space.x.log must be true or false, got '10'"),
        (
            RATE | {"limit": "up"},
            "sweep.space.x.limit must be a number beyond which nothing lies, or a list of two, got 'up'",
        ),
        (RATE | {"low": 1.0}, "sweep.space.x.low must lie below high, got 1.0 and 1.0"),
        (RATE | {"low": 0, "log": True}, "with log=true must have low above 0 and no step, got low 0 and step null"),
        (RATE | {"step": 0.33, "log": True}, "got low 0.01 and step 0.33"),
        (DEPTH | {"step": 4}, "sweep.space.x.step must lead from low to high in whole steps, got 4 from 2 to 8"),
        (DEPTH | {"step": 12}, "in whole steps, got 12 from 2 to 8"),
        (DEPTH | {"step": 0}, "in whole steps, got 0 from 2 to 8"),
        (DEPTH | {"step": -2}, "in whole steps, got -2 from 2 to 8"),
        (FEATURES | {"choices": "rfm"}, "sweep.space.x.choices must be a list of two or more, got rfm"),
        (FEATURES | {"choices": ["rfm"]}, "a list of two or more, got ['rfm']"),
        (FEATURES | {"low": 1}, "sweep.space.x has choices, beside which low means nothing; remove one of them"),
        (FEATURES | {"limit": 1}, "beside which limit means nothing"),
        (FEATURES | {"choices": ["rfm", ["full"]]}, "must hold numbers, words, true, false or null, got ['full']"),
        (
            FEATURES | {"choices": ["rfm", "ful"]},
            "there is no features=ful (sweep.space.x.choices); did you mean",
        ),
        (FEATURES | {"choices": ["rfm", None]}, "there is no features=null"),
        (ORIGINS | {"choices": [1, 2, 1]}, "sweep.space.x.choices names something twice: [1, 2, 1]"),
        (ORIGINS | {"choices": [1, True]}, "names something twice: [1, True]"),
        (DEPTH | {"otherwise": 3}, "sweep.space.x.otherwise says what is set where it is not chosen; add when, or "),
        (DEPTH | {"when": "tweedie"}, "sweep.space.x.when must name a parameter and its values, such as"),
        (DEPTH | {"when": {"objectiv": ["a"]}}, "names 'objectiv', which is no parameter above it; did you mean obj"),
        (DEPTH | {"when": {"x": [3]}}, "(or leave out this one too: ~sweep.space.x)"),
        (
            DEPTH | {"when": {"objective": "poisson"}},
            ".x.when waits for objective=poisson, which objective never takes",
        ),
        (DEPTH | {"when": {"rate": [2.0]}}, "waits for rate=2, which rate never takes"),
        (
            OBJECTIVE,
            "sweep.space.objective and sweep.space.x set the same key model.estimator.objective; ",
        ),
    ],
)
def test_refusal_names_the_parameter_and_what_is_wrong(fields, message):
    with pytest.raises(ClvError) as caught:
        space_of(objective=OBJECTIVE, rate=RATE | {"key": "model.estimator.power"}, x=fields)
    sentence = str(caught.value)
    assert message in sentence
    assert "\n" not in sentence


def test_name_may_be_a_number():
    assert read_space({1: DEPTH}, configured_value, group_options).parameters[0].name == "1"


SPACE = {"objective": OBJECTIVE, "power": POWER, "depth": DEPTH, "features": FEATURES, "origins": ORIGINS}


def test_trial_chooses_what_its_conditions_allow_and_the_rest_is_set_otherwise():
    space = space_of(**SPACE)
    params = {"objective": "tweedie", "power": 1.3, "depth": 5, "features": "rfm", "origins": None}
    assert space.suggest(FixedTrial(params)) == params
    assert space.to_settings(params) == {
        "model.estimator.objective": "tweedie",
        "model.estimator.power": 1.3,
        "model.estimator.depth": 5,
        "features": "rfm",
        "window.training_origins": None,
    }
    squared = params | {"objective": "squared"}
    without = {name: value for name, value in squared.items() if name != "power"}
    assert space.suggest(FixedTrial(squared)) == without
    assert space.to_settings(without)["model.estimator.power"] is None


def test_configured_value_stays_where_nothing_else_is_said():
    power = {name: value for name, value in POWER.items() if name != "otherwise"}
    assert space_of(objective=OBJECTIVE, power=power).to_settings({"objective": "squared"}) == {
        "model.estimator.objective": "squared"
    }


def test_parameter_waits_for_all_of_its_conditions():
    space = space_of(objective=OBJECTIVE, depth=DEPTH, rate=RATE | {"when": {"objective": "squared", "depth": [2, 3]}})
    rate = space.parameters[2]
    assert rate.is_active({"objective": "squared", "depth": 3})
    assert not rate.is_active({"objective": "squared", "depth": 4})
    assert not rate.is_active({"objective": "tweedie", "depth": 3})
    assert not rate.is_active({"depth": 3})


def test_what_waits_for_a_parameter_that_is_not_chosen_is_not_chosen():
    space = space_of(objective=OBJECTIVE, power=POWER, depth=DEPTH | {"when": {"power": 1.3}})
    assert space.suggest(FixedTrial({"objective": "squared", "power": 1.3, "depth": 3})) == {"objective": "squared"}


def test_configured_settings_are_a_choice():
    params = space_of(**SPACE).configured_params(configured_value)
    assert params == {"objective": "tweedie", "power": 1.5, "depth": 4, "features": "full", "origins": None}


@pytest.mark.parametrize(
    "changed",
    [
        {"model.estimator.depth": 9},
        {"model.estimator.depth": 1},
        {"model.estimator.depth": 4.0},
        {"model.estimator.depth": True},
        {"model.estimator.depth": None},
        {"features": "periods"},
        {"window.training_origins": 3},
        {"window.training_origins": True},
        {"model.estimator.power": 1.0},
        {"model.estimator.power": "1.5"},
        {"model.estimator.objective": "squared"},  # for which a power is to be null
    ],
)
def test_configured_settings_beyond_the_space_are_no_choice(changed):
    assert space_of(**SPACE).configured_params((CONFIGURED | changed).get) is None


def test_configured_setting_that_is_not_chosen_may_be_what_is_set_otherwise():
    squared = CONFIGURED | {"model.estimator.objective": "squared", "model.estimator.power": None}
    assert "power" not in space_of(**SPACE).configured_params(squared.get)


@pytest.mark.parametrize(("value", "held"), [(2, True), (5, True), (8, True), (4, False), (11, False)])
def test_configured_setting_between_two_steps_is_no_choice(value, held):
    params = space_of(depth=DEPTH | {"step": 3}).configured_params({"model.estimator.depth": value}.get)
    assert (params is not None) == held


def test_true_is_no_number():
    assert space_of(rate=RATE).configured_params({"model.estimator.rate": 1}.get)
    assert not space_of(rate=RATE).configured_params({"model.estimator.rate": True}.get)


@pytest.mark.parametrize(
    ("fields", "value", "end"),
    [
        (DEPTH, 2, "lowest"),
        (DEPTH, 8, "highest"),
        (DEPTH, 3, ""),
        (DEPTH | {"limit": 2}, 2, ""),
        (DEPTH | {"limit": 2}, 8, "highest"),
        (DEPTH | {"limit": 8}, 2, "lowest"),
        (DEPTH | {"limit": 8}, 8, ""),
        (DEPTH | {"limit": [2, 8]}, 2, ""),
        (DEPTH | {"limit": 1}, 2, "lowest"),
        (DEPTH | {"limit": [2, 8]}, 8, ""),
        (DEPTH | {"step": 3}, 5, ""),
        (DEPTH | {"high": 1000}, 995, "highest"),
        (DEPTH | {"high": 1000}, 985, ""),
        (RATE, 0.0198, "lowest"),  # 1 % of 0.99 from 0.01 on
        (RATE, 0.0200, ""),
        (RATE | {"log": True}, 0.0104, "lowest"),  # 1 % of two decades: a factor of 1.047
        (RATE | {"log": True}, 0.0106, ""),
        (RATE | {"log": True}, 0.96, "highest"),
        (RATE | {"log": True}, 0.94, ""),
        (RATE | {"low": 0.1, "step": 0.3}, 0.7, ""),
        (OBJECTIVE, "tweedie", ""),
    ],
)
def test_at_edge(fields, value, end):
    choices = space_of(x=fields).find_edge_choices({"x": value})
    assert [(choice.parameter.name, choice.value, choice.edge) for choice in choices] == [("x", value, end)] * bool(end)


def test_at_edge_names_all_that_were_chosen_and_lie_there():
    space = space_of(objective=OBJECTIVE, power=POWER, depth=DEPTH, rate=RATE)
    choices = space.find_edge_choices({"objective": "squared", "depth": 8, "rate": 0.01})
    assert [choice.parameter.name for choice in choices] == ["depth", "rate"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (0.123456, "0.1235"), (3, "3"), ("a", "a"), (1e-7, "1e-07")]
)
def test_format_value(value, text):
    assert format_value(value) == text


@settings(max_examples=50, deadline=None)
@given(st.integers(-50, 50), st.integers(1, 9), st.integers(1, 6), st.integers(0, 1000))
def test_what_a_trial_chooses_the_space_holds(low, step, steps, seed):
    """Choosing and holding agree, whatever the range."""
    ranges = {"depth": DEPTH | {"low": low, "high": low + step * steps, "step": step}, "rate": RATE | {"log": True}}
    space = space_of(**SPACE | ranges)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
    chosen = space.suggest(trial)
    set_to = space.to_settings(chosen)
    assert space.configured_params(set_to.get) == chosen
    assert ("power" in chosen) == (chosen["objective"] == "tweedie")
