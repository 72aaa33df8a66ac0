"""The header of a file or sheet: where it is, the names it gives, and whether stacked files agree in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise

from clv_experiments.data.sources.cell_kinds import detect_cell_kind, detect_row_kinds, parse_whole_number
from clv_experiments.data.sources.duplicate_names import (
    describe_renamed_columns,
    describe_unnamed_column,
    join_header_rows_if_duplicates,
    number_duplicate_names,
)
from clv_experiments.errors import ClvError

MAX_ROWS_ABOVE = 50  # a title, a date range and the like end before it
MAX_UNIT_ROWS = 2  # below the header: units, or types
TYPED_SHARE = 0.8  # of a column's cells that must be numbers, or dates, for it to be a column of them
MAX_QUOTED = 60  # characters of a row, in a note
ROW_NUMBER_LIMIT = 100  # row numbers begin below it; identifiers of customers rarely do
UNNAMED = re.compile(r"Unnamed: \d+[\w.]*")  # what pandas calls a column without a name


@dataclass(frozen=True)
class Header:
    """The header of a table.

    Attributes
    ----------
    row : int or None
        Index of the row that names the columns; None if there is none.
    first_row : int
        Index of the first row after it, or of the first one if there is no header.
    names : tuple of str
        One name a column, by position; ``""`` for a column that is left out.
    row_numbers : frozenset of int
        Positions of columns that only number the rows.
    notes : tuple of str
        What was guessed or left out, for the user to see.
    """

    row: int | None
    first_row: int
    names: tuple[str, ...]
    row_numbers: frozenset[int]
    notes: tuple[str, ...]

    def is_empty_column(self, position: int) -> bool:
        """Return whether a column is left out because it has no name and no value."""
        return position < len(self.names) and not self.names[position] and position not in self.row_numbers


def find_header(
    rows: Sequence[Sequence[object]],
    where: str,
    header: bool | int | None = None,
    line_numbers: Sequence[int] | None = None,
) -> Header:
    """Find the row that names the columns among the first rows of a file or sheet.

    The header is the first row of names above the first purchase: of the rows before it, the one with most names above
    columns of numbers and dates. Rows with less than half of the usual number of cells (titles, dates) are skipped, and
    so are one or two rows right below it without any number or date where the others have them: units, or types.
    A first row that holds numbers and dates where the others do is a purchase, and the columns get the names
    ``column1``, ``column2`` and so on. So does a column without a name, unless it is empty or numbers the rows.
    Columns of one name get the word above it as well, where another row groups them, or else a number.

    Parameters
    ----------
    rows : sequence of sequences
        The first hundred rows or so, blank ones included: text, or values as a workbook holds them.
    where : str
        The file, or the sheet of a workbook, for messages.
    header : bool or int, optional
        True takes the first row that is not blank as the header, False says that there is none, and a number is that of
        the header's line or row, counted from 1; None finds it.
    line_numbers : sequence of int, optional
        The line on which each row begins, for text; by default rows are numbered one by one.

    Returns
    -------
    Header

    Raises
    ------
    ClvError
        If no row is filled, or ``header`` is the number of none.
    """
    kinds = [detect_row_kinds(row) for row in rows]
    filled = [index for index, row in enumerate(kinds) if any(row)]
    if not filled:
        raise ClvError(f"{where} is empty")
    unit = "row" if line_numbers is None else "line"
    numbers = range(1, len(rows) + 1) if line_numbers is None else line_numbers
    row, first_row = _choose_header_row(kinds, filled, header, numbers, f"{unit} {header} of {where}")
    joined, used = join_header_rows_if_duplicates(
        [[*map(_format_name, cells)] for cells in rows[:first_row]], kinds, row
    )
    top = first_row if row is None else used[0] if joined else row
    notes = _describe_skipped_rows([numbers[index] for index in filled if index < top], unit, where)
    if row is not None and not joined and (units := [index for index in filled if row < index < first_row]):
        notes.append(_describe_skipped_unit_rows(rows[units[0]], [numbers[index] for index in units], unit, where))
    body = [cells for cells in rows[first_row:] if any(map(detect_cell_kind, cells))]
    if row is None:
        width = Counter(map(len, body)).most_common(1)[0][0]
        names, row_numbers = [f"column{position}" for position in range(1, width + 1)], frozenset[int]()
        if header is None:
            notes.append(_describe_missing_header(numbers[first_row], len(names), unit, where))
    else:
        header_names = joined or [_format_name(cell) for cell in rows[row]]
        names, row_numbers, name_notes = _name_columns(header_names, body, where)
        pair = " and ".join(str(numbers[index]) for index in used)
        notes += [*([f"{unit}s {pair} of {where} name the columns together"] if joined else []), *name_notes]
    numbered = number_duplicate_names(names)
    notes += describe_renamed_columns(names, numbered, where)
    return Header(row, first_row, tuple(numbered), row_numbers, tuple(notes))


def check_same_header(names: Sequence[str], where: str, first: Sequence[str], first_where: str) -> None:
    """Refuse to stack files or sheets whose columns differ, or come in another order.

    Parameters
    ----------
    names : sequence of str
        Names of the columns, in order.
    where : str
        The file, or the sheet of a workbook, for messages.
    first, first_where
        The same of the first file, or sheet.

    Raises
    ------
    ClvError
        If they differ; the message lists the differences.
    """
    if list(names) == list(first):
        return
    additional = [f"'{name}'" for name in names if name not in first]
    missing = [f"'{name}'" for name in first if name not in names]
    differences = [f"lacks {', '.join(missing)}"] if missing else []
    differences += [f"has {', '.join(additional)} besides"] if additional else []
    raise ClvError(
        f"{where} does not have the columns of {first_where}: it "
        f"{' and '.join(differences) or 'has them in another order'}; only what has the "
        "same columns in the same order can be stacked: type a data.path that leaves the others out"
    )


def _choose_header_row(
    kinds: Sequence[Sequence[str]], filled: Sequence[int], header: bool | int | None, numbers: Sequence[int], where: str
) -> tuple[int | None, int]:
    """Return the header's row, if there is one, and the first row of data."""
    if header is True:
        return filled[0], filled[0] + 1
    if header is False:
        return None, filled[0]
    if header is not None:
        row = next((index for index in filled if numbers[index] == header), None)
        if row is None:
            raise ClvError(
                f"{where} is no header (data.source.header): it is blank, or too far down; type null to find it"
            )
        return row, row + 1
    counts = Counter(count for index in filled if (count := sum(map(bool, kinds[index]))) > 1)
    usual = counts.most_common(1)[0][0] if counts else 1
    width = Counter(len(kinds[index]) for index in filled).most_common(1)[0][0]
    wide = [index for index in filled if sum(map(bool, kinds[index])) >= max(usual / 2, min(usual, 2))]
    scores: dict[int, int] = {}
    for index in wide[:MAX_ROWS_ABOVE]:
        different, same = _count_kind_differences(kinds[index], kinds[index + 1 :])
        is_full = sum(map(bool, kinds[index])) >= usual or same > 1  # unlike a date range above the header
        if same > different and is_full and len(kinds[index]) >= width:
            break
        scores[index] = different
    best = max(scores, key=lambda index: scores[index], default=wide[0])
    if not scores or (scores[best] == 0 and len(scores) < len(wide[:MAX_ROWS_ABOVE])):
        return None, wide[0]
    return best, _find_end_of_unit_rows(kinds, [index for index in filled if index > best], best + 1)


