"""How many customers share a history, counted where the log is, so that none of them is fetched."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.log import TransactionLog
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm

HISTORY = ["frequency", "recency", "T"]


def count_customers_by_history_and_spend(
    log: TransactionLog, cutoff: date, horizon: Horizon, cells: int, steps: int
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Count the customers known at a cutoff by history and, where the log has amounts, by frequency and mean spend.

    Purchases after the cutoff are never read.

    Parameters
    ----------
    log : TransactionLog
    cutoff : date
    horizon : Horizon
    cells : int
        In a span of mean spend by a factor of e.
    steps : int
        In a cell, to which positions are rounded.

    Returns
    -------
    histories : pandas.DataFrame
        ``frequency, recency, T`` (days) and ``customers``, sorted by the first three; all floats.
    spends : pandas.DataFrame or None
        ``frequency, cell`` (the floor of log(monetary_value) * cells), ``customers`` and the sums of their positions in
        the cell and of the squares, ``steps`` and ``squares``, sorted by the first two; customers with a mean spend
        above 0 alone. Whole numbers are summed, so that their order leaves no trace.
    """
    with FeatureSet("rfm", [rfm]).build_expression(log, cutoff, horizon).cache() as customers:
        counts = customers.group_by(HISTORY).agg(customers=customers.count().cast("float64"))
        return _fetch_sorted(counts, HISTORY), _count_mean_spends(customers, cells, steps) if log.has_amounts else None


def _count_mean_spends(customers: ibis.Table, cells: int, steps: int) -> pd.DataFrame:
    t = customers.filter((customers.frequency > 0) & (customers.monetary_value > 0))
    # An engine may take the logarithm before it filters.
    t = t.mutate(position=ibis.ifelse(t.monetary_value > 0, t.monetary_value, 1.0).ln() * cells)
    t = t.mutate(cell=t.position.floor().cast("float64"))
    t = t.mutate(step=((t.position - t.cell) * steps).round().cast("float64"))
    sums = t.group_by("frequency", "cell").agg(
        customers=t.count().cast("float64"),
        steps=t.step.cast("int64").sum().cast("float64"),
        squares=(t.step * t.step / steps).round().cast("int64").sum().cast("float64"),
    )
    return _fetch_sorted(sums, ["frequency", "cell"])


def _fetch_sorted(table: ibis.Table, keys: list[str]) -> pd.DataFrame:
    return table.to_pyarrow().to_pandas().sort_values(keys, ignore_index=True)
