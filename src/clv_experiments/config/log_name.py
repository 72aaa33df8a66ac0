"""What a log of the user's own is called, where nobody gave it a name: after its table, its database or its file."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

from clv_experiments.errors import mask_secrets

UNNAMED = "log"
MAX_CHARACTERS = 60
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
WILDCARDS = re.compile(r"\[[^\]]*\]|[*?]")
UNSAFE = re.compile(r"[^\w.-]+")  # what a folder, an MLflow experiment or a shell could stumble over


def name_log(location: object, table: object = None) -> str:
    """Name a log after its table, else after the file or database that holds it, in characters safe everywhere.

    Parameters
    ----------
    location : str or None
        Path of a file, pattern of many, or URI of a database; its password is no part of the name.
    table : str, optional

    Returns
    -------
    str
        At most 60 letters, digits, ``_``, ``-`` and ``.``; the same on every machine.

    Examples
    --------
    >>> name_log("exports/Online Retail.csv.gz")
    'Online_Retail'
    >>> name_log("logs/2024-*.parquet"), name_log("logs/*.csv")
    ('2024', 'logs')
    >>> name_log("postgresql://ann@host/shop"), name_log("duckdb:///shop.db", "sales.orders"), name_log("duckdb://")
    ('shop', 'sales.orders', 'log')
    """
    if table:
        return _safe_name(str(table)) or UNNAMED
    return next(filter(None, map(_safe_name, _candidate_names(str(location or "")))), UNNAMED)


def _candidate_names(location: str) -> list[str]:
    """List the stem of a file or database, then the folders above it, the nearest first."""
    if re.match(r"\w[\w+.-]*://", location):
        address = mask_secrets(location).partition("://")[2].partition("?")[0]
        _, slash, database = address.rpartition("/")
        return [PurePath(database if slash else re.sub(".*@", "", address)).stem]
    path = PurePath(location)
    while path.suffix.lower() in PACKED_SUFFIXES:
        path = path.with_suffix("")
    names = [path.stem, *(folder.name for folder in path.parents)]
    return [WILDCARDS.sub(" ", name) for name in names]


def _safe_name(name: str) -> str:
    return UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip("_.-")[:MAX_CHARACTERS]
