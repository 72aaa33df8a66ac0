"""From a board to a champion: its winner, fitted on the whole log, as the newest version of a registered model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from clv_experiments.commands.cell_request import select_train_overrides
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.cli.typed_secrets import format_command
from clv_experiments.comparison.champion import ChampionChoice, choose_champion
from clv_experiments.comparison.checks.protocol import CheckResult
from clv_experiments.comparison.display.card import RefitSummary, render_card
from clv_experiments.comparison.standings import Standings
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.model_options import build_model
from clv_experiments.config.settings import setting_records
from clv_experiments.data.horizon import DAY
from clv_experiments.data.log import TransactionLog
from clv_experiments.errors import ClvError
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.run_records import estimator_warnings, log_and_cleaning_records, note_records
from clv_experiments.reporting.formatting import format_count
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.records import Description, FittedModel, Metric, Record, RegistrationRequest, Tag, Text
from clv_experiments.tracking.code_version import code_version
from clv_experiments.tracking.experiment_name import champion_model_name, champion_model_uri
from clv_experiments.tracking.stored_run import CHAMPION, EVALUATED, StoredModel, StoredRun

CONFIG = "config.yaml"


def check_promote_setting(cfg: DictConfig, *, is_single: bool) -> None:
    """Refuse a promotion that could only fail, or mislead, later.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    if type(cfg.promote) is not bool:
        raise ClvError(f"promote must be true or false, got '{cfg.promote}'")
    if cfg.promote and not is_single:
        raise ClvError("one cell has one champion: leave out -m, and promote cell by cell")
    if cfg.promote and cfg.evaluation.protocol != "forecast":
        raise ClvError(
            f"evaluation={cfg.evaluation.protocol} says nothing about the future, so that nobody can be promoted by "
            "it; leave it out"
        )


def promote(
    cfg: DictConfig, overrides: Sequence[str], standings: Standings, checks: Sequence[CheckResult], terminal: Terminal
) -> StoredModel:
    """Fit the winner of a board on the whole log, and make it the champion of its experiment.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/leaderboard.yaml``.
    overrides : sequence of str
        The overrides that the user typed, for advice.
    standings, checks
        The board.
    terminal : Terminal

    Returns
    -------
    StoredModel
        Read back from the store.

    Raises
    ------
    ClvError
        If nobody wins, the log is no longer what the winner was judged on, or the store refuses; the champion that was
        there then stays.
    """
    tracker, experiment, cell = instantiate(cfg.tracking), standings.cell.title, standings.cell.identity
    reader = tracker.reader()
    choice = choose_champion(standings)
    for sentence in choice.reasons:
        terminal.print_line(sentence)
    with tracker.run(experiment, f"{CHAMPION} {choice.entry.label}") as run:
        family_tags = [Tag("family", choice.entry.family), Tag("features", choice.entry.features)]
        run.log([Tag("kind", CHAMPION), *family_tags, *_build_champion_tags(choice, cell)])
        text = reader.text(choice.entry.run_id, CONFIG)
        evaluated: Any = OmegaConf.create(text)
        run.log([*setting_records(OmegaConf.to_container(evaluated)), Text(CONFIG, text)])  # type: ignore[arg-type]
        with terminal.show_step(f"reading {cfg.data.name}", "data"):
            log = _load_same_log(cfg, overrides, evaluated, choice, reader.runs(experiment))
        with terminal.show_step(f"fitting {choice.entry.label} on the whole log", "fitting"):
            forecaster = Forecaster(log, build_window(evaluated.window, log.start, log.end).truncate_at(None))
            forecast = forecaster.forecast_future(build_model(evaluated.model))
        with terminal.show_step("registering the champion", "writing"):
            card_text = render_card(choice, standings, checks, _describe_refit(experiment, forecaster, forecast))
            log_tags = (Tag("cutoff", str(log.end)), Tag("log_fingerprint", log.fingerprint))
            version_tags = (*_build_champion_tags(choice, cell), *log_tags)
            run.log(
                [
                    *_fitted_model_records(forecaster, forecast, choice),
                    Text("card.md", card_text),
                    Description(card_text),
                ]
            )
            about = " ".join(render_paragraphs("leaderboard/champion.jinja", "about", log, forecaster.window.horizon))
            run.log([RegistrationRequest(champion_model_name(experiment), CHAMPION, version_tags, card_text, about)])
    champion = reader.model(champion_model_uri(experiment))
    terminal.print_line(
        f"promoted: version {champion.version} of {champion_model_name(experiment)}, now {champion.uri}"
    )
    return champion


def _load_same_log(
    cfg: DictConfig, overrides: Sequence[str], evaluated: Any, choice: ChampionChoice, runs: Sequence[StoredRun]
) -> TransactionLog:
    """Read the log as the winner's run read it, and see that it is the same."""
    # As typed a connection still has its password; a cell that was named may be of other settings.
    data, window = cfg.data if cfg.cell is None else evaluated.data, evaluated.window
    log = load_log_from_config(data, lambda start, end: build_window(window, start, end).first_forecast_cutoff)
    recorded = next(run.tags["log_fingerprint"] for run in runs if run.run_id == choice.entry.run_id)
    if log.fingerprint != recorded:
        run_all = format_command("train", ["-m", "model=glob(*)", *select_train_overrides(overrides)])
        raise ClvError(
            f"log '{log.name}' is no longer what {choice.entry.label} was judged on (fingerprint {log.fingerprint}, "
            f"then {recorded}); judge the models on it as it is now, {run_all}, and promote then"
        )
    return log


def _build_champion_tags(choice: ChampionChoice, cell: str) -> Iterator[Tag]:
    """Say whom the champion stands for, and why it is the champion."""
    yield Tag("model", choice.entry.model)
    yield Tag("cell", cell)
    yield Tag(EVALUATED, choice.entry.run_id)
    yield Tag("why", " ".join(choice.reasons))
    yield Tag("code_version", code_version())


def _fitted_model_records(forecaster: Forecaster, forecast: Forecast, choice: ChampionChoice) -> Iterator[Record]:
    """Say on what it was fitted, and leave the model."""
    yield Tag("window", forecaster.window.horizon.label)
    yield Tag("cutoff", str(forecast.period.cutoff))
    yield from log_and_cleaning_records(forecaster.log)
    yield from (Metric(f"seconds_{part}", value) for part, value in forecast.seconds.items())
    yield from note_records(estimator_warnings(forecast.estimator))
    yield FittedModel(forecast.estimator, forecast.X.head(), f"expected_{forecaster.log.measure}", choice.entry.model)


def _describe_refit(experiment: str, forecaster: Forecaster, forecast: Forecast) -> RefitSummary:
    log, periods = forecaster.log, forecast.training.periods
    learned_from = f"its calibration period is all of it, up to {forecast.period.cutoff}"
    if periods:
        learned_from = (
            f"its labels are the spend of {format_count(len(periods), 'period')}, from {periods[-1].cutoff + DAY} to "
            f"{periods[0].end}: {len(forecast.training.X):,} rows of customers and what was known of them at each start"
        )
    return RefitSummary(
        experiment=experiment,
        address=champion_model_uri(experiment),
        window=forecaster.window.horizon.label,
        horizon=str(forecaster.window.horizon),
        currency=log.currency,
        log=log.name,
        fingerprint=log.fingerprint,
        first=str(log.start),
        last=str(log.end),
        future_period=str(forecast.period),
        customers=len(forecast.X),
        learned_from=learned_from,
        columns=tuple(map(str, forecast.X.columns)),
        estimator_warnings=tuple(estimator_warnings(forecast.estimator)),
        code=code_version(),
    )
