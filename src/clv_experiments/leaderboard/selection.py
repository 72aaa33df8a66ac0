"""Which runs a leaderboard shows: those of one cell, the newest of each model, and why every other run is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.leaderboard.cell import Cell, Entry
from clv_experiments.leaderboard.entries import is_complete, label_runs, model_name, read_entry, read_predictions
from clv_experiments.reporting.formatting import join_names
from clv_experiments.tracking.stored_run import LONGEST_PARAM

if TYPE_CHECKING:
    from clv_experiments.tracking.stored_run import Reader, StoredRun

# Settings under which the same log is read, the same forecasts are made and the same scores found.
WITHOUT_EFFECT = ("data.engine", "data.spark_master", "tracking.", "resume", "truth_")
UNFINISHED = ("RUNNING", "SCHEDULED")

NOT_FINISHED = "not finished: still running, or killed in the middle"
FOREIGN = "not made by train.py"
OTHER_SETTINGS = "of other settings"
OLDER_VERSION = "made by an older version, which did not record what a leaderboard needs"
SUPERSEDED = "older than the run of the same model that is shown"


@dataclass(frozen=True)
class Selection:
    """What an experiment holds of the cell that was asked for.

    Attributes
    ----------
    cell : Cell or None
        None where no run of it can be shown.
    missing : dict of model to reason
        Models without a run that can be shown: why the last one failed or cannot be, empty where there was none.
    impossible : dict of model to reason
        Models that the log is too short for.
    other_cells : list of str
        What else is finished in the experiment, each with the settings that differ, newest first.
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
    every: bool,
    metric: str,
    cell: str | None = None,
    configured: Mapping[str, Mapping[str, str]] | None = None,
) -> Selection:
    """Choose the runs of one cell.

    The settings lead to a cell, that of the newest finished run which agrees with them; then every run of that cell
    belongs, in whatever words its settings were typed.

    Parameters
    ----------
    reader : Reader
    experiment : str
        ``<log>/<horizon>``.
    settings : mapping of flattened setting to value
        What names the cell. A run agrees where it says the same of all of them, and has no other setting of the log.
    models : sequence of str
        Those that should be there. Others that are there are chosen too.
    every : bool
        All runs of each model; otherwise the newest that can be shown.
    metric : str
        Its validation scores go along.
    cell : str, optional
        A fingerprint, or its beginning, that leads to the cell in place of the settings.
    configured : mapping of model to flattened settings, optional
        What each model is set to unless somebody typed otherwise; a run that differs says so in its label.

    Raises
    ------
    ClvError
        If there is no store, it cannot be read, or several cells begin with ``cell``.
    """
    runs = [
        run for run in reader.runs(experiment) if "kind" not in run.tags
    ]  # those have no forecast: a board, a trial
    asked = {run.run_id: run for run in runs if _asked(run, settings, cell)}
    cells = dict.fromkeys(run.tags["cell"] for run in asked.values() if run.status == "FINISHED" and is_complete(run))
    if cell and len(cells) > 1:
        raise ClvError(f"{len(cells)} cells begin with '{cell}': {', '.join(cells)}; type more of it (cell)")
    identity = next(iter(cells), None)
    reasons = {run.run_id: why for run in runs if (why := _why_not(run, run.run_id in asked, identity))}
    found = {run.run_id: run for run in runs if run.run_id not in reasons}
    tables = _read(reader, list(found.values()), every, reasons)
    chosen = sorted((found[run_id] for run_id in tables), key=lambda run: _position(model_name(run), models))
    labels = label_runs([found[run_id] for run_id in tables], configured or {})
    entries = [read_entry(reader, run, labels[run.run_id], tables[run.run_id], metric) for run in chosen]
    absent = [model for model in models if all(model_name(run) != model for run in chosen)]
    log = chosen[0].tags.get("log_fingerprint") if chosen else None
    missing, impossible = _absent(absent, asked.values(), reasons, log)
    told = {run.run_id for run in runs if _too_short(run) and model_name(run) in impossible}
    left_out = [*_cannot(impossible), *_left_out({run: why for run, why in reasons.items() if run not in told})]
    board = build_cell(experiment, chosen[0], entries, left_out) if chosen else None
    return Selection(board, missing, impossible, _other_cells(runs, settings, identity))


def find_completed_run(reader: Reader, experiment: str, settings: Mapping[str, object]) -> StoredRun | None:
    """Find the newest run that makes another with these settings needless.

    It finished and can still be read, or found the log too short. A run that was killed, or lost its predictions,
    settles nothing; that the log itself changed since is not seen here.

    Parameters
    ----------
    settings : mapping of flattened setting to value
        All of them.
    """
    runs = reader.runs(experiment) if reader.exists else []
    for run in (run for run in runs if _is_ours(run) and not _differing(run, settings, "")):
        whole = run.status == "FINISHED" and is_complete(run)
        if _too_short(run) or (whole and read_predictions(reader, run) is not None):
            return run
    return None


def _is_ours(run: StoredRun) -> bool:
    return ("cell" in run.tags or "model.name" in run.params) and "kind" not in run.tags


def _asked(run: StoredRun, settings: Mapping[str, object], cell: str | None) -> bool:
    if cell and "cell" in run.tags:
        return run.tags["cell"].startswith(cell)
    return _is_ours(run) and not _differing(run, settings)


