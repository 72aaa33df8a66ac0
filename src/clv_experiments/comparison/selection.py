"""Which runs a leaderboard compares: those of one cell, the newest of each model, and why others are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from clv_experiments.comparison.cell import Cell, Entry
from clv_experiments.comparison.entries import is_complete, label_runs, model_name, read_entry, read_predictions
from clv_experiments.comparison.exclusions import Exclusion, describe_exclusions
from clv_experiments.errors import ClvError, LogTooShort, LogWithLosses, LogWithoutAmounts
from clv_experiments.reporting.formatting import format_count, join_names
from clv_experiments.tracking.experiment_name import parse_experiment_name
from clv_experiments.tracking.stored_run import setting_params

if TYPE_CHECKING:
    from clv_experiments.tracking.stored_run import Reader, StoredRun

# Settings that change neither the log nor the forecasts nor the scores.
WITHOUT_EFFECT = (
    "data.engine",
    "data.spark_master",
    "data.rfm_unit",
    "tracking",
    "resume",
    "truth_",
    "window.training_seed",  # follows the seed
)
# Settings that mean what older versions did without them.
DEFAULTS_OF_OLDER_VERSIONS = {
    "data.cleaning.duplicates.policy": "keep",
    "data.cleaning.discount_lines": "clv_experiments.data.cleaning.discount_lines",
}
MAX_RUNS = 100  # of a board of all runs: every one is resampled with every other, and drawn
UNFINISHED = ("RUNNING", "SCHEDULED")

UNSUITABLE = [kind.__name__ for kind in (LogTooShort, LogWithLosses, LogWithoutAmounts)]


@dataclass(frozen=True)
class Selection:
    """The runs of the requested cell.

    Attributes
    ----------
    cell : Cell or None
        None where none of its runs can be compared.
    missing : dict of model to reason
        Models without a run to compare: why the newest failed or was left out, empty where there was none.
    impossible : dict of model to reason
        Models that cannot be judged on the log: why.
    other_cells : list of str
        Other cells with finished runs, each with the settings that differ, newest first.
    """

    cell: Cell | None
    missing: dict[str, str]
    impossible: dict[str, str]
    other_cells: list[str]


def select_runs(
    reader: Reader,
    experiment: str,
    settings: Mapping[str, object],
    models: Sequence[str],
    *,
    all_runs: bool,
    metric: str,
    cell: str | None = None,
    configured: Mapping[str, Mapping[str, str]] | None = None,
) -> Selection:
    """Choose the runs of one cell.

    The settings identify a cell, that of the newest finished run that agrees with them; all runs of that cell belong to
    it, however their settings were typed.

    Parameters
    ----------
    reader : Reader
    experiment : str
        Of a log and a horizon.
    settings : mapping of flattened setting to value
        Those that name the cell. A run agrees if it has the same value of each, and no other setting of the log.
    models : sequence of str
        Those required. Other models of the cell are chosen too.
    all_runs : bool
        Choose all runs of each model, of more than 100 in all the newest, instead of the newest that can be read.
    metric : str
        Its validation scores are read.
    cell : str, optional
        A fingerprint, or its beginning, that identifies the cell in place of the settings.
    configured : mapping of model to flattened settings, optional
        The default settings of each model; a run that differs says so in its label.

    Raises
    ------
    ClvError
        If there is no store, it cannot be read, or several cells begin with ``cell``.
    """
    runs = [run for run in reader.runs(experiment) if run.is_evaluation]
    requested = {run.run_id: run for run in runs if _matches_cell_or_settings(run, settings, cell)}
    identity = _find_newest_cell(requested.values(), cell)
    exclusions = {run.run_id: why for run in runs if (why := _find_exclusion(run, run.run_id in requested, identity))}
    candidates = {run.run_id: run for run in runs if run.run_id not in exclusions}
    tables = _read_candidates_noting_exclusions(reader, list(candidates.values()), all_runs, exclusions)
    selected = sorted(
        (candidates[run_id] for run_id in tables), key=lambda run: _sort_key_by_request(model_name(run), models)
    )
    labels = label_runs([candidates[run_id] for run_id in tables], configured or {})
    entries = [read_entry(reader, run, labels[run.run_id], tables[run.run_id], metric) for run in selected]
    absent = [model for model in models if all(model_name(run) != model for run in selected)]
    log = selected[0].tags.get("log_fingerprint") if selected else None
    missing, impossible = _explain_missing_and_impossible_models(absent, requested.values(), exclusions, log)
    unsuitable = {run.run_id for run in runs if _failed_on_unsuitable_log(run) and model_name(run) in impossible}
    other_exclusions = {run_id: why for run_id, why in exclusions.items() if run_id not in unsuitable}
    left_out = describe_exclusions(impossible, other_exclusions)
    result = build_cell(experiment, selected[0], entries, left_out) if selected else None
    return Selection(result, missing, impossible, _describe_other_cells(runs, settings, identity))


def _find_newest_cell(requested: Iterable[StoredRun], fingerprint_prefix: str | None) -> str | None:
    """Return the cell of the newest finished run.

    Raises
    ------
    ClvError
        If a beginning was typed that several cells share.
    """
    cells = dict.fromkeys(run.tags["cell"] for run in requested if run.status == "FINISHED" and is_complete(run))
    if fingerprint_prefix and len(cells) > 1:
        raise ClvError(
            f"{len(cells)} cells begin with '{fingerprint_prefix}': {', '.join(cells)}; type more of it (cell)"
        )
    return next(iter(cells), None)


def find_run_not_to_repeat(reader: Reader, experiment: str, settings: Mapping[str, object]) -> StoredRun | None:
    """Find the newest run with these settings that need not be repeated.

    It finished and can still be read, or failed since the log is unsuitable. Runs that were killed or lost their
    predictions do not count. A change of the log itself is not noticed here.

    Parameters
    ----------
    settings : mapping of flattened setting to value
        All of them.
    """
    runs = reader.runs(experiment) if reader.store_exists else []
    for run in (run for run in runs if _is_evaluation_with_cell(run) and not _differing_settings(run, settings, "")):
        complete = run.status == "FINISHED" and is_complete(run)
        if _failed_on_unsuitable_log(run) or (complete and read_predictions(reader, run) is not None):
            return run
    return None


def _is_evaluation_with_cell(run: StoredRun) -> bool:
    return ("cell" in run.tags or "model.name" in run.params) and run.is_evaluation


def _matches_cell_or_settings(run: StoredRun, settings: Mapping[str, object], cell: str | None) -> bool:
    if cell and "cell" in run.tags:
        return run.tags["cell"].startswith(cell)
    return _is_evaluation_with_cell(run) and not _differing_settings(run, settings)


def _differing_settings(run: StoredRun, settings: Mapping[str, object], prefix: str = "data.") -> list[str]:
    """Name the settings, and the run's parameters with the prefix, that are different or on one side only."""
    expected, params = (
        {name: value for name, value in setting_params(some).items() if DEFAULTS_OF_OLDER_VERSIONS.get(name) != value}
        for some in (settings, run.params)
    )
    mentioned = setting_params(dict.fromkeys(settings, ""))  # also those that are to be unset
    names = [*mentioned, *(name for name in params if name.startswith(prefix) and name not in mentioned)]
    return [n for n in names if not n.startswith(WITHOUT_EFFECT) and params.get(n) != expected.get(n)]


