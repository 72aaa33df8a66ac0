"""The end of a study: full runs made once, made again where they are gone, and the command that repeats the winner."""

import shlex

import mlflow
import optuna
import pytest
from hydra import compose
from hydra.utils import instantiate
from optuna.storages import InMemoryStorage
from optuna.trial import create_trial

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.sweep import OUTCOME, format_train_command, run_and_compare_winner
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.settings import build_experiment_name, flatten_settings
from clv_experiments.config.sweep_config import SweepConfig, add_validation_origins, build_candidate_model
from clv_experiments.forecasting.evaluation_result import EvaluatedOrigin, EvaluationResult
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.records import Tag
from clv_experiments.sweep.objective import SCORES, Objective
from clv_experiments.sweep.outcome import TuningOutcome
from clv_experiments.sweep.study import AS_CONFIGURED, TrackedStudy
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

DEPTH = "{key: model.estimator.regressor.max_depth, low: 1, high: 12, limit: 1}"
TREE = ["model=decision_tree", "data=cdnow_sample", "features=rfm"]
TREE += ["~sweep.space", f"+sweep.space.depth={DEPTH}", "sweep.seeds=2"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return MlflowTracker(tmp_path_factory.mktemp("runs"))


def get_learning_end(cfg):
    return lambda start, end: build_window(cfg.window, start, end).first_forecast_cutoff


@pytest.fixture(scope="module")
def searching(compose_sweep, store):
    """Lay out a search on the latest validation periods, its log cleaned by what is known before the oldest."""

    def begin(*typed, periods=1):
        typed = ["tracking=mlflow", f"tracking.folder={store.store.folder}", *TREE, *typed]
        cfg, _ = compose_sweep(*typed)

        def window(start, end):
            return add_validation_origins(build_window(cfg.window, start, end), periods)

        log = load_log_from_config(cfg.data, lambda start, end: window(start, end).first_forecast_cutoff)
        forecaster = Forecaster(log, window(log.start, log.end))
        validated = [forecaster.window.period(back) for back in range(1, 1 + periods)]
        config = SweepConfig(cfg, typed)
        return config, Objective(config.space, config.build_candidate_model, forecaster, validated, ["d2_tweedie"])

    return begin


@pytest.fixture(scope="module")
def begun(searching):
    return searching()


class Study:
    """A study whose trials chose these depths, each better than the one before it, and what summing it up runs."""

    def __init__(self, config, objective, store, name, *depths):
        self.config, self.objective, self.store, self.name, self.made = config, objective, store, name, []
        self.optuna = optuna.create_study(study_name=name, direction="maximize")
        for depth in depths:
            self.add(depth)

    def add(self, depth, **attributes):
        space = {p.name: p.distribution for p in self.config.space.parameters}
        value = float(len(self.optuna.trials))
        attributes[SCORES] = {"d2_tweedie": value}
        trial = create_trial(params={"depth": depth}, distributions=space, value=value, user_attrs=attributes)
        self.optuna.add_trial(trial)

    def run_experiment(self, cfg, search=None):
        """Leave the run and the holdout forecast of a full run, and none of its tables and pictures."""
        self.made.append((cfg.model.name, cfg.model.estimator.regressor.max_depth, search))
        log, tuned_forecaster = load_log_from_config(cfg.data, get_learning_end(cfg)), self.objective.forecaster
        forecaster = tuned_forecaster if log is tuned_forecaster.log else Forecaster(log, tuned_forecaster.window)
        scorer = self.objective.with_periods(forecaster, [])
        holdout = EvaluatedOrigin(0, scorer.evaluate(build_candidate_model(cfg), tuned_forecaster.window.period(0)))
        with instantiate(cfg.tracking).run(build_experiment_name(cfg), cfg.model.name) as run:
            run.log([Tag("study", search.study), Tag("trial", str(search.trial))] if search else [])
        return EvaluationResult([holdout], None, None, "", [], [])

    def sum_up(self, config=None):
        """Sum up as a command does, and return the full runs that this made."""
        self.made.clear()
        with self.store.study("cdnow_sample 3m", self.name, self.name) as run:
            study = TrackedStudy(self.optuna, None, InMemoryStorage())
            winner = self.optuna.best_trial
            run_and_compare_winner(config or self.config, study, winner, self.objective, run, Terminal())
        self.run_id = run.run_id
        return list(self.made)

    def stored(self, model):
        """Return the run of this study's winner, or of the study itself."""
        runs = self.store.reader().runs("cdnow_sample 3m")
        return next(r for r in runs if r.name == model and self.run_id in (r.run_id, r.tags.get("study")))


@pytest.fixture
def study(begun, store, monkeypatch, request):
    def begin(*depths, name=request.node.name, begun=begun):
        made = Study(*begun, store, name, *depths)
        monkeypatch.setattr("clv_experiments.commands.sweep.run_experiment", made.run_experiment)
        monkeypatch.setattr("clv_experiments.sweep.study_records.study_figures", lambda *_: [])  # which take longest
        return made

    return begin


@pytest.mark.slow
def test_the_configured_settings_and_the_winner_are_run_in_full(study, capsys):
    one = study(3, 12)
    (configured, depth, nothing), (tuned, chosen, search) = one.sum_up()
    assert (configured, depth, nothing) == ("decision_tree", 8, None)
    assert (tuned, chosen) == ("decision_tree (tuned)", 12)
    edge = "depth=12 is the highest that was searched (model.estimator.regressor.max_depth)"
    assert (search.study, search.trial, search.at_edge) == (one.run_id, 1, (edge,))
    assert f"note: {edge}; a wider range may hold better" in capsys.readouterr().out
    assert one.stored("decision_tree (tuned)").tags["study"] == one.run_id
    assert one.stored(one.name).tags["at_edge"] == edge


def test_a_winner_inside_its_range_is_at_no_edge(study, capsys):
    one = study(12, 1)  # below 1 nothing lies
    *_, (_, _, search) = one.sum_up()
    assert search.at_edge == ()
    assert "a wider range" not in capsys.readouterr().out
    assert one.stored(one.name).tags["at_edge"] == "none"


def test_what_it_came_to_is_kept_and_told(study, begun, capsys):
    one = study(2)
    one.sum_up()
    kept = TuningOutcome.from_json(one.optuna.user_attrs[OUTCOME])
    assert (kept.trial, kept.seeds, kept.model, kept.metrics) == (0, 2, "decision_tree", ["d2_tweedie"])
    assert [(fit.seed, fit.period) for fit in kept.fits] == [
        (seed, period) for seed in (42, 43) for period in ("validation", "holdout")
    ]
    d2 = kept.differences[0]
    holdout = kept.fits[1]
    assert (holdout.tuned, holdout.configured) == pytest.approx((d2.tuned, d2.configured))
    config, objective = begun
    assert kept.fits[0].configured == objective.score(build_candidate_model(config.cfg))
    out = capsys.readouterr().out
    metrics = one.stored(one.name).metrics
    assert all(sentence in out for sentence in kept.sentences)
    assert metrics["improvement_d2_tweedie"] == d2.gain == d2.tuned - d2.configured != 0
    assert (metrics["tuned_d2_tweedie"], metrics["configured_d2_tweedie"]) == (d2.tuned, d2.configured)


def test_a_winner_as_configured_is_fitted_with_one_seed(study, capsys):
    one = study()
    one.add(8, **{AS_CONFIGURED: True})
    one.sum_up()
    assert len(one.optuna.user_attrs[OUTCOME]["fits"]) == 2
    sentence = "the search found nothing better: decision_tree (tuned) is decision_tree as configured"
    assert sentence in capsys.readouterr().out.splitlines()


def test_the_same_command_again_shows_and_runs_nothing(study, capsys):
    one = study(3, 5)
    assert len(one.sum_up()) == 2
    first = capsys.readouterr().out
    assert one.sum_up() == []
    again = capsys.readouterr().out
    outcome_lines = [
        line for line in first.splitlines() if line.startswith(("on the holdout", "by D2", "to run the winner"))
    ]
    assert len(outcome_lines) == 3
    assert set(outcome_lines) <= set(again.splitlines())


@pytest.mark.slow
def test_a_winners_run_that_is_gone_is_made_again(study):
    one = study(3, 5)
    one.sum_up()
    client = mlflow.MlflowClient(one.store.uri)
    client.delete_run(one.stored("decision_tree (tuned)").run_id)
    assert len(one.sum_up()) == 2
    client.set_terminated(one.stored("decision_tree (tuned)").run_id, "FAILED")
    assert len(one.sum_up()) == 2
    assert one.sum_up() == []


def test_another_winner_is_run(study):
    one = study(3, 5)
    one.sum_up()
    one.add(6)
    _, (_, depth, search) = one.sum_up()
    assert (depth, search.trial) == (6, 2)


def test_a_run_of_another_study_does_not_count(study):
    one = study(3)
    one.sum_up()
    other = study(3, name="another")
    other.optuna.set_user_attr(OUTCOME, one.optuna.user_attrs[OUTCOME])
    assert len(other.sum_up()) == 2


def test_other_seeds_are_fitted_anew(study, begun):
    one = study(3)
    one.sum_up()
    config, _ = begun
    cfg = config.compose({})
    cfg.sweep.seeds = 1
    assert len(one.sum_up(SweepConfig(cfg, config.overrides))) == 2
    assert len(one.optuna.user_attrs[OUTCOME]["fits"]) == 2


def test_holdouts_are_scored_on_the_log_of_a_full_run(study, searching):
    """Its cleaning may learn for longer: up to the latest validation period, not the oldest."""
    outliers = ["data.cleaning.outliers.policy=winsorise", "data.cleaning.outliers.quantile=0.8"]
    one = study(3, begun=searching(*outliers, "sweep.seeds=1", periods=3))
    one.sum_up()
    kept = TuningOutcome.from_json(one.optuna.user_attrs[OUTCOME])
    _, holdout = kept.fits
    d2 = kept.differences[0]
    assert (holdout.tuned, holdout.configured) == pytest.approx((d2.tuned, d2.configured))
    period = one.objective.forecaster.window.period(0)
    assert one.objective.evaluate(build_candidate_model(one.config.cfg), period).scores["d2_tweedie"] != d2.configured


# --- the command that runs the winner -----------------------------------------------------------------------------

RIDGE = "model.estimator.regressor.steps.1.1"
ANEW = ["~sweep.space"]


@pytest.mark.parametrize(
    ("typed", "chosen", "command"),
    [
        (
            ["model=ridge", "sweep.n_trials=5", "sweep=ridge", "sweep.space.alpha.high=99", "~sweep.space.features"],
            {"alpha": 2.5, "training_origins": None},
            ["model=ridge", f"{RIDGE}.alpha=2.5", "window.training_origins=null"],
        ),
        (
            ["model=ridge", "features=rfm", f"{RIDGE}.alpha=7", "window=6m"],
            {"alpha": 30.0, "features": "full", "training_origins": 2},
            ["model=ridge", "window=6m", f"{RIDGE}.alpha=30.0", "features=full", "window.training_origins=2"],
        ),
        (
            ["model=ridge", *ANEW, f"+{RIDGE}.solver=svd", f"+{RIDGE}.tol=0.1",
             f"+sweep.space.tol={{key: {RIDGE}.tol, low: 0.001, high: 0.5}}"],
            {"tol": 0.25},
            ["model=ridge", f"+{RIDGE}.solver=svd", f"+{RIDGE}.tol=0.25"],
        ),
        (
            ["model=ridge", *ANEW, f"+{RIDGE}.positive=true", f"+{RIDGE}.fit_intercept=true",
             f"+sweep.space.positive={{key: {RIDGE}.positive, choices: [true, false]}}",
             f"+sweep.space.intercept={{key: {RIDGE}.fit_intercept, choices: [true, false]}}"],
            {"positive": False, "intercept": True},
            ["model=ridge", f"+{RIDGE}.positive=false", f"+{RIDGE}.fit_intercept=true"],
        ),
        (
            ["model=hiatus", "window.horizon='3 months'", "data=file", "data.path='my logs/$1.csv'"],
            {"hiatus_days": 45},
            ["model=hiatus", "window.horizon='3 months'", "data=file", "data.path='my logs/$1.csv'",
             "model.estimator.hiatus_days=45"],
        ),
        (
            ["model=xgboost", "~sweep.space.features"],
            {"objective": "reg:squarederror", "max_depth": 3, "learning_rate": 0.05, "min_child_weight": 1.0,
             "subsample": 1.0, "colsample_bytree": 0.5, "reg_lambda": 1e-05, "training_origins": 1},
            ["model=xgboost"] + [f"model.estimator.regressor.{setting}" for setting in (
                "objective=reg:squarederror", "tweedie_variance_power=null", "max_depth=3", "learning_rate=0.05",
                "min_child_weight=1.0", "subsample=1.0", "colsample_bytree=0.5", "reg_lambda=1e-05",
            )] + ["window.training_origins=1"],
        ),
    ],
    ids=["sweep dropped", "typed replaced", "plus kept", "words of YAML", "quoted", "otherwise"],
)  # fmt: skip
def test_the_command_composes_the_winner(compose_sweep, typed, chosen, command):
    cfg, typed = compose_sweep(*typed)
    config = SweepConfig(cfg, typed)
    written = shlex.split(format_train_command(config, chosen))
    assert written == ["clv", "train", "tracking=memory", *command]
    choice = flatten_settings(config.compose(chosen)).items()
    wanted = {name: value for name, value in choice if not name.startswith("sweep.")}
    assert flatten_settings(compose("config", overrides=written[2:])) == wanted
