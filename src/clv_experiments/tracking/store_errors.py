"""What a store that refuses means for whoever runs an experiment, in one sentence."""

from __future__ import annotations

from pathlib import Path

import mlflow

from clv_experiments.errors.disks import describe_full_disk, is_disk_full

SQLITE = "sqlite:///"
LOCKED = "database is locked"
UNWRITABLE = ("readonly database", "no such table", "unable to open database", "disk I/O error")


def describe_store_error(error: Exception) -> str:
    """Say why MLflow could not read or write, and what to do where that is known."""
    database = local_database()
    if is_disk_full(error):
        return describe_full_disk(error, database.parent if database else None, "tracking.folder")
    if isinstance(error, OSError):
        return f"MLflow could not reach the disk: {error}"
    if database and any(words in str(error) for words in UNWRITABLE):
        if not database.exists():
            return (
                f"the run database {database} was deleted or moved while it was written to; put it back, "
                "or run again for a new one"
            )
        if "readonly" in str(error):
            return f"the run database {database} may no longer be written; give yourself permission to, and run again"
    return f"MLflow refuses: {first_line(error)}"


def local_database() -> Path | None:
    """Return the SQLite file of the store in use; None where it is another kind of store."""
    uri = mlflow.get_tracking_uri()
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def first_line(error: Exception) -> str:
    """Return what an error says first, shortened."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
