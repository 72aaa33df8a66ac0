"""``train.py``: load a log, forecast its validation and holdout periods, score them, record the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date

from hydra.utils import instantiate
from omegaconf import DictConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.comparison.entries import TUNED, describe_differences
from clv_experiments.comparison.selection import find_run_not_to_repeat
from clv_experiments.config.composition import compose_settings_by_model, flatten_to_texts
from clv_experiments.config.conf_folders import find_option_files
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.model_options import build_all_baselines, build_model
from clv_experiments.config.settings import (
    build_experiment_name,
    check_settings,
    config_records,
    flatten_settings,
    format_protocol_label,
    format_run_title,
    parse_day,
    read_customer_split_settings,
    resolve_masked_settings,
)
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.window import Window
from clv_experiments.errors import UnsuitableLog
from clv_experiments.evaluation.metrics import choose_objective
from clv_experiments.evaluation.score_records import baseline_comparison_records
from clv_experiments.forecasting.customer_split import evaluate_customer_split
from clv_experiments.forecasting.evaluation_result import EvaluationResult, EvaluationTask
from clv_experiments.forecasting.forecaster import LastForecasterCache
from clv_experiments.forecasting.out_of_time import evaluate_out_of_time
from clv_experiments.forecasting.run_records import (
    TrialReference,
    cell_identity_records,
    describe_total_interval,
    estimator_warnings,
    forecast_records,
    log_and_cleaning_records,
    note_records,
)
from clv_experiments.forecasting.suitability import (
    choose_model_or_fallback,
    describe_if_too_regular,
    require_holdout_spend,
)
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import Metric, PrimaryMetric, Record, Tag
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.stored_run import RUN, Run, StoredRun, Tracker

FORECASTERS = LastForecasterCache()
MAX_NAME_CHARACTERS = 100
WINDOW_KEYS = ("window.cutoff", "window.origins")


def train(cfg: DictConfig) -> float | None:
    """Run one experiment; with ``resume=true`` only if it is not there yet, and a log unsuitable for it is no error.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.

    Returns
    -------
    float or None
        The validation objective, if there is one, of the run made now or then.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence.
    """
    check_settings(cfg)
    if not cfg.resume:
        return run_experiment(cfg).objective
    reader = instantiate(cfg.tracking).reader()
    completed = find_run_not_to_repeat(reader, build_experiment_name(cfg), flatten_settings(cfg))
    if completed is None:
        try:
            return run_experiment(cfg).objective
        except UnsuitableLog as error:
            Terminal().print_line(f"left out: {error}")
            return None
    Terminal().print_line(f"{format_run_title(cfg)}: {_explain_not_rerunning(completed)}")
    objective = choose_objective(cfg.evaluation.objective, has_losses="has_losses" in completed.tags)
    return reader.metric_by_origin(completed.run_id, f"validation_{objective}").get(0)


def run_experiment(
    cfg: DictConfig,
    search: TrialReference | None = None,
    *,
    log: TransactionLog | None = None,
    tracker: Tracker | None = None,
    terminal: Terminal | None = None,
) -> EvaluationResult:
    """Run one experiment and leave one tracked run behind.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.
    search : TrialReference, optional
        Where the model's settings were found.
    log : TransactionLog, optional
        The log that ``cfg.data`` describes, where it has been read already.
    tracker : Tracker, optional
        Keeps the run in place of ``cfg.tracking``.
    terminal : Terminal, optional
        Shows what is under way.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence; the run is then marked FAILED with that reason.
    """
    check_settings(cfg)
    parse_day(cfg.window.cutoff, "window.cutoff")
    terminal = terminal or Terminal()
    terminal.print_line(format_run_title(cfg))
    with open_run_as_step(cfg, name_run(cfg), terminal, tracker) as run:
        run.log([Tag("kind", RUN), *config_records(resolve_masked_settings(cfg))])
        log = log or load_run_log(cfg, terminal)
        run.log([*log_and_cleaning_records(log)])

        task = _build_evaluation_task(cfg, log)
        run.log([*cell_identity_records(task, format_protocol_label(cfg)), Tag("code_version", code_version())])

        result = _evaluate_task(cfg, task, terminal)
        with terminal.show_step("measuring, explaining, drawing", "evaluation") as progress:
            replicates = cfg.evaluation.bootstrap_replicates
            explanation = [*forecast_records(task, result.latest_forecast, cfg.seed, replicates, progress, search)]
        notes = _collect_notes(cfg, task, result)
        with terminal.show_step("writing the run", "tracking"):
            records = [*result.records, *baseline_comparison_records(result.comparison, result.title), *explanation]
            remarks = note_records([*log.notes, *result.comparison.warnings, *notes])
            run.log(
                [PrimaryMetric(f"holdout_{task.objective}"), *_sort_objective_first(records, task.objective), *remarks]
            )

        terminal.print_summary(result.comparison, result.title)
        for sentence in describe_total_interval(result.latest_forecast.level, log.currency, log.measure):
            terminal.print_line(sentence)
        for note in notes:
            terminal.print_line(f"note: {note}")
        terminal.print_timings()
        terminal.print_line(run.location)
    return result


@contextmanager
def open_run_as_step(cfg: DictConfig, name: str, terminal: Terminal, tracker: Tracker | None = None) -> Iterator[Run]:
    """Open a tracked run of this name where ``cfg.tracking`` says, or with the tracker that keeps it in its place."""
    with ExitStack() as stack:
        with terminal.show_step("opening the tracking store", "tracking"):
            tracker = tracker or instantiate(cfg.tracking)
            run = stack.enter_context(tracker.run(build_experiment_name(cfg), name))
        yield run


def name_run(cfg: DictConfig) -> str:
    """Name a run such that a table of runs tells them apart: ``xgboost max_depth=6 customer_split``.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.
    """
    name = str(cfg.model.name)
    changes = [] if name.endswith(TUNED) else _describe_changed_settings(cfg)  # those that a search changed are many
    protocol = [] if cfg.evaluation.protocol == "forecast" else [cfg.evaluation.protocol]
    title = " ".join([name, *changes, *protocol])
    return title if len(title) <= MAX_NAME_CHARACTERS else f"{title[: MAX_NAME_CHARACTERS - 1]}…"


def _describe_changed_settings(cfg: DictConfig) -> list[str]:
    model = cfg.model.name
    if model not in find_option_files("model"):
        return []
    settings, defaults = flatten_to_texts(cfg), compose_settings_by_model([model])[model]
    window = [
        f"{key.partition('.')[2]}={settings[key]}" for key in WINDOW_KEYS if settings.get(key) != defaults.get(key)
    ]
    return [*describe_differences(settings, defaults), *window]


def load_run_log(cfg: DictConfig, terminal: Terminal) -> TransactionLog:
    """Read and clean the log of a run as its earliest cutoff demands, and report it."""
    log = load_log_as_step(cfg, terminal)
    terminal.print_cleaning_report(log)
    terminal.print_line(f"{log.customers:,} customers, {log.start} to {log.end}")
    return log


def load_log_as_step(
    cfg: DictConfig, terminal: Terminal, build_window: Callable[[DictConfig, date, date], Window] = build_window
) -> TransactionLog:
    """Read and clean a log, learning nothing from what lies after the earliest cutoff of the window that is built."""
    with terminal.show_step(f"reading and cleaning {cfg.data.name}", "data"):
        return load_log_from_config(cfg.data, lambda *days: build_window(cfg.window, *days).first_forecast_cutoff)


def _build_evaluation_task(cfg: DictConfig, log: TransactionLog) -> EvaluationTask:
    window, splits_customers = build_window(cfg.window, log.start, log.end), cfg.evaluation.protocol == "customer_split"
    has_labels = splits_customers or window.is_long_enough(supervised=True)
    model, note = choose_model_or_fallback(build_model(cfg.model), log, has_labels=has_labels)
    origins = window.backtest_origins(supervised=model.supervised and not splits_customers, source=log.name)
    objective = choose_objective(cfg.evaluation.objective, has_losses=log.has_losses)
    return EvaluationTask(FORECASTERS.get(log, window), model, build_all_baselines(cfg), origins, objective, note)


def _sort_objective_first(records: Sequence[Record], objective: str) -> list[Record]:
    """Put the objective before all other scores: MLflow lists the metrics of a run as they were logged."""
    names = (f"holdout_{objective}", f"split_{objective}")
    return sorted(records, key=lambda record: not (isinstance(record, Metric) and record.name in names))


def _collect_notes(cfg: DictConfig, task: EvaluationTask, result: EvaluationResult) -> list[str]:
    """Collect what the user should know of a run, beside what was guessed while reading the log."""
    of_model = [*filter(None, [task.note]), *estimator_warnings(result.latest_forecast.estimator)]
    of_model += describe_if_too_regular(task.forecaster.log, result.latest_forecast.period.cutoff, task.model)
    return [*of_model, *_warn_of_objective_fallback(cfg, task), *result.warnings]


def _warn_of_objective_fallback(cfg: DictConfig, task: EvaluationTask) -> list[str]:
    """Say that the objective is another one than was configured, which means nothing of the log."""
    configured = cfg.evaluation.objective
    if task.objective == configured:
        return []
    return render_paragraphs("run/warnings.jinja", "other_objective", configured, task.objective)


def _evaluate_task(cfg: DictConfig, task: EvaluationTask, terminal: Terminal) -> EvaluationResult:
    """Evaluate the model by the protocol that was chosen, on holdouts in which somebody spent something."""
    for origin in task.origins:
        require_holdout_spend(task.forecaster.log, origin.holdout, task.forecaster.outcome(origin.holdout)["spend"])
    with terminal.show_progress() as progress:
        if cfg.evaluation.protocol == "customer_split":
            result = evaluate_customer_split(task, read_customer_split_settings(cfg), progress)
        else:
            result = evaluate_out_of_time(task, progress)
    terminal.add_timings(result.timings)
    return result


def _explain_not_rerunning(run: StoredRun) -> str:
    """Say of a completed run why it is not run again."""
    reason = f"left out: {run.tags['failure']}" if run.status == "FAILED" else "there already"
    then, now = run.tags.get("code_version", code_version()), code_version()
    by = f", by code {then}, while this is {now}" if then != now else ""
    return f"{reason} (run {run.run_id} of {run.started.astimezone():%Y-%m-%d %H:%M}{by})"
