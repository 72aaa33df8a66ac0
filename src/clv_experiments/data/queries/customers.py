"""From an engine to frames: one row a customer, in one order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import ibis
import pandas as pd


def by_customer(table: ibis.Table) -> pd.DataFrame:
    """Fetch a table of one row a customer, indexed by ``customer_id`` and sorted by it.

    Sorting happens here, by code point: engines collate text each in their own way.
    """
    return table.to_pyarrow().to_pandas().set_index("customer_id").sort_index()


def in_parts(table: ibis.Table, customers: int) -> Iterator[pd.DataFrame]:
    """Fetch a table of one row a customer in parts of at most so many, each like ``by_customer``.

    The engine computes the table once, keeps it until the last part is fetched, and cuts it by its own order of ids.
    """
    place = ibis.row_number().over(order_by=table.customer_id)
    with table.mutate(place=place).cache() as kept:
        for first in range(0, int(kept.count().to_pyarrow().as_py()), customers):
            part = kept.filter((kept.place >= first) & (kept.place < first + customers))
            yield by_customer(part.drop("place"))


def known_customers(purchase_days: ibis.Table, cutoff: date) -> int:
    """Count the customers whose first purchase day is on or before the cutoff."""
    known = purchase_days.filter(purchase_days.date <= ibis.literal(cutoff))
    return int(known.customer_id.nunique().to_pyarrow().as_py())
