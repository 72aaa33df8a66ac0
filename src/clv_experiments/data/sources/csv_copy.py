"""CSV to Parquet, which every engine reads alike: DuckDB parses the rows, and faults are named by line."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from io import StringIO, TextIOWrapper
from operator import and_
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NoReturn

import duckdb
import pyarrow.parquet as pq

from clv_experiments.data.engine import open_in_memory_duckdb, quote_identifier
from clv_experiments.data.sources.csv_encoding import BLOCK_BYTES, open_binary
from clv_experiments.data.sources.csv_text import (
    FALLBACK_SEPARATORS,
    CsvFile,
    describe_quotes,
    name_separator,
    read_records,
)
from clv_experiments.data.sources.csv_types import cast_lossless, find_lossless_types
from clv_experiments.errors import ClvError
from clv_experiments.reporting.disk_errors import describe_full_disk, is_disk_full

PATTERN_CHARACTERS = set("*?[")  # DuckDB takes them for a pattern of many files
ALL_TEXT: Mapping[str, str] = MappingProxyType({})
LOSSY = "lossy: "  # name of the column that tells which type loses something of a row
FOOTER_BYTES, MIN_CELLS = 1 << 13, 3  # of what stands below a table, and of a row that can be told from it
BLANK_CHARACTERS = " \t\r\n\x1a"  # a line of these holds nothing; 1a ends files of DOS
USUAL_LINE = 1 << 20  # bytes; DuckDB reads lines of twice as much, and drops longer ones, some without a word
LONG_LINE = 1 << 28  # what it is told to read where there are such
BYTE_ORDER_MARK = "\ufeff"  # of UTF-8, in the middle of files that were put together
COMPARED_COLUMNS = 100  # of a line that may be the header again
FIRST_FAULT = """
    SELECT error_type, csv_line, line_byte_position - 1 FROM reject_errors
    WHERE trim(csv_line, ?) <> '' ORDER BY line_byte_position LIMIT 1
