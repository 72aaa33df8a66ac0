"""What another tool may see of one origin, as files: nothing in them is later than the cutoff."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from clv_experiments.data.queries.activity import purchase_days_until
from clv_experiments.data.window import Period
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.customer_features import RFM
from clv_experiments.forecasting.forecaster import Forecaster


def write_origin_folder(
    folder: Path, forecaster: Forecaster, target: Period, features: FeatureSet, *, time_budget: float, seed: int
) -> None:
    """Write what is known at the cutoff of a period.

    ``cell.json`` says the log, the cutoff, the horizon in days, the currency, the seed and the seconds that a search
    may take. ``transactions.parquet`` holds the purchase days, ``customers.parquet`` frequency, recency, T (days) and
    monetary value, ``features.parquet`` the features, each of all customers to be predicted. ``panel.parquet`` holds
    the features at earlier cutoffs with ``y``, the spend that followed.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    forecaster : Forecaster
    target : Period
        What is to be predicted.
    features : FeatureSet
    time_budget : float
        Seconds.
    seed : int

    Raises
    ------
    ClvError
        If the log holds no earlier period to learn from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log, cutoff = forecaster.log, target.cutoff
    cell = {"log": log.name, "currency": log.currency, "cutoff": str(cutoff), "horizon_days": target.days}
    (folder / "cell.json").write_text(json.dumps(cell | {"time_budget": time_budget, "seed": seed}, indent=1))
    panel = forecaster.training_panel(target, features)
    assert panel.y is not None
    cutoffs = [period.cutoff for period in panel.periods for _ in forecaster.outcome(period).index]
    tables = {
        "transactions": purchase_days_until(log, cutoff),
        "customers": forecaster.features(cutoff, RFM).reset_index(),
        "features": forecaster.features(cutoff, features).reset_index(),
        "panel": panel.X.assign(cutoff=pd.to_datetime(cutoffs), y=panel.y).reset_index(),
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
