"""What a text file is compressed with and written in: its bytes, and their encoding."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from clv_experiments.errors import ClvError

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
BINARY_CHARACTERS = re.compile("[\x00]")
BINARY_IN_FALLBACK = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")  # any bytes are valid latin-1; 1a ends files of DOS


def open_binary(path: Path) -> BinaryIO:
    """Open a file, unpacked if its name ends in .gz."""
    return cast(BinaryIO, gzip.open(path) if is_compressed(path) else path.open("rb"))


def is_compressed(path: Path) -> bool:
    """Return whether a file is compressed by gzip, as its name says."""
    return path.suffix.lower() == GZIP_SUFFIX


def check_encoding(encoding: str | None) -> str | None:
    """Return the name of an encoding as it is used here, and refuse an unknown one."""
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


def find_encoding(path: Path, encoding: str | None) -> str:
    """Detect the encoding of the whole file, or check the one that is given."""
    try:
        with open_binary(path) as stream:
            head = stream.read(4)
        marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
        declared = encoding or marked
        for candidate in [declared] if declared else [UTF_8, *FALLBACKS]:
            binary = BINARY_CHARACTERS if declared or candidate == UTF_8 else BINARY_IN_FALLBACK
            try:
                _scan(path, candidate, binary)
            except UnicodeError as error:
                reason = getattr(error, "reason", error)
            else:
                return candidate
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ClvError(f"'{path}' is damaged, cut short or not compressed by gzip: {error}") from error
    raise ClvError(
        f"'{path}' is not written in {declared}: {reason}; type data.source.encoding=<its encoding>, or null to find it"
    )


def _scan(path: Path, encoding: str, binary: re.Pattern[str]) -> None:
    """Decode the whole file, and refuse characters that no text has."""
    decoder = codecs.getincrementaldecoder(encoding)()
    ended = False
    with open_binary(path) as stream:
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
