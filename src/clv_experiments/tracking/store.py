"""The MLflow store of a folder: made whole or not at all, opened by many processes at once, written with patience."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # without git MLflow would print fifty lines

import mlflow
from filelock import FileLock
from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from clv_experiments.disks import describe_full_disk, describe_refusal, is_disk_full
from clv_experiments.errors import ClvError
from clv_experiments.interrupts import deferred_interrupts
from clv_experiments.tracking.store_errors import LOCKED, describe_store_error, first_line

# The database is made in silence: its log lines mean nothing to whoever runs an experiment.
for logger_name in ("alembic", "mlflow"):
    logging.getLogger(logger_name).setLevel(logging.WARNING)
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a traceback for each error that it raises too

LOCK = ".mlflow.lock"  # held while the store, or something that must stand in it once, is made
PAGE = 1000  # runs fetched at a time
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before a locked database is tried again

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
        return _retry(_connect, store_uri(folder))
    except OSError as error:
        raise ClvError(
            f"runs cannot be kept in '{folder}': {describe_refusal(error, folder, 'tracking.folder')}"
        ) from error
    except (MlflowException, SQLAlchemyError) as error:
        if is_disk_full(error):
            raise ClvError(describe_full_disk(error, folder, "tracking.folder")) from error
        raise ClvError(
            f"the run database {database} cannot be used ({first_line(error)}); move it away and run again, "
            "or type tracking.folder=<another folder>"
        ) from error


def _connect(uri: str) -> mlflow.MlflowClient:
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    client.search_experiments(max_results=1)
    return client


def _create_database(database: Path) -> None:
    # Under a name of its own until it is whole: an interrupt in the middle leaves no half-made database, and
    # processes that start together do not create its tables at once.
    part = database.with_name(f"mlflow.{uuid4().hex[:8]}.part")
    try:
        mlflow.MlflowClient(f"sqlite:///{part.resolve()}").search_experiments(max_results=1)
        part.replace(database)
    finally:
        part.unlink(missing_ok=True)


def retry_while_locked(call: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Call what writes or reads, again and again while another process holds the SQLite store.

    No signal interrupts a call, which would leave a transaction open and the store locked; what waits is interrupted.

    Raises
    ------
    ClvError
        If the store is still locked after about half a minute, or the store or the disk refuses.
    """
    try:
        return _retry(call, *args, **kwargs)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise ClvError(describe_store_error(error)) from error


def _retry(call: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    for pause in PAUSES:
        try:
            with deferred_interrupts():
                return call(*args, **kwargs)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            if LOCKED not in str(error):
                raise
        time.sleep(pause)
    raise ClvError("the MLflow database stayed locked by another process; stop that one, or type tracking.folder=other")


def search_runs(
    client: mlflow.MlflowClient,
    experiment_ids: Sequence[str],
    condition: str = "",
    order_by: Sequence[str] = (),
    view: int = ViewType.ACTIVE_ONLY,
) -> Iterator[Run]:
    """Fetch all runs of experiments that meet a condition, page by page.

    Raises
    ------
    ClvError
        As of ``retry_while_locked``.
    """
    token = None
    while True:
        page = retry_while_locked(
            client.search_runs,
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
