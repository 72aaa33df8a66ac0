"""Of what kind a file is, by its content and its name, and what to type where it is of none that is read."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from pathlib import Path

from clv_experiments.data.sources.connection import detect_database_kind
from clv_experiments.data.sources.csv_encoding import has_compressed_suffix
from clv_experiments.errors import ClvError

SUFFIXES_BY_KIND = {
    "csv": ("csv", "txt", "tsv"),
    "parquet": ("parquet", "pq"),
    "workbook": ("xlsx", "xls", "xlsm", "xlsb", "ods"),
    "json": ("jsonl", "ndjson", "json"),
    "arrow": ("feather", "arrow", "ipc"),
    "orc": ("orc",),
}
HEAD_BYTES = 4096  # tell what a file is
COMPRESSED_SUFFIXES_BY_KIND = {"csv": (".gz", ".bz2", ".xz", ".zst"), "json": (".gz", ".zst")}
DATABASE_SUFFIXES = ("db", "sqlite", "sqlite3", "duckdb")
MAGIC = {  # the first bytes of a file: its kind, and what it is
    b"PAR1": ("parquet", "a Parquet file, so rename it to end in .parquet"),
    b"\x1f\x8b": ("gzip", "compressed by gzip, so rename it to end in .csv.gz, or unpack it"),
    b"\xd0\xcf\x11\xe0": ("workbook", "an old Excel workbook, so rename it to end in .xls"),
    b"ARROW1": ("arrow", "a Feather file, so rename it to end in .feather"),
    b"FEA1": ("arrow", "a Feather file, so rename it to end in .feather"),
    b"ORC": ("orc", "an ORC file, so rename it to end in .orc"),
}
BINARY_KINDS = {"parquet": "Parquet file", "workbook": "workbook", "orc": "ORC file"}
PANDAS_CONVERSION_CODE = "import pandas; pandas.{reader}({file}).to_parquet({target})"
PANDAS_READERS_BY_SUFFIX = {  # suffix: the pandas function that reads it, and a package that it needs
    "dta": ("read_stata", ""),
    "sas7bdat": ("read_sas", ""),
    "xpt": ("read_sas", ""),
    "sav": ("read_spss", "pyreadstat"),
    "pkl": ("read_pickle", ""),
    "pickle": ("read_pickle", ""),
}
R_READERS = {"rds": "readRDS({file})", "rda": "get(load({file}))", "rdata": "get(load({file}))"}
LOGIN = re.compile(r"type=[\"']?password|log[ -]?in|sign[ -]?in|anmelden|connexion", re.IGNORECASE)
WEB_PAGE = re.compile(r"<(?:!doctype html|html|head|body|table|meta|script|div)\b", re.IGNORECASE)
TABLE = re.compile(r"<t[rd]\b", re.IGNORECASE)
XML_TAG = re.compile(r"</[A-Za-z_][\w.:-]*>|/>")
JSON_OBJECT = re.compile(r"\[?\s*\{\s*(?:\"(?:[^\"\\]|\\.)*\"\s*:|\})")


def detect_file_kind(path: Path) -> str:
    """Return the kind of a file: one of ``SUFFIXES_BY_KIND``, ``database`` or ``zip``.

    Raises
    ------
    ClvError
        If its name says another kind than its content, or it is of no kind that is read.
    """
    if detect_database_kind(path):
        return "database"
    compressed = has_compressed_suffix(path)
    suffix = path.name.lower().removesuffix(path.suffix.lower() if compressed else "").rpartition(".")[2]
    if suffix == "zip" and not compressed and zipfile.is_zipfile(path) and _identify_zip(path)[0] == "zip":
        return "zip"
    for kind, suffixes in SUFFIXES_BY_KIND.items():
        if suffix in suffixes and (not compressed or path.suffix.lower() in COMPRESSED_SUFFIXES_BY_KIND.get(kind, ())):
            _check_content(path, kind)
            return kind
    raise ClvError(_advise_conversion(path, suffix))


def _advise_conversion(path: Path, suffix: str) -> str:
    target = path.with_suffix(".parquet")
    if suffix in PANDAS_READERS_BY_SUFFIX:
        reader, package = PANDAS_READERS_BY_SUFFIX[suffix]
        code = PANDAS_CONVERSION_CODE.format(reader=reader, file=json.dumps(str(path)), target=json.dumps(str(target)))
        install = f"pip install {package} and " if package else ""
        return f"'{path}' is not read as it is: type {install}python -c {shlex.quote(code)}, then data.path='{target}'"
    if suffix in R_READERS:
        target = path.with_suffix(".csv")
        rows = R_READERS[suffix].format(file=json.dumps(str(path)))
        code = f"write.csv({rows}, {json.dumps(str(target))}, row.names = FALSE)"
        return f"'{path}' is not read as it is: type Rscript -e {shlex.quote(code)}, then data.path='{target}'"
    if suffix in DATABASE_SUFFIXES:
        return f"'{path}' is no database of DuckDB or SQLite: save its table as CSV (data.path)"
    with path.open("rb") as stream:
        if markup := describe_non_csv_text(stream.read(HEAD_BYTES).decode("utf-8", errors="replace")):
            return f"'{path}' is {markup} (data.path)"
    endings = ", .".join(suffix for suffixes in SUFFIXES_BY_KIND.values() for suffix in suffixes)
    return (
        f"'{path}' is of no kind that is read: its name must end in .{endings}, .csv.gz (.bz2, .xz, .zst) or .zip, "
        "or it must be a DuckDB or SQLite database; unpack it, or save it as one of them (data.path)"
    )


def _check_content(path: Path, kind: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    content: str | None = None
    advice = ""
    if head.startswith(b"PK\x03\x04"):
        content, advice = _identify_zip(path)
    for magic, (magic_kind, description) in MAGIC.items():
        if head.startswith(magic) and (magic_kind != "orc" or kind != "csv"):  # a header may begin with ORC
            content, advice = magic_kind, description
    is_gzip = path.suffix.lower() == ".gz"
    if content and content != ("gzip" if is_gzip else kind):
        raise ClvError(f"'{path}' is {advice} (data.path)")
    if not content and kind in BINARY_KINDS:
        if markup := describe_non_csv_text(head.decode("utf-8", errors="replace")):
            raise ClvError(f"'{path}' is {markup} (data.path)")
        raise ClvError(
            f"'{path}' is no {BINARY_KINDS[kind]}, whatever its name; if it is text, rename it to end in .csv "
            "(data.path)"
        )


def _identify_zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "workbook", "a damaged workbook or zip archive"
    if any(name.startswith("xl/") for name in names):
        return "workbook", "an Excel workbook, so rename it to end in .xlsx"
    if "content.xml" in names:
        return "workbook", "an OpenDocument workbook, so rename it to end in .ods"
    return "zip", "a zip archive, so rename it to end in .zip, or unpack it"


def describe_non_csv_text(text: str) -> str | None:
    """Say what text is that is neither CSV nor a workbook, and what to do about it.

    Parameters
    ----------
    text : str
        Its first thousands of characters.

    Returns
    -------
    str, optional
        Such as "a web page (HTML), ...", to follow "it is"; None if it may be a table.
    """
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("%PDF"):
        return "a PDF document, not a table: export the orders as CSV or as a workbook"
    if start.startswith("<"):
        return _describe_tags(start)
    if JSON_OBJECT.match(start) or start.startswith("[["):
        return "JSON, not CSV, so rename it to end in .json, or in .jsonl if each line is an object"
    return None


def _describe_tags(text: str) -> str | None:
    if WEB_PAGE.search(text):
        if TABLE.search(text):
            return "a web page (HTML) with a table: open it in Excel or LibreOffice and save it as .xlsx or .csv"
        if LOGIN.search(text):
            return "a web page (HTML) that asks to log in: do so in a browser and download the file again"
        return "a web page (HTML), not the file itself: download that (on GitHub by its button Raw)"
    if "urn:schemas-microsoft-com:office:spreadsheet" in text:
        return "a workbook written as XML: open it in Excel or LibreOffice and save it as .xlsx"
    if text.startswith(("<?xml", "<!--")) or XML_TAG.search(text):
        return "XML, not CSV: export the orders as CSV or as a workbook"
    return None
