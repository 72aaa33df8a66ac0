"""The whole run on one screen: load, forecast (validation, holdout), score, record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import date

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.config.log_options import read_log
from clv_experiments.config.model_options import baselines, build_model
from clv_experiments.config.settings import (
    check_settings,
    experiment_of,
    parameters,
    parse_day,
    protocol_identity,
    settings_of,
    split_settings,
    title_of,
)
from clv_experiments.config.window_options import window_of
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.window import Period
from clv_experiments.errors import ClvError
from clv_experiments.evaluation import report
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.protocols import Verdict, customer_split, out_of_time
from clv_experiments.forecasting.run_records import Search, explain, identity, log_records, remarks
from clv_experiments.reporting.records import Text
from clv_experiments.terminal import Terminal


def run_experiment(cfg: DictConfig, search: Search | None = None) -> Verdict:
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
    terminal.say(title_of(cfg))
    with ExitStack() as stack:
        with terminal.step("opening the tracking store", "tracking"):
            opened = instantiate(cfg.tracking).run(experiment_of(cfg), cfg.model.name)
            run = stack.enter_context(opened)
        settings = settings_of(cfg)
        run.log([*parameters(settings), Text("config.yaml", OmegaConf.to_yaml(settings))])
        log = read_aloud(cfg.data, lambda start, end: window_of(cfg.window, start, end).earliest_cutoff, terminal)
        terminal.say(f"{log.customers:,} customers, {log.start} to {log.end}")
        run.log([*log_records(log)])
        model = build_model(cfg.model)
        window = window_of(cfg.window, log.start, log.end)
        splitting = cfg.evaluation.protocol == "customer_split"
        origins = window.backtest(supervised=model.supervised and not splitting, source=log.name)
        forecaster = Forecaster(log, window)
        periods = [origin.holdout for origin in origins]
        run.log([*identity(forecaster, model, periods, protocol_identity(cfg))])
        for origin in origins:
            somebody_spent(forecaster, origin.holdout)
        judged_by = (forecaster, model, baselines(cfg), origins, cfg.evaluation.objective, terminal)
        verdict = customer_split(*judged_by, **split_settings(cfg)) if splitting else out_of_time(*judged_by)
        with terminal.step("measuring, explaining, drawing", "evaluation") as progress:
            records = [
                *verdict.records,
                *report.ladder_records(verdict.ladder, verdict.title),
                *explain(
                    forecaster, model, verdict.shown, cfg.seed, cfg.evaluation.bootstrap_replicates, progress, search
                ),
            ]
        with terminal.step("writing the run", "tracking"):
            run.log(records)

        terminal.summary(verdict.ladder, verdict.title)
        for remark in [*remarks(verdict.shown.estimator), *verdict.notes]:
            terminal.say(f"note: {remark}")
        terminal.timing()
        terminal.say(run.location)
    return verdict


def somebody_spent(forecaster: Forecaster, period: Period) -> None:
    """Refuse a holdout period without spend: no score means anything there.

    Raises
    ------
    ClvError
        Names the period and what to choose instead.
    """
    if forecaster.outcome(period)["spend"].sum() <= 0:
        raise ClvError(
            f"nobody spent anything in the holdout period {period} of log '{forecaster.log.name}' among the "
            f"{len(forecaster.outcome(period)):,} customers known before it; choose another window.cutoff or horizon"
        )


def read_aloud(cfg: DictConfig, learn_until: Callable[[date, date], date], terminal: Terminal) -> TransactionLog:
    """Read the log as ``read_log`` does, and say what was guessed on the way and what cleaning removed."""
    with terminal.step(f"reading and cleaning {cfg.name}", "data"):
        log = read_log(cfg, learn_until)
    for note in log.notes:
        terminal.say(f"note: {note}")
    terminal.receipt(log.report)
    return log
