"""The MLflow store of a folder: made whole or not at all, opened by many processes at once, written with patience."""

from __future__ import annotations

import gc
import logging
import os
import shlex
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # without git MLflow would print fifty lines
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # it is said once, with all that a run says
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
from filelock import FileLock
from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from clv_experiments.errors import ClvError
from clv_experiments.reporting.disk_errors import describe_full_disk, describe_write_failure, is_disk_full
from clv_experiments.tracking.addresses import URI_VARIABLE, check_folder_path
from clv_experiments.tracking.interrupts import deferred_interrupts
from clv_experiments.tracking.store_errors import LOCKED, describe_store_error, describe_unusable_database

# The database is made in silence: its log lines mean nothing to whoever runs an experiment.
for logger_name in ("alembic", "mlflow"):
    logging.getLogger(logger_name).setLevel(logging.WARNING)
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a traceback for each error that it raises too
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # each of many tries to reach a server

LOCK = ".mlflow.lock"  # held while the store, or something that must stand in it once, is made
PAGE = 1000  # runs fetched at a time
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before a locked database is tried again
RESERVE = ".mlflow.reserve"  # kept on the store's disk, so that a run can still be marked FAILED when the disk is full
RESERVE_SIZE = 1 << 18  # bytes: what SQLite's journal takes for a few rows, several times over

Result = TypeVar("Result")


def store_uri(folder: Path) -> str:
    """Return the tracking URI; absolute, since MLflow keeps one connection a URI, wherever the process goes."""
    return f"sqlite:///{folder.resolve()}/mlflow.db"


def open_store(folder: Path) -> mlflow.MlflowClient:
    """Open the folder's database, or make it, and let MLflow's own functions write there.

    Raises
    ------
    ClvError
        If the folder or the database cannot be used, or stays locked, and what to do about it.
    """
    database = folder / "mlflow.db"
    if {"?", "%"} & set(str(folder.resolve())):
        raise ClvError(f"tracking.folder must not lie on a path with ? or %, got '{folder.resolve()}'")
    try:
        (folder / "artifacts").mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK):
            if not database.exists() or not database.stat().st_size:
                _create_database(database)
        with database.open("r+b") as file:
            if file.read(15) != b"SQLite format 3":
                raise ClvError(
                    f"{database} is not an SQLite database; move it away and run again, or type "
                    "tracking.folder=<another folder>"
                )
        return _retry_while_locked(_connect_client, store_uri(folder))
    except OSError as error:
        raise ClvError(
            f"runs cannot be kept in '{folder}': {describe_write_failure(error, folder, 'tracking.folder')}"
        ) from error
    except (MlflowException, SQLAlchemyError) as error:
        if is_disk_full(error):
            raise ClvError(describe_full_disk(error, folder, "tracking.folder")) from error
        raise ClvError(describe_unusable_database(error, database)) from error


def _connect_client(uri: str) -> mlflow.MlflowClient:
    client = set_tracking_uri(uri)
    client.search_experiments(max_results=1)
    return client


def set_tracking_uri(uri: str) -> mlflow.MlflowClient:
    """Let MLflow's own functions write to a store, but not programs that are started later, as MLflow would have it."""
    before = os.environ.get(URI_VARIABLE)
    mlflow.set_tracking_uri(uri)
    if before is None:
        os.environ.pop(URI_VARIABLE, None)
    else:
        os.environ[URI_VARIABLE] = before
    return mlflow.MlflowClient()


def _create_database(database: Path) -> None:
    # Under a name of its own until it is whole: an interrupt in the middle leaves no half-made database, and
    # processes that start together do not create its tables at once.
    part = database.with_name(f"mlflow.{uuid4().hex[:8]}.part")
    try:
        mlflow.MlflowClient(f"sqlite:///{part.resolve()}").search_experiments(max_results=1)
        part.replace(database)
    finally:
        part.unlink(missing_ok=True)


