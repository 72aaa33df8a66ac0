"""A study on one screen: data once, trials on validation periods, the winner as a full run, what it is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from clv_experiments.commands.cell_request import parse_override_key
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.cli.typed_secrets import format_command
from clv_experiments.commands.train import run_experiment
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.model_options import build_model
from clv_experiments.config.settings import (
    build_experiment_name,
    config_records,
    format_run_title,
    get_study_folder,
    resolve_masked_settings,
)
from clv_experiments.config.sweep_config import SweepConfig, build_candidate_model, depends_on_seed, replace_seed
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.metrics import SCORES, require_applicable_scores
from clv_experiments.forecasting.evaluation_result import EvaluationResult
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.run_records import TrialReference
from clv_experiments.forecasting.suitability import require_amounts_suit_model
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import Tag
from clv_experiments.sweep.objective import Objective
from clv_experiments.sweep.outcome import TuningOutcome, fit_and_score_with_seeds, score_differences
from clv_experiments.sweep.search import run_trials
from clv_experiments.sweep.space import ParamValue
from clv_experiments.sweep.storage import SUMMARY, hold_task_lock, resolve_storage_url
from clv_experiments.sweep.study import AS_CONFIGURED, TrackedStudy, open_study
from clv_experiments.sweep.study_records import (
    describe_best_trial,
    describe_edge_choices,
    record_if_best,
    record_missing_trials,
    record_trial,
    search_and_fit_time_records,
    summary_records,
)
from clv_experiments.sweep.tables import best_trials_table, importance_table, parameter_importances
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.stored_run import StudyRun

OUTCOME = "tuning_outcome"  # attribute of a study that was summed up


def tune_model(cfg: DictConfig, overrides: Sequence[str]) -> float:
    """Search the settings of one model and say what the best are worth; leaves a tracked run, and one for each trial.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/sweep.yaml``.
    overrides : sequence of str
        As the user typed them.

    Returns
    -------
    float
        The best validation score, by the first metric.

    Raises
    ------
    ClvError
        If a setting is bad, or the model or a metric does not suit the log, before the first trial; if the first trials
        all fail, or none finishes.
    """
    config, terminal = SweepConfig(cfg, overrides), Terminal()
    settings = config.validated_settings
    terminal.print_line(f"searching {len(config.space.parameters)} settings of {format_run_title(cfg)}")
    with terminal.show_step(f"reading and cleaning {cfg.data.name}", "data"):
        log = load_log_from_config(cfg.data, lambda *days: config.search_periods(*days).window.first_forecast_cutoff)
    require_amounts_suit_model(log, build_model(cfg.model))
    require_applicable_scores("sweep.metric", settings.metrics, SCORES, log.name, has_losses=log.has_losses)
    periods = config.search_periods(log.start, log.end)
    forecaster = Forecaster(log, periods.window)
    objective = Objective(config.space, config.build_candidate_model, forecaster, periods.validation, settings.metrics)
    study = _open_study(config, log.fingerprint)
    if "uri" in cfg.tracking and not settings.storage:
        _print_sentences(terminal, "beside_a_server", get_study_folder(cfg))
    search_description = f"{' and '.join(settings.metrics)} on {', '.join(map(str, periods.validation))}"
    terminal.print_line(f"study '{study.name}', by {search_description}")
    with terminal.show_step("computing features and labels", "features"):
        objective.precompute_features(config.build_models_of_group_options())
    opened = instantiate(cfg.tracking).study(build_experiment_name(cfg), study.name, study.identity)
    with opened as run, _print_resume_hint_on_interrupt(terminal):
        if run.new:
            about = [Tag("code_version", code_version()), Tag("storage", study.url or "memory")]
            run.log([*config_records(resolve_masked_settings(cfg)), *about])
        _run_missing_trials(config, study, objective, run, terminal)
        record_missing_trials(run, study, config.space)
        winner = _require_winner(study, terminal)
        if all(trial.state.is_finished() for trial in study.trials):
            with hold_task_lock(study.url, SUMMARY):  # of several processes one makes the full runs, others show them
                run_and_compare_winner(config, study, winner, objective, run, terminal)
        else:
            _print_sentences(terminal, "unfinished")
        terminal.print_timings()
        terminal.print_line(run.location)
    return float(winner.values[0])


def run_and_compare_winner(
    config: SweepConfig,
    study: TrackedStudy,
    winner: FrozenTrial,
    objective: Objective,
    run: StudyRun,
    terminal: Terminal,
) -> None:
    """Run the winner and the configured settings in full, set them side by side, print and keep what came of it.

    A study whose winner was run before, and whose run is still there, is only shown again.
    """
    cfg, metrics = config.cfg, config.validated_settings.metrics
    search = TrialReference(run.run_id, winner.number, tuple(describe_edge_choices(config.space, winner)))
    outcome = _read_stored_outcome(config, study, search)
    if outcome is None:
        outcome = _compare_full_runs(config, winner, objective, search, terminal)
        study.study.set_user_attr(OUTCOME, outcome.to_json())
    importances = parameter_importances(study.study, metrics, config.validated_settings.seed)
    terminal.print_table(f"best trials of study '{study.name}'", best_trials_table(study.study, metrics))
    _print_sentences(terminal, "best_trials", metrics)
    if importances:
        terminal.print_table("importance of the settings searched", importance_table(study.study, importances))
    _print_sentences(terminal, "edges", search.at_edge)
    for sentence in outcome.sentences:
        terminal.print_line(sentence)
    command = format_train_command(config, winner.params)
    terminal.print_line(f"to run the winner yourself: {command}")
    labels = FigureLabels(cfg.model.name, f"{cfg.data.name}, {' and '.join(map(str, objective.periods))}")
    with terminal.show_step("drawing and writing", "writing"):
        run.log(list(summary_records(study, winner, outcome, importances, labels, command, search)))


def format_train_command(config: SweepConfig, params: Mapping[str, ParamValue]) -> str:
    """Write the command that runs a choice."""
    settings = config.space.to_settings(params)
    added_keys = {parse_override_key(override) for override in config.overrides if override.startswith("+")}
    overrides = [override for override in config.overrides if parse_override_key(override) not in settings]
    overrides = [override for override in overrides if parse_override_key(override).partition(".")[0] != "sweep"]
    yaml_words = {None: "null", True: "true", False: "false"}
    values = {key: yaml_words[v] if v is None or isinstance(v, bool) else v for key, v in settings.items()}
    choice = [f"{'+' * (key in added_keys)}{key}={value}" for key, value in values.items()]
    return format_command("train", [*overrides, *choice])


def _open_study(config: SweepConfig, log_fingerprint: str) -> TrackedStudy:
    settings, trial_settings = config.validated_settings, config.trial_settings(log_fingerprint)
    return open_study(
        resolve_storage_url(settings.storage, get_study_folder(config.cfg)),
        config.study_name(trial_settings),
        settings.directions,
        trial_settings,
        sampler=settings.sampler,
        pruner=settings.pruner,
        seed=settings.seed,
    )


def _run_missing_trials(
    config: SweepConfig, study: TrackedStudy, objective: Objective, run: StudyRun, terminal: Terminal
) -> None:
    settings, configured = config.validated_settings, config.configured_params
    _print_sentences(terminal, "before_search", len(study.ended_trials), settings.n_trials, configured is not None)
    with terminal.show_bar("trials") as update_bar:

        def on_trial(trial: FrozenTrial) -> None:
            record_trial(run, trial, config.space)
            record_if_best(run, trial, study, settings.metrics[0])
            update_bar(len(study.ended_trials), settings.n_trials, describe_best_trial(study, settings.metrics[0]))

        result = run_trials(
            study,
            objective,
            n_trials=settings.n_trials,
            timeout=settings.timeout,
            configured=configured,
            on_trial=on_trial,
            on_wait=lambda: _print_sentences(terminal, "waiting"),
        )
    terminal.add_timings({"trials": result.seconds})
    run.log([*search_and_fit_time_records(result)])
    _print_sentences(terminal, "after_search", result)


def _require_winner(study: TrackedStudy, terminal: Terminal) -> FrozenTrial:
    winner, failures = study.best_trial, study.failures
    if winner is None:
        reason = f"the last failed since: {failures[-1]}" if failures else "type more sweep.n_trials or sweep.timeout"
        raise ClvError(f"no trial of study '{study.name}' finished; {reason}")
    _print_sentences(terminal, "failures", failures, len(study.ended_trials))
    return winner


def _read_stored_outcome(config: SweepConfig, study: TrackedStudy, search: TrialReference) -> TuningOutcome | None:
    """Return what the winner was worth, if that is known and its full run is still kept."""
    stored = study.study.user_attrs.get(OUTCOME, {})
    if (stored.get("trial"), stored.get("seeds")) != (search.trial, config.validated_settings.seeds):
        return None
    reader = instantiate(config.cfg.tracking).reader()
    tags = {"study": search.study, "trial": str(search.trial)}.items()
    runs = reader.runs(build_experiment_name(config.cfg)) if reader.store_exists else []
    has_run = any(run.status == "FINISHED" and run.tags.items() >= tags for run in runs)
    return TuningOutcome.from_json(stored) if has_run else None


def _compare_full_runs(
    config: SweepConfig, winner: FrozenTrial, objective: Objective, search: TrialReference, terminal: Terminal
) -> TuningOutcome:
    settings, cfg = config.validated_settings, config.cfg
    configured, tuned = config.train_config(), config.train_config(winner.params)
    terminal.print_line("\nthe configured settings, as a full run")
    configured_result = run_experiment(configured)
    terminal.print_line(f"\nthe winner, trial {winner.number}, as a full run")
    tuned_result = run_experiment(tuned, search)
    terminal.print_line("")
    one_seed_suffices = AS_CONFIGURED in winner.user_attrs or not (
        depends_on_seed(tuned) or depends_on_seed(configured)
    )
    with terminal.show_step("fitting both with several seeds", "seeds") as progress:
        fits = fit_and_score_with_seeds(
            objective,
            _build_holdout_objective(cfg, objective, tuned_result),
            lambda seed: build_candidate_model(replace_seed(tuned, seed)),
            lambda seed: build_candidate_model(replace_seed(configured, seed)),
            range(cfg.seed, cfg.seed + (1 if one_seed_suffices else settings.seeds)),
            progress,
        )
    has_losses = objective.forecaster.log.has_losses
    differences = score_differences(tuned_result, configured_result, cfg.seed, has_losses=has_losses)
    return TuningOutcome(winner.number, settings.seeds, cfg.model.name, settings.metrics, differences, fits)


def _build_holdout_objective(cfg: DictConfig, objective: Objective, result: EvaluationResult) -> Objective:
    """Score the holdouts on the log as a full run reads it, whose cleaning may have learnt for longer."""
    log = load_log_from_config(cfg.data, lambda start, end: build_window(cfg.window, start, end).first_forecast_cutoff)
    forecaster = objective.forecaster
    if log is not forecaster.log:
        forecaster = Forecaster(log, forecaster.window)
    return objective.with_periods(forecaster, [origin.holdout.forecast.period for origin in result.origins])


@contextmanager
def _print_resume_hint_on_interrupt(terminal: Terminal) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _print_sentences(terminal, "interrupted")
        raise


def _print_sentences(terminal: Terminal, macro: str, *values: Any) -> None:
    for sentence in render_paragraphs("sweep/study.jinja", macro, *values):
        terminal.print_line(sentence)
