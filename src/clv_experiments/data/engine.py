"""Where the pipeline runs: DuckDB in this process, or Spark. Only tables of one row a customer leave it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from clv_experiments.data.spark import answering_in_arrow, start_spark
from clv_experiments.errors import ClvError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Engine(ABC):
    """Runs Ibis expressions, and takes in rows from files and from memory."""

    @cached_property
    @abstractmethod
    def connection(self) -> ibis.BaseBackend:
        """Where expressions run."""

    @abstractmethod
    def register_arrow(self, name: str, rows: pa.Table) -> ibis.Table:
        """Take in rows from memory; ``name`` only helps to read a query plan."""

    @abstractmethod
    def read_csv(self, files: Sequence[Path], separator: str, columns: Sequence[str]) -> ibis.Table:
        """Read UTF-8 files that begin with one and the same header line: columns of text, empty cells null."""

    @abstractmethod
    def read_parquet(self, files: Sequence[Path]) -> ibis.Table:
        """Read Parquet files of one schema."""


class DuckDb(Engine):
    """In this process: nothing to install, nothing to start."""

    @cached_property
    def connection(self) -> ibis.BaseBackend:
        """Open a database in memory, when it is first needed."""
        # What does not fit in memory goes to the machine's folder for that, not to where the user happens to be.
        return ibis.duckdb.connect(temp_directory=str(Path(gettempdir(), f"clv_experiments-{os.getpid()}")))

    def register_arrow(self, name: str, rows: pa.Table) -> ibis.Table:
        """Copy the rows into a temporary table."""
        return self.connection.create_table(ibis.util.gen_name(name), rows, temp=True)

    def read_csv(self, files: Sequence[Path], separator: str, columns: Sequence[str]) -> ibis.Table:
        """Read with quotes doubled inside quotes."""
        return self.connection.read_csv(
            [str(file) for file in files],
            columns=dict.fromkeys(columns, "VARCHAR"),
            delim=separator,
            quote='"',
            escape='"',
            nullstr="",
        )

    def read_parquet(self, files: Sequence[Path]) -> ibis.Table:
        """Read without a copy."""
        return self.connection.read_parquet([str(file) for file in files])


class Spark(Engine):
    """PySpark, local or on a cluster.

    Parameters
    ----------
    master : str
        ``local[*]`` or a cluster's master URL.

    Raises
    ------
    ClvError
        When first used: if PySpark or Java is not there, or the cluster does not answer.
    """

    def __init__(self, master: str) -> None:
        self.master = master

    @cached_property
    def session(self) -> Any:
        """Start Spark, when it is first needed: a log in a database may never do so."""
        return start_spark(self.master)

    @cached_property
    def connection(self) -> ibis.BaseBackend:
        """Let Ibis speak to the session."""
        return answering_in_arrow(self.session)

    def register_arrow(self, name: str, rows: pa.Table) -> ibis.Table:
        """Hand the rows to the session as a temporary view."""
        return self._view(name, self.session.createDataFrame(rows))

    def read_csv(self, files: Sequence[Path], separator: str, columns: Sequence[str]) -> ibis.Table:
        """Read with quotes doubled inside quotes."""
        from pyspark.sql.types import StringType, StructField, StructType

        rows = self.session.read.csv(
            [str(file) for file in files],
            schema=StructType([StructField(column, StringType()) for column in columns]),
            sep=separator,
            quote='"',
            escape='"',
            header=True,
            multiLine=True,
            mode="FAILFAST",
        )
        table = self._view("csv", rows)
        return table.select(**{column: table[column].nullif("") for column in columns})

    def read_parquet(self, files: Sequence[Path]) -> ibis.Table:
        """Read with clock times in nanoseconds, as pandas writes them, cut to microseconds, which is Spark's finest."""
        from pyspark.sql import functions

        self.session.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")  # else they cannot be read at all
        rows = self.session.read.parquet(*(str(file) for file in files))
        for column in pq.read_schema(files[0]):
            if column.type == pa.timestamp("ns"):
                micros = functions.timestamp_micros((rows[f"`{column.name}`"] / 1000).cast("long"))
                rows = rows.withColumn(column.name, micros.cast("timestamp_ntz"))
        return self._view("parquet", rows)

    def _view(self, name: str, rows: DataFrame) -> ibis.Table:
        view = ibis.util.gen_name(name)
        rows.createOrReplaceTempView(view)
        return self.connection.table(view)


ENGINES = ("duckdb", "spark")


def open_engine(name: str = "duckdb", spark_master: str = "local[*]") -> Engine:
    """Choose the engine that ``data.engine`` names; it starts when it is first used.

    Raises
    ------
    ClvError
        If the name is not one of ``ENGINES``.
    """
    if name == "duckdb":
        return DuckDb()
    if name == "spark":
        return Spark(spark_master)
    raise ClvError(f"data.engine must be one of {', '.join(ENGINES)}, got '{name}'")
