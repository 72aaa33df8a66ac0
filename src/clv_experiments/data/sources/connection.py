"""Open a database by its URI, and report its driver's errors in one sentence without the password."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import wraps
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

import ibis

from clv_experiments.data.engine import DuckDb, disable_progress_bar
from clv_experiments.errors import MASK, ClvError, find_secrets, mask_secrets

URI_EXAMPLES = "postgresql://user:password@host/database, duckdb:///shop.duckdb or sqlite:///shop.db"
DRIVER_INSTALL = {"postgres": "pip install -c constraints.txt -e '.[postgres]'"}
IN_MEMORY = ("duckdb://", "duckdb:///", "duckdb://:memory:", "duckdb:///:memory:")
QUERY_FILE_ACCESS_ADVICE = (
    "a query on a database file reads no other file, and one with data.connection=duckdb:// any that it names"
)
CONNECT_TIMEOUT = 15  # seconds, of a PostgreSQL server


def open_connection(connection: str) -> Any:
    """Connect to a database; a DuckDB or SQLite file is opened for reading only and never created.

    A query on a file reads that file alone, since others may have written the query; one on ``duckdb://``, a database
    in memory, reads any file that it names.

    Parameters
    ----------
    connection : str
        Any URI that Ibis supports, the path of a DuckDB or SQLite file, or ``duckdb://``.

    Returns
    -------
    ibis.BaseBackend
        Driver errors that it meets later become a ClvError, too.

    Raises
    ------
    ClvError
        If it cannot be opened. No message holds the password.
    """
    if connection in IN_MEMORY:
        return _open_safely(connection, lambda: DuckDb().connection)
    parts = _split_uri(connection)
    return _open_safely(connection, lambda: _connect(connection, parts))


def open_database_file(file: Path) -> Any:
    """Connect to a DuckDB or SQLite file as ``open_connection`` does, whatever characters its path holds."""
    return _open_safely(str(file), lambda: _open_file(file, {}))


def detect_database_kind(file: Path) -> str | None:
    """Return ``duckdb`` or ``sqlite`` where a file's content is that of such a database."""
    with file.open("rb") as stream:
        first_bytes = stream.read(16)
    return (
        "duckdb" if first_bytes[8:12] == b"DUCK" else "sqlite" if first_bytes.startswith(b"SQLite format 3") else None
    )


def _open_safely(connection: str, connect: Callable[[], Any]) -> Any:
    try:
        backend = connect()
    except ClvError as error:
        raise ClvError(_mask_passwords(str(error), connection)) from None
    except ImportError:
        scheme = connection.partition("://")[0].replace("postgresql", "postgres")
        install = DRIVER_INSTALL.get(scheme, f"pip install 'ibis-framework[{scheme}]'")
        raise ClvError(f"the driver for {scheme} databases is not installed: type {install}") from None
    except Exception as error:  # every driver has its own class
        reason = shorten_driver_message(error, connection)
        raise ClvError(
            f"cannot open the database {mask_secrets(connection)}: {reason}; "
            f"{_advise_on_connection_error(reason)} (data.connection)"
        ) from None
    _translate_driver_errors(backend, connection)
    return backend


def _connect(connection: str, parts: SplitResult) -> Any:
    scheme = parts.scheme.replace("postgresql", "postgres")
    if scheme in ("", "file", "sqlite") or (scheme == "duckdb" and not parts.netloc.startswith("md:")):
        return _open_file(Path(parts.netloc + parts.path), dict(parse_qsl(parts.query)))
    if scheme not in entry_points(group="ibis.backends").names:
        raise ClvError(
            f"{mask_secrets(connection)} begins with no kind of database that is known; type "
            f"data.connection={URI_EXAMPLES}"
        )
    add_timeout = scheme == "postgres" and "connect_timeout" not in parts.query
    return ibis.connect(connection, **({"connect_timeout": CONNECT_TIMEOUT} if add_timeout else {}))


def shorten_driver_message(error: Exception, connection: str) -> str:
    """Return a driver's message on one line of at most 300 characters, without the connection's password."""
    text = mask_secrets(" ".join(str(error).split("LINE 1:")[0].split()))[:300]
    text = _mask_passwords(text, connection).rstrip(".;?")
    return f"{text}; {QUERY_FILE_ACCESS_ADVICE}" if "disabled by configuration" in text else text


def _mask_passwords(text: str, connection: str) -> str:
    for password in find_secrets(connection):
        text = text.replace(password, MASK)
    return text


def _split_uri(connection: str) -> SplitResult:
    try:
        parts = urlsplit(connection)
        if "@" not in parts.path + parts.fragment and parts.port != 0:  # .port raises where it is no number
            return parts
    except ValueError:
        pass
    raise ClvError(
        f"the connection {mask_secrets(connection)} cannot be taken apart; write special characters of the "
        "password as %40 for @, %2F for /, %3A for :, %23 for #, %3F for ? (data.connection)"
    )


def _open_file(file: Path, settings: dict[str, str]) -> Any:
    if not file.is_file():
        relative = Path(str(file).lstrip("/"))
        kind = detect_database_kind(relative) if relative.is_file() else None
        near = f"{kind}://{relative}, with two slashes for a file in this folder" if kind else URI_EXAMPLES
        raise ClvError(f"there is no database file {file}; type data.connection={near}")
    kind = detect_database_kind(file)
    if kind == "duckdb":
        backend = ibis.duckdb.connect(file, read_only=True, **(settings | {"enable_external_access": False}))
        disable_progress_bar(backend.raw_sql)
        return backend
    if kind == "sqlite":
        return ibis.sqlite.from_connection(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True))
    raise ClvError(
        f"{file} is neither a DuckDB nor an SQLite database; for other files type data=file data.path={file}"
    )


def _advise_on_connection_error(reason: str) -> str:
    reason = reason.lower()
    if "lock" in reason:
        return "close the program that has it open"
    if "password" in reason or "authentication" in reason or "access denied" in reason:
        return "check user and password; the address may also stand in the environment variable CLV_DATABASE"
    if "does not exist" in reason or "unknown database" in reason:
        return "check the name after the last /"
    return "check host and port"


def _translate_driver_errors(backend: Any, connection: str) -> None:
    """Let the backend raise a ClvError of one sentence where its driver fails while the pipeline runs."""

    def translate(method: Callable[..., Any], *, ignore: bool = False) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except Exception as error:
                # PEP 249: every driver's errors descend from a class of this name.
                if not any(kind.__name__ == "Error" for kind in type(error).__mro__):
                    raise
                if ignore:
                    return None
                raise ClvError(
                    f"the database {mask_secrets(connection)} broke off: {shorten_driver_message(error, connection)}; "
                    "run again when it answers, or type data.push_down=false to work outside it"
                ) from None

        return call

    for name in ("to_pyarrow", "to_pyarrow_batches", "create_table"):
        setattr(backend, name, translate(getattr(backend, name)))
    # Ibis drops its cached tables as Python ends, when the connection may be gone, and temporary tables with it.
    backend.drop_table = translate(backend.drop_table, ignore=True)
