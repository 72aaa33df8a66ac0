"""Excel and OpenDocument workbooks as Arrow tables: numbers stay numbers, days stay days, mixtures become text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from clv_experiments.data.sources.database_tables import resembles_log
from clv_experiments.data.sources.header import check_same_header
from clv_experiments.data.sources.sheet_rows import SheetRows
from clv_experiments.errors import ClvError

CHUNK_ROWS = 50_000  # of a sheet, held as Python values
MIN_COLUMNS = 3  # of a log: a customer, a date and an amount
EXACT_INTEGER_LIMIT = 2**53  # a workbook stores whole numbers below it exactly


def read_workbook(path: Path, sheet: str | None, header: bool | int | None = None) -> tuple[pa.Table, list[str]]:
    """Read one sheet of a workbook, or all of them stacked.

    Parameters
    ----------
    path : Path
        An .xlsx, .xlsm, .xlsb, .xls or .ods file.
    sheet : str, optional
        Name of the sheet; ``*`` stacks all that are not empty; None takes the only one that could be a log.
    header : bool or int, optional
        Whether the first row names the columns, or the number of the row that does; by default detected.

    Returns
    -------
    pyarrow.Table
        Titles above the header, and totals and notes below the table, are left out. A column of numbers is int64 where
        all are whole, else float64; one of days and times is timestamp("us"); one of several types is text, in which
        whole numbers have no decimals. Empty cells are null; empty rows, and columns without name and value, are left
        out.
    list of str
        Notes on what was left out, for the user to see.

    Raises
    ------
    ClvError
        If the workbook is damaged or locked by a password, has no such sheet or several that could be the log, a sheet
        is empty, two columns have one name, or sheets to be stacked differ in their columns.
    """
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            return _read_sheets(workbook, path, sheet, header)
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


def _read_sheets(
    workbook: CalamineWorkbook, path: Path, sheet: str | None, header: bool | int | None
) -> tuple[pa.Table, list[str]]:
    names = [metadata.name for metadata in workbook.sheets_metadata if metadata.typ == SheetTypeEnum.WorkSheet]
    if not names:
        raise ClvError(f"'{path}' has no sheet of cells; open it in Excel and save it again, or save it as CSV")
    if sheet not in (None, "*") and sheet not in names:
        raise ClvError(f"'{path}' has no sheet '{sheet}' (data.source.sheet); it has {_quote_names(names)}")
    selected = names if sheet == "*" else [sheet] if sheet else _find_log_sheets(workbook, names, path)
    labels = {name: f"sheet '{name}' of '{path}'" for name in selected}
    notes: list[str] = []
    tables = {}
    for name, label in labels.items():
        cells = workbook.get_sheet_by_name(name)
        if cells.width:
            tables[label] = _read_table(SheetRows(cells.iter_rows(), label, header), label, notes)
    if not tables:
        raise ClvError(f"{' and '.join(labels.values())} is empty")
    first, *rest = tables
    for label in rest:
        check_same_header(tables[label].column_names, label, tables[first].column_names, first)
    table = stack_tables(list(tables.values()))
    if table.num_rows == 0:
        raise ClvError(f"{' and '.join(tables)} has a header but no row")
    others = [name for name in names if name not in selected]
    if sheet is None and others:
        left_out = f"{_quote_names(others)} left out: {_advise_sheet(others[0])}, or '*' for all"
        notes.insert(0, f"{first} was read and {left_out}")
    return table, notes


def _find_log_sheets(workbook: CalamineWorkbook, names: Sequence[str], path: Path) -> list[str]:
    """Pass over sheets that hold no table, then those whose table is no log by its names, or has no date."""
    if len(names) == 1:
        return [*names]
    filled: dict[str, SheetRows | None] = {}
    for name in names:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.width:
            try:
                filled[name] = SheetRows(sheet.iter_rows(), f"sheet '{name}' of '{path}'")
            except ClvError:  # which is said where the sheet is asked for
                filled[name] = None
    tables = {name: rows for name, rows in filled.items() if rows and _holds_table(rows)}
    logs = [name for name, rows in tables.items() if resembles_log(rows.columns)]
    dated = [name for name, rows in tables.items() if rows.dated]
    for candidates in (list(filled), list(tables), logs, [] if logs else dated):
        if len(candidates) == 1:
            return candidates
    if not filled:
        return [*names]
    likely = logs or dated or [*tables] or [*filled]
    raise ClvError(
        f"'{path}' has several sheets that could be the log, {_quote_names(likely)}: {_advise_sheet(likely[0])}, or "
        "'*' to stack all"
    )


def _holds_table(rows: SheetRows) -> bool:
    return len(rows.columns) >= MIN_COLUMNS and rows.rows_seen > 1 and rows.header.row is not None


def _read_table(rows: SheetRows, where: str, notes: list[str]) -> pa.Table:
    names = rows.header.names
    columns: list[list[pa.Array]] = [[] for _ in names]
    body = iter(rows)
    while chunk := list(islice(body, CHUNK_ROWS)):
        for arrays, values in zip(columns, zip(*chunk, strict=True), strict=True):
            arrays.append(_cell_array(values))
    notes += rows.header.notes
    if rows.footer:
        first_cell = next(str(cell) for cell in rows.footer[0] if cell not in ("", None))
        notes.append(f"the last {len(rows.footer)} row(s) of {where}, from '{first_cell}' on, are no rows of its table")
    used = {}
    for position, (name, arrays) in enumerate(zip(names, columns, strict=True)):
        has_values = bool({array.type for array in arrays} - {pa.null()})
        if name or (has_values and position not in rows.header.row_numbers):
            used[name or f"column{position + 1}"] = arrays  # its first value stood far down
    return pa.table({name: _combine_arrays(arrays) for name, arrays in used.items()})


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
