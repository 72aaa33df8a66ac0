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

from clv_experiments.data.sources.passwords import find_passwords, mask_password
from clv_experiments.errors import ClvError

URI_EXAMPLES = "postgresql://user:password@host/database, duckdb:///shop.duckdb or sqlite:///shop.db"
DRIVER_INSTALL = {"postgres": "pip install -c constraints.txt -e '.[postgres]'"}
CONNECT_TIMEOUT = 15  # seconds, of a PostgreSQL server


def open_connection(connection: str) -> Any:
    """Connect to a database; a DuckDB or SQLite file is opened for reading only and never created.

    Parameters
    ----------
    connection : str
        Any URI that Ibis supports, or the path of a DuckDB or SQLite file.

    Returns
    -------
    ibis.BaseBackend
        Driver errors that it meets later become a ClvError, too.

    Raises
    ------
    ClvError
        If it cannot be opened. No message holds the password.
    """
    masked, parts = mask_password(connection), _split_uri(connection)
    scheme = parts.scheme.replace("postgresql", "postgres")
    try:
        if scheme in ("", "file", "sqlite") or (scheme == "duckdb" and not parts.netloc.startswith("md:")):
            backend = _open_file(Path(parts.netloc + parts.path), dict(parse_qsl(parts.query)))
        elif scheme not in entry_points(group="ibis.backends").names:
            raise ClvError(
                f"{masked} begins with no kind of database that is known; type data.connection={URI_EXAMPLES}"
            )
        else:
            add_timeout = scheme == "postgres" and "connect_timeout" not in parts.query
            backend = ibis.connect(connection, **({"connect_timeout": CONNECT_TIMEOUT} if add_timeout else {}))
    except ClvError as error:
        raise ClvError(_without_passwords(str(error), connection)) from None
    except ImportError:
        install = DRIVER_INSTALL.get(scheme, f"pip install 'ibis-framework[{scheme}]'")
        raise ClvError(f"the driver for {scheme} databases is not installed: type {install}") from None
    except Exception as error:  # every driver has its own class
        reason = describe_driver_error(error, connection)
        raise ClvError(f"cannot open the database {masked}: {reason}; {_advise(reason)} (data.connection)") from None
    _translate_driver_errors(backend, connection)
    return backend


def describe_driver_error(error: Exception, connection: str) -> str:
    """Return a driver's message on one line of at most 300 characters, without the connection's password."""
    text = mask_password(" ".join(str(error).split("LINE 1:")[0].split()))[:300]
    return _without_passwords(text, connection).rstrip(".;?")


def _without_passwords(text: str, connection: str) -> str:
    for password in find_passwords(connection):
        text = text.replace(password, "***")
    return text


def _split_uri(connection: str) -> SplitResult:
    try:
        parts = urlsplit(connection)
        if "@" not in parts.path + parts.fragment and parts.port != 0:  # .port raises where it is no number
            return parts
    except ValueError:
        pass
    raise ClvError(
        f"the connection {mask_password(connection)} cannot be taken apart; write special characters of the "
        "password as %40 for @, %2F for /, %3A for :, %23 for #, %3F for ? (data.connection)"
    )


def _open_file(file: Path, settings: dict[str, str]) -> Any:
    if not file.is_file():
        relative = Path(str(file).lstrip("/"))
        near = (
            f"sqlite://{relative}, with two slashes for a file in this folder" if relative.is_file() else URI_EXAMPLES
        )
        raise ClvError(f"there is no database file {file}; type data.connection={near}")
    with file.open("rb") as stream:
        head = stream.read(16)
    if head[8:12] == b"DUCK":
        return ibis.duckdb.connect(file, read_only=True, **settings)
    if head.startswith(b"SQLite format 3"):
        return ibis.sqlite.from_connection(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True))
    raise ClvError(
        f"{file} is neither a DuckDB nor an SQLite database; for other files type data=file data.path={file}"
    )


def _advise(reason: str) -> str:
    reason = reason.lower()
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
                    f"the database {mask_password(connection)} broke off: {describe_driver_error(error, connection)}; "
                    "run again when it answers, or type data.push_down=false to work outside it"
                ) from None

        return call

    for name in ("to_pyarrow", "to_pyarrow_batches", "create_table"):
        setattr(backend, name, translate(getattr(backend, name)))
    # Ibis drops its cached tables as Python ends, when the connection may be gone, and temporary tables with it.
    backend.drop_table = translate(backend.drop_table, ignore=True)
