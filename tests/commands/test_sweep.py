"""A study as a user meets it: refused early, blind to the holdout, seeded, kept, compared."""

import json
import re
import shlex
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hydra import compose
from optuna import Study
from optuna.trial import FrozenTrial

from clv_experiments.commands.cell_request import select_cell_runs
from clv_experiments.commands.sweep import tune_model
from clv_experiments.config.sweep_config import SweepConfig, build_candidate_model
from clv_experiments.data.engine import DuckDb
from clv_experiments.data.sources.cdnow import cdnow
from clv_experiments.errors import ClvError, LogTooShort
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.sweep.objective import Objective
from clv_experiments.sweep.sampling import FAILURE
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

ROOT = Path(__file__).resolve().parents[2]
TREE = ["model=decision_tree", "data=cdnow_sample"]
HOLDOUTS = {1: pd.Timestamp("1998-04-01"), 2: pd.Timestamp("1998-01-01")}  # their first day, by window.origins


class Searched(NamedTuple):
    """A study as it was handed on to be summed up."""

    config: SweepConfig
    study: Study
    winner: FrozenTrial
    objective: Objective


@pytest.fixture
def searched(compose_sweep, monkeypatch):
    """Search without the full runs at the end."""

    def run(*overrides):
        searches = []
        monkeypatch.setattr(
            "clv_experiments.commands.sweep.run_and_compare_winner", lambda *given: searches.append(given[:4])
        )
        tune_model(*compose_sweep(*overrides))
        [(config, study, winner, objective)] = searches
        return Searched(config, study.study, winner, objective)

    return run


def trials_of(study):
    return [(trial.params, trial.values, trial.user_attrs.get("scores")) for trial in study.trials]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """The CDNOW sample as files: as it is, and with everything in the holdouts of one or of two origins changed."""
    folder = tmp_path_factory.mktemp("logs")
    rows = cdnow(DuckDb(), sample=True).table.to_pyarrow().to_pandas()
    rows.to_csv(folder / "honest.csv", index=False)
    for name, first_day in HOLDOUTS.items():
        later = rows["date"] >= first_day
        changed = rows[~later | (np.arange(len(rows)) % 3 > 0)].copy()
        changed.loc[later, "amount"] = changed.loc[later, "amount"] * 9 + 4
        changed.to_csv(folder / f"{name}.csv", index=False)
    return {
        name: [f"data.path={folder / f'{name}.csv'}", "data=file", "data.log_end=1998-06-30"]
        for name in ("honest", *HOLDOUTS)
    }


def fingerprint_of(study):
    return json.loads(study.user_attrs["settings"])["log fingerprint"]


