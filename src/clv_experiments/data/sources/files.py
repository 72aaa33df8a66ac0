"""A log in files: one or many of the same columns, as CSV, Parquet, a workbook, JSON, Feather, ORC or a database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from filecmp import cmp
from glob import glob
from pathlib import Path

import pyarrow as pa

from clv_experiments.data.engine import Engine
from clv_experiments.data.raw import RawTable
from clv_experiments.data.sources.csv_copy import ALL_TEXT, CsvCopy, copy_to_parquet
from clv_experiments.data.sources.csv_encoding import FALLBACKS, OPENERS
from clv_experiments.data.sources.csv_text import CsvFile, inspect_csv
from clv_experiments.data.sources.database import database_file
from clv_experiments.data.sources.file_kinds import SUFFIXES_BY_KIND, detect_file_kind
from clv_experiments.data.sources.header import check_same_header
from clv_experiments.data.sources.other_files import read_json_arrow_or_orc, unpack_only_file
from clv_experiments.data.sources.parquet_files import create_temporary_folder, format_file_list, read_parquet
from clv_experiments.data.sources.workbook import read_workbook, stack_tables
from clv_experiments.errors import ClvError
from clv_experiments.reporting.disk_errors import describe_full_disk, is_disk_full

SETTING_KINDS = {
    "separator": ("csv",),
    "encoding": ("csv",),
    "header": ("csv", "workbook"),
    "sheet": ("workbook",),
    "table": ("database",),
}
MANY_BYTES = 1 << 22  # of CSV files, from which on it pays to look for columns that need no parsing
MAX_QUOTED_CHARACTERS = 60  # characters of a line, in a note
FILE_PLACEHOLDER = "{file}"  # stands for a file in a note about several
PANDAS_READER_EXPRESSIONS = {  # what reads a file of each kind, and finds its separator
    "csv": 'pandas.read_csv({file}, sep=None, engine="python")',
    "parquet": "pandas.read_parquet({file})",
    "workbook": 'pandas.read_excel({file}, engine="calamine")',
    "arrow": "pandas.read_feather({file})",
    "orc": "pandas.read_orc({file})",
}


def files(
    engine: Engine,
    *,
    path: str | None,
    table: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    header: bool | int | None = None,
    sheet: str | None = None,
) -> RawTable:
    """Read one file, or stack all files that match a pattern.

    Parameters
    ----------
    engine : Engine
        What reads the rows.
    path : str
        A file, or a pattern such as ``logs/2024-*.csv``; ``~`` is the home folder, and a relative path starts in the
        current one. The suffix decides the kind (``file_kinds.SUFFIXES``), but a DuckDB or SQLite database is known by
        its content. Of a .zip the only file is read.
    table : str, optional
        Of a database; by default the only one.
    separator : str, optional
        Of a CSV: one character, or comma, semicolon, tab or pipe; by default detected.
    encoding : str, optional
        Of a CSV, as Python names it; by default detected.
    header : bool or int, optional
        Of a CSV or a sheet: whether the first row names the columns, or the number of the row that does; by default
        detected.
    sheet : str, optional
        Of a workbook: a name, or ``*`` to stack all; by default the only one that could be a log.

    Returns
    -------
    RawTable
        The columns as they are named; those of a CSV are text, but where it is long and they are written as plain
        numbers or ISO dates throughout. Notes say what was guessed or left out.

    Raises
    ------
    ClvError
        If there is no such file, it may not be read, is damaged, empty or of another kind than its suffix, a setting
        belongs to another kind, or files to be stacked differ in kind or columns.
    """
    paths = _find_files(path)
    try:
        paths, unpacked = _unpack_single_file_zips(engine, paths)
        kind = _common_kind(paths)
        settings = {"separator": separator, "encoding": encoding, "header": header, "sheet": sheet, "table": table}
        for name, value in settings.items():
            if value is not None and kind not in SETTING_KINDS[name]:
                kinds = " or ".join(SETTING_KINDS[name])
                raise ClvError(f"data.source.{name} is for a {kinds} file, and '{paths[0]}' is none: leave it null")
        if kind == "csv":
            raw = _read_csv(engine, paths, separator, encoding, header)
        elif kind == "parquet":
            raw = read_parquet(engine, paths)
        elif kind == "workbook":
            raw = _read_workbooks(engine, paths, None if sheet is None else str(sheet), header)
        elif kind == "database":
            raw = _read_single_database(engine, paths, table)
        else:
            raw = _read_json_arrow_or_orc_files(engine, paths, kind)
    except PermissionError as error:
        raise ClvError(f"'{error.filename}' may not be read or written: give yourself permission to") from error
    except OSError as error:
        reason = describe_full_disk(error) if is_disk_full(error) else error.strerror or error
        raise ClvError(f"'{error.filename or path}' cannot be read or copied: {reason}") from error
    notes = (f"{len(paths)} files match '{path}' and were stacked",) if len(paths) > 1 else ()
    reader = PANDAS_READER_EXPRESSIONS.get(kind, "").format(file=json.dumps(str(paths[0]), ensure_ascii=False))
    return RawTable(raw.table, (*notes, *unpacked, *raw.notes), reader=reader if len(paths) == 1 and reader else None)


def _find_files(path: str | None) -> list[Path]:
    if path is None or not str(path).strip():
        raise ClvError("data=file needs to know the file of your log: type data.path=orders.csv")
    requested = Path(str(path)).expanduser()
    if requested.is_file():
        return [requested]
    if requested.is_dir():
        return _find_in_folder(requested)
    # Excel keeps a lock file beside an open workbook, whose name begins with ~$.
    matches = sorted(Path(match) for match in glob(str(requested), recursive=True))
    paths = [match for match in matches if match.is_file() and not match.name.startswith("~$")]
    if paths:
        return _drop_empty_refuse_duplicate_files(paths)
    if not requested.parent.is_dir():
        raise ClvError(
            f"there is no file '{path}', for there is no folder '{requested.parent}' in {Path.cwd()} (data.path)"
        )
    near = get_close_matches(requested.name, sorted(os.listdir(requested.parent)), n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else "type data.path=<your file>"
    raise ClvError(f"there is no file '{path}' in {requested.parent.absolute()} (data.path); {advice}")


def _find_in_folder(folder: Path) -> list[Path]:
    """Return the files of a folder that are read, if all are of one kind."""
    endings = {f".{suffix}" for suffixes in SUFFIXES_BY_KIND.values() for suffix in suffixes} | {*OPENERS}
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "_", "~$")))
    paths = [path for path in paths if path.suffix.lower() in endings]
    if len({path.suffix.lower() for path in paths}) == 1:
        return _drop_empty_refuse_duplicate_files(paths)
    held = f"files of several kinds, such as {paths[0].name} and {paths[-1].name}" if paths else "no file that is read"
    raise ClvError(
        f"'{folder}' is a folder with {held}: type a pattern for the files of your log, such as "
        f"data.path='{folder / '*.csv'}'"
    )


def _drop_empty_refuse_duplicate_files(paths: Sequence[Path]) -> list[Path]:
    """Leave out files of no byte beside others, and refuse two of the same content, whose rows would count twice."""
    filled = [path for path in paths if path.stat().st_size] or [*paths]
    by_size: dict[int, list[Path]] = {}
    for path in filled:
        others = by_size.setdefault(path.stat().st_size, [])
        if same := next((other for other in others if cmp(other, path, shallow=False)), None):
            raise ClvError(f"'{path}' holds the same rows as '{same}', which would count twice: remove one (data.path)")
        others.append(path)
    return filled


def _common_kind(paths: Sequence[Path]) -> str:
    kinds = {file: detect_file_kind(file) for file in paths}
    first = paths[0]
    for file, kind in kinds.items():
        if kind != kinds[first]:
            raise ClvError(
                f"'{file}' is a {kind} file and '{first}' a {kinds[first]} file: only one kind can be stacked"
            )
    return kinds[first]


def _read_csv(
    engine: Engine, paths: Sequence[Path], separator: str | None, encoding: str | None, header: bool | int | None
) -> RawTable:
    csv_files = [inspect_csv(path, separator, encoding, header) for path in paths]
    first, folder = csv_files[0], create_temporary_folder(engine)
    for file in csv_files:
        names, first_names = (sorted(map(str.lower, csv_file.columns)) for csv_file in (file, first))
        if names != first_names:
            check_same_header(file.columns, f"'{file.path}'", first.columns, f"'{first.path}'")
    targets = {folder / f"{number}.parquet": file for number, file in enumerate(csv_files)}
    is_long = sum(path.stat().st_size for path in paths) >= MANY_BYTES
    copies = _copy_with_equal_types(targets, None if is_long else ALL_TEXT, first.columns)
    if not any(copy.rows for copy in copies):
        raise ClvError(f"{format_file_list(paths)} has a header but no row")
    left_out = [
        note
        for copy, file in zip(copies, csv_files, strict=True)
        for note in _describe_dropped_headers_and_footers(copy, file)
    ]
    rows = engine.read_parquet([*targets]).select(*first.columns)
    return RawTable(rows, (*_describe_csv_guesses(csv_files, encoding), *left_out))


def _describe_dropped_headers_and_footers(copy: CsvCopy, file: CsvFile) -> Iterable[str]:
    if copy.repeated_headers:
        yield f"{copy.repeated_headers:,} line(s) of '{file.path}' repeat the names of its columns and were left out"
    if copy.footer:
        first = copy.footer[0].strip()[:MAX_QUOTED_CHARACTERS]
        yield f"the last {len(copy.footer)} line(s) of '{file.path}', from '{first}' on, are no rows of its table"


def _copy_with_equal_types(
    targets: Mapping[Path, CsvFile], types: Mapping[str, str] | None, order: Sequence[str]
) -> list[CsvCopy]:
    """Copy files until all copies have the same types."""
    copies: list[CsvCopy] = []
    for target, file in targets.items():
        copies.append(copy_to_parquet(file, target, types, order))
        types = copies[-1].types
    return copies if all(copy.types == types for copy in copies) else _copy_with_equal_types(targets, types, order)


def _describe_csv_guesses(csv_files: Sequence[CsvFile], encoding: str | None) -> Iterable[str]:
    """Say what was guessed, and each thing once for all files that it holds for."""
    guesses = dict.fromkeys(file.encoding for file in csv_files if file.encoding in FALLBACKS and encoding is None)
    for name in guesses:
        source = format_file_list([file.path for file in csv_files if file.encoding == name])
        yield f"{source} is not UTF-8 and was read as {name} (data.source.encoding says otherwise)"
    by_note: dict[str, list[Path]] = {}
    for file in csv_files:
        for note in file.header.notes:
            by_note.setdefault(note.replace(f"'{file.path}'", FILE_PLACEHOLDER), []).append(file.path)
    for note, paths in by_note.items():
        yield note.replace(FILE_PLACEHOLDER, format_file_list(paths))


def _read_workbooks(engine: Engine, paths: Sequence[Path], sheet: str | None, header: bool | int | None) -> RawTable:
    tables: list[pa.Table] = []
    notes: list[str] = []
    for file in paths:
        table, file_notes = read_workbook(file, sheet, header)
        tables.append(table)
        notes += file_notes
        check_same_header(table.column_names, f"'{file}'", tables[0].column_names, f"'{paths[0]}'")
    return RawTable(engine.register_arrow("workbook", stack_tables(tables)), tuple(notes))


def _read_json_arrow_or_orc_files(engine: Engine, paths: Sequence[Path], kind: str) -> RawTable:
    tables, notes = zip(*(read_json_arrow_or_orc(file, kind) for file in paths), strict=True)
    for file, table in zip(paths, tables, strict=True):
        check_same_header(table.column_names, f"'{file}'", tables[0].column_names, f"'{paths[0]}'")
    try:
        rows = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise ClvError(
            f"{format_file_list(paths)} cannot be stacked, since a column differs in type: {error}"
        ) from error
    if rows.num_rows == 0:
        raise ClvError(f"{format_file_list(paths)} has columns but no row")
    return RawTable(engine.register_arrow(kind, rows), tuple(notes[0]))


def _read_single_database(engine: Engine, paths: Sequence[Path], table: str | None) -> RawTable:
    if len(paths) > 1:
        raise ClvError(f"{format_file_list(paths)} are databases, which cannot be stacked: type data.path='{paths[0]}'")
    return database_file(engine, paths[0], table)


def _unpack_single_file_zips(engine: Engine, paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Replace each zip archive by the one file in it, and say so."""
    unpacked, notes = [], []
    for path in paths:
        unpacked.append(path)
        if path.suffix.lower() == ".zip" and detect_file_kind(path) == "zip":
            unpacked[-1] = unpack_only_file(path, create_temporary_folder(engine))
            notes.append(f"'{unpacked[-1].name}' was read, the only file of '{path}'")
    return unpacked, notes
