"""Where a study is kept: an Optuna storage that many processes share, and a study that is what it was, or refused."""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from filelock import FileLock
from optuna import Study, Trial
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._heartbeat import get_heartbeat_thread
from sqlalchemy import NullPool, create_engine, inspect, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from clv_experiments.data.sources.connection import DRIVER_INSTALL, describe_driver_error
from clv_experiments.data.sources.passwords import mask_password
from clv_experiments.errors import ClvError
from clv_experiments.sweep.sampling import PRUNERS, SAMPLERS, SeededByProposal

DATABASE = "optuna.db"
HEARTBEAT, GRACE = 5, 30  # seconds: how often a trial says that it lives, and when it counts as killed
SETTINGS, IDENTITY = (
    "settings",
    "identity",
)  # attributes of a study: what decides its trials; its own, whatever its name
# By kind of database, seconds that it has to answer: a locked SQLite file, a server that is out of reach.
PATIENCE: dict[str, dict[str, Any]] = {"sqlite": {"timeout": 60}, "postgresql": {"connect_timeout": 15}}
PROPOSING, ENDING = 20050801, 20050802  # what one process at a time does
EXAMPLES = "sqlite:///studies.db or postgresql://ann@host/studies"

optuna.logging.set_verbosity(optuna.logging.ERROR)


class WriteAhead(sqlite3.Connection):
    """An SQLite connection that waits for the disk only now and then, where a trial commits twenty times.

    What was committed survives the death of the process; a power cut may cost the last trials, and nothing else.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")


def storage_url(storage: str | None, folder: str | None) -> str | None:
    """Return the address of the storage: as typed, or SQLite beside the runs; None, in memory, where none are kept."""
    if storage or not folder:
        return storage
    return URL.create("sqlite", database=str(Path(folder, DATABASE).resolve())).render_as_string()


def open_study(url: str | None, name: str, directions: Sequence[str], cfg: Any, settings: Mapping[str, Any]) -> Study:
    """Open the study of this name, or make it.

    Parameters
    ----------
    url : str or None
        An SQLAlchemy address; None keeps the study in memory.
    name : str
    directions : sequence of str
        ``maximize`` or ``minimize`` of each metric.
    cfg : DictConfig
        With ``sampler``, ``pruner`` and ``seed``.
    settings : mapping
        All that decides what the trials find; a study of other settings is refused.

    Raises
    ------
    ClvError
        If the storage cannot be used, or holds a study of that name which was begun with other settings.
    """
    with plainly(url), alone(url):
        study = optuna.create_study(
            storage=_storage(url),
            study_name=name,
            directions=list(directions),  # type: ignore[arg-type]
            sampler=SeededByProposal(SAMPLERS[cfg.sampler], cfg.seed),
            pruner=PRUNERS[cfg.pruner](),
            load_if_exists=True,
        )
        if SETTINGS not in study.user_attrs and not study.get_trials(deepcopy=False):
            study.set_user_attr(IDENTITY, uuid4().hex)
            study.set_user_attr(SETTINGS, json.dumps(dict(settings)))
    _check_same(study, settings)
    return study


def url_of(study: Study) -> str | None:
    """Return the address that a study is kept at; None in memory."""
    storage = getattr(study._storage, "_backend", None)  # Optuna tells it in no other way
    return storage.engine.url.render_as_string(hide_password=False) if storage else None


@contextmanager
def alone(url: str | None, what: int = PROPOSING) -> Iterator[None]:
    """Let one process at a time do what must be done once, of all that share the storage; a killed one lets go.

    Databases other than SQLite and PostgreSQL know no such lock here: processes may then do it twice.
    """
    address = _address(url) if url is not None else None
    kind = address.get_backend_name() if address is not None else ""
    if address is not None and kind == "sqlite":
        file = Path(str(address.database))
        file.parent.mkdir(parents=True, exist_ok=True)
        # A proposal takes a moment, the end as long as full runs do.
        ending, patience = ("", PATIENCE[kind]["timeout"]) if what == PROPOSING else (".ending", -1)
        with FileLock(f"{file}{ending}.lock", patience):
            yield
    elif address is not None and kind == "postgresql":
        with _engine(address).connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({what})"))
            yield
    else:
        yield


def beat(trial: Trial) -> None:
    """Record the first heartbeat of a trial now: without any it would never count as killed."""
    if url_of(trial.study) is not None:
        trial.storage.record_heartbeat(trial._trial_id)  # type: ignore[attr-defined]


@contextmanager
def beating(trial: Trial) -> Iterator[None]:
    """Record heartbeats of a trial as long as the context lasts."""
    with get_heartbeat_thread(trial._trial_id, trial.storage):
        yield


@contextmanager
def plainly(url: str | None) -> Iterator[None]:
    """Say in one sentence, without the password, what a storage refuses.

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
        ours = f", or {DRIVER_INSTALL['postgres']} and an address that begins with postgresql://" * (
            kind == "postgresql"
        )
        raise ClvError(f"the driver {address.drivername} is not installed (sweep.storage): install it{ours}") from None
    except (SQLAlchemyError, OptunaError, OSError, RuntimeError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, OptunaError) and error.__cause__ else error
        what = describe_driver_error(getattr(cause, "orig", None) or cause, str(url))  # type: ignore[arg-type]
        where = mask_password(url or "memory")
        raise ClvError(f"the study cannot be kept in {where}: {what} (sweep.storage)") from None


