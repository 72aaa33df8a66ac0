"""What a text file is compressed with and written in: its bytes, and their encoding."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import shlex
import zlib
from collections.abc import Callable, Mapping
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NoReturn, cast

import pyarrow as pa

from clv_experiments.errors import ClvError

UTF_8_SIG = "utf-8-sig"  # with or without a byte order mark
FALLBACKS = ("cp1252", "latin-1")
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: UTF_8_SIG,
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
OPENERS: Mapping[str, Callable[[Path], Any]] = MappingProxyType(  # by the end of a file's name
    {
        ".gz": gzip.open,
        ".bz2": bz2.open,
        ".xz": lzma.open,
        ".zst": lambda path: BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")),
    }
)
DAMAGE = (gzip.BadGzipFile, lzma.LZMAError, EOFError, zlib.error)
BLOCK_BYTES = 1 << 20
HEAD_BYTES = 4096  # tell the encoding
LINE_END = re.compile("[\r\n]")
NUL = "\x00"
MIN_NULS = 0.2  # of the bytes of UTF-16, in any language of the west
BINARY_IN_FALLBACK = re.compile("[\x01-\x08\x0e-\x19\x1b-\x1f]")  # any bytes are valid latin-1; 1a ends files of DOS


def open_binary(path: Path) -> BinaryIO:
    """Open a file, unpacked if its name says that it is compressed."""
    return cast(BinaryIO, OPENERS[path.suffix.lower()](path) if has_compressed_suffix(path) else path.open("rb"))


def has_compressed_suffix(path: Path) -> bool:
    """Return whether a file is compressed by gzip, bzip2, xz or Zstandard, as its name says."""
    return path.suffix.lower() in OPENERS


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
    return UTF_8_SIG if codecs.lookup(encoding).name in ("utf-8", "ascii") else encoding


def find_encoding(path: Path, encoding: str | None) -> tuple[str, int]:
    """Detect the encoding of the whole file, or check the one that is given.

    Returns
    -------
    str
        The encoding, as Python has it.
    int
        Characters of the longest line, where it has more than a block; else any smaller number.
    """
    try:
        with open_binary(path) as stream:
            head = stream.read(HEAD_BYTES)
        marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), None)
        declared = encoding or marked or _detect_utf16_or_utf32(head)
        for candidate in [declared] if declared else [UTF_8_SIG, *FALLBACKS]:
            try:
                return candidate, _measure_longest_line(path, candidate, candidate in FALLBACKS and not declared)
            except UnicodeError as error:
                reason = getattr(error, "reason", error)
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and not isinstance(error, DAMAGE) and error.errno:
            raise
        raise ClvError(f"'{path}' is damaged, cut short or not compressed as its name says: {error}") from error
    raise ClvError(
        f"'{path}' is not written in {declared}: {reason}; type data.source.encoding=<its encoding>, or null to find it"
    )


def _detect_utf16_or_utf32(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32 without a mark, in which most characters have bytes of zero in one position."""
    for name, width in (("utf-32", 4), ("utf-16", 2)):
        for order, filled in (("le", 0), ("be", width - 1)):
            zeros = [head[position::width].count(0) for position in range(width)]
            others = [count for position, count in enumerate(zeros) if position != filled]
            if len(head) >= width and not zeros[filled] and min(others) >= MIN_NULS * width * len(head[::width]):
                return f"{name}-{order}"
    return None


def _measure_longest_line(path: Path, encoding: str, refuses_controls: bool) -> int:
    """Decode the whole file, refuse characters that no text has, and return the length of a line above a block."""
    decoder = codecs.getincrementaldecoder(encoding)()
    ended, longest, length = False, 0, 0
    with open_binary(path) as stream:
        while not ended:
            block = stream.read(BLOCK_BYTES)
            ended = not block
            text = decoder.decode(block, final=ended)
            match = BINARY_IN_FALLBACK.search(text) if refuses_controls else None
            if match or NUL in text:
                _refuse_binary(path, match[0] if match else NUL)
            end = max(text.rfind("\n"), text.rfind("\r"))
            length += len(text) if end < 0 else len(LINE_END.split(text, 1)[0])
            longest = max(longest, length)
            length = length if end < 0 else len(text) - end - 1
    return longest


def _refuse_binary(path: Path, character: str) -> NoReturn:
    advice = ""
    if character == NUL and not has_compressed_suffix(path):
        target = path.with_name(f"clean_{path.name}")
        advice = f"; if they are strays, type tr -d '\\000' < {shlex.quote(str(path))} > {shlex.quote(str(target))}"
    raise ClvError(
        f"'{path}' is no plain text: it holds characters {ord(character):#04x}{advice}; if it is of another encoding, "
        "type data.source.encoding=<its encoding>"
    )
