"""Scores on disk: written in parts, whole or not there, as CSV and Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clv_experiments.errors import ClvError
from clv_experiments.reporting.safe_csv import CsvParts

CSV, PARQUET = "scores.csv", "scores.parquet"


class Parts:
    """A Parquet file, and a CSV file where one is wanted, that grow part by part.

    Parameters
    ----------
    parquet : Path
    csv : Path, optional
    """

    def __init__(self, parquet: Path, csv: Path | None = None) -> None:
        self._parquet, self._csv = parquet, csv
        self._open = ExitStack()
        self._schema: pa.Schema | None = None

    def write(self, frame: pd.DataFrame) -> None:
        """Append rows; the first part fixes the columns and their types."""
        if self._schema is None:
            self._schema = pa.schema([pa.field(str(name), _type(frame[name])) for name in frame])
            self._rows = self._open.enter_context(pq.ParquetWriter(self._parquet, self._schema))
            self._lines = self._open.enter_context(CsvParts(self._csv, self._schema)) if self._csv else None
        arrays = [pa.array(frame[name], from_pandas=True).cast(_type(frame[name])) for name in frame]
        part = pa.table(arrays, self._schema)
        self._rows.write_table(part)
        if self._lines:
            self._lines.write(part)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()


@contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """Name a Parquet file in a folder, which is gone afterwards.

    Raises
    ------
    ClvError
        If the disk refuses.
    """
    path = place / f".{os.getpid()}.expected.parquet"
    with _on_disk(place, [path]):
        yield path


@contextmanager
def score_files(place: Path) -> Iterator[Parts]:
    """Give ``scores.csv`` and ``scores.parquet`` of a folder to write to; old ones stay until both are whole.

    Raises
    ------
    ClvError
        If the disk refuses.
    """
    parts = {place / f".{os.getpid()}.{name}": place / name for name in (PARQUET, CSV)}
    with _on_disk(place, list(parts)):
        with Parts(*parts) as files:
            yield files
        for part, whole in parts.items():
            part.replace(whole)


@contextmanager
def _on_disk(place: Path, parts: list[Path]) -> Iterator[None]:
    """Make a folder; whatever happens, leave no part behind, and say in one sentence what the disk says."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ClvError(f"the scores cannot be written to {place}: {error}; type output=<a folder>") from error
    finally:
        for part in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def stored_parts(path: Path, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read a Parquet file part by part, as it was written."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns).to_pandas(date_as_object=False)


def _type(column: pd.Series) -> pa.DataType:
    if pd.api.types.is_bool_dtype(column):
        return pa.bool_()
    if pd.api.types.is_datetime64_any_dtype(column):
        return pa.date32()
    if pd.api.types.is_integer_dtype(column):
        return pa.int64()
    return pa.float64() if pd.api.types.is_float_dtype(column) else pa.string()
