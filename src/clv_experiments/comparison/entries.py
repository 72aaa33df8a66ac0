"""A finished run as an entry of a leaderboard: whether it is complete, its label, its predictions and records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from clv_experiments.comparison.cell import Entry
from clv_experiments.errors import ClvError, StoreFailure
from clv_experiments.forecasting.level import FORECAST
from clv_experiments.forecasting.run_records import ORIGINS, TOTAL_INTERVALS
from clv_experiments.tracking.stored_run import setting_params

if TYPE_CHECKING:
    from clv_experiments.tracking.stored_run import Reader, StoredRun

REQUIRED_TAGS = {"cell", "holdouts", "protocol", "model", "family", "features", "code_version"}
ORIGIN_COLUMNS = ["d2_floor", "label_margin_days"]  # columns of origins.csv that a board needs
TUNED = " (tuned)"  # suffix of the name of a model whose settings were searched for
COLUMNS = {"customer_id", "cutoff", "y_true", "y_pred", "purchase_days"}


def model_name(run: StoredRun) -> str:
    """Return the model that a run was started for; empty where another program made the run."""
    return run.tags.get("model", run.params.get("model.name", ""))


def is_complete(run: StoredRun) -> bool:
    """Whether a run recorded all that a leaderboard needs; older versions recorded less."""
    return set(run.tags) >= REQUIRED_TAGS and ("customers" in run.tags or "d2_floor" in run.metrics)


def read_predictions(reader: Reader, run: StoredRun) -> pd.DataFrame | None:
    """Read the predictions of a complete run at all its origins; None where they are deleted or damaged."""
    try:
        table = reader.table(run.run_id, "predictions.parquet")
        floors = _read_d2_floors_and_label_margins(reader, run)["d2_floor"]
    except StoreFailure:
        raise
    except ClvError:
        return None
    origins = len(run.tags["holdouts"].split("; "))
    complete = set(table.columns) >= COLUMNS and table["cutoff"].nunique() == origins
    return table if complete and len(floors) == origins else None


def _read_d2_floors_and_label_margins(reader: Reader, run: StoredRun) -> pd.DataFrame:
    """Read the floor of D2 and the margin of the labels (days) at each origin; older versions kept them as metrics."""
    if "d2_floor" in run.metrics:
        return pd.DataFrame(
            {name: pd.Series(reader.metric_by_origin(run.run_id, name), dtype=float) for name in ORIGIN_COLUMNS}
        )
    return reader.table(run.run_id, ORIGINS).set_index("step")[ORIGIN_COLUMNS]


def label_runs(runs: Sequence[StoredRun], configured: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Label each run, by its id, with its model and the settings in which it differs from the model as configured.

    Parameters
    ----------
    runs : sequence of StoredRun
        Newest first.
    configured : mapping of model to flattened settings
        A model that is not among them is represented by its newest run.

    Returns
    -------
    dict of run id to label
        ``xgboost``, ``xgboost (max_depth=6)``; runs without a difference get 6 characters of their id.
    """
    bases = {model_name(run): run.params for run in reversed(runs)} | dict(configured)
    parts = {run.run_id: (model_name(run), *describe_differences(run.params, bases[model_name(run)])) for run in runs}
    counts = Counter(parts.values())
    labels = {}
    for run_id, (model, *settings) in parts.items():
        details = settings + [run_id[:6]] * (counts[model, *settings] > 1)
        labels[run_id] = f"{model} ({', '.join(details)})" if details else model
    return labels


def describe_differences(settings: Mapping[str, str], other_settings: Mapping[str, str]) -> list[str]:
    """Return the settings of one run of a model that differ from another's: ``max_depth=6``, ``gamma=unset``."""
    left, right = _select_model_settings(settings), _select_model_settings(other_settings)
    names = [name for name in sorted({*left, *right}) if left.get(name) != right.get(name)]
    return [f"{name.removesuffix('.name').split('.')[-1]}={left.get(name, 'unset')}" for name in names]


def _select_model_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that two runs of a model may differ in, without the seeds that follow the run's."""
    result = {}
    for name, value in setting_params(settings).items():
        follows = name.endswith(".random_state") and value == settings.get("seed")
        of_model = name.startswith("model.") and not name.startswith(("model.features.", "model.name")) and not follows
        if of_model or name in ("model.features.name", "seed", "window.training_origins", "window.training_customers"):
            result[name] = value
    return result


def read_entry(reader: Reader, run: StoredRun, label: str, predictions: pd.DataFrame, metric: str) -> Entry:
    """Make an entry of a complete run; of its validation scores it keeps those of ``metric``."""

    def by_origin(name: str) -> dict[int, float]:
        return reader.metric_by_origin(run.run_id, name) if name in run.metrics else {}

    origins = _read_d2_floors_and_label_margins(reader, run)
    margins = origins["label_margin_days"].dropna()
    timings = [name for name in run.metrics if name.startswith("seconds_")]
    percents = TOTAL_INTERVALS if run.tags.get("level") == FORECAST else ()
    bounds = [f"{end}_{percent}" for percent in percents for end in ("lower", "upper")]
    return Entry(
        label=label,
        model=run.tags["model"],
        family=run.tags["family"],
        features=run.tags["features"],
        run_id=run.run_id,
        code_version=run.tags["code_version"],
        predictions=predictions,
        d2_floors=tuple(origins["d2_floor"]),
        validation={step: {metric: value} for step, value in by_origin(f"validation_{metric}").items()},
        label_margin_days=dict(zip(margins.index, margins, strict=True)),
        seconds={name.removeprefix("seconds_"): sum(by_origin(name).values()) for name in timings},
        at_edge=run.tags.get("at_edge", ""),
        total_interval_bounds={name: values for name in bounds if (values := by_origin(f"holdout_total_{name}"))},
    )
