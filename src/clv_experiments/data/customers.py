"""From an engine to a frame: one row a customer, in one order."""

from __future__ import annotations

import ibis
import pandas as pd


def by_customer(table: ibis.Table) -> pd.DataFrame:
    """Fetch a table of one row a customer, indexed by ``customer_id`` and sorted by it.

    Sorting happens here, by code point: engines collate text each in their own way.
    """
    return table.to_pyarrow().to_pandas().set_index("customer_id").sort_index()
