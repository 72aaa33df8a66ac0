"""One folder for all temporary files of a process; folders that killed processes left behind are removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from clv_experiments.reporting.disk_errors import TEMPORARY_FOLDER_PREFIX
from clv_experiments.tracking.environment_variables import temporary_environment
from clv_experiments.tracking.interrupts import deferred_interrupts

MATPLOTLIB = "MPLCONFIGDIR"
LOCK = ".lock"  # held as long as the process lives, whatever ends it


@contextmanager
def use_temporary_folder() -> Iterator[Path]:
    """Let all temporary files go to one folder, those of libraries and worker processes too; gives the folder.

    It is removed at the end, and a process that is killed before leaves it to the next that begins.
    """
    remove_stale_folders(Path(tempfile.gettempdir()))
    before = tempfile.tempdir
    folder, lock = _create_locked_folder()
    tempfile.tempdir = str(folder)
    variables = {"TMPDIR": str(folder)}
    if MATPLOTLIB not in os.environ and not all(map(_can_hold_matplotlib_files, _user_config_and_cache_folders())):
        variables[MATPLOTLIB] = str(folder / "matplotlib")  # it would complain, and miss one of its own at the end
    try:
        with temporary_environment(variables):
            yield folder
    finally:
        tempfile.tempdir = before
        with deferred_interrupts():
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()


def _user_config_and_cache_folders() -> list[Path]:
    """Name the user's folders below which Matplotlib keeps settings and its list of fonts."""
    defaults = {"XDG_CONFIG_HOME": "~/.config", "XDG_CACHE_HOME": "~/.cache"}
    return [Path(os.environ.get(name) or os.path.expanduser(default)) for name, default in defaults.items()]


def _can_hold_matplotlib_files(folder: Path) -> bool:
    """Whether a folder for Matplotlib is there and takes files, or can be made; nobody's home is none."""
    folder = folder / "matplotlib"
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_absolute() and folder.is_dir() and os.access(folder, os.W_OK)


def remove_stale_folders(parent: Path) -> None:
    """Remove the folders of our processes that are gone; those of other users and of living processes stay."""
    for file in parent.glob(f"{TEMPORARY_FOLDER_PREFIX}*/{LOCK}"):
        try:
            if file.is_symlink() or (hasattr(os, "getuid") and file.lstat().st_uid != os.getuid()):
                continue
            with FileLock(file, timeout=0):
                shutil.rmtree(file.parent, ignore_errors=True)
        except (OSError, Timeout):
            continue


def _create_locked_folder() -> tuple[Path, FileLock]:
    """Make a folder and hold its lock; another one where a process that cleans up was there between the two."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY_FOLDER_PREFIX}{os.getpid()}-"))
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire()
        except FileNotFoundError:
            continue
        return folder, lock
