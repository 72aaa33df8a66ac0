"""What a store that refuses means for whoever runs an experiment, in one sentence."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import mlflow

from clv_experiments.reporting.disk_errors import describe_full_disk, is_disk_full

LOCKED = "database is locked"
UNWRITABLE = ("readonly database", "no such table", "unable to open database", "disk I/O error")
DAMAGED = ("not a database", "malformed")
SQLALCHEMY_HINT = "(raised as a result of"  # begins a line above what happened
BACKUP_ADVICE = "move it away and put back your last backup, or run again"
OTHER_SCHEMA = re.compile(r"found version (\w+), but expected")
MIGRATIONS = "mlflow.store.db_migrations"


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
    if database and "disk I/O error" in str(error):
        return (
            f"the system does not write the run database {database} (disk I/O error); see whether the size of files is "
            "limited (ulimit -f) and the disk sound, and run again, or type tracking.folder=<another folder>"
        )
    if database and any(words in str(error) for words in DAMAGED):
        return f"the run database {database} is damaged; {BACKUP_ADVICE}"
    return f"MLflow refuses: {shorten_first_line(error)}"


def describe_unusable_database(error: Exception, database: Path) -> str:
    """Say why a database of runs cannot be opened; one that another version of MLflow wrote must not be moved away."""
    schema = OTHER_SCHEMA.search(str(error))
    if schema is None:
        is_damaged = any(words in str(error) for words in (*DAMAGED, "no such table"))
        advice = BACKUP_ADVICE if is_damaged else "move it away and run again"
        return (
            f"the run database {database} cannot be used ({shorten_first_line(error)}); {advice}, or type "
            "tracking.folder=<another folder>"
        )
    if schema[1] in _installed_schemas():
        return (
            f"the run database {database} was made by an older MLflow than {mlflow.__version__}; copy it, then type "
            f"{shlex.join(['mlflow', 'db', 'upgrade', f'sqlite:///{database}'])}"
        )
    return (
        f"the run database {database} was made by a newer MLflow than {mlflow.__version__}, which is installed here; "
        "upgrade clv-experiments, which brings its MLflow along, or type tracking.folder=<another folder>"
    )


def _installed_schemas() -> set[str]:
    """List the schemas up to the one that the installed MLflow writes."""
    from alembic.script import ScriptDirectory

    package = find_spec(MIGRATIONS)
    folder = next(iter(package.submodule_search_locations or []), "") if package else ""
    return {script.revision for script in ScriptDirectory(folder).walk_revisions()}


def shorten_first_line(error: Exception) -> str:
    """Return what an error says first, shortened."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith(SQLALCHEMY_HINT)]
    return (lines or [type(error).__name__])[0][:300]
