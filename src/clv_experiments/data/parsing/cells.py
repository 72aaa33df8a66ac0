"""Small summaries of a column, for decisions and messages."""

from __future__ import annotations

from typing import Any

from ibis.expr.types import BooleanValue, Table, Value

MAX_CELL_LENGTH = 60  # characters, in a message


def quote_cells(raw: Table, column: str, where: BooleanValue | None = None, rows: int = 3) -> list[str]:
    """Quote the first cells of a column, optionally of the rows that fulfil a condition; long cells are cut.

    Parameters
    ----------
    raw : ibis.Table
    column : str
    where : ibis expression of ``raw``, optional
        Null counts as false; by default all rows.
    rows : int
        At most so many cells.
    """
    matches = raw if where is None else raw.filter(where.fill_null(False))
    cells = matches.select(cell=matches[column].cast("string")).limit(rows).to_pyarrow()["cell"]
    texts = [str(cell).strip() for cell in cells.to_pylist()]
    return [repr(text if len(text) <= MAX_CELL_LENGTH else text[:MAX_CELL_LENGTH] + "…") for text in texts]


def count_true(condition: BooleanValue) -> Value:
    """Count the rows that fulfil a condition; null counts as false."""
    return condition.fill_null(False).sum().fill_null(0)


def aggregate_row(table: Table, **values: Value) -> dict[str, Any]:
    """Fetch several aggregates of a table in one query, if there are any."""
    return table.aggregate(**values).to_pyarrow().to_pylist()[0] if values else {}
