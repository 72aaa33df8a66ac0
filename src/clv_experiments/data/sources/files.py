"""The user's own log: one file or many alike, as CSV, Parquet or a workbook."""

from __future__ import annotations

import os
import weakref
import zipfile
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from glob import glob
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.parquet as pq

from clv_experiments.data.engine import Engine
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.csv_text import FALLBACKS, look_at
from clv_experiments.data.sources.header import check_header, check_same_header
from clv_experiments.data.sources.workbook import read_workbook, stack
from clv_experiments.errors import ClvError

SETTINGS = {"separator": "csv", "encoding": "csv", "sheet": "workbook"}


def files(
    engine: Engine,
    *,
    path: str | None,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> RawTable:
    """Read one file, or stack all that a pattern names.

    Parameters
    ----------
    engine : Engine
        What takes the rows in.
    path : str
        A file, or a pattern such as ``logs/2024-*.csv``; ``~`` is the home folder, and a relative path begins where
        the command was typed. The name's ending says the kind: .csv, .txt and .tsv (and these with .gz), .parquet and
        .pq, or .xlsx, .xls, .xlsm, .xlsb and .ods.
    separator : str, optional
        Of a CSV: one character, or comma, semicolon, tab or pipe; by default found.
    encoding : str, optional
        Of a CSV, as Python names it; by default found.
    sheet : str, optional
        Of a workbook: a name, or ``*`` for all, stacked; by default the first.

    Returns
    -------
    Raw
        The columns as they are named; those of a CSV are all text. Notes say what was guessed or left out.

    Raises
    ------
    ClvError
        If there is no such file, it may not be read, is damaged, empty or of another kind than its name says, a
        setting is for another kind, or files that are to be stacked differ in kind or columns.
    """
    found = _matching(path)
    try:
        kind = _one_kind(found)
        for name, value in (("separator", separator), ("encoding", encoding), ("sheet", sheet)):
            if value is not None and SETTINGS[name] != kind:
                raise ClvError(
                    f"data.source.{name} is for a {SETTINGS[name]} file, and '{found[0]}' is none: leave it null"
                )
        if kind == "csv":
            raw = _read_csv(engine, found, separator, encoding)
        elif kind == "parquet":
            raw = _read_parquet(engine, found)
        else:
            raw = _read_workbooks(engine, found, None if sheet is None else str(sheet))
    except PermissionError as error:
        raise ClvError(f"'{error.filename}' may not be read or written: give yourself permission to") from error
    except OSError as error:
        raise ClvError(f"'{error.filename or path}' cannot be read or copied: {error.strerror or error}") from error
    many = (f"{len(found)} files match '{path}' and were stacked",) if len(found) > 1 else ()
    return RawTable(raw.table, (*many, *raw.notes))


def _matching(path: str | None) -> list[Path]:
    if path is None or not str(path).strip():
        raise ClvError("data=file needs to know the file of your log: type data.path=orders.csv")
    given = Path(str(path)).expanduser()
    if given.is_file():
        return [given]
    if given.is_dir():
        raise ClvError(
            f"'{path}' is a folder; type a pattern for the files in it, such as data.path='{given / '*.csv'}'"
        )
    # An open workbook has a shadow whose name begins with ~$.
    matches = sorted(Path(match) for match in glob(str(given), recursive=True))
    found = [match for match in matches if match.is_file() and not match.name.startswith("~$")]
    if found:
        return found
    if not given.parent.is_dir():
        raise ClvError(
            f"there is no file '{path}', for there is no folder '{given.parent}' in {Path.cwd()} (data.path)"
        )
    near = get_close_matches(given.name, sorted(os.listdir(given.parent)), n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else "type data.path=<your file>"
    raise ClvError(f"there is no file '{path}' in {given.parent.absolute()} (data.path); {advice}")


def _one_kind(found: Sequence[Path]) -> str:
    kinds = {file: kind_of(file) for file in found}
    first = found[0]
    for file, kind in kinds.items():
        if kind != kinds[first]:
            raise ClvError(
                f"'{file}' is a {kind} file and '{first}' a {kinds[first]} file: only one kind can be stacked"
            )
    return kinds[first]


def _read_csv(engine: Engine, found: Sequence[Path], separator: str | None, encoding: str | None) -> RawTable:
    texts = [look_at(file, separator, encoding) for file in found]
    first = texts[0]
    readable, rows = [], 0
    for text in texts:
        check_same_header(text.columns, f"'{text.path}'", first.columns, f"'{first.path}'")
        if text.plain and text.separator == first.separator:
            readable.append(_plainly_named(engine, text.path))
            rows += text.check()
        else:
            readable.append(_folder(engine) / "copy.csv")
            rows += text.write(readable[-1], first.separator)
    if rows == 0:
        raise ClvError(f"{_listed(found)} has a header but no row")
    notes = []
    for name in FALLBACKS if encoding is None else ():
        old = [text.path for text in texts if text.encoding == name]
        if old:
            notes.append(f"{_listed(old)} is not UTF-8 and was read as {name} (data.source.encoding says otherwise)")
    return RawTable(engine.read_csv(readable, first.separator, first.columns), tuple(notes))


def _read_parquet(engine: Engine, found: Sequence[Path]) -> RawTable:
    schemas, rows = {}, 0
    for file in found:
        try:
            about = pq.ParquetFile(file)
            schemas[file] = about.schema_arrow
            rows += about.metadata.num_rows
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ClvError(f"'{file}' is damaged, cut short or no Parquet file: {error}") from error
        first = schemas[found[0]]
        check_header(schemas[file].names, f"'{file}'")
        check_same_header(schemas[file].names, f"'{file}'", first.names, f"'{found[0]}'")
        for name in first.names:
            here, there = schemas[file].field(name).type, first.field(name).type
            if here != there:
                raise ClvError(
                    f"column '{name}' is {here} in '{file}' and {there} in '{found[0]}': "
                    "only files of one schema can be stacked"
                )
    if rows == 0:
        raise ClvError(f"{_listed(found)} has columns but no row")
    return RawTable(engine.read_parquet([_plainly_named(engine, file) for file in found]))


def _read_workbooks(engine: Engine, found: Sequence[Path], sheet: str | None) -> RawTable:
    tables, notes = [], []
    for file in found:
        table, said = read_workbook(file, sheet)
        tables.append(table)
        notes += said
        check_same_header(table.column_names, f"'{file}'", tables[0].column_names, f"'{found[0]}'")
    return RawTable(engine.register_arrow("workbook", stack(tables)), tuple(notes))


def _plainly_named(engine: Engine, file: Path) -> Path:
    """Stand in for a file whose name an engine takes for a pattern, or for hidden, by a link."""
    file = file.absolute()
    if not set(file.relative_to(file.anchor).as_posix()) & set("*?[]{}:\\") and not file.name.startswith(("_", ".")):
        return file
    link = _folder(engine) / f"link{file.suffix}"
    link.symlink_to(file)
    return link


def _folder(engine: Engine) -> Path:
    """Make a folder that is deleted with the engine's connection, or at exit."""
    folder = mkdtemp(prefix="clv_experiments_")
    weakref.finalize(engine.connection, rmtree, folder, ignore_errors=True)
    return Path(folder)


def _listed(found: Iterable[Path]) -> str:
    first, *more = found
    return f"'{first}'" + (f" (and {len(more)} more)" if more else "")


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
