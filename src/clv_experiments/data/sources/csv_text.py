"""CSV files of any usual encoding and separator: what they are written in, and where their rows begin."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from clv_experiments.data.sources.csv_encoding import (
    UTF_8_SIG,
    check_encoding,
    find_encoding,
    has_compressed_suffix,
    open_binary,
)
from clv_experiments.data.sources.duplicate_names import check_column_count
from clv_experiments.data.sources.file_kinds import describe_non_csv_text
from clv_experiments.data.sources.header import Header, find_header
from clv_experiments.errors import ClvError

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
FALLBACK_SEPARATORS = {"space": " "}  # what R's write.table puts between cells; tried where no other fits
SAMPLE_CHARACTERS = 1 << 16  # to find the separator and the header
SAMPLE_ROWS = 100
SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)  # an optional first line of Excel


@dataclass(frozen=True)
class CsvFile:
    """A CSV file and its format.

    Attributes
    ----------
    path : Path
    encoding, separator : str
    header : Header
    lines_above : int
        Lines before the first row of data: the header, and what stands above it.
    is_readable : bool
        Whether DuckDB reads the file as it is: UTF-8, not compressed, no quotes above the header, and no blanks as
        separators, of which several may stand side by side.
    longest_line : int
        Characters, where it has more than a million.
    """

    path: Path
    encoding: str
    separator: str
    header: Header
    lines_above: int
    is_readable: bool
    longest_line: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are kept."""
        return tuple(name for name in self.header.names if name)


def inspect_csv(
    path: Path, separator: str | None = None, encoding: str | None = None, header: bool | int | None = None
) -> CsvFile:
    """Detect the encoding, the separator and the header of a CSV file.

    Parameters
    ----------
    path : Path
        A file, compressed if its name ends in .gz, .bz2, .xz or .zst.
    separator : str, optional
        One character, or one of the names in ``SEPARATORS`` and ``FALLBACK_SEPARATORS``; by default the one that a
        first line ``sep=;`` names, else the usual one that splits most rows into the same number of cells, of at least
        two.
    encoding : str, optional
        Python's name of it; by default that of the byte order mark, UTF-16 where every other byte is 0, else UTF-8,
        else cp1252, else latin-1.
    header : bool or int, optional
        Whether the first line names the columns, or the number of the line that does; by default found.

    Returns
    -------
    CsvFile

    Raises
    ------
    ClvError
        If the file is empty, damaged or no text, is not in the encoding, is a web page or the like, or has only one
        column or two of the same name; or if the encoding or separator is unknown.
    """
    separator = _parse_separator(separator)
    encoding, longest_line = find_encoding(path, check_encoding(encoding))
    with TextIOWrapper(open_binary(path), encoding, newline="") as text:
        sample = text.read(SAMPLE_CHARACTERS)
        separator_line = SEPARATOR_LINE.match(sample)
        if separator_line:
            sample = sample[separator_line.end() :] + text.read(separator_line.end())
            separator = separator or _parse_separator(separator_line[1])
    if not sample.strip():
        raise ClvError(f"'{path}' is empty")
    if markup := describe_non_csv_text(sample):
        raise ClvError(f"'{path}' is {markup} (data.path)")
    records, separator = _choose_separator(path, sample, separator, 1 + bool(separator_line))
    check_column_count(max(map(len, records.rows)), f"'{path}'", f"read_csv({json.dumps(str(path))}, usecols")
    header_found = find_header(records.rows, f"'{path}'", header, records.starts)
    if len(header_found.names) == 1:
        _refuse_one_column(path, header_found.names[0])
    lines_above = records.starts[header_found.first_row] - 1
    if header_found.row is not None:
        _check_quotes(
            records.texts[header_found.row], separator, f"line {records.starts[header_found.row]} of '{path}'"
        )
    is_readable = (
        encoding == UTF_8_SIG
        and not has_compressed_suffix(path)
        and not separator_line
        and separator != FALLBACK_SEPARATORS["space"]
    )
    is_readable = is_readable and _can_duckdb_skip_preamble(records.texts, header_found)
    return CsvFile(path, encoding, separator, header_found, lines_above, is_readable, longest_line)


def read_records(lines: Iterable[str], separator: str) -> Any:
    """Read the records of a CSV; of several blanks that separate cells, one counts."""
    if separator == FALLBACK_SEPARATORS["space"]:
        lines = (re.sub(" +(?=[\r\n]*$)", "", line) for line in lines)
    return csv.reader(lines, delimiter=separator, skipinitialspace=True)


