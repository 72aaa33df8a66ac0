"""CSV files of any usual encoding and separator, checked line by line so that every engine reads them alike."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO, TextIOWrapper
from itertools import islice, takewhile
from pathlib import Path
from typing import BinaryIO, cast

from clv_experiments.data.sources.header import check_header
from clv_experiments.errors import ClvError

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
UTF_8 = "utf-8-sig"  # with or without a byte order mark
FALLBACKS = ("cp1252", "latin-1")
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
GZIP_SUFFIX = ".gz"
BLOCK_BYTES = 1 << 20
SAMPLE_CHARACTERS = 1 << 16  # to find the separator
SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)  # an optional first line of Excel
BINARY_CHARACTERS = re.compile("[\x00]")
BINARY_IN_FALLBACK = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")  # any bytes are valid latin-1; 1a ends files of DOS


@dataclass(frozen=True)
class CsvFile:
    """A CSV file and its format.

    Attributes
    ----------
    path : Path
    encoding, separator : str
    columns : tuple of str
        Names in the header.
    is_plain : bool
        Whether every engine reads the file as it is: UTF-8 without mark, not compressed, no quote, no carriage return,
        no separator line and no unnamed column.
    has_separator_line : bool
        Whether a line before the header names the separator.
    unnamed : int
        Number of empty columns without a name at the end, which trailing separators make; they are left out.
    """

    path: Path
    encoding: str
    separator: str
    columns: tuple[str, ...]
    is_plain: bool
    has_separator_line: bool
    unnamed: int

    def check(self) -> int:
        """Check all lines and count the rows.

        Returns
        -------
        int

        Raises
        ------
        ClvError
            If a line has more or fewer cells than the header, a value in a column without a name, or an unclosed quote.
        """
        return sum(1 for _ in self._rows())

    def write(self, target: Path, separator: str) -> int:
        """Check all lines, count the rows and write a copy in UTF-8 with every cell quoted, line by line."""
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(self.columns)
            rows = 0
            for row in self._rows():
                writer.writerow(row)
                rows += 1
        return rows

    def _rows(self) -> Iterator[list[str]]:
        with TextIOWrapper(_open(self.path), self.encoding, newline="") as lines:
            records = csv.reader(lines, delimiter=self.separator, skipinitialspace=True, strict=True)
            skipped = 1 if self.has_separator_line and lines.readline() else 0
            named, line, in_header = len(self.columns), skipped + 1, True
            width = named + self.unnamed
            try:
                for row in records:
                    if row and len(row) != width:
                        raise ClvError(
                            f"line {line} of '{self.path}' has {len(row)} cell(s) where the header has {width}; "
                            f"correct the line, or quote cells that hold the separator "
                            f"({_separator_name(self.separator)})"
                        )
                    for position, cell in enumerate(row[named:], start=named + 1):
                        if cell.strip():
                            raise ClvError(
                                f"line {line} of '{self.path}' has '{cell[:60]}' in column {position}, which has no "
                                "name; the first line must name every column"
                            )
                    if row and not in_header:
                        yield row[:named]
                    in_header = in_header and not row
                    line = skipped + records.line_num + 1
            except csv.Error as error:
                raise ClvError(
                    f"line {line} of '{self.path}' has a quote that is never closed, or text behind a closing one "
                    f"({error}); close it, and write a quote inside quotes twice"
                ) from error


def inspect_csv(path: Path, separator: str | None = None, encoding: str | None = None) -> CsvFile:
    """Detect the encoding, the separator and the header of a CSV file.

    Parameters
    ----------
    path : Path
        A file, compressed by gzip if its name ends in .gz.
    separator : str, optional
        One character, or one of the names in ``SEPARATORS``; by default the one that a first line ``sep=;`` names, else
        the usual one that splits the header into at least two cells and fits the first rows best.
    encoding : str, optional
        Python's name of it; by default that of the byte order mark, else UTF-8, else cp1252, else latin-1.

    Returns
    -------
    CsvFile

    Raises
    ------
    ClvError
        If the file is empty, damaged or no text, is not in the encoding, or its header has only one column, one without
        a name or two of the same name; or if the encoding or separator is unknown.
    """
    separator = _parse_separator(separator)
    encoding, is_plain = _find_encoding(path, _check_encoding(encoding))
    with TextIOWrapper(_open(path), encoding, newline="") as text:
        sample = text.read(SAMPLE_CHARACTERS)
        separator_line = SEPARATOR_LINE.match(sample)
        if separator_line:
            sample = sample[separator_line.end() :] + text.read(separator_line.end())
            separator = separator or _parse_separator(separator_line[1])
    if not sample.strip():
        raise ClvError(f"'{path}' is empty")
    columns, separator = _find_header(path, sample, separator)
    unnamed = len(list(takewhile(lambda name: not name.strip(), reversed(columns[1:]))))
    columns = columns[: len(columns) - unnamed]
    check_header(columns, f"'{path}'")
    # Engines differ in how they treat a blank first line.
    is_plain = is_plain and not sample.startswith("\n") and not separator_line and not unnamed
    return CsvFile(path, encoding, separator, tuple(columns), is_plain, bool(separator_line), unnamed)


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if path.suffix.lower() == GZIP_SUFFIX else path.open("rb"))


def _parse_separator(separator: str | None) -> str | None:
    if separator is None:
        return None
    character = SEPARATORS.get(separator, "\t" if separator == "\\t" else separator)
    if len(character) != 1 or character in '"\r\n':
        raise ClvError(
            f"a separator is one character or {', '.join(SEPARATORS)}, got '{separator}' (data.source.separator)"
        )
    return character


def _check_encoding(encoding: str | None) -> str | None:
    if encoding is None:
        return None
    try:
        TextIOWrapper(BytesIO(), encoding)
    except LookupError as error:
        raise ClvError(
            f"there is no text encoding '{encoding}' (data.source.encoding); usual ones are utf-8, cp1252, latin-1, "
            "utf-16"
        ) from error
    return UTF_8 if codecs.lookup(encoding).name in ("utf-8", "ascii") else encoding


def _find_encoding(path: Path, encoding: str | None) -> tuple[str, bool]:
    """Detect the encoding, unless it is given, and whether the file is plain as far as its characters go."""
    try:
        with _open(path) as stream:
            head = stream.read(4)
        marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
        given = encoding or marked
        for candidate in [given] if given else [UTF_8, *FALLBACKS]:
            binary = BINARY_IN_FALLBACK if not given and candidate in FALLBACKS else BINARY_CHARACTERS
            try:
                is_plain = _scan(path, candidate, binary)
            except UnicodeError as error:
                reason = getattr(error, "reason", error)
            else:
                is_plain = is_plain and candidate == UTF_8 and not marked and path.suffix.lower() != GZIP_SUFFIX
                return candidate, is_plain
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ClvError(f"'{path}' is damaged, cut short or not compressed by gzip: {error}") from error
    raise ClvError(
        f"'{path}' is not written in {given}: {reason}; type data.source.encoding=<its encoding>, or null to find it"
    )


def _scan(path: Path, encoding: str, binary: re.Pattern[str]) -> bool:
    """Decode the whole file and return whether it has neither quotes nor carriage returns."""
    decoder = codecs.getincrementaldecoder(encoding)()
    is_plain, ended = True, False
    with _open(path) as stream:
        while not ended:
            block = stream.read(BLOCK_BYTES)
            ended = not block
            text = decoder.decode(block, final=ended)
            match = binary.search(text)
            if match:
                raise ClvError(
                    f"'{path}' is not text: it holds the character {ord(match[0]):#04x}; if it is UTF-16 without a "
                    "mark, type data.source.encoding=utf-16-le"
                )
            is_plain = is_plain and '"' not in text and "\r" not in text
    return is_plain


def _find_header(path: Path, sample: str, given: str | None) -> tuple[list[str], str]:
    records = {mark: _first_records(sample, mark) for mark in {given or ",", *SEPARATORS.values()}}
    headers = {mark: rows[0] for mark, rows in records.items()}

    def fit(mark: str) -> tuple[bool, float, int]:
        width = len(headers[mark])
        matches = sum(len(row) == width for row in records[mark])
        return width > 1, matches / len(records[mark]), width

    best = max(SEPARATORS.values(), key=fit)
    if given and len(headers[given]) == 1 and len(headers[best]) > 1:
        name = next(name for name, mark in SEPARATORS.items() if mark == best)
        raise ClvError(
            f"'{path}' has one column only with the separator {_separator_name(given)}, and {len(headers[best])} with "
            f"{_separator_name(best)}: type data.source.separator={name}, or null to find it"
        )
    separator = given or best
    if len(headers[separator]) == 1:
        raise ClvError(
            f"'{path}' has one column only, '{headers[separator][0]}'; a customer, a date and an amount are needed: if "
            "another character stands between them, type data.source.separator=<that character>"
        )
    return headers[separator], separator


def _first_records(sample: str, separator: str) -> list[list[str]]:
    reader = csv.reader(StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
    records = list(islice(filter(None, reader), 100))
    return records[:-1] if len(sample) == SAMPLE_CHARACTERS and len(records) > 1 else records  # the last may be cut


def _separator_name(separator: str) -> str:
    return next((name for name, mark in SEPARATORS.items() if mark == separator), f"'{separator}'")
