"""A few pages kept on the store's disk, so that a run can still be marked FAILED when the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

from clv_experiments.errors import ClvError
from clv_experiments.reporting.disk_errors import describe_write_failure

RESERVE = ".mlflow.reserve"
SIZE = 1 << 18  # bytes: what SQLite's journal takes for a few rows, several times over


def create_disk_reserve(folder: Path) -> None:
    """Write the reserve of a store where it is missing.

    Raises
    ------
    ClvError
        If the disk has no room for it: then it has none for a run.
    """
    path = folder / RESERVE
    try:
        if not path.exists() or path.stat().st_size < SIZE:
            path.write_bytes(os.urandom(SIZE))  # which no file system packs
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ClvError(
            f"no run can be kept in '{folder}': {describe_write_failure(error, folder, 'tracking.folder')}"
        ) from error


def delete_disk_reserve(folder: Path) -> bool:
    """Give the reserve up; False where it was gone."""
    try:
        (folder / RESERVE).unlink()
    except OSError:
        return False
    return True
