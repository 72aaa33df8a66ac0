"""Where expressions run: DuckDB in this process, or Spark. Only tables of one row per customer are fetched."""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, TYPE_CHECKING, Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from clv_experiments.errors import ClvError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Ibis merges SELECTs by comparing whole queries, which took most of the time of a small log, and repeats in the merged
# one what a column was computed from. Engines merge them by themselves.
ibis.options.sql.fuse_selects = False

ENGINES = ("duckdb", "spark")
SPARK_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",  # a day is the day that was written, on any machine
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
LOCAL_SPARK_SETTINGS = {
    "spark.driver.host": "127.0.0.1",  # a local session listens to this machine only
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "4g",
    "spark.sql.shuffle.partitions": "4",
}
JAVA_ADVICE = "have Java 17 or 21 (apt-get install openjdk-17-jre-headless), and JAVA_HOME unset or pointing at it"


class Engine(ABC):
    """Runs Ibis expressions, and reads rows from files and from memory."""

    @cached_property
    @abstractmethod
    def connection(self) -> ibis.BaseBackend:
        """The Ibis backend that expressions run on."""

    @abstractmethod
    def register_arrow(self, name: str, rows: pa.Table) -> ibis.Table:
        """Register rows from memory as a table; ``name`` only helps to read a query plan."""

    @abstractmethod
    def read_parquet(self, files: Sequence[Path]) -> ibis.Table:
        """Read Parquet files of one schema."""


class DuckDb(Engine):
    """DuckDB in this process: nothing to install, nothing to start."""

    @cached_property
    def connection(self) -> ibis.BaseBackend:
        """A database in memory, opened on first use."""
        # What does not fit in memory spills into the system's temporary folder, not into the current one.
        folder = Path(gettempdir(), f"clv_experiments-{os.getpid()}")
        backend = ibis.duckdb.connect(temp_directory=str(folder))
        disable_progress_bar(backend.raw_sql)
        return backend

    def register_arrow(self, name: str, rows: pa.Table) -> ibis.Table:
        """Copy the rows into a temporary table."""
        return self.connection.create_table(ibis.util.gen_name(name), rows, temp=True)

    def read_parquet(self, files: Sequence[Path]) -> ibis.Table:
        """Scan the files in place."""
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
        On first use: if PySpark or Java is missing, or the cluster does not answer.
    """

    def __init__(self, master: str) -> None:
        self.master = master

    @cached_property
    def session(self) -> Any:
        """The pyspark.sql.SparkSession, started on first use: a log in a database may never need it."""
        return get_spark_session(self.master)

    @cached_property
    def connection(self) -> ibis.BaseBackend:
        """The Ibis backend of the session."""
        return create_spark_backend(self.session)

    def register_arrow(self, name: str, rows: pa.Table) -> ibis.Table:
        """Register the rows as a temporary view."""
        return self._create_temporary_view(name, self.session.createDataFrame(rows))

    def read_parquet(self, files: Sequence[Path]) -> ibis.Table:
        """Read with timestamps in nanoseconds, which pandas writes, cut to microseconds, Spark's finest unit."""
        from pyspark.sql import functions

        self.session.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")  # else they cannot be read at all
        rows = self.session.read.parquet(*(str(file) for file in files))
        for column in pq.read_schema(files[0]):
            if column.type == pa.timestamp("ns"):
                micros = functions.timestamp_micros((rows[f"`{column.name}`"] / 1000).cast("long"))
                rows = rows.withColumn(column.name, micros.cast("timestamp_ntz"))
        return self._create_temporary_view("parquet", rows)

    def _create_temporary_view(self, name: str, rows: DataFrame) -> ibis.Table:
        view = ibis.util.gen_name(name)
        rows.createOrReplaceTempView(view)
        return self.connection.table(view)