def _address(url: str) -> URL:
    try:
        address = make_url(url)
        kind = address.get_backend_name()
    except (SQLAlchemyError, ValueError):
        raise ClvError(f"{mask_password(url)} is no address of a database (sweep.storage); type {EXAMPLES}") from None
    if "@" in (address.host or ""):
        raise ClvError(
            "the address of sweep.storage cannot be taken apart; write special characters of its password as %40 (at), "
            "%2F (slash), %3A (colon), %23 (hash) and %3F (question mark)"
        )
    if kind == "sqlite" and address.database in (None, "", ":memory:"):
        raise ClvError(f"{url} names no file (sweep.storage); type sqlite:///studies.db, or tracking=memory")
    # The driver that the package's extra brings; SQLAlchemy before 2.1 takes another one if none is named.
    return address.set(drivername="postgresql+psycopg") if address.drivername == "postgresql" else address


def _engine(address: URL) -> Engine:
    return create_engine(address, poolclass=NullPool, connect_args=PATIENCE.get(address.get_backend_name(), {}))


def _storage(url: str | None) -> BaseStorage:
    if url is None:
        return InMemoryStorage()
    address = _address(url)
    tables = inspect(_engine(address)).get_table_names()
    if "alembic_version" in tables and "version_info" not in tables:
        raise ClvError(
            f"{mask_password(url)} holds the tables of another program, such as MLflow's, with which Optuna's "
            f"cannot stand (sweep.storage); type {EXAMPLES}"
        )
    kind = address.get_backend_name()
    connecting = PATIENCE.get(kind, {}) | ({"factory": WriteAhead} if kind == "sqlite" else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # heartbeats may change one day
        return RDBStorage(
            address.render_as_string(hide_password=False),
            engine_kwargs={"connect_args": connecting},
            heartbeat_interval=HEARTBEAT,
            grace_period=GRACE,
        )


def _check_same(study: Study, settings: Mapping[str, Any]) -> None:
    if SETTINGS not in study.user_attrs:
        raise ClvError(f"study '{study.study_name}' was made by another program; type another sweep.name")
    then, now = json.loads(study.user_attrs[SETTINGS]), json.loads(json.dumps(dict(settings)))
    differing = [name for name in sorted({*then, *now}) if then.get(name, "unset") != now.get(name, "unset")]
    if differing:
        changes = [f"{name} was {then.get(name, 'unset')} and is {now.get(name, 'unset')}" for name in differing[:3]]
        raise ClvError(
            f"study '{study.study_name}' was begun with other settings: {'; '.join(changes)}; type another "
            "sweep.name, or the settings it was begun with"
        )
