"""Columns of one name: told apart by a row of names above or below theirs, as under merged cells, or numbered."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from clv_experiments.errors import ClvError

MAX_WIDTH = 2_000  # columns
MIN_GROUPS = 2  # names in a row that groups columns; one alone is a title


def join_header_rows_if_duplicates(
    rows: Sequence[Sequence[str]], kinds: Sequence[Sequence[str]], header: int | None
) -> tuple[list[str] | None, tuple[int, ...]]:
    """Tell columns of one name apart by the words of a row above theirs, each of which may stand over several.

    Parameters
    ----------
    rows : sequence of sequences of str
        Those above the first row of data.
    kinds : sequence of sequences of str
        What their cells look like (see ``cell_kinds.detect_row_kinds``).
    header : int or None
        Index of the row that names the columns; the other may stand above or below it.

    Returns
    -------
    list of str or None
        Such as ``Order id, date, Customer id`` for ``Order, "", Customer`` above ``id, date, id``; None if no two names
        are alike, or that does not tell all of them apart.
    tuple of int
        Indices of the two rows.
    """
    if header is None or not _find_duplicates(rows[header]):
        return None, ()
    for upper in (header - 1, header):
        is_pair = upper >= 0 and upper + 1 < len(rows)
        if is_pair and {*kinds[upper], *kinds[upper + 1]} <= {"text", ""}:
            joined = _join_names(rows[upper], rows[upper + 1])
            if joined:
                return joined, (upper, upper + 1)
    return None, ()


def _join_names(upper: Sequence[str], lower: Sequence[str]) -> list[str] | None:
    if len({name for name in upper if name}) < MIN_GROUPS:
        return None
    twins = _find_duplicates(lower)
    group, joined = "", []
    for position, name in enumerate(lower):
        own = upper[position] if position < len(upper) else ""
        group = own or group
        joined.append(f"{group} {name}".strip() if name.lower() in twins else name or own)
    return None if _find_duplicates(joined) else joined


def number_duplicate_names(names: Sequence[str]) -> list[str]:
    """Return names with a number where several are alike, or differ in case only: ``note_1, note_2``."""
    twins, used = _find_duplicates(names), {name.lower() for name in names}
    numbered, counts = [], Counter[str]()
    for name in names:
        new = name
        while name.lower() in twins and new.lower() in used:
            counts[name.lower()] += 1
            new = f"{name}_{counts[name.lower()]}"
        used.add(new.lower())
        numbered.append(new)
    return numbered


def check_column_count(width: int, where: str, reader: str | None = None) -> None:
    """Refuse a table that is far wider than any log, over which each step would take minutes.

    Parameters
    ----------
    width : int
        Columns.
    where : str
        The file, in quotes, or the sheet of a workbook.
    reader : str, optional
        Of pandas, up to the argument that takes the names of the columns to read.
    """
    if width > MAX_WIDTH:
        code = f'import pandas; pandas.{reader}=["<customer>", "<date>", "<amount>"]).to_parquet("log.parquet")'
        advice = f"type python -c {shlex.quote(code)}, then data.path=log.parquet" if reader else "delete the others"
        raise ClvError(f"{where} has more than {MAX_WIDTH:,} columns, of which a log needs a few: {advice}")


def make_names_unique(names: Sequence[str], where: str) -> tuple[list[str], list[str]]:
    """Return names of which no two are alike and none is blank, and notes on what was changed."""
    check_column_count(len(names), where)
    filled = [name if name.strip() else f"column{position}" for position, name in enumerate(names, start=1)]
    blank = [describe_unnamed_column(k, where) for k, name in enumerate(names, start=1) if not name.strip()]
    numbered = number_duplicate_names(filled)
    return numbered, [*blank, *describe_renamed_columns(filled, numbered, where)]


def describe_unnamed_column(position: int, where: str) -> str:
    """Say what a column without a name is called."""
    return f"column {position} of {where} has no name and is called column{position} here"


def describe_renamed_columns(names: Sequence[str], numbered: Sequence[str], where: str) -> list[str]:
    """Say what columns are called that had one name."""
    new = [f"'{name}'" for old, name in zip(names, numbered, strict=True) if name != old]
    return [f"columns of {where} that have one name are called {', '.join(new)} here, in their order"] if new else []


def _find_duplicates(names: Sequence[str]) -> set[str]:
    return {name for name, count in Counter(name.lower() for name in names if name).items() if count > 1}