@pytest.mark.parametrize("validated", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("origins", list(HOLDOUTS))
def test_the_holdout_changes_nothing(searched, logs, origins, validated):
    """Cleaning learns too: the limit that cuts outliers comes from the log."""
    typed = ["model=ridge", "features=rfm", "~sweep.space.features", "sweep.n_trials=5"]
    typed += ["data.cleaning.outliers.policy=winsorise", "data.cleaning.outliers.quantile=0.9"]
    typed += [f"window.origins={origins}", f"sweep.validation_origins={validated}"]
    _, honest, winner, objective = searched(*typed, *logs["honest"])
    _, tampered, other, _ = searched(*typed, *logs[origins])
    assert len(objective.periods) == validated
    assert fingerprint_of(honest) != fingerprint_of(tampered)
    assert trials_of(tampered) == trials_of(honest)
    assert other.params == winner.params
    assert len({tuple(values) for _, values, _ in trials_of(honest)}) > 2


@pytest.mark.slow
def test_the_same_seed_makes_the_same_study(searched):
    typed = [*TREE, "sweep.n_trials=5"]
    first = searched(*typed).study
    assert trials_of(searched(*typed).study) == trials_of(first)
    assert trials_of(searched(*typed, "sweep.seed=1").study) != trials_of(first)


def test_the_first_trial_is_as_configured(searched, compose_sweep):
    _, study, _, objective = searched(*TREE, "sweep.n_trials=1")
    cfg, _ = compose_sweep(*TREE)
    assert study.trials[0].values == [objective.score(build_candidate_model(cfg))]
    assert study.trials[0].user_attrs["as_configured"]


@pytest.mark.slow
def test_the_best_region_is_found(searched):
    """Of a tree on a simulated shop all choices are scored one by one; the study must end among the best few."""
    space = "sweep.space={depth: {key: model.estimator.regressor.max_depth, low: 1, high: 10}, leaf: {key: "
    space += "model.estimator.regressor.min_samples_leaf, low: 1, high: 400, log: true}}"
    typed = ["model=decision_tree", "data=simulated", "data.source.customers=1500"]
    config, _, winner, objective = searched(*typed, "~sweep.space", f"+{space}", "sweep.n_trials=30")
    grid = {
        (depth, leaf): objective.score(config.build_candidate_model({"depth": depth, "leaf": leaf}))
        for depth, leaf in product((1, 2, 3, 4, 6, 8, 10), (1, 5, 15, 40, 100, 150, 250, 400))
    }
    scores = np.array(list(grid.values()))
    assert winner.value > np.quantile(scores, 0.95), "by chance one trial in twenty is so good"
    assert winner.value > scores.max() - 0.1 * np.ptp(scores[scores > np.median(scores)])


def test_a_failing_trial_is_recorded_and_the_study_goes_on(searched):
    typed = [
        *TREE,
        "~sweep.space",
        "+sweep.space.depth={key: model.estimator.regressor.max_depth, choices: [8, 3, -1]}",
    ]
    _, study, winner, _ = searched(*typed, "sweep.n_trials=8")
    failed = [trial for trial in study.trials if trial.state.name == "FAIL"]
    assert failed
    assert all(trial.params == {"depth": -1} and "max_depth" in trial.user_attrs[FAILURE] for trial in failed)
    assert len(study.trials) == 8
    assert winner.params["depth"] in (3, 8)


def test_several_metrics_make_a_front(searched):
    _, study, winner, _ = searched(*TREE, "sweep.n_trials=10", "sweep.metric=[normalised_gini,aggregate_bias]")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    front = study.best_trials
    assert winner.values[0] == max(trial.values[0] for trial in front)
    assert all(trial.values[1] >= 0 for trial in study.trials), "bias counts by its size"


@pytest.mark.slow
def test_pruned_trials_stop_after_some_of_the_origins(searched):
    typed = [*TREE, "sweep.validation_origins=all", "sweep.pruner=median", "sweep.sampler=random"]
    _, study, winner, objective = searched(*typed, "sweep.n_trials=16")
    assert len(objective.periods) == 3
    pruned = [trial for trial in study.trials if trial.state.name == "PRUNED"]
    assert pruned
    assert all(len(trial.intermediate_values) < 3 for trial in pruned)
    assert winner.value == winner.intermediate_values[2], "the mean over all three"


def test_feature_sets_and_training_origins_are_chosen_and_shared(searched, monkeypatch):
    computed = []
    at = FeatureSet.compute

    def counted(self, log, cutoff, horizon):
        computed.append((self.name, cutoff))
        return at(self, log, cutoff, horizon)

    monkeypatch.setattr(FeatureSet, "compute", counted)
    typed = ["model=ridge", "data=cdnow_sample", "~sweep.space"]
    typed += ["+sweep.space.features={key: features, choices: [rfm, full]}"]
    typed += ["+sweep.space.origins={key: window.training_origins, choices: [1, null]}"]
    _, study, _, _ = searched(*typed, "sweep.n_trials=10", "sweep.sampler=random")
    values = {(trial.params["features"], trial.params["origins"]): trial.value for trial in study.trials}
    assert len(set(values.values())) == len(values) == 4
    assert len(computed) == len(set(computed)) == 8, "each feature set once at each of four cutoffs"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["sweep.n_trials=0"], "sweep.n_trials must be a whole number of at least 1, or null, got '0'"),
        (["sweep.n_trials=null"], "a sweep must end"),
        (["sweep.timeout=-1"], "sweep.timeout must be seconds above 0"),
        (["sweep.metric=d2"], "sweep.metric must be one or several of d2_tweedie"),
        (["sweep.metric=[]"], "sweep.metric must be one or several"),
        (["sweep.metric=[mae,mae]"], "names something twice"),
        (["sweep.sampler=best"], "sweep.sampler must be one of tpe"),
        (["sweep.pruner=median"], "type sweep.validation_origins=all"),
        (["sweep.validation_origins=many"], "sweep.validation_origins must be"),
        (["sweep.name=7"], "sweep.name must be text or null"),
        (["evaluation=customer_split"], "has not; leave it out"),
        (["model=zeros"], "nothing is to be chosen for zeros"),
        (["sweep.space.max_depth.key=model.estimator.regressor.max_dept"], "did you mean max_depth"),
        (["sweep.validation_origins=4"], "type sweep.validation_origins=3"),
        (["window=6m"], "holds 0 validation period"),
    ],
)
def test_settings_that_mislead_are_refused_before_the_first_trial(compose_sweep, typed, words):
    with pytest.raises((ClvError, LogTooShort), match=re.escape(words)):
        tune_model(*compose_sweep(*TREE, *typed))


