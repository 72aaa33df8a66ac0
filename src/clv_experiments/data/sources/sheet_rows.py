"""The rows of a sheet's table: below its title and header, above the totals and notes that stand under it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from statistics import median
from typing import Any

from clv_experiments.data.sources.cell_kinds import detect_cell_kind
from clv_experiments.data.sources.header import Header, find_header

SAMPLE_ROWS = 100  # that tell where the header is, and what a row looks like
MAX_FOOTER_ROWS = 30
MIN_CELLS = 3  # of a usual row: of fewer, none can be told from a total


class SheetRows:
    """The table of one sheet, read from top to bottom once.

    Parameters
    ----------
    rows : iterable of rows
        All rows of the sheet, blank ones included.
    where : str
        The sheet, for messages.
    header : bool or int, optional
        See ``find_header``.

    Attributes
    ----------
    header : Header
    dated : bool
        Whether one of its columns holds dates.
    footer : list of rows
        What stood below the table, once all rows were read.

    Raises
    ------
    ClvError
        If no row is filled, or two columns have the same name.
    """

    def __init__(self, rows: Iterable[Sequence[Any]], where: str, header: bool | int | None = None) -> None:
        below = iter(rows)
        sample = list(islice(below, SAMPLE_ROWS))
        self.header: Header = find_header(sample, where, header)
        self.footer: list[Sequence[Any]] = []
        first = sample[self.header.first_row :]
        self._rows = filter(_count_cells, chain(first, below))
        filled = [row for row in first if _count_cells(row)]
        self.rows_seen = len(filled)
        self._usual_cells = median(map(_count_cells, filled)) if filled else 0
        columns = enumerate(zip(*filled, strict=True)) if filled else ()
        self._date_positions = [position for position, cells in columns if _holds_dates(cells)]
        self.dated = bool(self._date_positions)

    @property
    def columns(self) -> list[str]:
        """Names of the columns that are not left out."""
        return [name for name in self.header.names if name]

    def __iter__(self) -> Iterator[Sequence[Any]]:
        held: deque[Sequence[Any]] = deque()
        for row in self._rows:
            held.append(row)
            if len(held) > MAX_FOOTER_ROWS:
                yield held.popleft()
        while held and self._is_footer(held[-1]):
            self.footer.insert(0, held.pop())
        yield from held

    def _is_footer(self, row: Sequence[Any]) -> bool:
        """Tell a total or a note, which fills few cells and has no date, from a row of the table."""
        kinds = [detect_cell_kind(row[position]) for position in self._date_positions]
        if self._usual_cells < MIN_CELLS or "date" in kinds:
            return False
        cells = _count_cells(row)
        return cells * 2 <= self._usual_cells or (any(kinds) and cells < self._usual_cells)


def _count_cells(row: Sequence[Any]) -> int:
    return sum(cell not in ("", None) for cell in row)


def _holds_dates(cells: Sequence[Any]) -> bool:
    kinds = [kind for kind in map(detect_cell_kind, cells) if kind]
    return kinds.count("date") * 2 > len(kinds)  # a short table may have as long a footer
