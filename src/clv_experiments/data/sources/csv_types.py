"""Columns of text that are written throughout as numbers or ISO dates, which need no parsing of their own."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from clv_experiments.data.engine import quote_identifier

SAMPLE_ROWS = 4_000
# When a cell, put for {0}, is written exactly as DuckDB writes its value, put for {1}, so that nothing of it is lost.
LOSSLESS_TESTS_BY_TYPE = {
    "BIGINT": "CAST({1} AS VARCHAR) = {0}",
    "DOUBLE": "(CAST({1} AS VARCHAR) = {0} OR CAST({1} AS VARCHAR) = {0} || '.0') "
    "AND regexp_full_match({0}, '-?[0-9]+([.][0-9]+)?')",
    "DECIMAL(18, 2)": "CAST({1} AS VARCHAR) = {0}",
    "DATE": "CAST({1} AS VARCHAR) = {0} AND length({0}) = 10",
    "TIMESTAMP": "CAST({1} AS VARCHAR) = {0} AND {0} LIKE '____-%'",
}
HAS_DECIMAL_POINT_SQL = "bool_or({0} LIKE '%._' OR {0} LIKE '%.__')"  # else 1.234 may be a thousand


def find_lossless_types(rows: duckdb.DuckDBPyRelation) -> dict[str, str]:
    """Find the columns whose every cell, of the first rows, a cast reads as it is written.

    Parameters
    ----------
    rows : duckdb.DuckDBPyRelation
        All columns are text.

    Returns
    -------
    dict of str to str
        Column to type in DuckDB: integers, floats, decimals, dates or timestamps. Numbers that could be read in two
        ways are left out.
    """
    pairs = [(column, kind) for column in rows.columns for kind in LOSSLESS_TESTS_BY_TYPE]
    sample = rows.limit(SAMPLE_ROWS).aggregate(", ".join(_build_lossless_test(column, kind) for column, kind in pairs))
    kinds: dict[str, str] = {}
    for (column, kind), holds in zip(pairs, sample.fetchall()[0], strict=True):
        if holds:
            kinds.setdefault(column, kind)
    return kinds


def cast_lossless(rows: duckdb.DuckDBPyRelation, types: Mapping[str, str], lossy: str) -> duckdb.DuckDBPyRelation:
    """Cast columns of text, and add the position in ``types`` of the first one that loses something in a row, or null.

    Parameters
    ----------
    rows : duckdb.DuckDBPyRelation
    types : mapping of column to type
    lossy : str
        Name of the column that is added; no other begins with it.
    """
    values = {name: quote_identifier(f"{lossy}{name}") for name in types}
    cells = {name: quote_identifier(name) for name in rows.columns}
    casts = [f"TRY_CAST({cells[name]} AS {kind}) AS {values[name]}" for name, kind in types.items()]
    lossless = {name: LOSSLESS_TESTS_BY_TYPE[kind].format(cells[name], values[name]) for name, kind in types.items()}
    kept = [f"CASE WHEN {lossless[name]} THEN {values[name]} END AS {values[name]}" for name in types]
    typed = [f"{values[name]} AS {cells[name]}" if name in types else cells[name] for name in cells]
    losses = [
        f"WHEN {values[name]} IS NULL AND {cells[name]} IS NOT NULL THEN {position}"
        for position, name in enumerate(types)
    ]
    rows = rows.project(", ".join(["*", *casts])).project(", ".join([*cells.values(), *kept]))
    return rows.project(", ".join([*typed, f"CASE {' '.join(losses)} END AS {quote_identifier(lossy)}"]))


def _build_lossless_test(column: str, kind: str) -> str:
    cell = quote_identifier(column)
    is_lossless = LOSSLESS_TESTS_BY_TYPE[kind].format(cell, f"TRY_CAST({cell} AS {kind})")
    test = f"bool_and(coalesce({is_lossless}, {cell} IS NULL))"
    test += f" AND count({cell}) > 0"
    return f"{test} AND {HAS_DECIMAL_POINT_SQL.format(cell)}" if kind == "DOUBLE" else test
