"""A finished run as an entry of a leaderboard: whether it can be read, how it is called, what is compared of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.leaderboard.cell import Entry

if TYPE_CHECKING:
    from clv_experiments.tracking.stored_run import Reader, StoredRun

TAGS = {"cell", "holdouts", "protocol", "model", "family", "features", "code_version"}
COLUMNS = {"customer_id", "cutoff", "y_true", "y_pred", "purchase_days"}


def model_of(run: StoredRun) -> str:
    """Return the model that a run was started for; empty where it is no run of ours."""
    return run.tags.get("model", run.params.get("model.name", ""))


def is_complete(run: StoredRun) -> bool:
    """Whether a run recorded all that a leaderboard needs; an older version recorded less."""
    return set(run.tags) >= TAGS and "d2_floor" in run.metrics


def predictions_of(reader: Reader, run: StoredRun) -> pd.DataFrame | None:
    """Read what a complete run predicted, at every one of its origins; None where that is gone or damaged."""
    try:
        table = reader.table(run.run_id, "predictions.parquet")
    except ClvError:
        return None
    origins = len(run.tags["holdouts"].split("; "))
    whole = set(table.columns) >= COLUMNS and table["cutoff"].nunique() == origins
    return table if whole and len(reader.by_origin(run.run_id, "d2_floor")) == origins else None


def labels_of(runs: Sequence[StoredRun]) -> dict[str, str]:
    """Name each run, by its id, after its model and whatever tells it from other runs of that model.

    Where no setting does, the first 6 characters of its id do: ``xgboost (max_depth=6)``, ``xgboost (1a2b3c)``.
    """
    told = {run.run_id: _telling(run) for run in runs}
    said: dict[tuple[str, str], set[str | None]] = {}
    for model, name in {(model_of(run), name) for run in runs for name in told[run.run_id]}:
        said[model, name] = {told[run.run_id].get(name) for run in runs if model_of(run) == model}
    parts = {}
    for run in runs:
        differing = {name: value for name, value in told[run.run_id].items() if len(said[model_of(run), name]) > 1}
        settings = [f"{name.split('.')[-1]}={value}" for name, value in differing.items()]
        parts[run.run_id] = (model_of(run), *settings)
    times = Counter(parts.values())
    labels = {}
    for run_id, (model, *settings) in parts.items():
        telling = settings + [run_id[:6]] * (times[model, *settings] > 1)
        labels[run_id] = f"{model} ({', '.join(telling)})" if telling else model
    return labels


def _telling(run: StoredRun) -> dict[str, str]:
    """Return the settings that may tell two runs of a model apart; seeds that follow the run's are left out."""
    told = {"features": run.tags["features"]}
    told |= {name: run.params[name] for name in ("seed", "window.training_origins") if name in run.params}
    for name, value in sorted(run.params.items()):
        follows = name.endswith(".random_state") and value == run.params.get("seed")
        if name.startswith("model.") and not name.startswith("model.features.") and not follows:
            told[name] = value
    return told


def entry_of(reader: Reader, run: StoredRun, label: str, predictions: pd.DataFrame, metric: str) -> Entry:
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
        floors=tuple(by_origin("d2_floor").values()),
        validation={step: {metric: value} for step, value in by_origin(f"validation_{metric}").items()},
        label_margin_days=by_origin("label_margin_days"),
        seconds={name.removeprefix("seconds_"): sum(by_origin(name).values()) for name in costs},
        peak_memory_mb=run.metrics.get("peak_memory_mb", float("nan")),
        at_edge=run.tags.get("at_edge", ""),
    )