# Three training origins are not in the space: then the winner is never what is configured.
SMALL = ["data=cdnow_sample", "window.training_origins=3", "evaluation.bootstrap_replicates=2", "sweep.seeds=2"]


@pytest.fixture(scope="module")
def studies(tmp_path_factory, migrated, run_without_figures):
    """Two studies by the script: a model that leaves nothing to chance, and a tree."""
    folder = migrated(tmp_path_factory.mktemp("studies"))
    typed = ["-m", "model=ridge,decision_tree", *SMALL, "sweep.n_trials=6"]
    return folder, run_without_figures(folder, "scripts/sweep.py", *typed)


@pytest.mark.slow
def test_the_script_searches_compares_and_keeps(studies):
    folder, done = studies
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("the winner, trial") == 2
    assert done.stdout.count("note: the configured settings lie outside the space") == 2
    assert "ridge leaves nothing to chance" in done.stdout
    assert "by D2, fitted with 2 seeds each" in done.stdout
    assert "on the holdout decision_tree (tuned) is" in done.stdout
    runs = MlflowTracker(folder / "mlruns").reader().runs("cdnow_sample 3m")
    by_id = {run.run_id: run for run in runs if run.tags.get("kind") == "study"}
    assert {run.status for run in by_id.values()} == {"FINISHED"}
    trials = [run for run in runs if run.tags.get("kind") == "trial"]
    assert len(trials) == 12
    for trial in trials:
        assert trial.tags["mlflow.parentRunId"] in by_id
        assert "validation_d2_tweedie" in trial.metrics
        assert not any(name.startswith("holdout_") for name in trial.metrics)
    full = {run.tags["model"]: run for run in runs if run.tags.get("kind") == "run"}
    assert set(full) == {"ridge", "ridge (tuned)", "decision_tree", "decision_tree (tuned)"}
    tuned = full["decision_tree (tuned)"]
    assert tuned.tags["model"] == "decision_tree (tuned)"
    assert by_id[tuned.tags["study"]].tags["study"].startswith("decision_tree cdnow_sample 3m")
    assert tuned.tags["cell"] == full["decision_tree"].tags["cell"]
    assert {name for name in tuned.params if name.startswith("sweep")} == set()


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ("[decision_tree]", ["decision_tree", "decision_tree (tuned)"]),
        ("null", ["decision_tree", "decision_tree (tuned)", "ridge", "ridge (tuned)"]),
    ],
)
@pytest.mark.slow
def test_a_leaderboard_shows_the_tuned_beside_the_configured(studies, compose_sweep, models, expected):
    folder, _ = studies
    typed = [*SMALL[:2], f"models={models}", f"tracking.folder={folder / 'mlruns'}"]
    selection = select_cell_runs(compose("leaderboard", overrides=typed), typed)
    assert sorted(selection.cell.labels) == expected
    assert {"zeros", "rfm_decile"} <= set(selection.missing), "a search runs no baselines"
    assert not {label for label in selection.missing if label in expected}


@pytest.mark.slow
def test_the_command_it_prints_makes_the_same_run(studies, migrated, run_without_figures, tmp_path):
    folder, done = studies
    command = re.findall(r"^to run the winner yourself: python train.py (.*)$", done.stdout, flags=re.MULTILINE)[-1]
    again = run_without_figures(migrated(tmp_path), "train.py", *shlex.split(command))
    assert again.returncode == 0, again.stderr
    ran = MlflowTracker(tmp_path / "mlruns").reader().runs("cdnow_sample 3m")[0]
    runs = MlflowTracker(folder / "mlruns").reader().runs("cdnow_sample 3m")
    tuned = next(run for run in runs if run.name == "decision_tree (tuned)")
    scores = [name for name in tuned.metrics if name.startswith(("holdout_", "validation_"))]
    assert {name: ran.metrics[name] for name in scores} == {name: tuned.metrics[name] for name in scores}


@pytest.mark.slow
def test_the_same_command_takes_the_study_up(studies, run_without_figures):
    folder, _ = studies
    done = run_without_figures(folder, "scripts/sweep.py", "model=ridge", *SMALL, "sweep.n_trials=8")
    assert done.returncode == 0, done.stderr
    assert "2 trials in" in done.stdout
    runs = MlflowTracker(folder / "mlruns").reader().runs("cdnow_sample 3m")
    assert sum(run.tags.get("kind") == "study" for run in runs) == 2
    assert sum(run.tags.get("kind") == "trial" for run in runs) == 14


def test_the_script_ends_in_one_sentence(run_script, work):
    status, _, stderr = run_script("scripts/sweep.py", *TREE, "sweep.n_trails=5")
    assert status == 1
    assert stderr.startswith("error: there is no setting sweep.n_trails; did you mean n_trials?")
    assert list(work.iterdir()) == []
