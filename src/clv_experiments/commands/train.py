"""The whole run on one screen: load, forecast (validation, holdout), score, record."""

from __future__ import annotations

from contextlib import ExitStack

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.config.log_options import load_configured_log
from clv_experiments.config.model_options import build_baselines, build_model
from clv_experiments.config.settings import (
    check_settings,
    experiment_name,
    parse_day,
    protocol_label,
    read_split_settings,
    resolve_settings,
    run_title,
    setting_records,
)
from clv_experiments.config.window_options import build_window
from clv_experiments.data.log import TransactionLog
from clv_experiments.evaluation.report import ladder_records
from clv_experiments.forecasting.customer_split import customer_split
from clv_experiments.forecasting.evaluation_result import EvaluationResult, EvaluationTask
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.out_of_time import out_of_time
from clv_experiments.forecasting.run_records import (
    Search,
    estimator_warnings,
    explanation_records,
    identity_records,
    log_records,
)
from clv_experiments.reporting.records import Tag, Text
from clv_experiments.tracking.code_version import code_version


def run_experiment(cfg: DictConfig, search: Search | None = None) -> EvaluationResult:
    """Run one experiment and leave one tracked run behind.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/``.
    search : Search, optional
        Where the model's settings were found.

    Raises
    ------
    ClvError
        If the input is bad, in one sentence; the run is then marked FAILED with that reason.
    """
    check_settings(cfg)
    parse_day(cfg.window.cutoff, "window.cutoff")
    terminal = Terminal()
    terminal.say(run_title(cfg))
    with ExitStack() as stack:
        with terminal.step("opening the tracking store", "tracking"):
            opened = instantiate(cfg.tracking).run(experiment_name(cfg), cfg.model.name)
            run = stack.enter_context(opened)
        settings = resolve_settings(cfg)
        run.log([*setting_records(settings), Text("config.yaml", OmegaConf.to_yaml(settings))])
        with terminal.step(f"reading and cleaning {cfg.data.name}", "data"):
            log = load_configured_log(cfg.data, lambda start, end: build_window(cfg.window, start, end).earliest_cutoff)
        terminal.report_log(log)
        terminal.say(f"{log.customers:,} customers, {log.start} to {log.end}")
        run.log([*log_records(log)])

        task = _evaluation_task(cfg, log)
        periods = [origin.holdout for origin in task.origins]
        run.log([*identity_records(task.forecaster, task.model, periods, protocol_label(cfg))])
        run.log([Tag("code_version", code_version())])
        for period in periods:
            task.forecaster.require_holdout_spend(period)
        with terminal.progress() as progress:
            if cfg.evaluation.protocol == "customer_split":
                result = customer_split(task, read_split_settings(cfg), progress)
            else:
                result = out_of_time(task, progress)
        terminal.add_timings(result.timings)

        with terminal.step("measuring, explaining, drawing", "evaluation") as explained:
            records = [
                *result.records,
                *ladder_records(result.ladder, result.title),
                *explanation_records(
                    task, result.latest, cfg.seed, cfg.evaluation.bootstrap_replicates, explained, search
                ),
            ]
        with terminal.step("writing the run", "tracking"):
            run.log(records)

        terminal.summary(result.ladder, result.title)
        for warning in [*estimator_warnings(result.latest.estimator), *result.warnings]:
            terminal.say(f"note: {warning}")
        terminal.show_timings()
        terminal.say(run.location)
    return result


def _evaluation_task(cfg: DictConfig, log: TransactionLog) -> EvaluationTask:
    model, window = build_model(cfg.model), build_window(cfg.window, log.start, log.end)
    supervised = model.supervised and cfg.evaluation.protocol != "customer_split"
    origins = window.backtest(supervised=supervised, source=log.name)
    return EvaluationTask(Forecaster(log, window), model, build_baselines(cfg), origins, cfg.evaluation.objective)
