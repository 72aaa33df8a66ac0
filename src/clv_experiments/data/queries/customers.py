"""Fetch tables of one row per customer as frames, in one order on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import ibis
import pandas as pd


def fetch_by_customer(table: ibis.Table) -> pd.DataFrame:
    """Fetch a table of one row per customer, indexed by ``customer_id`` and sorted by it.

    The order is by code point. DuckDB has it too, in half the time of pandas and little memory; others may collate.
    """
    if table.get_backend().name == "duckdb":
        return table.order_by("customer_id").to_pyarrow().to_pandas().set_index("customer_id")
    return table.to_pyarrow().to_pandas().set_index("customer_id").sort_index()


def fetch_in_chunks(table: ibis.Table, customers: int) -> Iterator[pd.DataFrame]:
    """Fetch a table of one row per customer in chunks of at most ``customers`` rows, as ``fetch_by_customer`` does.

    The engine computes the table once, caches it until the last chunk is fetched, and splits it by its own order of
    ids.
    """
    position = ibis.row_number().over(order_by=table.customer_id)
    with table.mutate(position=position).cache() as cached:
        for first in range(0, int(cached.count().to_pyarrow().as_py()), customers):
            chunk = cached.filter((cached.position >= first) & (cached.position < first + customers))
            yield fetch_by_customer(chunk.drop("position"))


def count_customers_by_cutoff(purchase_days: ibis.Table, cutoff: date) -> int:
    """Count the customers whose first purchase day is on or before the cutoff."""
    history = purchase_days.filter(purchase_days.date <= ibis.literal(cutoff))
    return int(history.customer_id.nunique().to_pyarrow().as_py())
