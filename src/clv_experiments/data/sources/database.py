"""Your own log in a database: any Ibis connection URI, and a table or a query."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import ibis
import pyarrow as pa
import sqlglot
from ibis.common.exceptions import TableNotFound

from clv_experiments.data.engine import Engine
from clv_experiments.data.parsing.formats import AMOUNT
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.connection import TYPE, open_connection, said
from clv_experiments.data.sources.passwords import mask_password
from clv_experiments.errors import ClvError

BATCH = 100_000  # rows


def database(
    engine: Engine,
    *,
    connection: str | None,
    table: str | None = None,
    query: str | None = None,
    push_down: bool = True,
) -> RawTable:
    """Read a table of a database, or what a query answers; nothing is changed in it.

    Parameters
    ----------
    engine : Engine
        What takes the rows in, where the work is not done in the database.
    connection : str
        URI; DuckDB and SQLite files are opened for reading only.
    table : str, optional
        Its name, or ``schema.table``.
    query : str, optional
        One SELECT.
    push_down : bool
        Leave the rows where they are and do all later work there, in temporary tables. Databases that lack exact
        decimals, whole days, regular expressions, windows or temporary tables hand their rows over all the same.

    Raises
    ------
    ClvError
        If it is not said what to read, the database does not open, or it does not have what was asked for. No message
        holds the password, now or while the pipeline runs.
    """
    if not connection:
        raise ClvError(
            f"data=sql needs a connection: type data.connection={TYPE}, or put it into the environment variable "
            "CLV_DATABASE, which keeps the password out of the command line"
        )
    if not isinstance(push_down, bool):
        raise ClvError(f"data.push_down must be true or false, got '{push_down}'")
    if bool(table) == bool(query):
        found = "both are given" if table else "neither is given"
        raise ClvError(
            f"data=sql reads either a table or a query, and {found}: type data.table=orders or data.query=..."
        )
    backend = open_connection(connection)
    try:
        rows = _table(backend, table, connection) if table else _query(backend, str(query), connection)
        if push_down and _can_run_the_pipeline(backend):
            return RawTable(rows)
        copied = engine.register_arrow("copied", _fetched(backend, rows))
        backend.disconnect()
    except Exception as error:
        backend.disconnect()
        if isinstance(error, ClvError):
            raise
        raise ClvError(
            f"rows of {table or 'the query'} cannot be copied from {mask_password(connection)}: "
            f"{said(error, connection)}; cast the column in data.query"
        ) from None
    why = f"{backend.name} cannot run the pipeline itself" if push_down else "data.push_down=false"
    return RawTable(copied, notes=(f"rows were copied out of the database, since {why}",))


def _table(backend: Any, table: str, connection: str) -> ibis.Table:
    schema, _, name = table.rpartition(".")
    for place in ({"name": table, "schema": None}, {"name": name, "schema": schema or None}):
        with suppress(TableNotFound):
            found = backend.table(place["name"], database=place["schema"])
            _fetched(backend, found.limit(1))  # says now whether it may be read
            return found
    there = _tables(backend)
    elsewhere = [full for full in there if full.lower().endswith(f".{table.lower()}")]
    plain = {full.lower(): full for full in there}
    near = [plain[name] for name in get_close_matches(table.lower(), list(plain), n=3, cutoff=0.5)]
    known = list(dict.fromkeys([*elsewhere, *near]))
    told = f"did you mean {' or '.join(known)}?" if known else f"it has {', '.join(there[:10]) or 'none'}"
    raise ClvError(f"database {mask_password(connection)} has no table '{table}' (data.table); {told}")


def _tables(backend: Any) -> list[str]:
    """List the tables there are; those outside the schema that is searched first with theirs before the name."""
    try:
        pairs = backend.raw_sql("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
        home = backend.current_database
    except Exception:  # has no such list, as SQLite
        pairs, home = [("", name) for name in backend.list_tables()], ""
    own = [(schema, name) for schema, name in pairs if not schema.startswith(("pg_", "information_schema"))]
    return sorted(name if schema == home else f"{schema}.{name}" for schema, name in own)


def _query(backend: Any, query: str, connection: str) -> ibis.Table:
    shown = " ".join(query.split())[:80]
    try:
        statements = [statement for statement in sqlglot.parse(query, read=backend.dialect) if statement]
        if len(statements) != 1 or not isinstance(statements[0], sqlglot.exp.Query):
            raise ClvError(f"data.query must be one SELECT, got '{shown}'")
        query = query.strip().rstrip("; ")
        if backend.name == "duckdb":  # where Ibis 12 asks for the columns of a query in a way that DuckDB 2 lost
            view = ibis.util.gen_name("query")
            backend.raw_sql(f"CREATE TEMPORARY VIEW {view} AS {query}")
            answer = backend.table(view)
        else:
            answer = backend.sql(query)
        _fetched(backend, answer.limit(1))
        return answer
    except ClvError:
        raise
    except Exception as error:
        raise ClvError(f"the query '{shown}' does not run: {said(error, connection)} (data.query)") from None


def _fetched(backend: Any, rows: ibis.Table) -> pa.Table:
    if backend.name == "duckdb":
        return rows.to_pyarrow()
    if backend.name != "sqlite":
        return rows.to_pyarrow(chunk_size=BATCH)
    # An SQLite column holds whatever was written, whatever its type says: numbers stay, all else is read as text.
    kinds: dict[str, set[type]] = {name: set() for name in rows.columns}
    chunks: dict[str, list[pa.Array]] = {name: [] for name in rows.columns}
    cursor = backend.con.execute(backend.compile(rows))
    while batch := cursor.fetchmany(BATCH):
        for name, cells in zip(rows.columns, zip(*batch, strict=True), strict=True):
            found = {type(cell) for cell in cells} - {type(None)}
            kinds[name] |= found
            chunks[name].append(pa.array(cells) if found in ({int}, {float}) else _as_text(cells))
    return pa.table({name: _of_one_type(chunks[name], kinds[name]) for name in rows.columns})


def _of_one_type(chunks: Sequence[pa.Array], kinds: set[type]) -> pa.ChunkedArray:
    if not kinds or kinds - {int, float}:
        texts = [chunk if pa.types.is_string(chunk.type) else _as_text(chunk.to_pylist()) for chunk in chunks]
        return pa.chunked_array(texts, pa.string())
    kind = pa.float64() if float in kinds else pa.int64()
    return pa.chunked_array([chunk.cast(kind, safe=False) for chunk in chunks], kind)


def _as_text(cells: Sequence[Any]) -> pa.Array:
    return pa.array([cell if cell is None else str(cell) for cell in cells], pa.string())


def _can_run_the_pipeline(backend: Any) -> bool:
    """Try on one row what the pipeline needs, in a temporary table, and compare the answer."""
    dime, text = ibis.literal("0.1").cast(AMOUNT), ibis.literal("1-12-2020")
    row = ibis.literal(1).name("one").as_table()
    first = ibis.date(*(ibis.literal(part).cast("int32") for part in (2020, 3, 1)))
    asked = {
        "adds_exactly": (dime + dime + dime == ibis.literal("0.3").cast(AMOUNT), True),
        "whole_days": (first.delta(ibis.date("2020-02-28"), unit="day"), 2),
        "found": (text.re_search("^[0-9]+-"), True),
        "extracted": (text.re_extract("-([0-9]+)-([0-9]+)$", 2), "2020"),
        "replaced": (text.re_replace("[^0-9]", ""), "1122020"),
        "same_letters": (ibis.literal("a") == ibis.literal("A"), False),
        "same_blanks": (ibis.literal("a") == ibis.literal("a "), False),
        "before": (row.one.lag().over(order_by=row.one), None),
        "copy": (ibis.row_number().over(order_by=row.one), 0),
    }
    try:
        made = backend.create_table(
            ibis.util.gen_name("trial"), row.select(**{name: value for name, (value, _) in asked.items()}), temp=True
        )
        answer = made.to_pyarrow().to_pylist()
        backend.drop_table(made.get_name(), force=True)
    except Exception:  # whatever it lacks, in the words of whatever driver
        return False
    return answer == [{name: expected for name, (_, expected) in asked.items()}]
