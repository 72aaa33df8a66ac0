"""Excel and OpenDocument workbooks as Arrow tables: numbers stay numbers, days stay days, mixtures become text."""

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

CHUNK_ROWS = 50_000  # of a sheet, held as Python values
EXACT_INTEGER_LIMIT = 2**53  # a workbook stores whole numbers below it exactly


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
        float64; one of days and times is timestamp("us"); one of several types is text, in which whole numbers have no
        decimals. Empty cells are null; empty rows, and columns without name and value, are left out.
    list of str
        Notes on what was left out, for the user to see.

    Raises
    ------
    ClvError
        If the workbook is damaged or locked by a password, has no such sheet, a sheet is empty, a column has no name of
        its own, or sheets to be stacked differ in their columns.
    """
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            return _read_sheets(workbook, path, sheet)
    except PasswordError as error:
        raise ClvError(f"'{path}' is locked by a password; save it without one, or as CSV") from error
    except CalamineError as error:
        raise ClvError(
            f"'{path}' cannot be read as a workbook: it is damaged, cut short or locked by a password ({error}); open "
            "it in Excel and save it again, or save it as CSV"
        ) from error


def stack_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """Concatenate tables with the same columns; a column of several types becomes text."""
    names = tables[0].column_names
    return pa.table(
        {name: _combine_arrays([piece for table in tables for piece in table[name].chunks]) for name in names}
    )


def _read_sheets(workbook: CalamineWorkbook, path: Path, sheet: str | None) -> tuple[pa.Table, list[str]]:
    names = [metadata.name for metadata in workbook.sheets_metadata if metadata.typ == SheetTypeEnum.WorkSheet]
    if not names:
        raise ClvError(f"'{path}' has no sheet of cells; open it in Excel and save it again, or save it as CSV")
    if sheet not in (None, "*") and sheet not in names:
        raise ClvError(f"'{path}' has no sheet '{sheet}' (data.source.sheet); it has {_quote_names(names)}")
    selected = names if sheet == "*" else [sheet] if sheet else names[:1]
    labels = {name: f"sheet '{name}' of '{path}'" for name in selected}
    sheets = {label: _read_sheet(workbook.get_sheet_by_name(name), label) for name, label in labels.items()}
    tables = {label: table for label, table in sheets.items() if table is not None}
    others = [name for name in names if name not in selected]
    if not tables:
        advice = f"; it also has {_quote_names(others)}: {_advise_sheet(others[0])}" if others else ""
        raise ClvError(f"{' and '.join(labels.values())} is empty{advice}")
    first, *rest = tables
    for label in rest:
        check_same_header(tables[label].column_names, label, tables[first].column_names, first)
    table = stack_tables(list(tables.values()))
    if table.num_rows == 0:
        raise ClvError(f"{' and '.join(tables)} has a header but no row")
    if sheet is not None or not others:
        return table, []
    return table, [f"{first} was read and {_quote_names(others)} left out: {_advise_sheet(others[0])}, or '*' for all"]


def _read_sheet(sheet: CalamineSheet, where: str) -> pa.Table | None:
    rows = (row for row in sheet.iter_rows() if row.count("") < len(row))
    header = next(rows, None)
    if header is None:
        return None
    columns: list[list[pa.Array]] = [[] for _ in header]
    while chunk := list(islice(rows, CHUNK_ROWS)):
        for arrays, values in zip(columns, zip(*chunk, strict=True), strict=True):
            arrays.append(_cell_array(values))
    named = [(_format_cell(name), arrays) for name, arrays in zip(header, columns, strict=True)]
    used = [(name, arrays) for name, arrays in named if name or {array.type for array in arrays} - {pa.null()}]
    check_header([name for name, _ in used], where)
    return pa.table({name: _combine_arrays(arrays) for name, arrays in used})


def _cell_array(values: Sequence[Any]) -> pa.Array:
    cells = [None if value == "" else value for value in values]
    types = set(map(type, cells)) - {type(None)}
    if not types:
        return pa.nulls(len(cells))
    if types <= {float, int}:
        return pa.array(cells, pa.float64())
    if types == {bool}:
        return pa.array(cells, pa.bool_())
    if types <= {datetime, date}:
        times = [datetime.combine(cell, time()) if type(cell) is date else cell for cell in cells]
        return pa.array(times, pa.timestamp("us"))
    return _text_array(cells)


def _combine_arrays(arrays: Sequence[pa.Array]) -> pa.ChunkedArray:
    types = {array.type for array in arrays} - {pa.null()}
    if not types:
        return pa.chunked_array([array.cast(pa.string()) for array in arrays], pa.string())
    if types <= {pa.float64(), pa.int64()}:
        numbers = pa.chunked_array([array.cast(pa.float64()) for array in arrays])
        whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), EXACT_INTEGER_LIMIT))
        return numbers.cast(pa.int64()) if pc.all(whole).as_py() else numbers
    if len(types) == 1:
        return pa.chunked_array([array.cast(*types) for array in arrays])
    return pa.chunked_array([_text_array(array.to_pylist()) for array in arrays])


def _text_array(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _format_cell(value) for value in values], pa.string())


def _format_cell(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float | int) and value == int(value) and abs(value) < EXACT_INTEGER_LIMIT:
        return str(int(value))
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value)
    return str(value)


def _quote_names(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _advise_sheet(sheet: str) -> str:
    return f"type data.source.sheet=\"'{sheet}'\""
