"""A log in a database: any Ibis connection URI, and a table or a query."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import sqlglot
from ibis.common.exceptions import TableNotFound

from clv_experiments.data.engine import Engine
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.connection import (
    IN_MEMORY,
    URI_EXAMPLES,
    open_connection,
    open_database_file,
    shorten_driver_message,
)
from clv_experiments.data.sources.database_tables import list_tables, require_single_table
from clv_experiments.errors import ClvError, mask_secrets

BATCH_ROWS = 100_000  # rows


def database(
    engine: Engine,
    *,
    connection: str | None,
    table: str | None = None,
    query: str | None = None,
    push_down: bool = True,
) -> RawTable:
    """Read a table of a database or the result of a query, without changing anything in it.

    Parameters
    ----------
    engine : Engine
        Where the rows are copied to, unless the work is done in the database.
    connection : str
        URI; DuckDB and SQLite files are opened for reading only. ``duckdb://`` is a database in memory, whose query
        may read any file.
    table : str, optional
        Its name, or ``schema.table``; without a query, None takes the only one.
    query : str, optional
        One SELECT.
    push_down : bool
        Leave the rows where they are and do all later work there, in temporary tables. From databases that lack exact
        decimals, whole days, regular expressions, window functions or temporary tables the rows are copied anyway.

    Returns
    -------
    RawTable
        The columns as they are named; notes say which table was taken, and where rows were copied.

    Raises
    ------
    ClvError
        If both table and query are given, or neither where there are several tables; if the database does not open, or
        lacks the table. No message holds the password, now or while the pipeline runs.
    """
    if not connection:
        raise ClvError(
            f"data=sql needs a connection: type data.connection={URI_EXAMPLES}, or put it into the environment "
            "variable CLV_DATABASE, which keeps the password out of the command line"
        )
    if not isinstance(push_down, bool):
        raise ClvError(f"data.push_down must be true or false, got '{push_down}'")
    if table and query:
        raise ClvError("data=sql reads either a table or a query, and both are given: type ~data.table or ~data.query")
    if not (table or query) and connection in IN_MEMORY:
        raise ClvError(
            f"{connection} is a database in memory, which has no table of its own: name files in a query, as in "
            '"data.query=\\"select * from read_csv(\'orders.csv\')\\""'
        )
    return _read_rows(engine, open_connection(connection), connection, table, query, push_down)


def database_file(engine: Engine, file: Path, table: str | None) -> RawTable:
    """Read a table of a DuckDB or SQLite file; None takes its only one. For the rest see ``database``."""
    return _read_rows(engine, open_database_file(file), str(file), table, None, push_down=True)


def _read_rows(
    engine: Engine, backend: Any, connection: str, table: str | None, query: str | None, push_down: bool
) -> RawTable:
    notes: tuple[str, ...] = ()
    try:
        if not (table or query):
            table = require_single_table(backend, connection)
            notes = (f"table {table} was read, the only one of the database",)
        rows = _find_table(backend, table, connection) if table else _run_query(backend, str(query), connection)
        if push_down and _supports_push_down(backend):
            return RawTable(rows, notes, is_live=True)
        copied = engine.register_arrow("copied", _fetch_arrow(backend, rows))
        backend.disconnect()
    except Exception as error:
        backend.disconnect()
        if isinstance(error, ClvError):
            raise
        raise ClvError(
            f"rows of {table or 'the query'} cannot be copied from {mask_secrets(connection)}: "
            f"{shorten_driver_message(error, connection)}; cast the column in data.query"
        ) from None
    reason = f"{backend.name} cannot run the pipeline itself" if push_down else "data.push_down=false"
    return RawTable(copied, (*notes, f"rows were copied out of the database, since {reason}"))


def _find_table(backend: Any, table: str, connection: str) -> ibis.Table:
    schema, _, name = table.rpartition(".")
    for database, candidate in ((None, table), (schema or None, name)):
        with suppress(TableNotFound):
            rows = backend.table(candidate, database=database)
            _fetch_arrow(backend, rows.limit(1))  # fails now if it may not be read
            return rows
    tables = list_tables(backend)
    elsewhere = [full for full in tables if full.lower().endswith(f".{table.lower()}")]
    originals = {full.lower(): full for full in tables}
    near = [originals[match] for match in get_close_matches(table.lower(), list(originals), n=3, cutoff=0.5)]
    suggestions = list(dict.fromkeys([*elsewhere, *near]))
    advice = (
        f"did you mean {' or '.join(suggestions)}?" if suggestions else f"it has {', '.join(tables[:10]) or 'none'}"
    )
    raise ClvError(f"database {mask_secrets(connection)} has no table '{table}' (data.table); {advice}")


def _run_query(backend: Any, query: str, connection: str) -> ibis.Table:
    excerpt = " ".join(query.split())[:80]
    try:
        statements = [statement for statement in sqlglot.parse(query, read=backend.dialect) if statement]
        if len(statements) != 1 or not isinstance(statements[0], sqlglot.exp.Query):
            raise ClvError(f"data.query must be one SELECT, got '{excerpt}'")
        query = query.strip().rstrip("; ")
        if backend.name == "duckdb":  # Ibis 12 finds the columns of a query by a statement that DuckDB 2 lacks
            view = ibis.util.gen_name("query")
            backend.raw_sql(f"CREATE TEMPORARY VIEW {view} AS {query}")
            rows = backend.table(view)
        else:
            rows = backend.sql(query)
        _fetch_arrow(backend, rows.limit(1))
        return rows
    except ClvError:
        raise
    except Exception as error:
        raise ClvError(
            f"the query '{excerpt}' does not run: {shorten_driver_message(error, connection)} (data.query)"
        ) from None


def _fetch_arrow(backend: Any, rows: ibis.Table) -> pa.Table:
    if backend.name == "duckdb":
        return rows.to_pyarrow()
    if backend.name != "sqlite":
        return rows.to_pyarrow(chunk_size=BATCH_ROWS)
    # An SQLite column holds values of any type, whatever it declares: numbers stay, all else is read as text.
    types: dict[str, set[type]] = {name: set() for name in rows.columns}
    chunks: dict[str, list[pa.Array]] = {name: [] for name in rows.columns}
    cursor = backend.con.execute(backend.compile(rows))
    while batch := cursor.fetchmany(BATCH_ROWS):
        for name, cells in zip(rows.columns, zip(*batch, strict=True), strict=True):
            batch_types = {type(cell) for cell in cells} - {type(None)}
            types[name] |= batch_types
            chunks[name].append(pa.array(cells) if batch_types in ({int}, {float}) else _text_array(cells))
    return pa.table({name: _combine_chunks(chunks[name], types[name]) for name in rows.columns})


def _combine_chunks(chunks: Sequence[pa.Array], types: set[type]) -> pa.ChunkedArray:
    if not types or types - {int, float}:
        texts = [chunk if pa.types.is_string(chunk.type) else _text_array(chunk.to_pylist()) for chunk in chunks]
        return pa.chunked_array(texts, pa.string())
    number = pa.float64() if float in types else pa.int64()
    return pa.chunked_array([chunk.cast(number, safe=False) for chunk in chunks], number)


def _text_array(cells: Sequence[Any]) -> pa.Array:
    return pa.array([cell if cell is None else str(cell) for cell in cells], pa.string())


def _supports_push_down(backend: Any) -> bool:
    """Evaluate what the pipeline needs on one row, in a temporary table, and compare the results."""
    dime, text = ibis.literal("0.1").cast(AMOUNT), ibis.literal("1-12-2020")
    row = ibis.literal(1).name("one").as_table()
    first = ibis.date(*(ibis.literal(part).cast("int32") for part in (2020, 3, 1)))
    probes = {
        "adds_exactly": (dime + dime + dime == ibis.literal("0.3").cast(AMOUNT), True),
        "whole_days": (first.delta(ibis.date("2020-02-28"), unit="day"), 2),
        "matches": (text.re_search("^[0-9]+-"), True),
        "extracts": (text.re_extract("-([0-9]+)-([0-9]+)$", 2), "2020"),
        "replaces": (text.re_replace("[^0-9]", ""), "1122020"),
        "same_letters": (ibis.literal("a") == ibis.literal("A"), False),
        "same_blanks": (ibis.literal("a") == ibis.literal("a "), False),
        "lag": (row.one.lag().over(order_by=row.one), None),
        "row_number": (ibis.row_number().over(order_by=row.one), 0),
    }
    try:
        values = row.select(**{name: value for name, (value, _) in probes.items()})
        trial = backend.create_table(ibis.util.gen_name("trial"), values, temp=True)
        results = trial.to_pyarrow().to_pylist()
        backend.drop_table(trial.get_name(), force=True)
    except Exception:  # every driver has its own class
        return False
    return results == [{name: expected for name, (_, expected) in probes.items()}]