def _find_end_of_unit_rows(kinds: Sequence[Sequence[str]], below: Sequence[int], first_row: int) -> int:
    """Return the row after those right below the header that have text in columns of numbers and dates, and no such."""
    for index in below[:MAX_UNIT_ROWS]:
        different, same = _count_kind_differences(kinds[index], kinds[index + 1 :])
        if not different or same:
            break
        first_row = index + 1
    return first_row


def _count_kind_differences(row: Sequence[str], below: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Count the columns of numbers or dates in which a row has something else, and in which it has the same."""
    different = same = 0
    for position, kind in enumerate(row):
        column = Counter(cells[position] for cells in below if position < len(cells) and cells[position])
        usual, count = column.most_common(1)[0] if column else ("text", 0)
        if kind and usual != "text" and count >= TYPED_SHARE * column.total():
            different += kind != usual
            same += kind == usual
    return different, same


def _are_row_numbers(cells: Sequence[object]) -> bool:
    numbers = [number for cell in cells if (number := parse_whole_number(cell)) is not None]
    if not numbers or len(numbers) < len(cells) or numbers[0] >= ROW_NUMBER_LIMIT:
        return False
    return all(before < after for before, after in pairwise(numbers))


def _name_columns(
    header: Sequence[str], body: Sequence[Sequence[object]], where: str
) -> tuple[list[str], frozenset[int], list[str]]:
    """Name the columns that have no name, or leave them out; return which number the rows, and notes."""
    names = list(header)
    if len(body) > 1 and {len(row) for row in body} == {len(names) + 1}:  # R names no column of row numbers
        if not any(detect_cell_kind(row[-1]) for row in body):
            names.append("")
        elif _are_row_numbers([row[0] for row in body]):
            names.insert(0, "")
    while names and not names[-1] and body and all(len(row) < len(names) for row in body):
        names.pop()  # a separator ends the header alone
    row_numbers: set[int] = set()
    notes = []
    for position, name in enumerate(names):
        cells = [row[position] for row in body if position < len(row)]
        leading = not any(names[:position])
        if leading and (not name or UNNAMED.fullmatch(name)) and _are_row_numbers(cells):
            names[position] = ""
            row_numbers.add(position)
            notes.append(f"column {position + 1} of {where} has no name and only numbers the rows: it was left out")
        elif not name and sum(map(bool, map(detect_cell_kind, cells))) > len(cells) / 2:
            names[position] = f"column{position + 1}"
            notes.append(describe_unnamed_column(position + 1, where))
    return names, frozenset(row_numbers), notes


def _format_name(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return str(cell.date())
    return "" if cell is None else str(cell).strip(" \ufeff")


def _describe_skipped_rows(numbers: Sequence[int], unit: str, where: str) -> list[str]:
    if not numbers:
        return []
    span = f"{unit} {numbers[0]}" if len(numbers) == 1 else f"{unit}s {numbers[0]} to {numbers[-1]}"
    verb = "was" if len(numbers) == 1 else "were"
    return [f"{span} of {where}, above the names of the columns, {verb} left out (data.source.header says otherwise)"]


def _describe_skipped_unit_rows(cells: Sequence[object], numbers: Sequence[int], unit: str, where: str) -> str:
    quoted = ", ".join(f"'{cell}'" for cell in cells if detect_cell_kind(cell))
    return (
        f"{unit} {' and '.join(map(str, numbers))} of {where} ({quoted[:MAX_QUOTED]}), below the names of the columns, "
        "was left out: it holds no number or date where the others do (data.source.header says otherwise)"
    )


def _describe_missing_header(number: int, width: int, unit: str, where: str) -> str:
    return (
        f"{where} names no columns, since {unit} {number} holds numbers or dates like those below, so they are called "
        f"column1 to column{width} here (data.source.header={number} says that they are names)"
    )
