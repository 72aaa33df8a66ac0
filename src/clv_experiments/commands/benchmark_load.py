"""Many processes write runs to one store at once: how long that takes, and whether every run is there, and whole.

Started as a program it is one of these processes: ``python -m ... store experiment process runs``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import pandas as pd

from clv_experiments.reporting.records import Metric, Param, Record, Table, Tag
from clv_experiments.tracking.addresses import is_address
from clv_experiments.tracking.mlflow_tracker import MlflowTracker

PARAMS, METRICS = 40, 30  # of a run, about as many as a small one of clv train has
CUSTOMERS = 1000
MODULE = "clv_experiments.commands.benchmark_load"


def measure_concurrent_writes(processes: int, runs: int, store: str) -> str:
    """Let processes write runs, and read all of them back.

    Parameters
    ----------
    processes, runs : int
        Runs of each process.
    store : str
        Folder, or address of a tracking server; empty takes a new folder.

    Returns
    -------
    str
        Seconds, runs a second, and how many runs are there as they were written.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = store or str(Path(folder, "mlruns"))
        experiment = f"load of {processes} x {runs} 3m"
        reader = _open_tracker(store).reader()
        before = {run.run_id for run in reader.runs(experiment)} if reader.store_exists else set()
        started = perf_counter()
        command = [sys.executable, "-m", MODULE, store, experiment]
        writers = [subprocess.Popen([*command, str(number), str(runs)]) for number in range(processes)]
        failed = sum(writer.wait() != 0 for writer in writers)
        seconds = perf_counter() - started
        stored = [run for run in reader.runs(experiment) if run.run_id not in before]
        complete = {
            (run.tags["process"], run.tags["number"])
            for run in stored
            if run.status == "FINISHED" and len(run.params) == PARAMS and len(run.metrics) == METRICS
            and len(reader.table(run.run_id, "predictions.parquet")) == CUSTOMERS
        }  # fmt: skip
    return (
        f"{processes} processes x {runs} runs: {seconds:.1f} s, {processes * runs / seconds:.1f} runs a second; "
        f"{len(complete)} of {processes * runs} are there and whole, {len(stored) - len(complete)} others, "
        f"{failed} processes failed"
    )


def write_runs(store: str, experiment: str, process: str, runs: int) -> None:
    """Write runs one after another, as one of the processes."""
    frame = pd.DataFrame({"customer_id": [f"{number:06}" for number in range(CUSTOMERS)], "y_pred": 0.1})
    params = [Param(f"setting_{number}", number) for number in range(PARAMS)]
    metrics = [Metric(f"metric_{number}", number / 3) for number in range(METRICS)]
    for number in range(runs):
        with _open_tracker(store).run(experiment, f"run {number}") as run:
            records: list[Record] = [Tag("process", process), Tag("number", str(number)), *params, *metrics]
            run.log([*records, Table("predictions.parquet", frame)])


def _open_tracker(store: str) -> MlflowTracker:
    return MlflowTracker(uri=store) if is_address(store) else MlflowTracker(store)


if __name__ == "__main__":
    _, store, experiment, process, runs = sys.argv
    write_runs(store, experiment, process, int(runs))
