"""What kind of file it is, by its name and by how it begins, so that a wrong name is said and not stumbled over."""

from __future__ import annotations

import zipfile
from pathlib import Path

from clv_experiments.errors import ClvError

CSV = ("csv", "txt", "tsv")
PARQUET = ("parquet", "pq")
WORKBOOK = ("xlsx", "xls", "xlsm", "xlsb", "ods")


def kind_of(path: Path) -> str:
    """Tell ``csv``, ``parquet`` or ``workbook`` from the name, and refuse content of another kind.

    Raises
    ------
    ClvError
        If the name ends in nothing that is read, or the file begins like one of another kind.
    """
    parts = path.name.lower().removesuffix(".gz").split(".")
    compressed = path.name.lower().endswith(".gz")
    for kind, endings in (("csv", CSV), ("parquet", PARQUET), ("workbook", WORKBOOK)):
        if parts[-1] in endings and (kind == "csv" or not compressed):
            _content_agrees(path, kind, compressed)
            return kind
    raise ClvError(
        f"'{path}' is of no kind that is read: its name must end in .{', .'.join((*CSV, *PARQUET, *WORKBOOK))} or "
        ".csv.gz; unpack it, or save it as one of them (data.path)"
    )


def _content_agrees(path: Path, kind: str, compressed: bool) -> None:
    with path.open("rb") as stream:
        begin = stream.read(8)
    found: str | None
    if begin.startswith(b"PAR1"):
        found, advice = "parquet", "a Parquet file, so rename it to end in .parquet"
    elif begin.startswith(b"\x1f\x8b"):
        found, advice = "gzip", "compressed by gzip, so rename it to end in .csv.gz, or unpack it"
    elif begin.startswith(b"\xd0\xcf\x11\xe0"):
        found, advice = "workbook", "an old Excel workbook, so rename it to end in .xls"
    elif begin.startswith(b"PK\x03\x04"):
        found, advice = _zipped(path)
    else:
        found, advice = None, ""
    expected = "gzip" if compressed else kind
    if found and found != expected:
        raise ClvError(f"'{path}' is {advice} (data.path)")
    if not found and kind in ("parquet", "workbook"):
        raise ClvError(
            f"'{path}' is no {'Parquet file' if kind == 'parquet' else 'workbook'}, whatever its name; if it is text, "
            "rename it to end in .csv (data.path)"
        )


def _zipped(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "workbook", "a damaged workbook or zip archive"
    if any(name.startswith("xl/") for name in names):
        return "workbook", "an Excel workbook, so rename it to end in .xlsx"
    if "content.xml" in names:
        return "workbook", "an OpenDocument workbook, so rename it to end in .ods"
    return "zip", "a zip archive, so unpack it first"
