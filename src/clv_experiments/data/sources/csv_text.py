"""CSV files of any usual encoding and separator, checked line by line and handed on as text that no engine misreads."""

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
UTF_8 = "utf-8-sig"  # with or without a mark
FALLBACKS = ("cp1252", "latin-1")
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
GZIP = ".gz"
BLOCK = 1 << 20  # bytes
SAMPLE = 1 << 16  # characters that show the separator
NAMES_SEPARATOR = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)  # Excel's own first line
NO_TEXT = re.compile("[\x00]")
NO_OLD_TEXT = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")  # any bytes are latin-1; 1a ends files of old systems


@dataclass(frozen=True)
class CsvText:
    """A CSV file, and how it is written.

    Attributes
    ----------
    path : Path
    encoding, separator : str
    columns : tuple of str
        Names of its header.
    plain : bool
        Whether every engine reads the file as it is: UTF-8 without mark, not compressed, no quote, no carriage return,
        none of what follows.
    names_separator : bool
        Whether a line before the header names the separator.
    unnamed : int
        Empty columns without a name, which a separator at the end of every line makes; they are left out.
    """

    path: Path
    encoding: str
    separator: str
    columns: tuple[str, ...]
    plain: bool
    names_separator: bool
    unnamed: int

    def check(self) -> int:
        """Go through all lines and count the rows.

        Raises
        ------
        ClvError
            If a line has more or fewer cells than the header, or something in a column without a name, or a quote is
            not closed.
        """
        return sum(1 for _ in self._rows())

    def write(self, target: Path, separator: str) -> int:
        """Check likewise, and write a copy in UTF-8 whose every cell is quoted; only one line at a time is held."""
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(self.columns)
            rows = 0
            for row in self._rows():
                writer.writerow(row)
                rows += 1
        return rows

    def _rows(self) -> Iterator[list[str]]:
        with TextIOWrapper(_opened(self.path), self.encoding, newline="") as lines:
            records = csv.reader(lines, delimiter=self.separator, skipinitialspace=True, strict=True)
            before = 1 if self.names_separator and lines.readline() else 0
            named, line, in_header = len(self.columns), before + 1, True
            width = named + self.unnamed
            try:
                for row in records:
                    if row and len(row) != width:
                        raise ClvError(
                            f"line {line} of '{self.path}' has {len(row)} cell(s) where the header has {width}; "
                            f"correct the line, or quote cells that hold the separator ({_named(self.separator)})"
                        )
                    for place, cell in enumerate(row[named:], start=named + 1):
                        if cell.strip():
                            raise ClvError(
                                f"line {line} of '{self.path}' has '{cell[:60]}' in column {place}, which has no name; "
                                "the first line must name every column"
                            )
                    if row and not in_header:
                        yield row[:named]
                    in_header = in_header and not row
                    line = before + records.line_num + 1
            except csv.Error as error:
                raise ClvError(
                    f"line {line} of '{self.path}' has a quote that is never closed, or text behind a closing one "
                    f"({error}); close it, and write a quote inside quotes twice"
                ) from error


def look_at(path: Path, separator: str | None = None, encoding: str | None = None) -> CsvText:
    """Find out how a CSV file is written.

    Parameters
    ----------
    path : Path
        A file, compressed by gzip if its name ends in .gz.
    separator : str, optional
        One character, or one of the names in ``SEPARATORS``; by default what a first line ``sep=;`` names, else the
        usual one that gives the header at least two cells and fits the first rows best.
    encoding : str, optional
        As Python names it; by default that of the byte order mark, else UTF-8, else cp1252, else latin-1.

    Raises
    ------
    ClvError
        If the file is empty, damaged or no text, does not have the encoding, or its header has one column only, one
        without a name or two with the same; or if there is no such encoding or separator.
    """
    separator = _one_character(separator)
    encoding, plain = _find_encoding(path, _known_encoding(encoding))
    with TextIOWrapper(_opened(path), encoding, newline="") as text:
        sample = text.read(SAMPLE)
        naming = NAMES_SEPARATOR.match(sample)
        if naming:
            sample = sample[naming.end() :] + text.read(naming.end())
            separator = separator or _one_character(naming[1])
    if not sample.strip():
        raise ClvError(f"'{path}' is empty")
    columns, separator = _find_header(path, sample, separator)
    unnamed = len(list(takewhile(lambda name: not name.strip(), reversed(columns[1:]))))
    columns = columns[: len(columns) - unnamed]
    check_header(columns, f"'{path}'")
    # Engines differ in what a blank first line is.
    plain = plain and not sample.startswith("\n") and not naming and not unnamed
    return CsvText(path, encoding, separator, tuple(columns), plain, bool(naming), unnamed)


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if path.suffix.lower() == GZIP else path.open("rb"))