def quote_identifier(name: str) -> str:
    """Write the name of a table or column as SQL of DuckDB and SQLite takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def disable_progress_bar(execute: Callable[[str], Any]) -> None:
    """Keep DuckDB from drawing a bar into what a command prints, given what executes a statement.

    In Jupyter without ipywidgets DuckDB has no bar and refuses to be told so.
    """
    with suppress(duckdb.InvalidInputException):
        execute("SET enable_progress_bar = false")


def open_in_memory_duckdb() -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that draws no progress bar into what a command prints."""
    connection = duckdb.connect()
    disable_progress_bar(connection.execute)
    return connection


def open_engine(name: str = "duckdb", spark_master: str = "local[*]") -> Engine:
    """Return the engine that ``data.engine`` names; it starts on first use.

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


def get_spark_session(master: str) -> Any:
    """Return this process's Spark session, and start one if there is none.

    Parameters
    ----------
    master : str
        ``local[*]`` or a cluster's master URL.

    Returns
    -------
    pyspark.sql.SparkSession

    Raises
    ------
    ClvError
        If PySpark or Java is missing, or the cluster does not answer.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise ClvError(
            "data.engine=spark needs PySpark, which is not installed: type pip install -c constraints.txt -e '.[spark]'"
        ) from None
    session = SparkSession.getActiveSession()
    if session is None:
        _check_master_answers(master)
        # Java's console output goes here: the terminal stays quiet, and errors can be quoted.
        with TemporaryFile("w+") as console:
            try:
                session = _launch_spark(master, console)
            except (PySparkException, Py4JError, OSError) as error:
                console.seek(0)
                reason = _extract_java_error(f"{error}\n{console.read()}")
                message = f"Spark does not start on '{master}' (data.spark_master): {reason}; {JAVA_ADVICE}"
                raise ClvError(message) from None
    return session


def create_spark_backend(session: Any) -> Any:
    """Make an Ibis backend of a session whose results do not pass through pandas, which rounds integers beside nulls.

    It runs expressions without in-memory tables and Python functions, neither of which this package uses.
    """
    from py4j.protocol import Py4JError

    backend = ibis.pyspark.connect(session)

    def to_pyarrow(expr: ibis.Expr, /, **_: Any) -> Any:
        table = expr.as_table()
        try:
            rows = backend.raw_sql(backend.compile(table)).toArrow()
        except (Py4JError, ConnectionError) as error:
            raise ClvError(f"Spark broke off: {_extract_java_error(str(error))}; run again when it answers") from None
        rows = rows.cast(table.schema().to_pyarrow())
        if isinstance(expr, ibis.Table):
            return rows
        return rows.column(0) if isinstance(expr, ibis.Column) else rows.column(0)[0]

    backend.to_pyarrow = to_pyarrow
    return backend


def _launch_spark(master: str, console: IO[str]) -> Any:
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    settings = SPARK_SETTINGS | (LOCAL_SPARK_SETTINGS if master.startswith("local") else {})
    conf = SparkConf(loadDefaults=False).setMaster(master).setAppName("clv_experiments").setAll([*settings.items()])
    gateway = launch_gateway(conf, {"stdout": console, "stderr": console})
    return SparkSession(SparkContext(conf=conf, gateway=gateway))


def _check_master_answers(master: str) -> None:
    """Connect to a standalone cluster's port first: Spark itself takes a minute to give up."""
    if not master.startswith("spark://"):
        return
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
            return
        except (OSError, ValueError):
            continue
    raise ClvError(
        f"no Spark master answers at '{master}' (data.spark_master); type spark://host:7077 of one that runs, or "
        "local[*]"
    )


def _extract_java_error(output: str) -> str:
    """Return the line of Java's output that names the cause."""
    lines = [line.strip(": \t") for line in output.splitlines() if line.strip(": \t")]
    messages = [line for line in lines if not line.startswith(("at ", "An error occurred", "[JAVA_GATEWAY"))]
    causes = [line for line in messages if any(word in line for word in ("Error", "Exception", "JAVA_HOME", "No such"))]
    return (causes or messages or lines)[0][:200].rstrip(".")