"""


@dataclass(frozen=True)
class _Utf8Text:
    """What DuckDB reads: the file itself or its rows in UTF-8, the lines to skip in it, and those that it lacks."""

    path: Path
    skipped: int
    missing: int


@dataclass(frozen=True)
class CsvCopy:
    """What was copied of a CSV file.

    Attributes
    ----------
    rows : int
        A blank line is none.
    repeated_headers : int
        Lines further down that are the header again, as in files that were put together; they are left out.
    types : mapping of column to type
        Columns that were copied as numbers or dates, which they are throughout; the others are text.
    footer : tuple of str
        The first cell of each line below the table, such as the day of the export; they are left out.
    """

    rows: int
    repeated_headers: int = 0
    types: Mapping[str, str] = field(default_factory=dict)
    footer: tuple[str, ...] = ()


def copy_to_parquet(
    file: CsvFile, target: Path, types: Mapping[str, str] | None = ALL_TEXT, order: Sequence[str] | None = None
) -> CsvCopy:
    """Copy the columns of a CSV file that have names; an empty cell is null.

    Parameters
    ----------
    file : CsvFile
    target : Path
        The Parquet file to write.
    types : mapping of column to type, optional
        Columns to copy as numbers or dates if that loses nothing of any cell (see ``csv_types``), the others as text;
        by default none, and None tries what the first rows are.
    order : sequence of str, optional
        The same columns in the order of the copy, in any case; by default as they are.

    Returns
    -------
    CsvCopy

    Raises
    ------
    ClvError
        If a line has more or fewer cells than the header, a value in a column without a name, or an unclosed quote.
    """
    with TemporaryDirectory(prefix="clv_experiments_") as folder, open_in_memory_duckdb() as connection:
        connection.execute("SET temp_directory = ?", [folder])
        try:
            text = _ensure_utf8_text(file, Path(folder, "rows.csv"))
            try:
                return _copy_text(connection, file, text, target, types, order)
            except duckdb.InvalidInputException:  # lines end in several ways
                text = _write_text(file, Path(folder, "lines.csv"), newline=None)
                return _copy_text(connection, file, text, target, types, order)
        except duckdb.Error as error:
            reason = describe_full_disk(error) if is_disk_full(error) else str(error).partition("\n")[0]
            raise ClvError(f"'{file.path}' cannot be read as CSV or copied to {folder}: {reason}") from error


def _ensure_utf8_text(file: CsvFile, target: Path) -> _Utf8Text:
    if not file.is_readable:
        return _write_text(file, target, newline="")
    path = file.path.absolute()
    if set(str(path)) & PATTERN_CHARACTERS:
        target.symlink_to(path)
        path = target
    return _Utf8Text(path, file.lines_above, 0)


def _write_text(file: CsvFile, target: Path, newline: str | None) -> _Utf8Text:
    """Write all rows in UTF-8; where ``newline`` is None, every line ends alike."""
    with (
        TextIOWrapper(open_binary(file.path), file.encoding, newline=newline) as source,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        last = ""
        for _ in range(file.lines_above):
            last = source.readline()
        end = last[len(last.rstrip("\r\n")) :]
        if file.separator == FALLBACK_SEPARATORS["space"]:
            csv.writer(copy, delimiter=" ", lineterminator="\n").writerows(read_records(source, file.separator))
            return _Utf8Text(target, 0, file.lines_above)
        copy.write(end)  # shows how lines end, which the first row may not: it may hold other ends in quotes
        while block := source.read(BLOCK_BYTES):
            copy.write(block)
    marks = 1 if end else 0
    return _Utf8Text(target, marks, file.lines_above - marks)


def _copy_text(
    connection: duckdb.DuckDBPyConnection,
    file: CsvFile,
    text: _Utf8Text,
    target: Path,
    types: Mapping[str, str] | None,
    order: Sequence[str] | None,
    longest: int = 0,
) -> CsvCopy:
    longest = max(longest, 4 * file.longest_line)  # bytes
    limits: dict[str, Any] = {"max_line_size": longest} if longest > USUAL_LINE else {}
    names = {f"column{position}": name for position, name in enumerate(file.header.names)}
    rows = connection.read_csv(
        str(text.path),
        columns=dict.fromkeys(names, "VARCHAR"),
        auto_detect=False,
        header=False,
        skiprows=text.skipped,
        sep=file.separator,
        quotechar='"',
        escapechar='"',
        na_values="",
        store_rejects=True,
        **limits,
    )
    named = {column: name for column, name in names.items() if name}
    if order:
        places = {name.lower(): column for column, name in named.items()}
        named = {places[name.lower()]: name for name in order}
    kept = rows.project(", ".join(f"{column} AS {quote_identifier(name)}" for column, name in named.items()))
    types = find_lossless_types(kept) if types is None else types
    misfits = _write_typed(connection, kept, types, target)
    fault = next(iter(connection.execute(FIRST_FAULT, [BLANK_CHARACTERS]).fetchall()), None)
    if fault and "LINE SIZE" in fault[0] and longest < LONG_LINE:
        connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
        return _copy_text(connection, file, text, target, types, order, LONG_LINE)
    footer = _read_footer_cells(file, text, fault[2]) if fault else ()
    if fault and not footer:
        _refuse_line(file, text, *fault)
    empty = [column for position, column in enumerate(names) if file.header.is_empty_column(position)]
    if empty and rows.filter(" OR ".join(f"trim({column}) <> ''" for column in empty)).limit(1).fetchall():
        _refuse_unnamed_column(file)
    while misfits:
        types = {name: kind for name, kind in types.items() if name not in misfits}
        misfits = _write_typed(connection, kept, types, target)
    # No name of a column is a number or a date.
    repeated_headers = 0 if types else _drop_repeated_headers(connection, file, target)
    return CsvCopy(pq.read_metadata(target).num_rows, repeated_headers, types, footer)


def _write_typed(
    connection: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, types: Mapping[str, str], target: Path
) -> set[str]:
    """Write columns of text as these types, and return some of those that would lose something, if any do."""
    lossy = LOSSY
    while any(name.lower().startswith(lossy) for name in rows.columns):
        lossy += LOSSY
    typed = cast_lossless(rows, types, lossy) if types else rows
    typed.write_parquet(str(target), compression="uncompressed")
    if not types:
        return set()
    positions = connection.read_parquet(str(target)).project(quote_identifier(lossy)).distinct().fetchall()
    return {[*types][position] for (position,) in positions if position is not None}


def _drop_repeated_headers(connection: duckdb.DuckDBPyConnection, file: CsvFile, target: Path) -> int:
    """Drop the rows of a copy that are the header again, and return how many they were."""
    if file.header.row is None:
        return 0
    copy = connection.read_parquet(str(target))
    copied = {name.lower(): name for name in copy.columns}
    names = [name.strip(BYTE_ORDER_MARK + " ").lower() for name in file.columns[:COMPARED_COLUMNS]]
    columns = [copied[name.lower()] for name in file.columns[:COMPARED_COLUMNS]]
    blanks = duckdb.ConstantExpression(BYTE_ORDER_MARK + " ")
    trimmed = (duckdb.FunctionExpression("trim", duckdb.ColumnExpression(column), blanks) for column in columns)
    cells = (duckdb.FunctionExpression("lower", cell) for cell in trimmed)
    is_header = reduce(and_, (cell == duckdb.ConstantExpression(name) for cell, name in zip(cells, names, strict=True)))
    repeated: int = copy.filter(is_header).aggregate("count(*)").fetchall()[0][0]
    if repeated:
        others = target.with_suffix(".others")
        copy.filter(is_header.isnull() | ~is_header).write_parquet(str(others), compression="uncompressed")
        others.replace(target)
    return repeated


def _read_footer_cells(file: CsvFile, text: _Utf8Text, position: int) -> tuple[str, ...]:
    """Return the first cell of each line from a byte position on if all are a few, and fill at most half of a row."""
    width = len(file.header.names)
    with text.path.open("rb") as stream:
        stream.seek(position)
        end = stream.read(FOOTER_BYTES + 1)
    if width < MIN_CELLS or len(end) > FOOTER_BYTES:
        return ()
    lines = StringIO(end.decode("utf-8", errors="replace").rstrip(BLANK_CHARACTERS), newline="")
    rows = [[cell for cell in row if cell.strip()] for row in read_records(lines, file.separator)]
    rows = [row for row in rows if row]
    return tuple(row[0] for row in rows) if all(2 * len(row) <= width for row in rows) else ()


def _refuse_line(file: CsvFile, text: _Utf8Text, fault: str, content: str, position: int) -> NoReturn:
    row = content.lstrip("\r\n")
    above = len(content) - len(row)
    location = f"line {text.missing + _count_lines_in_first_bytes(text.path, position + above) + 1} of '{file.path}'"
    if "COLUMNS" not in fault:
        raise ClvError(describe_quotes(location))
    cells = next(csv.reader(StringIO(row, newline=""), delimiter=file.separator, skipinitialspace=True))
    width = len(file.header.names)
    if len(cells) < width:
        advice = "complete the line, or delete it if it is a total or a remark"
    else:
        advice = f"correct the line, or quote cells that hold the separator ({name_separator(file.separator)})"
    raise ClvError(f"{location} has {len(cells)} cell(s) where the header has {width}; {advice}")


def _count_lines_in_first_bytes(path: Path, size: int) -> int:
    """Count the lines that end in the first bytes of a file."""
    feeds = returns = 0
    with path.open("rb") as stream:
        while block := stream.read(min(BLOCK_BYTES, size)):
            feeds += block.count(b"\n")
            returns += block.count(b"\r")
            size -= len(block)
    return feeds or returns


def _refuse_unnamed_column(file: CsvFile) -> NoReturn:
    """Name the first line with a value in a column that has no name."""
    with TextIOWrapper(open_binary(file.path), file.encoding, newline="") as lines:
        for _ in range(file.lines_above):
            lines.readline()
        records = csv.reader(lines, delimiter=file.separator, skipinitialspace=True)
        line = 1
        for row in records:
            for position, cell in enumerate(row):
                if file.header.is_empty_column(position) and cell.strip():
                    raise ClvError(
                        f"line {file.lines_above + line} of '{file.path}' has '{cell[:60]}' in column {position + 1}, "
                        "which has no name; the first line must name every column"
                    )
            line = records.line_num + 1
    raise AssertionError(f"no value in a column without a name of '{file.path}'")
