"""``leaderboard``: models, earlier results and anybody's predictions compared on the same customers and periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from omegaconf import DictConfig

from clv_experiments.commands.api.logs import Log
from clv_experiments.commands.api.notebook_html import notebook_html
from clv_experiments.commands.api.results import Result, compose_run_config, find_figure, run_in_memory
from clv_experiments.commands.api.settings import Settings
from clv_experiments.commands.cell_request import read_model_families
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.submit import check_submission_name, evaluate_predictions, submission_records
from clv_experiments.comparison.cell import Cell
from clv_experiments.comparison.champion import choose_champion
from clv_experiments.comparison.checks.protocol import Check, CheckResult, run_checks
from clv_experiments.comparison.checks.registry import all_checks
from clv_experiments.comparison.display.figures import board_figures
from clv_experiments.comparison.display.page import render_leaderboard_page
from clv_experiments.comparison.display.tables import format_check_results
from clv_experiments.comparison.entries import label_runs, read_entry
from clv_experiments.comparison.selection import build_cell
from clv_experiments.comparison.standings import Standings, check_bootstrap_settings, compute_standings
from clv_experiments.comparison.verdict import decide_verdict
from clv_experiments.config.settings import build_experiment_name
from clv_experiments.errors import ClvError, UnsuitableLog
from clv_experiments.tracking.memory_tracker import MemoryReader, MemoryRun, MemoryTracker


@dataclass(frozen=True, eq=False)
class Board:
    """Several models on the same customers and periods.

    Attributes
    ----------
    standings : Standings
        Scores with intervals, differences, ties.
    results : mapping of run id to Result
        Of the models that were fitted here.
    check_results : sequence of CheckResult
    """

    standings: Standings
    results: Mapping[str, Result]
    check_results: Sequence[CheckResult]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a model, best first: the metric that orders the board with its interval, then the other scores.

        ``group`` 1 are the models that tie with the best.
        """
        rows = self.standings.rows()
        scores = self.standings.table.set_index(["model", "metric"])["score"].unstack("metric")  # noqa: PD010 - nothing to sum
        columns = ["family", "group", "score", "lower", "upper", "from_best", "from_best_lower", "from_best_upper"]
        table = rows[columns].rename(columns={"score": self.standings.metric})
        return table.join(scores.drop(columns=self.standings.metric))

    @property
    def verdict(self) -> str:
        """Who wins, how certain that is, and whether any model is worth more than a rule of thumb."""
        return " ".join(decide_verdict(self.standings).sentences)

    @property
    def findings(self) -> pd.DataFrame:
        """What the checks report: ``check`` (its code), ``model`` (or "whole board") and ``finding``; empty if none."""
        rows = [
            (result.check.code, finding.model or "whole board", finding.sentence)
            for result in self.check_results
            for finding in result.findings
        ]
        return pd.DataFrame(rows, columns=["check", "model", "finding"])

    @property
    def checks(self) -> pd.DataFrame:
        """One row a check: ``title``, ``question``, ``outcome`` (found, nothing found, not applicable), ``reason``."""
        rows = [
            (result.check.code, result.check.title, result.check.question, result.outcome, result.not_applicable or "")
            for result in self.check_results
        ]
        return pd.DataFrame(rows, columns=["check", "title", "question", "outcome", "reason"]).set_index("check")

    @property
    def champion(self) -> Result:
        """The model to use: the simplest of those that are as good as the best, among those that can be fitted again.

        Raises
        ------
        ClvError
            If none of them can.
        """
        return self.results[choose_champion(self.standings).entry.run_id]

    def plot(self, name: str = "differences") -> Figure:
        """Return a picture: ``differences``, ``value_capture``, ``calibration``, ``bias``, ``cost``.

        Raises
        ------
        ClvError
            Names the pictures that there are.
        """
        return find_figure([*board_figures(self.standings)], name)

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the page of the leaderboard, and write it where a path is given."""
        created = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        page = render_leaderboard_page([(self.standings, self.check_results)], None, created)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def __repr__(self) -> str:
        return f"{self.verdict}\n{self.table.to_string(float_format='{:.3f}'.format)}"

    def _repr_html_(self) -> str:
        return notebook_html(self.verdict, self.table, format_check_results(self.check_results))


def leaderboard(
    log: Log | None = None,
    models: Sequence[str] | None = None,
    window: str = "3m",
    *,
    origins: int | str | None = None,
    cutoff: str | None = None,
    results: Iterable[Result] = (),
    predictions: Mapping[str, pd.DataFrame] | None = None,
    metric: str = "d2_tweedie",
    checks: Sequence[Check] = (),
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int = 42,
    settings: Settings | None = None,
    verbose: bool = False,
) -> Board:
    """Compare models on the same customers and periods.

    Parameters
    ----------
    log : Log, optional
        Not needed where ``results`` are given.
    models : sequence of str, optional
        Options of ``conf/model`` to fit; the baselines always stand beside. By default every option, or none where
        ``results`` are given.
    window, origins, cutoff
        As of ``train``; of results theirs.
    results : iterable of Result
        Of ``train``, all of one log and the same periods.
    predictions : mapping of name to pandas.DataFrame, optional
        Made elsewhere: ``customer_id``, ``cutoff``, ``y_pred``; every customer of each cutoff once.
    metric : str
        Orders the board and finds ties.
    checks : sequence of Check, optional
        Your own, besides M1 to M8: objects with ``code``, ``title``, ``question`` and ``find(standings)``.
    replicates, confidence, seed
        Of the bootstrap over customers.
    settings : mapping, optional
        Any other setting of the runs by its full name.
    verbose : bool
        Show the steps.

    Returns
    -------
    Board

    Raises
    ------
    ClvError
        If there is nothing to compare, results are of different cells, or predictions are not those of the cell.

    Examples
    --------
    >>> from clv_experiments.commands.api.logs import read_log
    >>> board = leaderboard(read_log("cdnow_sample"), models=["mbg_nbd"], window="3m", replicates=100)
    >>> board.table.index[0], len(board.table)
    ('mbg_nbd', 7)
    """
    check_bootstrap_settings(metric, replicates, confidence)
    board_checks = all_checks(checks)
    provided, terminal = list(results), Terminal(quiet=not verbose)
    if provided:
        log, template = provided[0].log, provided[0].settings
    elif log is None:
        raise ClvError("a leaderboard compares models on a log, or results; give leaderboard(log, models=[...])")
    else:
        names = {"window": window, "window.origins": origins, "window.cutoff": cutoff, "seed": seed}
        template = compose_run_config(log, names, settings)
    # What is given is checked before anything is fitted, which takes minutes.
    submitted = [
        _submit_predictions(log, template, name, frame, terminal) for name, frame in (predictions or {}).items()
    ]
    fitted, left_out = _train_models(log, _list_models_with_baselines(models, provided), template, settings, terminal)
    fitted = [*provided, *fitted]
    result = compute_standings(
        replace(
            _build_cell_of_runs([*(result.run for result in fitted), *submitted], template, metric),
            excluded_runs=tuple(left_out),
        ),
        metric,
        replicates=replicates,
        confidence=confidence,
        seed=seed,
    )
    return Board(result, {result.run.run_id: result for result in fitted}, run_checks(result, board_checks))


def _list_models_with_baselines(models: Sequence[str] | None, provided: Sequence[Result]) -> list[str]:
    """Name the models to fit: those asked for with the baselines, all where nothing is given."""
    families = read_model_families()
    if models is None:
        return [] if provided else list(families)
    names = [models] if isinstance(models, str) else list(models)
    fitted = {result.model for result in provided}
    baselines = [name for name, family in families.items() if family == "baseline" and name not in fitted]
    return list(dict.fromkeys([*names, *baselines]))


def _train_models(
    log: Log, models: Sequence[str], template: DictConfig, settings: Settings | None, terminal: Terminal
) -> tuple[list[Result], list[str]]:
    """Fit each model; gives the results, and why some models cannot be judged."""
    results, left_out = [], []
    window = {f"window.{name}": value for name, value in template.window.items() if value is not None}
    for model in models:
        cfg = compose_run_config(log, {"model": model, "seed": template.seed, **window}, settings)
        try:
            results.append(run_in_memory(log, cfg, None, terminal))
        except UnsuitableLog as error:
            left_out.append(f"{model}: {error}")
    return results, left_out


def _submit_predictions(
    log: Log, template: DictConfig, name: str, predictions: pd.DataFrame, terminal: Terminal
) -> MemoryRun:
    """Check predictions made elsewhere and record them as a run."""
    check_submission_name(name)
    with terminal.show_progress() as progress:
        task, result = evaluate_predictions(template, log.transactions, predictions, name, progress)
    tracker = MemoryTracker()
    with tracker.run(build_experiment_name(template), name) as run:
        run.log([*submission_records(template, task, result, name, "given to leaderboard()")])
    return run


def _build_cell_of_runs(runs: Sequence[MemoryRun], template: DictConfig, metric: str) -> Cell:
    reader = MemoryReader(list(runs))
    stored = [run.to_stored_run() for run in runs]
    if not stored:
        raise ClvError("there is nothing to compare: no model can be judged on this log")
    for run in stored[1:]:
        if run.tags["cell"] != stored[0].tags["cell"]:
            raise ClvError(
                f"{run.name} and {stored[0].name} are of different cells ({run.tags['holdouts']} and "
                f"{stored[0].tags['holdouts']}, or other customers); compare runs of one log, window and cutoff"
            )
    labels = label_runs(list(reversed(stored)), {})
    entries = [
        read_entry(reader, run, labels[run.run_id], reader.table(run.run_id, "predictions.parquet"), metric)
        for run in stored
    ]
    return build_cell(build_experiment_name(template), stored[0], entries)
