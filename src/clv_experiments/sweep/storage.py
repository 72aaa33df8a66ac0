"""Where studies are kept: an Optuna storage that many processes share, its locks, heartbeats and errors."""

from __future__ import annotations

import sqlite3
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from sqlalchemy import NullPool, create_engine, inspect, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from clv_experiments.data.sources.connection import DRIVER_INSTALL, shorten_driver_message
from clv_experiments.errors import ClvError, mask_secrets
from clv_experiments.reporting.disk_errors import describe_full_disk, is_disk_full

DATABASE = "optuna.db"
HEARTBEAT, GRACE = 5, 30  # seconds between heartbeats of a trial, and without any until it counts as killed
# By kind of database, seconds that it has to answer: a locked SQLite file, a server that is out of reach.
TIMEOUTS: dict[str, dict[str, Any]] = {"sqlite": {"timeout": 60}, "postgresql": {"connect_timeout": 15}}
PROPOSAL_LOCK, SUMMARY = 20050801, 20050802  # tasks that one process at a time performs, as PostgreSQL locks them
EXAMPLES = "sqlite:///studies.db or postgresql://ann@host/studies"


class WriteAheadConnection(sqlite3.Connection):
    """An SQLite connection that waits for the disk only now and then, where a trial commits twenty times.

    What was committed survives the death of the process; a power cut may cost the last trials, and nothing else.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")


def resolve_storage_url(storage: str | None, folder: str | None) -> str | None:
    """Return the address of the storage: as typed, or SQLite beside the runs; None, in memory, where none are kept."""
    if storage or not folder:
        return storage
    return URL.create("sqlite", database=str(Path(folder, DATABASE).resolve())).render_as_string()


def open_storage(url: str | None) -> BaseStorage:
    """Open the storage at an address; None keeps studies in memory.

    Raises
    ------
    ClvError
        If the address cannot be used, or holds tables of another program.
    """
    if url is None:
        return InMemoryStorage()
    address = _parse_url(url)
    tables = inspect(_create_engine(address)).get_table_names()
    if "alembic_version" in tables and "version_info" not in tables:
        raise ClvError(
            f"{mask_secrets(url)} holds the tables of another program, such as MLflow's, with which Optuna's "
            f"cannot stand (sweep.storage); type {EXAMPLES}"
        )
    kind = address.get_backend_name()
    connect_args = TIMEOUTS.get(kind, {}) | ({"factory": WriteAheadConnection} if kind == "sqlite" else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # heartbeats may change one day
        return RDBStorage(
            address.render_as_string(hide_password=False),
            engine_kwargs={"connect_args": connect_args},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
        )


def summarise_studies(url: str) -> list[str]:
    """Count the trials of each study of a storage, by what became of them.

    Raises
    ------
    ClvError
        If the storage cannot be read.
    """
    with translate_storage_errors(url):
        storage = open_storage(url)
        lines = []
        for study in storage.get_all_studies():
            states = Counter(
                trial.state.name.lower() for trial in storage.get_all_trials(study._study_id, deepcopy=False)
            )
            counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no trial"
            lines.append(f"study {study.study_name}: {counts}")
    return lines


@contextmanager
def record_heartbeats(storage: RDBStorage, trial_id: int) -> Iterator[None]:
    """Record heartbeats of a trial as long as the context lasts."""
    is_over = Event()

    def record() -> None:
        while not is_over.wait(HEARTBEAT):
            with suppress(OptunaError, SQLAlchemyError):  # what ails the storage, the trial itself meets and reports
                storage.record_heartbeat(trial_id)

    storage.record_heartbeat(trial_id)
    thread = Thread(target=record)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def hold_task_lock(url: str | None, task: int = PROPOSAL_LOCK) -> Iterator[None]:
    """Hold a lock under which one process of all that share the storage performs a task; a killed one releases it.

    Of databases other than SQLite and PostgreSQL nothing is locked: processes may then perform it twice.
    """
    address = _parse_url(url) if url is not None else None
    kind = address.get_backend_name() if address is not None else ""
    if address is not None and kind == "sqlite":
        file = Path(str(address.database))
        file.parent.mkdir(parents=True, exist_ok=True)
        # A proposal takes a moment, a summary as long as full runs do.
        name, timeout = (
            (file.name, TIMEOUTS[kind]["timeout"]) if task == PROPOSAL_LOCK else (f"{file.name}.summary", -1)
        )
        with FileLock(file.with_name(f"{name}.lock"), timeout):
            yield
    elif address is not None and kind == "postgresql":
        with _create_engine(address).connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({task})"))
            yield
    else:
        yield


@contextmanager
def translate_storage_errors(url: str | None) -> Iterator[None]:
    """Turn what a storage raises into one sentence without the password.

    Raises
    ------
    ClvError
        In place of what its driver raises.
    """
    try:
        yield
    except ClvError:
        raise
    except ImportError:
        address = make_url(str(url))
        kind = address.get_backend_name()
        bundled = f", or {DRIVER_INSTALL['postgres']} and an address that begins with postgresql://" * (
            kind == "postgresql"
        )
        raise ClvError(
            f"the driver {address.drivername} is not installed (sweep.storage): install it{bundled}"
        ) from None
    except (SQLAlchemyError, OptunaError, OSError, RuntimeError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, OptunaError) and error.__cause__ else error
        if is_disk_full(cause):
            reason = describe_full_disk(cause, Path(str(_parse_url(str(url)).database)).parent)
        else:
            reason = shorten_driver_message(getattr(cause, "orig", None) or cause, str(url))  # type: ignore[arg-type]
        raise ClvError(
            f"the study cannot be kept in {mask_secrets(url or 'memory')}: {reason} (sweep.storage)"
        ) from None


def _parse_url(url: str) -> URL:
    try:
        address = make_url(url)
        kind = address.get_backend_name()
    except (SQLAlchemyError, ValueError):
        raise ClvError(f"{mask_secrets(url)} is no address of a database (sweep.storage); type {EXAMPLES}") from None
    if "@" in (address.host or ""):
        raise ClvError(
            "the address of sweep.storage cannot be taken apart; write special characters of its password as %40 (at), "
            "%2F (slash), %3A (colon), %23 (hash) and %3F (question mark)"
        )
    if kind == "sqlite" and address.database in (None, "", ":memory:"):
        raise ClvError(f"{url} names no file (sweep.storage); type sqlite:///studies.db, or tracking=memory")
    # The driver that the package's extra brings; SQLAlchemy before 2.1 takes another one if none is named.
    return address.set(drivername="postgresql+psycopg") if address.drivername == "postgresql" else address


def _create_engine(address: URL) -> Engine:
    return create_engine(address, poolclass=NullPool, connect_args=TIMEOUTS.get(address.get_backend_name(), {}))
