"""Logs that are in memory already, or in an Ibis table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from clv_experiments.data.engine import DuckDb
from clv_experiments.data.raw import RawTable
from clv_experiments.errors import ClvError


def frame(source: Any) -> RawTable:
    """Register a frame with DuckDB; an Ibis table stays where it is.

    Parameters
    ----------
    source : DataFrame of pandas, Polars or Arrow, list of mappings, or Ibis table
        Levels of a pandas index that have a name become columns.

    Returns
    -------
    RawTable

    Raises
    ------
    ClvError
        If it is none of these, or a column holds values of several kinds.
    """
    if isinstance(source, ibis.Table):
        return RawTable(source, is_live=True)
    try:
        table = _to_arrow(source)
    except (pa.ArrowException, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ClvError(f"the table cannot be read: {reason}; give each column values of one kind") from error
    if table is None:
        raise ClvError(f"a log is read from a DataFrame, an Ibis table or a path, not from {type(source).__name__}")
    return RawTable(DuckDb().register_arrow("log", table))


def _to_arrow(source: Any) -> pa.Table | None:
    if isinstance(source, pd.DataFrame):
        has_named_index = any(level is not None for level in source.index.names)
        return pa.Table.from_pandas(source.reset_index() if has_named_index else source, preserve_index=False)
    if isinstance(source, pa.Table):
        return source
    if hasattr(source, "__arrow_c_stream__"):  # Polars, and whatever else speaks Arrow
        return pa.table(source)
    if isinstance(source, Sequence) and not isinstance(source, str):
        return pa.Table.from_pylist(list(source))
    return None
