"""Excel and OpenDocument workbooks, as Arrow tables: numbers stay numbers, days stay days, mixtures become text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum

from clv_experiments.data.sources.header import check_header, check_same_header
from clv_experiments.errors import ClvError

ROWS_AT_ONCE = 50_000  # of a sheet, as Python values
EXACT = 2**53  # whole numbers below it are exact in a workbook


def read_workbook(path: Path, sheet: str | None) -> tuple[pa.Table, list[str]]:
    """Read one sheet of a workbook, or all of them stacked.

    Parameters
    ----------
    path : Path
        An .xlsx, .xlsm, .xlsb, .xls or .ods file.
    sheet : str, optional
        Name of the sheet; ``*`` stacks all that are not empty; None takes the first.

    Returns
    -------
    pyarrow.Table
        The first row that is not empty names the columns. A column of numbers is int64 where all are whole, else
        float64; one of days and clock times is timestamp("us"); one of several kinds is text, in which a whole number
        has no decimals. Empty cells are null; empty rows, and columns without name and value, are left out.
    list of str
        What was left out, for the user to see.

    Raises
    ------
    ClvError
        If the workbook is damaged or locked by a password, has no such sheet, a sheet is empty or its columns are
        not each named once, or sheets to be stacked have other columns.
    """
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            return _read(workbook, path, sheet)
    except PasswordError as error:
        raise ClvError(f"'{path}' is locked by a password; save it without one, or as CSV") from error
    except CalamineError as error:
        raise ClvError(
            f"'{path}' cannot be read as a workbook: it is damaged, cut short or locked by a password ({error}); open "
            "it in Excel and save it again, or save it as CSV"
        ) from error


def stack(tables: Sequence[pa.Table]) -> pa.Table:
    """Put tables with the same columns below each other; a column of several kinds becomes text."""
    names = tables[0].column_names
    return pa.table({name: _one_kind([piece for table in tables for piece in table[name].chunks]) for name in names})


def _read(workbook: CalamineWorkbook, path: Path, sheet: str | None) -> tuple[pa.Table, list[str]]:
    names = [about.name for about in workbook.sheets_metadata if about.typ == SheetTypeEnum.WorkSheet]
    if not names:
        raise ClvError(f"'{path}' has no sheet of cells; open it in Excel and save it again, or save it as CSV")
    if sheet not in (None, "*") and sheet not in names:
        raise ClvError(f"'{path}' has no sheet '{sheet}' (data.source.sheet); it has {_quoted(names)}")
    wanted = names if sheet == "*" else [sheet] if sheet else names[:1]
    places = {name: f"sheet '{name}' of '{path}'" for name in wanted}
    read = {place: _read_sheet(workbook.get_sheet_by_name(name), place) for name, place in places.items()}
    found = {place: table for place, table in read.items() if table is not None}
    others = [name for name in names if name not in wanted]
    if not found:
        besides = f"; it also has {_quoted(others)}: {_type(others[0])}" if others else ""
        raise ClvError(f"{' and '.join(places.values())} is empty{besides}")
    first, *rest = found
    for place in rest:
        check_same_header(found[place].column_names, place, found[first].column_names, first)
    table = stack(list(found.values()))
    if table.num_rows == 0:
        raise ClvError(f"{' and '.join(found)} has a header but no row")
    left_out = f"{first} was read and {_quoted(others)} left out: {_type(others[0])}, or '*' for all" if others else ""
    return table, [left_out] if left_out and sheet is None else []


def _read_sheet(sheet: CalamineSheet, where: str) -> pa.Table | None:
    rows = (row for row in sheet.iter_rows() if row.count("") < len(row))
    header = next(rows, None)
    if header is None:
        return None
    columns: list[list[pa.Array]] = [[] for _ in header]
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        for pieces, values in zip(columns, zip(*chunk, strict=True), strict=True):
            pieces.append(_typed(values))
    named = [(_text(name), pieces) for name, pieces in zip(header, columns, strict=True)]
    used = [(name, pieces) for name, pieces in named if name or {piece.type for piece in pieces} - {pa.null()}]
    check_header([name for name, _ in used], where)
    return pa.table({name: _one_kind(pieces) for name, pieces in used})


def _typed(values: Sequence[Any]) -> pa.Array:
    found = [None if value == "" else value for value in values]
    kinds = set(map(type, found)) - {type(None)}
    if not kinds:
        return pa.nulls(len(found))
    if kinds <= {float, int}:
        return pa.array(found, pa.float64())
    if kinds == {bool}:
        return pa.array(found, pa.bool_())
    if kinds <= {datetime, date}:
        days = [datetime.combine(value, time()) if type(value) is date else value for value in found]
        return pa.array(days, pa.timestamp("us"))
    return _as_text(found)


def _one_kind(pieces: Sequence[pa.Array]) -> pa.ChunkedArray:
    kinds = {piece.type for piece in pieces} - {pa.null()}
    if not kinds:
        return pa.chunked_array([piece.cast(pa.string()) for piece in pieces], pa.string())
    if kinds <= {pa.float64(), pa.int64()}:
        numbers = pa.chunked_array([piece.cast(pa.float64()) for piece in pieces])
        whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), EXACT))
        return numbers.cast(pa.int64()) if pc.all(whole).as_py() else numbers
    if len(kinds) == 1:
        return pa.chunked_array([piece.cast(*kinds) for piece in pieces])
    return pa.chunked_array([_as_text(piece.to_pylist()) for piece in pieces])


def _as_text(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float | int) and value == int(value) and abs(value) < EXACT:
        return str(int(value))
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value)
    return str(value)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _type(sheet: str) -> str:
    return f"type data.source.sheet=\"'{sheet}'\""
