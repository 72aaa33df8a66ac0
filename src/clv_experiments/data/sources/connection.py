"""Open a database by its URI, and say what its driver says in one sentence without the password."""

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

TYPE = "postgresql://user:password@host/database, duckdb:///shop.duckdb or sqlite:///shop.db"
INSTALL = {"postgres": "pip install -c constraints.txt -e '.[postgres]'"}
PATIENCE = 15  # seconds that a PostgreSQL server has to answer


def open_connection(connection: str) -> Any:
    """Connect to a database; a DuckDB or SQLite file is opened for reading only and never created.

    Parameters
    ----------
    connection : str
        Any URI that Ibis knows, or the path of a DuckDB or SQLite file.

    Returns
    -------
    ibis.BaseBackend
        Whatever goes wrong in it later, too, is a ClvError of one sentence.

    Raises
    ------
    ClvError
        If it cannot be opened. No message holds the password.
    """
    shown, parts = mask_password(connection), _parts(connection)
    scheme = parts.scheme.replace("postgresql", "postgres")
    try:
        if scheme in ("", "file", "sqlite") or (scheme == "duckdb" and not parts.netloc.startswith("md:")):
            backend = _open_file(Path(parts.netloc + parts.path), dict(parse_qsl(parts.query)))
        elif scheme not in entry_points(group="ibis.backends").names:
            raise ClvError(f"{shown} begins with no kind of database that is known; type data.connection={TYPE}")
        else:
            waits = scheme == "postgres" and "connect_timeout" not in parts.query
            backend = ibis.connect(connection, **({"connect_timeout": PATIENCE} if waits else {}))
    except ClvError:
        raise
    except ImportError:
        install = INSTALL.get(scheme, f"pip install 'ibis-framework[{scheme}]'")
        raise ClvError(f"the driver for {scheme} databases is not installed: type {install}") from None
    except Exception as error:  # of whatever driver
        what = said(error, connection)
        raise ClvError(f"cannot open the database {shown}: {what}; {_advice(what)} (data.connection)") from None
    _speak_plainly(backend, connection)
    return backend


def said(error: Exception, connection: str) -> str:
    """Put what a driver said on one line, without the password of the connection."""
    text = mask_password(" ".join(str(error).split("LINE 1:")[0].split()))[:300]
    for password in find_passwords(connection):
        text = text.replace(password, "***")
    return text.rstrip(".;?")


def _parts(connection: str) -> SplitResult:
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
        near = f"sqlite://{relative}, with two slashes for a file in this folder" if relative.is_file() else TYPE
        raise ClvError(f"there is no database file {file}; type data.connection={near}")
    with file.open("rb") as opened:
        head = opened.read(16)
    if head[8:12] == b"DUCK":
        return ibis.duckdb.connect(file, read_only=True, **settings)
    if head.startswith(b"SQLite format 3"):
        reading = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        return ibis.sqlite.from_connection(reading)
    raise ClvError(
        f"{file} is neither a DuckDB nor an SQLite database; for other files type data=file data.path={file}"
    )


def _advice(said: str) -> str:
    words = said.lower()
    if "password" in words or "authentication" in words or "access denied" in words:
        return "check user and password; the address may also stand in the environment variable CLV_DATABASE"
    if "does not exist" in words or "unknown database" in words:
        return "check the name after the last /"
    return "check host and port"


def _speak_plainly(backend: Any, connection: str) -> None:
    """Say in one sentence what the driver says later, while the pipeline runs."""

    def plain(work: Callable[..., Any], *, quietly: bool = False) -> Callable[..., Any]:
        @wraps(work)
        def working(*args: Any, **kwargs: Any) -> Any:
            try:
                return work(*args, **kwargs)
            except Exception as error:
                # PEP 249: every driver's errors descend from a class of this name.
                if not any(kind.__name__ == "Error" for kind in type(error).__mro__):
                    raise
                if quietly:
                    return None
                raise ClvError(
                    f"the database {mask_password(connection)} broke off: {said(error, connection)}; run again when "
                    "it answers, or type data.push_down=false to work outside it"
                ) from None

        return working

    for name in ("to_pyarrow", "to_pyarrow_batches", "create_table"):
        setattr(backend, name, plain(getattr(backend, name)))
    # Runs as Python ends, when the connection may be gone, and its temporary tables with it.
    backend._drop_cached_table = plain(backend._drop_cached_table, quietly=True)
