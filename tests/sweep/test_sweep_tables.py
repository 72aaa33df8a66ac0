"""Tables of a study: every trial with what it chose and why it failed, the best in order, and honest importances."""

import math
from datetime import datetime

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from clv_experiments.reporting.text_table import TextTable
from clv_experiments.sweep.objective import SECONDS
from clv_experiments.sweep.sampling import FAILURE
from clv_experiments.sweep.study import AS_CONFIGURED
from clv_experiments.sweep.tables import (
    best_trials_table,
    configured_trial_number,
    importance_table,
    parameter_importances,
    trials_frame,
)

SPACE = {
    "depth": IntDistribution(1, 9),
    "alpha": FloatDistribution(1e-3, 10.0, log=True),
    "[red]$x_1$": CategoricalDistribution((None, True, "all")),
    "mae": FloatDistribution(0.0, 1.0),
}
CONFIGURED = {AS_CONFIGURED: True}


def study_of(*trials, directions=("maximize",)):
    """A study of trials (value, values or state; parameters; attributes)."""
    study = optuna.create_study(directions=list(directions))
    for value, params, attributes in trials:
        state = value if isinstance(value, TrialState) else TrialState.COMPLETE
        values = None if isinstance(value, TrialState) else value if isinstance(value, tuple) else (value,)
        spaces = {name: SPACE[name] for name in params}
        study.add_trial(
            create_trial(state=state, values=values, params=params, distributions=spaces, user_attrs=attributes)
        )
    return study


def noisy(values, *, only_deep=False, directions=("maximize",)):
    """Trials with these values and random parameters; ``mae`` perhaps only where ``depth`` is above 5."""
    rng = np.random.default_rng(5)
    trials = []
    for value in values:
        params = {"depth": int(rng.integers(1, 10)), "alpha": float(rng.uniform(0.001, 10)), "mae": float(rng.random())}
        if only_deep and params["depth"] <= 5:
            del params["mae"]
        trials.append((value(params) if callable(value) else value, params, {}))
    return study_of(*trials, directions=directions)


# --- all trials --------------------------------------------------------------------------------------------------


def test_every_trial_has_a_row():
    study = study_of(
        (0.25, {"depth": 3, "[red]$x_1$": None}, {SECONDS: 1.5}),
        (TrialState.FAIL, {"depth": 4, "mae": 0.5}, {FAILURE: "XGBoostError: no"}),
        (TrialState.FAIL, {}, {}),
        (TrialState.RUNNING, {"depth": 9}, {}),
    )
    frame = trials_frame(study, ["mae"])
    assert list(frame) == [
        "trial", "state", "mae", "depth", "[red]$x_1$", "mae (chosen)", "seconds", "started", "failure",
    ]  # fmt: skip
    assert frame["state"].tolist() == ["finished", "failed", "failed", "running"]
    assert frame["mae"].tolist()[0] == 0.25
    assert frame["mae"].isna().tolist() == [False, True, True, True]
    assert frame["failure"].tolist() == ["", "XGBoostError: no", "killed or interrupted", ""]
    assert isinstance(frame["started"][0], datetime)
    lines = frame.drop(columns="started").to_csv(index=False).splitlines()
    assert lines[1:3] == ["0,finished,0.25,3,null,,1.5,", "1,failed,,4,,0.5,,XGBoostError: no"]


def test_a_pruned_trial_has_no_mean_over_all_origins():
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    trial.report(0.9, 0)
    study.tell(trial, state=TrialState.PRUNED)
    assert study.trials[0].value == 0.9
    frame = trials_frame(study, ["d2_tweedie"])
    assert (frame["state"][0], math.isnan(frame["d2_tweedie"][0])) == ("pruned", True)


def test_a_study_without_trials_has_empty_tables():
    study = optuna.create_study(directions=["maximize", "minimize"])
    metrics = ["d2_tweedie", "mae"]
    assert trials_frame(study, metrics).empty
    assert best_trials_table(study, metrics) == TextTable([], [])
    assert parameter_importances(study, metrics, seed=1) == {}
    assert importance_table(study, {}) == TextTable([], [])


# --- the best ----------------------------------------------------------------------------------------------------


def test_the_best_stand_in_order_and_ties_in_the_order_of_trials():
    study = study_of(
        (0.1, {"depth": 1}, CONFIGURED),
        (0.3, {"depth": 2, "alpha": 0.012345}, {}),
        (TrialState.FAIL, {"depth": 3}, {FAILURE: "no"}),
        (0.4, {"depth": 4, "[red]$x_1$": None}, {}),
        (0.3, {"depth": 5, "[red]$x_1$": True}, {}),
        (0.2, {"depth": 6}, {}),
    )
    table = best_trials_table(study, ["d2_tweedie"], n_trials=3)
    assert table.headings == ["trial", "D2", "depth", "[red]$x_1$", "alpha"]
    assert table.rows == [
        ["3", "0.4000", "4", "null", ""],
        ["1", "0.3000", "2", "", "0.01235"],
        ["4", "0.3000", "5", "true", ""],
        ["(as configured) 0", "0.1000", "1", "", ""],
    ]
    assert [row[0] for row in best_trials_table(study, ["d2_tweedie"]).rows] == [
        "3",
        "1",
        "4",
        "5",
        "(as configured) 0",
    ]


