"""Commands as processes that start in a moment, forked where everything is imported, and disks to fill."""

import ctypes
import faulthandler
import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

# CLV_FAULTS=100 injects a hundred faults of each kind, and CLV_FAULTS_SEED=1 at other moments than usual.
COUNT, SEED = int(os.environ.get("CLV_FAULTS", "8")), int(os.environ.get("CLV_FAULTS_SEED", "0"))
MEMORY = Path("/dev/shm")
PATIENCE = 1200  # seconds; a command takes ten of an idle machine, and minutes of one where thirty processes run
CONTEXT = multiprocessing.get_context("forkserver")
NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000  # of unshare(2)
PRIVATE = 0x44000  # of mount(2), for all that is mounted below
IMPORTED = (
    "clv_experiments.commands.cli.clv",
    "clv_experiments.commands.cli.applications",
    "clv_experiments.commands.train",
    "clv_experiments.commands.insights",
    "clv_experiments.tracking.mlflow_tracker",
    "mlflow.models",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "skops.io",
    "ibis.backends.duckdb",
    "sklearn.linear_model",
)


@dataclass(frozen=True)
class Disk:
    """A file system of its own in memory, of ``size`` bytes, over a folder; what was on it is copied at the end."""

    folder: Path
    size: int
    is_working_folder: bool = True


@dataclass(frozen=True)
class Outcome:
    """How a command ended: exit status, negative after a signal, and what it printed."""

    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def last_line(self) -> str:
        return ((self.stderr.strip() or self.stdout.strip()).splitlines() or [""])[-1]


class Command:
    """A command that runs in a process of its own."""

    def __init__(self, folder: Path, *typed: str, disk: Disk | None = None, environment: dict[str, str] | None = None):
        CONTEXT.set_forkserver_preload([*IMPORTED])
        self.folder, self.started = folder, time.monotonic()
        arguments = (folder, typed, disk, dict(environment or {}))
        self.process = CONTEXT.Process(target=_run, args=arguments)
        self.process.start()
        self.pid = self.process.pid

    def send(self, number: int) -> None:
        """Send a signal, unless the command has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> Outcome:
        """Wait for its end; a command that hangs is stopped, ends with -6 and says where it was."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            self.send(signal.SIGABRT)
            self.process.join()
        texts = [
            (self.folder / name).read_text() if (self.folder / name).exists() else "" for name in ("stdout", "stderr")
        ]
        return Outcome(self.process.exitcode, *texts, time.monotonic() - self.started)


def copy_store(source: Path, target: Path, location: Path | None = None) -> None:
    """Copy a store; runs to come have their files in the copy, or where it will be, and not beside the original."""
    shutil.copytree(source, target)
    artifacts = ((location or target) / "artifacts").resolve().as_uri()
    with closing(sqlite3.connect(target / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", [artifacts])


def can_mount() -> bool:
    """Whether this user may mount a file system that nobody else sees."""
    with tempfile.TemporaryDirectory() as folder:
        process = CONTEXT.Process(target=_mount, args=(Disk(Path(folder, "disk"), 1 << 20),))
        process.start()
        process.join()
    return process.exitcode == 0


def _run(folder, typed, disk, environment):
    from clv_experiments.commands.cli.clv import main

    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    faulthandler.enable()
    os.environ.update(environment)
    tempfile.tempdir = None
    os.chdir(folder)
    if disk is not None:
        _mount(disk)
        os.chdir(disk.folder if disk.is_working_folder else folder)
    sys.argv = ["clv", *typed]
    try:
        sys.exit(main())
    finally:
        if disk is not None:
            shutil.copytree(disk.folder, disk.folder.with_suffix(".after"), dirs_exist_ok=True)


def _mount(disk):
    """Mount a small file system that only this process sees, with what lies in the folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    disk.folder.mkdir(exist_ok=True)
    content = disk.folder.with_suffix(".before")
    shutil.copytree(disk.folder, content)
    flags = NEW_MOUNTS if os.getuid() == 0 else NEW_MOUNTS | NEW_USER
    arguments = (b"tmpfs", os.fsencode(disk.folder), b"tmpfs", 0, f"size={disk.size}".encode())
    if libc.unshare(flags) or libc.mount(b"none", b"/", None, PRIVATE, None) or libc.mount(*arguments):
        raise SystemExit("no file system can be mounted here")
    shutil.copytree(content, disk.folder, dirs_exist_ok=True)