def _failed_on_unsuitable_log(run: StoredRun) -> bool:
    return run.status == "FAILED" and run.tags.get("failure_kind") in UNSUITABLE


def _may_have_read_log(run: StoredRun, log: str | None) -> bool:
    """Whether a run read this log, or did not record which: a log that was too short may have grown."""
    return log is None or run.tags.get("log_fingerprint", log) == log


def _find_exclusion(run: StoredRun, requested: bool, identity: str | None) -> Exclusion | None:
    same_cell = run.tags.get("cell", "") == identity
    unfinished = run.status in UNFINISHED
    if not _is_evaluation_with_cell(run):  # a run that was killed at once had no time to record whose it is
        return Exclusion("not_finished" if unfinished and not run.params else "foreign")
    if not requested and not same_cell:
        return Exclusion("other_settings")
    if unfinished:
        return Exclusion("not_finished")
    if run.status != "FINISHED":
        return Exclusion("failed", run.tags.get("failure") or run.status.lower())
    if not is_complete(run):
        return Exclusion("older_version")
    return None if same_cell else Exclusion("other_cell", run.tags["cell"][:8])


def _read_candidates_noting_exclusions(
    reader: Reader, newest_first: list[StoredRun], all_runs: bool, exclusions: dict[str, Exclusion]
) -> dict[str, pd.DataFrame]:
    """Read the predictions of each model's newest run, or of the newest runs; adds to ``exclusions`` those it skips."""
    tables: dict[str, pd.DataFrame] = {}
    models: set[str] = set()
    dropped: list[StoredRun] = []
    for run in newest_first:
        if model_name(run) in models and not all_runs:
            exclusions[run.run_id] = Exclusion("superseded")
        elif model_name(run) in models and len(tables) >= MAX_RUNS:
            exclusions[run.run_id] = Exclusion("beyond_limit", str(MAX_RUNS))
        elif (table := read_predictions(reader, run)) is None:
            dropped.append(run)
        else:
            tables[run.run_id] = table
            models.add(model_name(run))
    for run in dropped:
        exclusions[run.run_id] = Exclusion("lost_predictions", model_name(run), model_name(run) in models)
    return tables