def test_the_best_of_what_is_better_lower():
    study = study_of((0.25, {}, CONFIGURED), (0.05, {}, {}), directions=["minimize"])
    rows = [["1", "5.00%"], ["(as configured) 0", "25.00%"]]
    assert best_trials_table(study, ["aggregate_bias"]) == TextTable(["trial", "|bias|"], rows)


def test_of_several_metrics_the_front_in_the_order_of_the_first():
    values = [(0.2, 30.0), (0.3, 31.5), (0.1, 29.0), (0.15, 30.5)]
    trials = [(value, {}, CONFIGURED if value[0] == 0.15 else {}) for value in values]
    table = best_trials_table(study_of(*trials, directions=("maximize", "minimize")), ["d2_tweedie", "mae"])
    assert table.headings == ["trial", "D2", "MAE"]
    assert table.rows == [
        ["1", "0.3000", "31.50"],
        ["0", "0.2000", "30.00"],
        ["2", "0.1000", "29.00"],
        ["(as configured) 3", "0.1500", "30.50"],
    ]


def test_the_configured_trial_is_shown_even_if_it_failed_but_not_if_it_was_lost():
    lost, failed = (TrialState.FAIL, {}, CONFIGURED), (TrialState.FAIL, {}, CONFIGURED | {FAILURE: "no"})
    study = study_of(lost, failed, (0.3, {}, {}))
    assert configured_trial_number(study) == 1
    assert best_trials_table(study, ["d2_tweedie"]).rows == [["2", "0.3000"], ["(as configured) 1", "failed"]]
    assert configured_trial_number(study_of(lost, (0.3, {}, {}))) is None


# --- importances -------------------------------------------------------------------------------------------------


def test_what_decides_the_score_is_the_most_important():
    study = noisy([lambda p: p["depth"] + 0.5 * p["mae"]] * 40)
    shares = parameter_importances(study, ["d2_tweedie"], seed=3)["d2_tweedie"]
    assert list(shares)[:2] == ["depth", "mae"]
    assert shares["depth"] > 0.8
    assert sum(shares.values()) == pytest.approx(1.0)
    assert parameter_importances(study, ["d2_tweedie"], seed=3) == {"d2_tweedie": shares}
    assert parameter_importances(study, ["d2_tweedie"], seed=4) != {"d2_tweedie": shares}


def test_each_metric_has_its_own_importances():
    study = noisy([lambda p: (p["depth"], p["mae"])] * 30, directions=("maximize", "maximize"))
    importances = parameter_importances(study, ["d2_tweedie", "spearman"], seed=0)
    assert [next(iter(shares)) for shares in importances.values()] == ["depth", "mae"]
    table = importance_table(study, importances)
    assert table.headings == ["parameter", "D2", "Spearman"]
    assert [row[0] for row in table.rows] == list(importances["d2_tweedie"])


def test_a_wild_trial_does_not_decide_what_is_important():
    values = [lambda p: p["depth"]] * 30
    tame = parameter_importances(noisy(values), ["d2_tweedie"], seed=0)["d2_tweedie"]
    wild = parameter_importances(noisy([*values[:-1], -1e6]), ["d2_tweedie"], seed=0)["d2_tweedie"]
    assert tame["depth"] > 0.9
    assert wild["depth"] > 0.7


def test_what_only_some_trials_chose_has_no_share_and_a_row_that_says_so():
    study = noisy([lambda p: p["depth"]] * 20, only_deep=True)
    importances = parameter_importances(study, ["d2_tweedie"], seed=0)
    assert set(importances["d2_tweedie"]) == {"depth", "alpha"}
    chose = sum("mae" in trial.params for trial in study.trials)
    table = importance_table(study, importances)
    assert table.headings == ["parameter", "D2"]
    assert table.rows == [
        ["depth", f"{importances['d2_tweedie']['depth']:.0%}"],
        ["alpha", f"{importances['d2_tweedie']['alpha']:.0%}"],
        ["mae", f"chosen in {chose} of 20"],
    ]


@pytest.mark.parametrize(
    "study",
    [
        pytest.param(noisy([0.3]), id="one trial"),
        pytest.param(noisy([0.3] * 9), id="no variation"),
        pytest.param(study_of((0.1, {"depth": 1}, {}), (0.2, {"depth": 2}, {})), id="one parameter"),
        pytest.param(study_of((0.1, {"depth": 1}, {}), (0.2, {"alpha": 2.0}, {})), id="none in common"),
        pytest.param(study_of(*[(v, {"depth": 1, "mae": 0.5}, {}) for v in (0.1, 0.2)]), id="all chose the same"),
    ],
)
def test_what_cannot_be_explained_is_left_out(study):
    assert parameter_importances(study, ["d2_tweedie"], seed=0) == {}
