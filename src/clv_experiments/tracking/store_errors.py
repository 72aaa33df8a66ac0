"""What a store that refuses means for whoever runs an experiment, in one sentence."""

from __future__ import annotations

from pathlib import Path

from clv_experiments.errors import describe_full_disk, is_disk_full

LOCKED = "database is locked"
UNWRITABLE = ("readonly database", "no such table", "unable to open database", "disk I/O error")
DAMAGED = ("not a database", "malformed")


def describe_store_error(error: Exception, database: Path | None = None) -> str:
    """Say why MLflow could not read or write, and what to do where that is known; ``database`` is the SQLite file."""
    if is_disk_full(error):
        return describe_full_disk(error, database.parent if database else None, "tracking.folder")
    if isinstance(error, OSError):
        return f"MLflow could not reach the disk: {error}"
    if database and any(words in str(error) for words in UNWRITABLE):
        if not database.exists() or "no such table" in str(error):  # SQLite makes an empty one in its place
            return (
                f"the run database {database} was deleted or moved while it was written to; put it back, "
                "or run again for a new one"
            )
        if "readonly" in str(error):
            return f"the run database {database} may no longer be written; give yourself permission to, and run again"
    if database and any(words in str(error) for words in DAMAGED):
        return f"the run database {database} is damaged; move it away and put back your last backup, or run again"
    return f"MLflow refuses: {shorten_first_line(error)}"


def shorten_first_line(error: Exception) -> str:
    """Return what an error says first, shortened."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
