"""Which tables a database holds, and which of them is the log where nobody named one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from clv_experiments.data.engine import quote_identifier
from clv_experiments.data.parsing.column_messages import quote_for_command_line
from clv_experiments.data.parsing.columns import choose_column_roles
from clv_experiments.errors import ClvError, mask_secrets

MAX_LISTED = 10  # tables in a message
MAX_INSPECTED = 100  # tables whose columns are looked up


def require_single_table(backend: Any, connection: str) -> str:
    """Return the only table, or view, of a database.

    Raises
    ------
    ClvError
        If it has none, or several: they are listed, first those whose columns look like a log.
    """
    tables, where = list_tables(backend), f"database {mask_secrets(connection)}"
    if not tables:
        raise ClvError(
            f"{where} has no table; type data=file data.path=orders.csv for a file, or data=sql "
            'data.connection=duckdb:// "data.query=\\"select * from read_csv(\'orders.csv\')\\"" for a query on one'
        )
    if len(tables) == 1:
        return tables[0]
    logs = [table for table in tables[:MAX_INSPECTED] if resembles_log(_column_names_if_readable(backend, table))]
    if len(logs) == 1:
        guess = f"by its columns {logs[0]} looks like the log: type data.table={quote_for_command_line(logs[0])}"
    elif logs:
        typed = " or ".join(f"data.table={quote_for_command_line(table)}" for table in logs[:MAX_LISTED])
        guess = f"by their columns several could be the log: type {typed}"
    else:
        guess = f"type the one that is the log: data.table={quote_for_command_line(tables[0])}"
    rest = f" and {len(tables) - MAX_LISTED} more" if len(tables) > MAX_LISTED else ""
    raise ClvError(f"{where} has {len(tables)} tables, {', '.join(tables[:MAX_LISTED])}{rest}; {guess}")


def list_tables(backend: Any) -> list[str]:
    """List tables and views; those outside the default schema are written ``schema.table``."""
    try:
        pairs = backend.raw_sql("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
        home = backend.current_database
    except Exception:  # no information schema, as in SQLite
        pairs, home = [("", name) for name in backend.list_tables() if not name.startswith("sqlite_")], ""
    system = ("pg_", "information_schema")
    pairs = [(schema, name) for schema, name in pairs if not schema.startswith(system)]
    return sorted(name if schema == home else f"{schema}.{name}" for schema, name in pairs)


def resembles_log(columns: list[str]) -> bool:
    """Return whether usual names of a customer, a date and an amount are among the columns."""
    try:
        choose_column_roles(columns, {}, "")
    except ClvError:
        return False
    return True


def _column_names_if_readable(backend: Any, table: str) -> list[str]:
    if backend.name == "sqlite":  # where a column may lack a type, without which Ibis knows no table
        rows = backend.con.execute(f"SELECT * FROM {quote_identifier(table)} LIMIT 0")
        return [column[0] for column in rows.description]
    schema, _, name = table.rpartition(".")
    for database, candidate in ((None, table), (schema or None, name)):
        with suppress(Exception):  # every driver has its own class for what is not there, or may not be read
            return list(backend.table(candidate, database=database).columns)
    return []
