"""What is said where a disk is full, or a folder takes no file: one sentence that names it and what to type."""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

from clv_experiments.errors import error_chain

TEMPORARY_FOLDER_PREFIX = "clv_experiments-"  # of the folder that holds the temporary files of a process
FULL_CODES = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
# As the system, SQLite, DuckDB, Arrow and PostgreSQL put it.
FULL_WORDS = ("no space left on device", "disk is full", "disk quota exceeded", "max_temp_directory_size")


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that a disk is full."""
    return any(
        getattr(one, "errno", None) in FULL_CODES or any(word in str(one).lower() for word in FULL_WORDS)
        for one in error_chain(error)
    )


def describe_full_disk(error: BaseException, folder: Path | None = None, setting: str = "") -> str:
    """Say which disk is full, and what to do.

    Parameters
    ----------
    error : BaseException
        Of which ``is_disk_full`` is true.
    folder : Path, optional
        Where something was written, besides the folder for temporary files.
    setting : str, optional
        What can be typed for another folder, such as ``output``.
    """
    temporary = Path(gettempdir())
    path = _path_on_full_disk(error, [temporary] if folder is None else [folder, temporary])
    while not path.is_dir():
        path = path.parent
    if _is_below(path, temporary) and not _is_below(folder, temporary):
        path = temporary.parent if temporary.name.startswith(TEMPORARY_FOLDER_PREFIX) else temporary
        elsewhere = "set TMPDIR to a folder on another disk"
    else:
        path = folder if folder and _is_below(path, folder) else path
        elsewhere = f"type {setting}=<a folder on another disk>" if setting else "write to another disk"
    return f"the disk that holds '{path}' is full; free space there and run again, or {elsewhere}"


def describe_write_failure(error: BaseException, folder: Path, setting: str) -> str:
    """Say why a folder that a setting names takes no file, and what to do."""
    if is_disk_full(error):
        return describe_full_disk(error, folder, setting)
    return f"{error}; type {setting}=<a folder>"


def remove_partial_copy(error: BaseException) -> None:
    """Remove the file that a copy could not bring to its end for want of space."""
    for one in error_chain(error):
        target = getattr(one, "filename2", None)
        if target and getattr(one, "errno", None) in FULL_CODES:
            with suppress(OSError):
                Path(target).unlink(missing_ok=True)


def _path_on_full_disk(error: BaseException, folders: list[Path]) -> Path:
    """Return what the error names, where a copy went rather than what was copied; else the folder with least space."""
    for one in error_chain(error):
        if getattr(one, "errno", None) in FULL_CODES:
            named = getattr(one, "filename2", None) or getattr(one, "filename", None)
            if isinstance(named, str | bytes) and named:
                return Path(named if isinstance(named, str) else named.decode(errors="replace")).absolute()
    return min(map(Path.absolute, folders), key=_free_megabytes)


def _free_megabytes(folder: Path) -> int:
    """Return the space left, in whole megabytes, since what is told apart here are disks."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free >> 20


def _is_below(path: Path | None, folder: Path) -> bool:
    return path is not None and path.resolve().is_relative_to(folder.resolve())
