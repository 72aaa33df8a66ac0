"""Where runs are kept, as it is typed: a folder of this machine, or the address of a tracking server."""

from __future__ import annotations

import re
from pathlib import Path

from clv_experiments.errors import ClvError

URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXAMPLE = "http://host:5000"
ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:/")
SERVER = re.compile(r"(?i)https?://[^\s/?#@]+(/[^\s?#@]*)?")


def is_address(text: str) -> bool:
    """Whether a text is an address and no folder, as ``http://host``, ``sqlite:///runs.db`` and ``s3://runs`` are."""
    return ADDRESS.match(text) is not None


def check_folder_path(folder: str | Path) -> Path:
    """Return the path of a folder for runs.

    Raises
    ------
    ClvError
        If it is an address.
    """
    if is_address(str(folder)):
        server = str(folder) if SERVER.fullmatch(str(folder)) else EXAMPLE
        raise ClvError(
            f"tracking.folder must be a folder, not '{folder}'; for a tracking server type tracking=server "
            f"tracking.uri={server}"
        )
    return Path(folder)


def check_server_uri(uri: str | None) -> str:
    """Return the address of a tracking server, without a / at its end.

    Raises
    ------
    ClvError
        If it is none, or holds who logs in.
    """
    if not uri:
        raise ClvError(
            f"tracking=server needs the server's address: type tracking.uri={EXAMPLE}, or set {URI_VARIABLE}"
        )
    if "@" in uri:
        raise ClvError(
            f"'{uri}' must not say who logs in (tracking.uri or {URI_VARIABLE}): set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    if not SERVER.fullmatch(uri):
        raise ClvError(
            f"'{uri}' is no address of a tracking server (tracking.uri or {URI_VARIABLE}); type tracking=server "
            f"tracking.uri={EXAMPLE}, or tracking=mlflow tracking.folder=mlruns to keep runs on this machine"
        )
    return uri.rstrip("/")
