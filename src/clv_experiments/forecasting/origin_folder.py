"""What another tool may see of one origin, as files: nothing in them is later than the cutoff."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.queries.activity import fetch_purchase_days_and_amounts
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.record_files import write_atomically

PANEL = "panel.parquet"


def write_origin_folder(
    folder: Path,
    forecaster: Forecaster,
    target: Period,
    features: FeatureSet,
    *,
    cell: str,
    cutoffs: Sequence[date],
    time_budget: float,
    seed: int,
) -> None:
    """Write what is known at the cutoff of a period.

    ``cell.json`` says the cell with all its cutoffs, the log, this cutoff, the horizon in days, the currency, the seed
    and the seconds that a search may take. ``transactions.parquet`` holds the purchase days, ``customers.parquet``
    frequency, recency, T (days) and monetary value, ``features.parquet`` the features, each of all customers to be
    predicted. ``panel.parquet`` holds the features at earlier cutoffs with ``y``, the spend that followed; it is left
    out where the log holds no earlier period to learn from.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    forecaster : Forecaster
    target : Period
        What is to be predicted.
    features : FeatureSet
    cell : str
        The cell's fingerprint.
    cutoffs : sequence of date
        Of all origins of the cell.
    time_budget : float
        Seconds.
    seed : int
    """
    log, cutoff = forecaster.log, target.cutoff
    tables = {
        "transactions": fetch_purchase_days_and_amounts(log, cutoff),
        "customers": forecaster.features(cutoff, RFM).reset_index(),
        "features": forecaster.features(cutoff, features).reset_index(),
    }
    if forecaster.window.has_training_periods(target):
        tables["panel"] = _build_training_table(forecaster, target, features)
    about = {
        "cell": cell,
        "cutoffs": [str(day) for day in cutoffs],
        "log": log.name,
        "currency": log.currency,
        "cutoff": str(cutoff),
        "horizon_days": target.days,
        "time_budget": time_budget,
        "seed": seed,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PANEL).unlink(missing_ok=True)
    with write_atomically(folder / "cell.json") as part:
        part.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    for name, table in tables.items():
        with write_atomically(folder / f"{name}.parquet") as part:
            table.to_parquet(part, index=False)


def _build_training_table(forecaster: Forecaster, target: Period, features: FeatureSet) -> pd.DataFrame:
    panel = forecaster.training_panel(target, features)
    assert panel.y is not None
    cutoffs = [period.cutoff for period in panel.periods for _ in forecaster.outcome(period).index]
    return panel.X.assign(cutoff=pd.to_datetime(cutoffs), y=panel.y).reset_index()
