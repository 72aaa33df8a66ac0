"""CSV files that a spreadsheet may open: text that would run as a formula there is defused."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

FORMULA = r"^[=+\-@\t\r]"  # what OWASP lists as the beginnings that spreadsheets take for a formula


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame without its index; text cells and headings that begin like a formula get an apostrophe in front."""
    columns = {position: _as_text(frame.iloc[:, position]) for position in range(frame.shape[1])}
    safe = pd.DataFrame(columns)
    safe.columns = defused(pd.Series([str(name) for name in frame.columns], dtype="str"))
    # The writer leaves a bare carriage return unquoted, where readers would end the row.
    texts: list[str] = list(safe.select_dtypes("str").columns)
    returns = any(safe[name].str.contains("\r", regex=False, na=False).any() for name in texts)
    safe.to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL)


def defused(text: pd.Series) -> pd.Series:
    """Put an apostrophe before what a spreadsheet would run.

    Examples
    --------
    >>> defused(pd.Series(["=1+1", "-17", "a=b"], dtype="str")).tolist()
    ["'=1+1", "'-17", 'a=b']
    """
    return text.mask(text.str.contains(FORMULA, regex=True, na=False), "'" + text)


def _as_text(column: pd.Series) -> pd.Series:
    numeric = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
    if numeric or (column.dtype == object and not column.map(lambda cell: isinstance(cell, str)).any()):
        return column
    return defused(column.astype("str"))
