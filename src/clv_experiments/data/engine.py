"""Where the pipeline runs: DuckDB in this process, or Spark. Only tables of one row a customer leave it."""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

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


SETTINGS = {
    "spark.sql.session.timeZone": "UTC",  # a day is the day that was written, wherever this runs
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


LOCAL = {
    "spark.driver.host": "127.0.0.1",  # nobody else is to be talked to
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "4g",
    "spark.sql.shuffle.partitions": "4",
}


JAVA = "have Java 17 or 21 (apt-get install openjdk-17-jre-headless), and JAVA_HOME unset or pointing at it"


def start_spark(master: str) -> Any:
    """Start a session, or take the one that this process has.

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
        If PySpark or Java is not there, or the cluster does not answer.
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
        _somebody_listens(master)
        # Java writes here what it would write to the console; it is empty again when Python ends.
        with TemporaryFile("w+") as console:
            try:
                session = _start(master, console)
            except (PySparkException, Py4JError, OSError) as error:
                console.seek(0)
                why = _reason(f"{error}\n{console.read()}")
                raise ClvError(f"Spark does not start on '{master}' (data.spark_master): {why}; {JAVA}") from None
    return session


def answering_in_arrow(session: Any) -> Any:
    """Make an Ibis backend of a session; its results do not pass through pandas, which rounds integers beside nulls."""
    from py4j.protocol import Py4JError

    backend = ibis.pyspark.connect(session)

    def to_pyarrow(expr: Any, /, **_: Any) -> Any:
        backend._run_pre_execute_hooks(expr)
        table = expr.as_table()
        try:
            rows = backend.raw_sql(backend.compile(table)).toArrow()
        except (Py4JError, ConnectionError) as error:
            raise ClvError(f"Spark broke off: {_reason(str(error))}; run again when it answers") from None
        return expr.__pyarrow_result__(rows.cast(table.schema().to_pyarrow()))

    backend.to_pyarrow = to_pyarrow
    return backend


def _start(master: str, console: IO[str]) -> Any:
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    settings = SETTINGS | (LOCAL if master.startswith("local") else {})
    conf = SparkConf(loadDefaults=False).setMaster(master).setAppName("clv_experiments").setAll([*settings.items()])
    gateway = launch_gateway(conf, {"stdout": console, "stderr": console})
    return SparkSession(SparkContext(conf=conf, gateway=gateway))


def _somebody_listens(master: str) -> None:
    """Ask a standalone cluster first: Spark itself takes a minute to find that nobody answers."""
    if not master.startswith("spark://"):
        return
    masters = master.removeprefix("spark://").split(",")
    for address in masters:
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


def _reason(said: str) -> str:
    """Find the line that says most in what Java wrote."""
    lines = [line.strip(": \t") for line in said.splitlines() if line.strip(": \t")]
    telling = [line for line in lines if not line.startswith(("at ", "An error occurred", "[JAVA_GATEWAY"))]
    causes = [line for line in telling if any(word in line for word in ("Error", "Exception", "JAVA_HOME", "No such"))]
    return (causes or telling or lines)[0][:200].rstrip(".")
