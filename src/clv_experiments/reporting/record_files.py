"""Records that are files: how a table, a picture or a text is written to disk."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from clv_experiments.errors import ClvError
from clv_experiments.reporting.records import FigureRecord, Record, Table, Text
from clv_experiments.reporting.safe_csv import write_csv


def write_folder(folder: str, title: str, records: Iterable[Record], what: str) -> Path:
    """Write tables, words and pictures into a folder of the title's name; each file is whole or not there.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    ClvError
        If it cannot be written; begins with ``what``, such as ``the leaderboard``.
    """
    place = output_folder(folder, title)
    try:
        for record in records:
            if isinstance(record, Table | Text | FigureRecord):
                part = place / f".{os.getpid()}.{record.name}"  # the ending tells the format of a picture
                write_record(record, part)
                part.replace(place / record.name)
    except OSError as error:
        raise ClvError(f"{what} cannot be written to {place}: {error}; type output=<a folder>") from error
    return place


def output_folder(folder: str, title: str) -> Path:
    """Name the folder below another that is called after a title.

    Examples
    --------
    >>> output_folder("out", "cdnow/3m: a<b>").as_posix()
    'out/cdnow-3m-a-b'
    """
    return Path(folder, re.sub(r"[^\w.-]+", "-", title).strip("-."))


def check_writable(folder: str, setting: str) -> None:
    """Refuse early a folder that could not be written late.

    Raises
    ------
    ClvError
        Names the setting, and what is in the way.
    """
    place = Path(folder)
    while not place.exists():
        place = place.parent
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise ClvError(f"nothing can be written to '{folder}', since {place} is no folder of yours ({setting})")


def write_record(record: Table | FigureRecord | Text, path: Path) -> None:
    """Write one record in the format of its name, into a folder that is made where it is missing.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(record, Text):
        path.write_text(record.text, encoding="utf-8")
    elif isinstance(record, FigureRecord):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a name in letters that the font lacks
            record.figure.savefig(path)
    elif record.format == "parquet":
        record.frame.to_parquet(path, index=False)
    else:
        write_csv(record.frame, path)