def _retry_while_locked(call: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    for pause in PAUSES:
        try:
            with deferred_interrupts():
                return call(*args, **kwargs)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            if LOCKED not in str(error):
                raise
        time.sleep(pause)
    raise ClvError("the MLflow database stayed locked by another process; stop that one, or type tracking.folder=other")


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Collect no garbage: a page is some 100,000 objects, among which it would be looked for again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Store(ABC):
    """What keeps runs and files, and how MLflow is called on it.

    Attributes
    ----------
    name : str
        As it was typed.
    client : mlflow.MlflowClient
        Once it is open.
    max_interrupt_delay : float or None
        Seconds for which calls may go on after a signal that asks to stop; None as long as they take.
    """

    name: str
    client: mlflow.MlflowClient
    max_interrupt_delay: float | None = None

    @abstractmethod
    def open(self) -> None:
        """Make the store ready to be called; ClvError where it cannot be used."""

    @abstractmethod
    def create_lock(self) -> FileLock:
        """Return a lock that one process at a time holds."""

    @abstractmethod
    def call_mlflow(self, call: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Call an MLflow function; ClvError, in one sentence, where the store refuses."""

    def delete_disk_reserve(self) -> bool:
        """Give up the space that was kept for marking a run; False where there is none."""
        return False

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        condition: str = "",
        order_by: Sequence[str] = (),
        view: int = ViewType.ACTIVE_ONLY,
    ) -> Iterator[Run]:
        """Fetch all runs of experiments that meet a condition, page by page."""
        token = None
        while True:
            with _pause_garbage_collection():
                page = self.call_mlflow(
                    self.client.search_runs,
                    list(experiment_ids),
                    condition,
                    view,
                    max_results=PAGE,
                    order_by=list(order_by),
                    page_token=token,
                )
            yield from page
            token = page.token
            if not token:
                return


class FolderStore(Store):
    """Runs in ``<folder>/mlflow.db``, files in ``<folder>/artifacts``.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing; relative to the working directory.

    Raises
    ------
    ClvError
        If it is the address of something else.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = check_folder_path(folder)
        self.name = str(folder)

    @property
    def uri(self) -> str:
        """Tracking URI, as MLflow's own functions take it."""
        return store_uri(self.folder)

    @property
    def exists(self) -> bool:
        """Whether any run was ever kept in the folder."""
        database = self.folder / "mlflow.db"
        return database.exists() and database.stat().st_size > 0

    @property
    def artifact_location(self) -> str | None:
        """Where a new experiment has its files."""
        return (self.folder / "artifacts").resolve().as_uri()

    def open(self) -> None:
        """Open the folder's database, or make it; see ``open_store``."""
        self.client = open_store(self.folder)

    def call_mlflow(self, call: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Call an MLflow function, again and again while another process holds the database.

        No signal interrupts a call, which would leave a transaction open and the store locked; what waits is
        interrupted.

        Raises
        ------
        ClvError
            If the store is still locked after about half a minute, or the store or the disk refuses.
        """
        try:
            return _retry_while_locked(call, *args, **kwargs)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise ClvError(describe_store_error(error, self.folder / "mlflow.db")) from error

    def create_lock(self) -> FileLock:
        """Return a lock that one of the processes that use the folder holds at a time."""
        return FileLock(self.folder / LOCK)

    def fetch(self, artifacts: str, name: str, *parts: str) -> Path:
        """Return where a file below an artifact address is; of a store that was moved, by the parts of its path."""
        recorded = Path(url2pathname(urlsplit(artifacts).path))
        return (recorded if recorded.exists() else self.folder.joinpath("artifacts", *parts)) / name

    def has_file(self, artifacts: str, name: str, *parts: str) -> bool:
        """Whether a file is there below an artifact address."""
        try:
            return self.fetch(artifacts, name, *parts).is_file()
        except (OSError, ValueError):  # an address that no disk could hold
            return False

    def create_disk_reserve(self) -> None:
        """Keep some space for marking a run FAILED.

        Raises
        ------
        ClvError
            If the disk has no room for it: then it has none for a run.
        """
        path = self.folder / RESERVE
        try:
            if not path.exists() or path.stat().st_size < RESERVE_SIZE:
                path.write_bytes(os.urandom(RESERVE_SIZE))  # which no file system packs
        except OSError as error:
            path.unlink(missing_ok=True)
            raise ClvError(
                f"no run can be kept in '{self.folder}': "
                f"{describe_write_failure(error, self.folder, 'tracking.folder')}"
            ) from error

    def delete_disk_reserve(self) -> bool:
        """Give that space up; False where it was gone."""
        try:
            (self.folder / RESERVE).unlink()
        except OSError:
            return False
        return True

    def describe_run(self, experiment_id: str, run_id: str) -> str:
        """Say how a run is browsed."""
        command = f"mlflow ui --backend-store-uri {shlex.quote(f'sqlite:///{self.folder}/mlflow.db')}"
        elsewhere = "" if self.folder == Path("mlruns") else f" {shlex.quote(f'folder={self.folder}')}"
        return f"to browse it (choose Model training): clv ui{elsewhere}, or\n{command}"
