"""CSV files that are safe to open in a spreadsheet: text that would run as a formula is escaped."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import CSVWriter, WriteOptions

FORMULA = r"^[=+\-@\t\r]"  # what spreadsheets take for the beginning of a formula, as OWASP lists it
DECIMALS = 4  # of a long file's numbers: what a person may want to read


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame without its index; text cells and headings that begin like a formula get an apostrophe in front."""
    columns = {position: _defuse_column(frame.iloc[:, position]) for position in range(frame.shape[1])}
    safe = pd.DataFrame(columns)
    safe.columns = defuse_formulas(pd.Series([str(name) for name in frame.columns], dtype="str"))
    # The writer leaves a bare carriage return unquoted, where readers would end the row.
    texts: list[str] = list(safe.select_dtypes("str").columns)
    returns = any(safe[name].str.contains("\r", regex=False, na=False).any() for name in texts)
    safe.to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL)


def defuse_formulas(text: pd.Series) -> pd.Series:
    """Put an apostrophe before what a spreadsheet would run.

    Examples
    --------
    >>> defuse_formulas(pd.Series(["=1+1", "-17", "a=b"], dtype="str")).tolist()
    ["'=1+1", "'-17", 'a=b']
    """
    return text.mask(text.str.contains(FORMULA, regex=True, na=False), "'" + text)


def _defuse_column(column: pd.Series) -> pd.Series:
    numeric = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
    if numeric or (column.dtype == object and not column.map(lambda cell: isinstance(cell, str)).any()):
        return column
    return defuse_formulas(column.astype("str"))


@contextmanager
def open_safe_csv(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Make a CSV file too long to be in memory at once; yields what appends a part, of the same columns as every other.

    Text is defused as ``write_csv`` does, numbers are rounded to 4 decimals, missing values are empty cells.
    """
    with path.open("wb") as file:
        file.write((",".join(schema.names) + "\n").encode())
        with CSVWriter(file, schema, write_options=WriteOptions(include_header=False)) as writer:
            yield lambda part: writer.write_table(pa.table(list(map(_round_and_defuse, part.columns)), schema))


def _round_and_defuse(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        return pc.round(column, DECIMALS)
    if pa.types.is_string(column.type):
        runs = pc.match_substring_regex(column, FORMULA)
        if pc.any(runs).as_py():
            return pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
    return column
