"""A leaderboard on one screen: choose the runs of a cell, run what is missing, compare, show, keep, promote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hydra import compose
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from clv_experiments.commands.cell_request import (
    list_requested_models_and_baselines,
    parse_override_key,
    read_model_families,
    require_complete_cell,
    select_cell_runs,
    select_train_overrides,
)
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.promote import check_promote_setting, promote
from clv_experiments.commands.train import load_log_as_step, run_experiment
from clv_experiments.comparison.aggregate import rank_over_cells
from clv_experiments.comparison.checks.protocol import CheckResult, run_checks
from clv_experiments.comparison.checks.registry import all_checks
from clv_experiments.comparison.display import tables
from clv_experiments.comparison.display.board_records import aggregate_records, board_records
from clv_experiments.comparison.display.intervals import build_coverage_section, build_totals_section
from clv_experiments.comparison.display.markdown_file import split_at_leaderboard_marks, update_markdown_file
from clv_experiments.comparison.standings import Standings, check_bootstrap_settings, compute_standings
from clv_experiments.comparison.verdict import decide_multi_cell_verdict, decide_verdict
from clv_experiments.config.instantiation import instantiate_setting
from clv_experiments.config.settings import build_experiment_name, check_settings, is_tracking_enabled
from clv_experiments.errors import ClvError, UnsuitableLog
from clv_experiments.evaluation.metrics import OBJECTIVE_NAMES, require_applicable_scores
from clv_experiments.reporting.record_files import check_writable, write_folder
from clv_experiments.reporting.records import Param, Record


@dataclass(frozen=True)
class CellBoard:
    """The result of one cell, and what it was asked for with."""

    cfg: DictConfig
    standings: Standings
    checks: Sequence[CheckResult]


def run_leaderboard(cfg: DictConfig, overrides: Sequence[str], *, is_single: bool) -> CellBoard:
    """Compare the models of one cell, print the board, write its files and leave a tracked run behind.

    Where that is asked for, the winner is promoted too.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/leaderboard.yaml``.
    overrides : sequence of str
        The overrides that the user typed; what is missing is run with them, or named with them.
    is_single : bool
        Whether this is the only cell, which then goes into the Markdown file that was asked for, and may be promoted.

    Raises
    ------
    ClvError
        If a setting is bad, or a model has no run in the cell: names the command that makes it.
    """
    check_leaderboard_settings(cfg, overrides)
    checks = all_checks(build_checks(cfg.checks))
    check_promote_setting(cfg, is_single=is_single)
    terminal = Terminal()
    with terminal.show_step(f"reading the runs of {build_experiment_name(cfg)}", "runs"):
        selection = select_cell_runs(cfg, overrides)
    if selection.missing and cfg.fill:
        _check_metric_is_defined(cfg, terminal)
        train_missing_models(terminal, list(selection.missing), select_train_overrides(overrides))
        selection = select_cell_runs(cfg, overrides)
    cell = require_complete_cell(selection, cfg, overrides)
    with terminal.show_step(
        f"resampling the customers of {cell.title} {cfg.replicates:,} times", "bootstrap"
    ) as progress:
        result = compute_standings(
            cell,
            cfg.metric,
            replicates=cfg.replicates,
            confidence=cfg.confidence,
            seed=cfg.seed,
            progress=progress,
        )
        board = CellBoard(cfg, result, run_checks(result, checks))
    _print_board(terminal, board)
    with terminal.show_step("drawing and writing", "writing"):
        records = list(board_records(result, board.checks, _format_current_time()))
        _store_and_write_records(
            cfg, build_experiment_name(cfg), f"{cell.title} {cell.identity[:8]}", records, terminal
        )
        if cfg.markdown and is_single:
            update_markdown_file(cfg.markdown, records)
    if cfg.promote:
        promote(cfg, overrides, result, board.checks, terminal)
    terminal.print_timings()
    return board


def run_aggregate_leaderboard(boards: Sequence[CellBoard]) -> None:
    """Rank the models over several cells, print that, write its files and leave a tracked run behind.

    Cells in which some model cannot be judged are left out, as long as two others remain.

    Raises
    ------
    ClvError
        If the cells cannot be set side by side.
    """
    cfg, terminal = boards[-1].cfg, Terminal()
    if cfg.runs == "all":
        raise ClvError("ranks over several cells take one run of each model; type runs=latest")
    aggregate = rank_over_cells([board.standings for board in boards], list_requested_models_and_baselines(cfg))
    for sentence in decide_multi_cell_verdict(aggregate).sentences:
        terminal.print_line(sentence)
    table, caption = tables.aggregate_text_table(aggregate), "\n".join(tables.explain_aggregate(aggregate))
    terminal.print_table(f"{len(aggregate.cells)} cells together", replace(table, caption=caption))
    for note in (*aggregate.notes, *aggregate.exclusion_notes):
        terminal.print_line(f"note: {note}")
    with terminal.show_step("drawing and writing", "writing"):
        pairs = [(board.standings, board.checks) for board in boards]
        records = list(aggregate_records(aggregate, pairs, _format_current_time()))
        _store_and_write_records(cfg, "leaderboard", "together", records, terminal)
        if cfg.markdown:
            update_markdown_file(cfg.markdown, records)
    terminal.print_timings()


def check_leaderboard_settings(cfg: DictConfig, overrides: Sequence[str]) -> None:
    """Refuse settings that could only fail, or mislead, later.

    Raises
    ------
    ClvError
        Names the setting, what it must be and what it is.
    """
    if not is_tracking_enabled(cfg):
        raise ClvError("a leaderboard reads the runs that are kept; leave out tracking=memory")
    check_settings(cfg)
    if cfg.markdown:
        split_at_leaderboard_marks(cfg.markdown)
    check_writable(cfg.output, "output")
    for key in map(parse_override_key, overrides):
        if key == "model" or key.startswith("model."):
            raise ClvError(f"a leaderboard shows all models; type models=[xgboost,bg_nbd] to choose some, not {key}=")
    if cfg.runs not in ("latest", "all"):
        raise ClvError(f"runs must be latest or all, got '{cfg.runs}'")
    if cfg.cell and cfg.fill:
        raise ClvError("fill runs the cell of data, window and evaluation; leave out cell, or fill")
    if type(cfg.fill) is not bool:
        raise ClvError(f"fill must be true or false, got '{cfg.fill}'")
    check_bootstrap_settings(cfg.metric, cfg.replicates, cfg.confidence)
    all_checks(build_checks(cfg.checks))
    families = read_model_families()
    models = cfg.models if isinstance(cfg.models, ListConfig | None) else [cfg.models]
    for name in models or []:
        if name not in families:
            raise ClvError(f"there is no model '{name}' (models); there are {', '.join(sorted(families))}")


def build_checks(checks: Any) -> list[Any]:
    """Instantiate the checks that a setting lists.

    Parameters
    ----------
    checks : list, str or None
        Each ``my_module.MyCheck``, or a mapping with that as its ``_target_`` and arguments of its own.

    Raises
    ------
    ClvError
        If one cannot be imported or built.
    """
    check_list = list(checks) if isinstance(checks, ListConfig | list) else [] if checks is None else [checks]
    return [_instantiate_check(check, f"checks[{number}]") for number, check in enumerate(check_list)]


def _instantiate_check(check: Any, setting: str) -> Any:
    if isinstance(check, str) and "." in check:
        check = OmegaConf.create({"_target_": check})
    if not isinstance(check, DictConfig):
        raise ClvError(f"{setting} must be a class, such as my_module.MyCheck, or have it as _target_, got '{check}'")
    return instantiate_setting(check, setting)


def _check_metric_is_defined(cfg: DictConfig, terminal: Terminal) -> None:
    """Refuse a metric that means nothing of the log before models are run, which find that log read already."""
    log = load_log_as_step(cfg, terminal)
    require_applicable_scores("metric", [cfg.metric], OBJECTIVE_NAMES, log.name, has_losses=log.has_losses)


def train_missing_models(terminal: Terminal, missing: Sequence[str], overrides: Sequence[str]) -> None:
    """Run models one after another with the settings that were typed; one that fails does not keep the rest waiting."""
    for folder, model in enumerate(missing, 1):
        terminal.print_line(f"\nrunning what is missing, {folder} of {len(missing)}: {model}")
        try:
            run_experiment(compose("config", overrides=[*overrides, f"model={model}"]))
        except UnsuitableLog as error:
            terminal.print_line(f"left out: {error}")
        except ClvError as error:
            terminal.print_line(f"failed: {error}")


def _print_board(terminal: Terminal, board: CellBoard) -> None:
    for sentence in decide_verdict(board.standings).sentences:
        terminal.print_line(sentence)
    table, caption = tables.board_text_table(board.standings), "\n".join(tables.explain_board(board.standings))
    terminal.print_table(tables.board_heading(board.standings), replace(table, caption=caption))
    for section in (build_coverage_section(board.standings.cell), build_totals_section(board.standings.cell)):
        if section.sentences:
            terminal.print_table(section.title, replace(section.table, caption="\n".join(section.sentences)))
    for line in tables.format_check_results(board.checks):
        terminal.print_line(line)
    for sentence in board.standings.cell.excluded_runs:
        terminal.print_line(f"not shown: {sentence}")


def _store_and_write_records(
    cfg: DictConfig, experiment: str, title: str, records: Sequence[Record], terminal: Terminal
) -> None:
    """Write the files beside the runs, and the same into a tracked run."""
    settings = [Param(name, cfg[name]) for name in ("metric", "replicates", "confidence", "seed", "runs")]
    with instantiate(cfg.tracking).run(experiment, "leaderboard") as run:
        run.log([*settings, *records])
    terminal.print_line(f"\n{run.location}")
    folder = write_folder(cfg.output, title, records, "the leaderboard")
    terminal.print_line(f"to read, sort and share: {folder / 'leaderboard.html'}")


def _format_current_time() -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
