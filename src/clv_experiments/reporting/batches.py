"""Long tables written and read batch by batch, so that they need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from clv_experiments.reporting.safe_csv import open_safe_csv


class ParquetAndCsvBatchWriter:
    """A Parquet file, and a CSV file where one is wanted, that grow batch by batch."""

    def __init__(self, parquet: Path, csv: Path | None = None) -> None:
        self._parquet, self._csv = parquet, csv
        self._open = ExitStack()
        self._schema: pa.Schema | None = None

    def write(self, frame: pd.DataFrame) -> None:
        """Append rows; the first batch fixes the columns and their types."""
        if self._schema is None:
            self._schema = pa.schema([pa.field(str(name), _arrow_type(frame[name])) for name in frame])
            self._rows = self._open.enter_context(pq.ParquetWriter(self._parquet, self._schema))
            self._append_to_csv = (
                self._open.enter_context(open_safe_csv(self._csv, self._schema)) if self._csv else None
            )
        arrays = [pa.array(frame[name], from_pandas=True).cast(_arrow_type(frame[name])) for name in frame]
        batch = pa.table(arrays, self._schema)
        self._rows.write_table(batch)
        if self._append_to_csv:
            self._append_to_csv(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()


def _arrow_type(column: pd.Series) -> pa.DataType:
    if pd.api.types.is_bool_dtype(column):
        return pa.bool_()
    if pd.api.types.is_datetime64_any_dtype(column):
        return pa.date32()
    if pd.api.types.is_integer_dtype(column):
        return pa.int64()
    return pa.float64() if pd.api.types.is_float_dtype(column) else pa.string()


def read_batches(path: Path, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read a Parquet file batch by batch, as it was written."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=columns).to_pandas(date_as_object=False)
