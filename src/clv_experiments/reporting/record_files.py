"""Records that are files: tables, figures and texts written to disk."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clv_experiments.errors import ClvError
from clv_experiments.reporting.disk_errors import describe_write_failure
from clv_experiments.reporting.records import FigureRecord, Record, Table, Text
from clv_experiments.reporting.safe_csv import write_csv
from clv_experiments.reporting.workbook import write_excel_without_index


def write_folder(folder: str, title: str, records: Iterable[Record], subject: str) -> Path:
    """Write tables, texts and figures into a folder named after the title; no file is ever half written.

    Returns
    -------
    Path
        Of the folder.

    Raises
    ------
    ClvError
        If it cannot be written; begins with ``subject``, such as ``the leaderboard``.
    """
    path = build_output_folder_path(folder, title)
    with translate_write_errors(path, subject):
        for record in records:
            if isinstance(record, Table | Text | FigureRecord):
                with write_atomically(path / record.name) as part:
                    write_record(record, part)
    return path


@contextmanager
def translate_write_errors(folder: Path, subject: str) -> Iterator[None]:
    """Turn what the disk refuses into a ClvError that names what could not be written, and where."""
    try:
        yield
    except OSError as error:
        raise ClvError(
            f"{subject} cannot be written to {folder}: {describe_write_failure(error, folder, 'output')}"
        ) from error


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a path beside another, which takes its place once it is written; whatever else happens, nothing is left."""
    part = path.with_name(f".{os.getpid()}.{path.name}")  # the suffix is the format of a figure
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def build_output_folder_path(folder: str, title: str) -> Path:
    """Return the folder below another that is named after a title.

    Examples
    --------
    >>> build_output_folder_path("out", "cdnow 3m: a<b>").as_posix()
    'out/cdnow-3m-a-b'
    """
    return Path(folder, re.sub(r"[^\w.-]+", "-", title).strip("-."))


def check_writable(folder: str, setting: str) -> None:
    """Refuse a folder that could not be written later.

    Raises
    ------
    ClvError
        Names the setting, and what is in the way.
    """
    path = Path(folder)
    while not path.exists():
        path = path.parent
    if not (path.is_dir() and os.access(path, os.W_OK)):
        raise ClvError(f"nothing can be written to '{folder}', since {path} is no folder of yours ({setting})")


def write_record(record: Table | FigureRecord | Text, path: Path) -> None:
    """Write one record in the format of its name, creating its folder where that is missing.

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
    elif record.format == "xlsx":
        write_excel_without_index(record.frame, path)
    elif record.format == "parquet":
        record.frame.to_parquet(path, index=False)
    else:
        write_csv(record.frame, path)