def describe_quotes(location: str) -> str:
    """Say what is wrong with the quotes of a line."""
    return (
        f"{location} has a quote that is never closed, or text behind a closing one; close it, and write a quote "
        "inside quotes twice"
    )


def name_separator(separator: str) -> str:
    """Return the name that a separator has in settings, or the character in quotes."""
    return next(
        (name for name, mark in (SEPARATORS | FALLBACK_SEPARATORS).items() if mark == separator), f"'{separator}'"
    )


def _can_duckdb_skip_preamble(texts: Sequence[str], header: Header) -> bool:
    """Return whether the rows above the first one of data are lines that end alike, quoted in the header at most."""
    above = texts[: header.first_row]
    if any('"' in text for row, text in enumerate(above) if row != header.row):
        return False
    last = [text[-2:] for text in texts[header.first_row :][:1]]
    return len({re.sub("[^\r\n]", "", text) for text in [*above, *last]} - {""}) <= 1


def _check_quotes(text: str, separator: str, location: str) -> None:
    try:
        list(csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ClvError(describe_quotes(location)) from error


def _parse_separator(separator: str | None) -> str | None:
    if separator is None:
        return None
    character = (SEPARATORS | FALLBACK_SEPARATORS).get(separator, "\t" if separator == "\\t" else separator)
    if len(character) != 1 or character in '"\r\n':
        raise ClvError(
            f"a separator is one character or {', '.join(SEPARATORS)}, got '{separator}' (data.source.separator)"
        )
    return character


@dataclass(frozen=True)
class _FirstRecords:
    """The first records of a file, blank ones included: cells, text, and the line on which each begins.

    There is one start more: the line after the last record.
    """

    rows: list[list[str]]
    texts: list[str]
    starts: list[int]

    def separator_score(self) -> tuple[bool, float, int, int]:
        """Return a key by which the right separator is the greatest: most rows have the same number of cells."""
        widths = [len(row) for row in self.rows if row]
        usual = Counter(widths).most_common(1)[0][0]
        first = widths.index(usual)  # titles end here
        return usual > 1, widths.count(usual) / len(widths[first:]), -first, usual


def _choose_separator(path: Path, sample: str, declared: str | None, line: int) -> tuple[_FirstRecords, str]:
    """Split the sample, which begins on a line, by the separator that is given or fits best."""
    marks = SEPARATORS.values()
    records = {
        mark: _read_first_records(sample, mark, line)
        for mark in {declared or ",", *marks, *FALLBACK_SEPARATORS.values()}
    }
    best = max(marks, key=lambda mark: records[mark].separator_score())
    space = records[" "].separator_score()
    if not records[best].separator_score()[0] and space[:2] == (True, 1.0):
        best = " "
    widths = {mark: max(map(len, records[mark].rows)) for mark in (best, declared or best)}
    if declared and widths[declared] == 1 and widths[best] > 1:
        raise ClvError(
            f"'{path}' has one column only with the separator {name_separator(declared)}, and {widths[best]} with "
            f"{name_separator(best)}: type data.source.separator={name_separator(best)}, or null to find it"
        )
    separator = declared or best
    if widths[separator] == 1:
        _refuse_one_column(path, next(row for row in records[separator].rows if row)[0])
    return records[separator], separator


def _refuse_one_column(path: Path, column: str) -> NoReturn:
    raise ClvError(
        f"'{path}' has one column only, '{column[:60]}'; a customer, a date and an amount are needed: if another "
        "character stands between them, type data.source.separator=<that character>"
    )


def _read_first_records(sample: str, separator: str, line: int) -> _FirstRecords:
    lines = StringIO(sample, newline="").readlines()
    reader = read_records(lines, separator)
    records = _FirstRecords([], [], [line])
    end = 0
    for row in islice(reader, SAMPLE_ROWS):
        records.rows.append(row)
        records.texts.append("".join(lines[end : reader.line_num]))
        end = reader.line_num
        records.starts.append(line + end)
    if len(sample) == SAMPLE_CHARACTERS and end == len(lines) and len(records.rows) > 1:  # the last may be cut
        del records.rows[-1], records.texts[-1], records.starts[-1]
    return records
