"""What intervals held: those of each customer's spend by model, and that of the total of all customers."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from clv_experiments.comparison.cell import Cell, Entry
from clv_experiments.evaluation.distribution import coverage_scores
from clv_experiments.forecasting.spend_intervals import INTERVALS

COLUMNS = {"frequency", *(f"{end}_{percent}" for percent in INTERVALS for end in ("low", "high"))}


def coverage_by_model(cell: Cell) -> pd.DataFrame:
    """Return what each model's intervals held, as means over the origins at which all that have intervals have them.

    Returns
    -------
    pandas.DataFrame
        Indexed by label; the columns of ``coverage_scores`` for each of INTERVALS, and ``no_spend``, the share of
        customers that any interval from 0 holds. Empty where no model has intervals.
    """
    rows = pd.DataFrame([row for entry in cell.entries for row in _coverage_by_origin(entry)])
    if rows.empty:
        return rows
    models = rows["label"].nunique()
    rows = rows[rows.groupby("cutoff")["label"].transform("nunique") == models]
    return rows.drop(columns="cutoff").groupby("label", sort=False).mean()


def _coverage_by_origin(entry: Entry) -> Iterator[dict[str, object]]:
    if not set(entry.predictions) >= COLUMNS:
        return
    for cutoff, table in entry.predictions.dropna(subset=sorted(COLUMNS)).groupby("cutoff"):
        scores: dict[str, float] = {}
        for percent in INTERVALS:
            ends = table[f"low_{percent}"].to_numpy(), table[f"high_{percent}"].to_numpy()
            scores |= coverage_scores(table["y_true"], ends, table["y_pred"], table["frequency"] == 0, percent)
        yield {"label": entry.label, "cutoff": cutoff, **scores, "no_spend": float((table["y_true"] <= 0).mean())}


def level_totals_by_origin(cell: Cell) -> pd.DataFrame:
    """Return the total that was forecast at each origin beside what came, of the first model at the forecast level.

    Returns
    -------
    pandas.DataFrame
        One row an origin, oldest first: ``holdout, predicted, actual`` and, for each percent of TOTAL_INTERVALS,
        ``lower_80, upper_80`` (currency) and ``held_80``. Empty where no model is at that level.
    """
    entry = next((entry for entry in cell.entries if entry.total_interval_bounds), None)
    if entry is None:
        return pd.DataFrame()
    sums = entry.predictions.groupby("cutoff")[["y_pred", "y_true"]].sum().reset_index(drop=True)
    bounds = {name: pd.Series(values) for name, values in entry.total_interval_bounds.items()}
    table = sums.rename(columns={"y_pred": "predicted", "y_true": "actual"}).assign(**bounds)
    table.insert(0, "holdout", list(cell.holdouts))
    for percent in sorted({name.split("_")[1] for name in entry.total_interval_bounds}):
        table[f"held_{percent}"] = table["actual"].between(table[f"lower_{percent}"], table[f"upper_{percent}"])
    return table