def _one_character(separator: str | None) -> str | None:
    if separator is None:
        return None
    character = SEPARATORS.get(separator, "\t" if separator == "\\t" else separator)
    if len(character) != 1 or character in '"\r\n':
        raise ClvError(
            f"a separator is one character or {', '.join(SEPARATORS)}, got '{separator}' (data.source.separator)"
        )
    return character


def _known_encoding(said: str | None) -> str | None:
    if said is None:
        return None
    try:
        TextIOWrapper(BytesIO(), said)
    except LookupError as error:
        raise ClvError(
            f"there is no text encoding '{said}' (data.source.encoding); usual ones are utf-8, cp1252, latin-1, utf-16"
        ) from error
    return UTF_8 if codecs.lookup(said).name in ("utf-8", "ascii") else said


def _find_encoding(path: Path, said: str | None) -> tuple[str, bool]:
    """Find the encoding, and whether the file is plain."""
    try:
        with _opened(path) as stream:
            begin = stream.read(4)
        marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if begin.startswith(mark)), None)
        given = said or marked
        for encoding in [given] if given else [UTF_8, *FALLBACKS]:
            try:
                text_only = _scan(path, encoding, NO_OLD_TEXT if not given and encoding in FALLBACKS else NO_TEXT)
            except UnicodeError as error:
                wrong = getattr(error, "reason", error)
            else:
                plain = text_only and encoding == UTF_8 and not marked and path.suffix.lower() != GZIP
                return encoding, plain
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ClvError(f"'{path}' is damaged, cut short or not compressed by gzip: {error}") from error
    raise ClvError(
        f"'{path}' is not written in {given}: {wrong}; type data.source.encoding=<its encoding>, or null to find it"
    )


def _scan(path: Path, encoding: str, no_text: re.Pattern[str]) -> bool:
    """Decode the whole file and tell whether it is without quotes and carriage returns."""
    decoder = codecs.getincrementaldecoder(encoding)()
    simple, ended = True, False
    with _opened(path) as stream:
        while not ended:
            block = stream.read(BLOCK)
            ended = not block
            text = decoder.decode(block, final=ended)
            strange = no_text.search(text)
            if strange:
                raise ClvError(
                    f"'{path}' is not text: it holds the character {ord(strange[0]):#04x}; if it is UTF-16 without a "
                    "mark, type data.source.encoding=utf-16-le"
                )
            simple = simple and '"' not in text and "\r" not in text
    return simple


def _find_header(path: Path, sample: str, said: str | None) -> tuple[list[str], str]:
    tried = {mark: _first_records(sample, mark) for mark in {said or ",", *SEPARATORS.values()}}
    headers = {mark: records[0] for mark, records in tried.items()}

    def fit(mark: str) -> tuple[bool, float, int]:
        width = len(headers[mark])
        alike = sum(len(record) == width for record in tried[mark])
        return width > 1, alike / len(tried[mark]), width

    best = max(SEPARATORS.values(), key=fit)
    if said and len(headers[said]) == 1 and len(headers[best]) > 1:
        name = next(name for name, mark in SEPARATORS.items() if mark == best)
        raise ClvError(
            f"'{path}' has one column only with the separator {_named(said)}, and {len(headers[best])} with "
            f"{_named(best)}: type data.source.separator={name}, or null to find it"
        )
    separator = said or best
    if len(headers[separator]) == 1:
        raise ClvError(
            f"'{path}' has one column only, '{headers[separator][0]}'; a customer, a date and an amount are needed: if "
            "another character stands between them, type data.source.separator=<that character>"
        )
    return headers[separator], separator


def _first_records(sample: str, separator: str) -> list[list[str]]:
    records = csv.reader(StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True)
    found = list(islice(filter(None, records), 100))
    return found[:-1] if len(sample) == SAMPLE and len(found) > 1 else found  # the last may be cut


def _named(separator: str) -> str:
    return next((name for name, mark in SEPARATORS.items() if mark == separator), f"'{separator}'")
