"""Which tables a database holds."""

from __future__ import annotations

from typing import Any


def list_tables(backend: Any) -> list[str]:
    """List the tables; those outside the default schema are written ``schema.table``."""
    try:
        pairs = backend.raw_sql("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
        home = backend.current_database
    except Exception:  # no information schema, as in SQLite
        pairs, home = [("", name) for name in backend.list_tables()], ""
    system = ("pg_", "information_schema")
    pairs = [(schema, name) for schema, name in pairs if not schema.startswith(system)]
    return sorted(name if schema == home else f"{schema}.{name}" for schema, name in pairs)
