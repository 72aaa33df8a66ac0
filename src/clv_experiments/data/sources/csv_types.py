"""Columns of text that are written throughout as numbers or ISO dates, which need no parsing of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from clv_experiments.data.engine import open_scratch_duckdb, quote_identifier

SAMPLE_ROWS = 10_000
# When a cell, put for {0}, is written exactly as DuckDB writes the value, so that nothing of it is lost.
LOSSLESS = {
    "int64": "CAST(TRY_CAST({0} AS BIGINT) AS VARCHAR) = {0}",
    "float64": "CAST(TRY_CAST({0} AS DOUBLE) AS VARCHAR) IN ({0}, {0} || '.0') "
    "AND regexp_full_match({0}, '-?[0-9]+([.][0-9]+)?')",
    "decimal(18, 2)": "CAST(TRY_CAST({0} AS DECIMAL(18, 2)) AS VARCHAR) = {0}",
    "date": "CAST(TRY_CAST({0} AS DATE) AS VARCHAR) = {0} AND length({0}) = 10",
    "timestamp": "CAST(TRY_CAST({0} AS TIMESTAMP) AS VARCHAR) = {0} AND {0} LIKE '____-%'",
}
DECIMAL_POINT = "bool_or({0} LIKE '%._' OR {0} LIKE '%.__')"  # else 1.234 may be a thousand


def find_plain_types(files: Sequence[Path]) -> dict[str, str]:
    """Find the columns whose every cell a cast reads as it is written.

    Parameters
    ----------
    files : sequence of Path
        Parquet files of the same columns, all text.

    Returns
    -------
    dict of str to str
        Column to Ibis type: int64, float64, decimal, date or timestamp. Numbers that could be read in two ways are left
        out.
    """
    with open_scratch_duckdb() as connection:
        rows = connection.read_parquet([str(file) for file in files])
        sampled = _keep_lossless(rows.limit(SAMPLE_ROWS), {column: list(LOSSLESS) for column in rows.columns})
        types = _keep_lossless(rows, {column: kinds[:1] for column, kinds in sampled.items()})
        return {column: kinds[0] for column, kinds in types.items()}


def _keep_lossless(rows: duckdb.DuckDBPyRelation, candidates: dict[str, list[str]]) -> dict[str, list[str]]:
    pairs = [(column, kind) for column, kinds in candidates.items() for kind in kinds]
    if not pairs:
        return {}
    [holds] = rows.aggregate(", ".join(_test(column, kind) for column, kind in pairs)).fetchall()
    kept: dict[str, list[str]] = {}
    for (column, kind), hold in zip(pairs, holds, strict=True):
        if hold:
            kept.setdefault(column, []).append(kind)
    return kept


def _test(column: str, kind: str) -> str:
    cell = quote_identifier(column)
    test = f"bool_and(coalesce({LOSSLESS[kind].format(cell)}, {cell} IS NULL)) AND count({cell}) > 0"
    return f"{test} AND {DECIMAL_POINT.format(cell)}" if kind == "float64" else test