def _differing(run: StoredRun, settings: Mapping[str, object], whole: str = "data.") -> list[str]:
    """Name what differs among the settings and all of the run's that begin with ``whole``, there or not there."""
    said = {name: str(value)[:LONGEST_PARAM] for name, value in settings.items()}
    names = [*said, *(name for name in run.params if name.startswith(whole) and name not in said)]
    return [n for n in names if not n.startswith(WITHOUT_EFFECT) and run.params.get(n) != said.get(n)]


def _too_short(run: StoredRun) -> bool:
    return run.status == "FAILED" and run.tags.get("failure_kind") == "LogTooShort"


def _of_log(run: StoredRun, log: str | None) -> bool:
    """Whether a run read the log of this fingerprint, as far as known: a log that was too short may have grown."""
    return log is None or run.tags.get("log_fingerprint", log) == log


def _why_not(run: StoredRun, asked: bool, identity: str | None) -> str | None:
    same_cell = run.tags.get("cell", "") == identity
    unfinished = run.status in UNFINISHED
    if not _is_ours(run):  # a run that was killed at once had no time to say whose it is
        return NOT_FINISHED if unfinished and not run.params else FOREIGN
    if not asked and not same_cell:
        return OTHER_SETTINGS
    if unfinished:
        return NOT_FINISHED
    if run.status != "FINISHED":
        return f"failed ({run.tags.get('failure') or run.status.lower()})"
    if not is_complete(run):
        return OLDER_VERSION
    if not same_cell:
        return f"of cell {run.tags['cell'][:8]}: the same settings, but another log or period than the newest run"
    return None


def _read(
    reader: Reader, newest_first: list[StoredRun], every: bool, reasons: dict[str, str]
) -> dict[str, pd.DataFrame]:
    """Read what each model predicted, and add to ``reasons`` why a run is passed over."""
    tables: dict[str, pd.DataFrame] = {}
    shown: dict[str, StoredRun] = {}
    lost: list[StoredRun] = []
    for run in newest_first:
        if model_name(run) in shown and not every:
            reasons[run.run_id] = SUPERSEDED
        elif (table := read_predictions(reader, run)) is None:
            lost.append(run)
        else:
            tables[run.run_id] = table
            shown.setdefault(model_name(run), run)
    for run in lost:
        model = model_name(run)
        rest = f"another run of {model} is shown" if model in shown else f"no other run of {model} can be shown"
        reasons[run.run_id] = f"without its predictions, which were deleted or damaged; {rest}"
    return tables


def _absent(
    models: Iterable[str], asked: Collection[StoredRun], reasons: Mapping[str, str], log: str | None
) -> tuple[dict[str, str], dict[str, str]]:
    missing, impossible = {}, {}
    for model in models:
        tried = [run for run in asked if model_name(run) == model]
        ended = [run for run in tried if run.status not in UNFINISHED]
        never = all(run.status != "FINISHED" for run in ended)
        if ended and never and _too_short(ended[0]) and _of_log(ended[0], log):
            impossible[model] = ended[0].tags["failure"]
        else:
            missing[model] = (tried[0].tags.get("failure") or reasons[tried[0].run_id]) if tried else ""
    return missing, impossible


def _position(model: str, models: Sequence[str]) -> tuple[int, str]:
    return (models.index(model), "") if model in models else (len(models), model)


def build_cell(experiment: str, run: StoredRun, entries: Iterable[Entry], left_out: Iterable[str] = ()) -> Cell:
    """Describe the cell that a complete run belongs to, with the entries to compare in it."""
    data, _, horizon = experiment.rpartition("/")
    return Cell(
        data=data,
        horizon=horizon,
        protocol=run.tags["protocol"],
        identity=run.tags["cell"],
        holdouts=tuple(run.tags["holdouts"].split("; ")),
        currency=run.tags.get("currency", ""),
        entries=tuple(entries),
        left_out=tuple(left_out),
    )


def _cannot(impossible: Mapping[str, str]) -> list[str]:
    of = {model: why.split("; ")[0] for model, why in impossible.items()}  # what follows is advice
    return [f"{', '.join(models)} cannot be judged here: {why}" for why, models in _by_value(of).items()]


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    grouped = _by_value({run_id[:8]: why for run_id, why in reasons.items()})
    return [f"{_counted(len(ids))} left out, {why}: {join_names(ids)}" for why, ids in grouped.items()]


def _by_value(of: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in of.items():
        grouped.setdefault(value, []).append(name)
    return grouped


def _other_cells(runs: Iterable[StoredRun], settings: Mapping[str, object], identity: str | None) -> list[str]:
    cells: dict[str, list[StoredRun]] = {}
    for run in runs:
        if run.status == "FINISHED" and run.tags.get("cell", identity) != identity:
            cells.setdefault(run.tags["cell"], []).append(run)
    described = []
    for tag, found in cells.items():
        differing = [f"{name}={found[0].params.get(name, 'unset')}" for name in _differing(found[0], settings)]
        what = join_names(differing) or "the same settings, another log or period"
        described.append(f"{what}: {_counted(len(found))}, cell {tag}")
    return described


def _counted(runs: int) -> str:
    return f"{runs:,} run{'s' if runs > 1 else ''}"
