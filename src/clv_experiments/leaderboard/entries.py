"""A finished run as an entry of a leaderboard: whether it can be read, how it is called, what is compared of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.leaderboard.cell import Entry

if TYPE_CHECKING:
    from clv_experiments.tracking.stored_run import Reader, StoredRun

TAGS = {"cell", "holdouts", "protocol", "model", "family", "features", "code_version"}
TUNED = " (tuned)"  # follows the name of a model whose settings were searched for
COLUMNS = {"customer_id", "cutoff", "y_true", "y_pred", "purchase_days"}


def model_name(run: StoredRun) -> str:
    """Return the model that a run was started for; empty where it is no run of ours."""
    return run.tags.get("model", run.params.get("model.name", ""))


def is_complete(run: StoredRun) -> bool:
    """Whether a run recorded all that a leaderboard needs; an older version recorded less."""
    return set(run.tags) >= TAGS and "d2_floor" in run.metrics


def read_predictions(reader: Reader, run: StoredRun) -> pd.DataFrame | None:
    """Read what a complete run predicted, at every one of its origins; None where that is gone or damaged."""
    try:
        table = reader.table(run.run_id, "predictions.parquet")
    except ClvError:
        return None
    origins = len(run.tags["holdouts"].split("; "))
    whole = set(table.columns) >= COLUMNS and table["cutoff"].nunique() == origins
    return table if whole and len(reader.by_origin(run.run_id, "d2_floor")) == origins else None


def label_runs(runs: Sequence[StoredRun], configured: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Name each run, by its id, after its model and what it has that the model as configured has not.

    Parameters
    ----------
    runs : sequence of StoredRun
        Newest first.
    configured : mapping of model to flattened settings
        Where a model is not there, its newest run stands for it.

    Returns
    -------
    dict of run id to label
        ``xgboost``, ``xgboost (max_depth=6)``; runs that nothing tells apart get 6 characters of their id.
    """
    bases = {model_name(run): run.params for run in reversed(runs)} | dict(configured)
    parts = {run.run_id: (model_name(run), *_differences(run.params, bases[model_name(run)])) for run in runs}
    times = Counter(parts.values())
    labels = {}
    for run_id, (model, *settings) in parts.items():
        telling = settings + [run_id[:6]] * (times[model, *settings] > 1)
        labels[run_id] = f"{model} ({', '.join(telling)})" if telling else model
    return labels


def _differences(settings: Mapping[str, str], others: Mapping[str, str]) -> list[str]:
    """Say what one run of a model is set to that another is not: ``max_depth=6``, ``gamma=unset``."""
    own, theirs = _telling(settings), _telling(others)
    names = [name for name in sorted({*own, *theirs}) if own.get(name) != theirs.get(name)]
    return [f"{name.removesuffix('.name').split('.')[-1]}={own.get(name, 'unset')}" for name in names]


def _telling(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that may tell two runs of a model apart; seeds that follow the run's are left out."""
    told = {}
    for name, value in settings.items():
        follows = name.endswith(".random_state") and value == settings.get("seed")
        of_model = name.startswith("model.") and not name.startswith(("model.features.", "model.name")) and not follows
        if of_model or name in ("model.features.name", "seed", "window.training_origins"):
            told[name] = value
    return told


def read_entry(reader: Reader, run: StoredRun, label: str, predictions: pd.DataFrame, metric: str) -> Entry:
    """Collect what is compared of a complete run; of its validation scores those of ``metric``."""

    def by_origin(name: str) -> dict[int, float]:
        return reader.by_origin(run.run_id, name) if name in run.metrics else {}

    costs = [name for name in run.metrics if name.startswith("seconds_")]
    return Entry(
        label=label,
        model=run.tags["model"],
        family=run.tags["family"],
        features=run.tags["features"],
        run_id=run.run_id,
        code_version=run.tags["code_version"],
        predictions=predictions,
        min_predictions=tuple(by_origin("d2_floor").values()),
        validation={step: {metric: value} for step, value in by_origin(f"validation_{metric}").items()},
        label_margin_days=by_origin("label_margin_days"),
        seconds={name.removeprefix("seconds_"): sum(by_origin(name).values()) for name in costs},
        at_edge=run.tags.get("at_edge", ""),
    )
