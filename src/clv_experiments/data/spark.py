"""A Spark session that keeps the console quiet and answers in Arrow; imported by whoever chose data.engine=spark."""

from __future__ import annotations

import socket
from tempfile import TemporaryFile
from typing import IO, Any

import ibis

from clv_experiments.errors import ClvError

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