def _explain_missing_and_impossible_models(
    models: Iterable[str], requested: Collection[StoredRun], exclusions: Mapping[str, Exclusion], log: str | None
) -> tuple[dict[str, str], dict[str, str]]:
    missing, impossible = {}, {}
    for model in models:
        attempts = [run for run in requested if model_name(run) == model]
        finished = [run for run in attempts if run.status not in UNFINISHED]
        newest, never_finished = next(iter(finished), None), all(run.status != "FINISHED" for run in finished)
        if newest and never_finished and _failed_on_unsuitable_log(newest) and _may_have_read_log(newest, log):
            impossible[model] = newest.tags["failure"]
        elif attempts:
            missing[model] = attempts[0].tags.get("failure") or exclusions[attempts[0].run_id].reason
        else:
            missing[model] = ""
    return missing, impossible


def _sort_key_by_request(model: str, models: Sequence[str]) -> tuple[int, str]:
    return (models.index(model), "") if model in models else (len(models), model)


def build_cell(experiment: str, run: StoredRun, entries: Iterable[Entry], left_out: Iterable[str] = ()) -> Cell:
    """Describe the cell that a complete run belongs to, with the entries to compare in it."""
    data, horizon = parse_experiment_name(experiment)
    return Cell(
        data=data,
        horizon=horizon,
        protocol=run.tags["protocol"],
        identity=run.tags["cell"],
        holdouts=tuple(run.tags["holdouts"].split("; ")),
        currency=run.tags.get("currency", ""),
        entries=tuple(entries),
        excluded_runs=tuple(left_out),
        has_losses="has_losses" in run.tags,
    )


def _describe_other_cells(runs: Iterable[StoredRun], settings: Mapping[str, object], identity: str | None) -> list[str]:
    cells: dict[str, list[StoredRun]] = {}
    for run in runs:
        if run.status == "FINISHED" and run.tags.get("cell", identity) != identity:
            cells.setdefault(run.tags["cell"], []).append(run)
    descriptions = []
    for cell, finished in cells.items():
        newest = finished[0]
        names = _differing_settings(newest, settings)
        difference = join_names([f"{name}={newest.params.get(name, 'unset')}" for name in names])
        count = format_count(len(finished), "run")
        descriptions.append(f"{difference or 'the same settings, another log or period'}: {count}, cell {cell}")
    return descriptions
