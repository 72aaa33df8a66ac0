"""Measure what a user waits for: start-up, a run, memory; and time, memory and accuracy beside other tools.

    clv benchmark            all of it, a few minutes
    clv benchmark startup    one part: startup, run, bootstrap, store, sweep, score or read
    clv benchmark read --data online_retail_ii --files ii.xlsx ii.csv ii.parquet
    clv benchmark speed      beside DuckDB's own SQL and other tools, into docs/
    clv benchmark speed --tasks fit_bg_nbd --customers 100000 --tools lifetimes --output speed
    clv benchmark accuracy   the default beside other tools, into docs/: half an hour with all of them
    clv benchmark accuracy --tools lifetimes flaml --python flaml=flaml/bin/python --logs data=cdnow
    clv benchmark load --processes 8 --runs 50 --store http://host:5000      runs written at once
    clv benchmark scale --customers 25000 1000000      time and memory of the default

Times are wall seconds of whole processes, median and range of several runs; compare ratios within one call, not seconds
of two machines.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

from clv_experiments.commands.benchmark_arguments import parse_arguments

CLV = [sys.executable, "-m", "clv_experiments.commands.cli.clv"]
TRAIN = [*CLV, "train"]


def measure_first_line_seconds(*overrides: str) -> float:
    """Seconds from the command to its first line of output."""
    with tempfile.TemporaryDirectory() as folder:
        started = perf_counter()
        process = subprocess.Popen([*TRAIN, *overrides], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.readline()
        seconds = perf_counter() - started
        process.kill()
        process.communicate()
    return seconds


def measure_train_seconds(*overrides: str) -> float:
    """Seconds of a whole command in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        started = perf_counter()
        subprocess.run([*TRAIN, *overrides], cwd=folder, check=True, capture_output=True)
        return perf_counter() - started


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def print_median_and_range(title: str, seconds: list[float]) -> None:
    """Print the median and the range."""
    _print_line(f"{title:<58} {statistics.median(seconds):7.2f} s   ({min(seconds):.2f} to {max(seconds):.2f})")


def benchmark_startup() -> None:
    """Time from command to first line."""
    print_median_and_range(
        "clv train --help, to the first line", [measure_first_line_seconds("--help") for _ in range(5)]
    )
    print_median_and_range(
        "clv train, to the first line", [measure_first_line_seconds("tracking=memory") for _ in range(5)]
    )


def benchmark_run() -> None:
    """Time and memory of the main job."""
    print_median_and_range(
        "clv train model=xgboost window=3m, on a fresh store", [measure_train_seconds() for _ in range(3)]
    )
    print_median_and_range("the same, nothing tracked", [measure_train_seconds("tracking=memory") for _ in range(3)])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    _print_line(f"{'peak memory of these runs':<58} {peak:7.0f} MB")


def benchmark_bootstrap() -> None:
    """Time the intervals of a leaderboard: 20 models, the customers of CDNOW, 2,000 replicates, nine scores."""
    import numpy as np

    from clv_experiments.comparison.bootstrap import bootstrap_scores
    from clv_experiments.comparison.cell import OriginPredictions

    rng = np.random.default_rng(0)
    customers = 23_570
    expected = rng.gamma(0.5, 40.0, customers)
    spent = np.where(rng.random(customers) < 0.15, expected * rng.gamma(2.0, 0.5, customers), 0.0)
    predicted = np.column_stack([expected * rng.gamma(2.0, 0.5, customers) for _ in range(20)])
    ids = np.array([f"{number:06}" for number in range(customers)])
    origin = OriginPredictions(ids, spent, spent > 0, predicted, 0.1)
    seconds = []
    for _ in range(3):
        started = perf_counter()
        bootstrap_scores([origin], 2000, 0)
        seconds.append(perf_counter() - started)
    print_median_and_range("bootstrap: 20 models, 23,570 customers, 2,000 replicates", seconds)


def benchmark_store(runs: int = 1000) -> None:
    """Time what a leaderboard reads of an experiment with many runs: all of them light, those of one cell chosen."""
    import pandas as pd

    from clv_experiments.comparison.selection import select_runs
    from clv_experiments.reporting.records import Metric, Param, Record, Table, Tag
    from clv_experiments.tracking.mlflow_tracker import MlflowTracker

    customers = pd.DataFrame(
        {"customer_id": [f"{number:06}" for number in range(23_570)], "y_true": 1.0, "y_pred": 1.0}
    )
    predictions = customers.assign(cutoff=pd.Timestamp("1998-03-31"), purchase_days=1)
    with tempfile.TemporaryDirectory() as folder:
        tracker = MlflowTracker(folder)
        for number in range(runs):
            tags = {"cell": "1" if number >= runs - 15 else "2", "model": f"model_{number % 15}", "family": "ml"}
            tags |= {"features": "rfm", "protocol": "forecast", "code_version": "0.1.0"}
            tags |= {"holdouts": "1998-04-01 to 1998-06-30", "currency": "$"}
            records: list[Record] = [*(Tag(name, value) for name, value in tags.items()), Metric("d2_floor", 0.1)]
            records += [Param("model.name", tags["model"])] + [Param(f"setting_{index}", index) for index in range(40)]
            with tracker.run("shop 3m", str(tags["model"])) as tracked:
                tracked.log([*records, *([Table("predictions.parquet", predictions)] * (number >= runs - 15))])
        seconds = []
        for _ in range(3):
            started = perf_counter()
            chosen = select_runs(
                tracker.reader(), "shop 3m", {}, [f"model_{index}" for index in range(15)], all_runs=False,
                metric="d2_tweedie",
            )  # fmt: skip
            seconds.append(perf_counter() - started)
        assert chosen.cell is not None
        assert len(chosen.cell.entries) == 15
    print_median_and_range(f"reading {runs:,} runs, and the predictions of 15", seconds)


def benchmark_sweep(trials: int = 50) -> None:
    """Time what a study of XGBoost costs beyond fitting and predicting, on a fresh store."""
    from clv_experiments.tracking.run_reader import RunReader

    with tempfile.TemporaryDirectory() as folder:
        command = [*CLV, "sweep", "model=xgboost", "window=3m"]
        subprocess.run([*command, f"sweep.n_trials={trials}"], cwd=folder, check=True, capture_output=True)
        runs = RunReader(Path(folder, "mlruns")).runs("cdnow 3m")
        metrics = next(run.metrics for run in runs if run.tags.get("kind") == "study")
    print_median_and_range(f"clv sweep model=xgboost, {trials} trials", [metrics["seconds_search"]])
    print_median_and_range("of it fitting and predicting", [metrics["seconds_fit_predict"]])
    _print_line(f"{'overhead beyond that':<58} {metrics['overhead']:7.1%}")


def benchmark_score(customers: int = 1_000_000) -> None:
    """Time and memory of scoring a million simulated customers: by MBG/NBD fitted now, by XGBoost fitted before."""
    from clv_experiments.tracking.run_reader import RunReader

    with tempfile.TemporaryDirectory() as folder:
        few = ["data=simulated", "data.source.customers=20000", "model=xgboost"]
        subprocess.run([*TRAIN, *few], cwd=folder, check=True, capture_output=True)
        fitted = RunReader(Path(folder, "mlruns")).runs("simulated 3m")[0].run_id
        for name, model in (("mbg_nbd, fitted now", "mbg_nbd"), ("xgboost, fitted before", f"runs:/{fitted}")):
            command = [*CLV, "score", "data=simulated", f"model={model}"]
            command += [f"data.source.customers={customers}"]
            seconds, memory = _measure_stages(command, folder)
            print_median_and_range(f"{customers:,} customers by {name}, all of it", [seconds["total"]])
            print_median_and_range("of it scoring, ranking and writing", [seconds["scoring"] + seconds["writing"]])
            _print_line(
                f"{'customers a second of that':<58} {customers / (seconds['scoring'] + seconds['writing']):7,.0f}"
            )
            _print_line(f"{'peak memory':<58} {memory:7,.0f} MB   ({seconds})")


def benchmark_reading(data: str = "online_retail_ii", files: Sequence[str] = ()) -> None:
    """Time from raw files of one log to its cleaned log and all features, in a process of its own each."""
    for file in files:
        path = f"data.path={Path(file).resolve()}"
        seconds = []
        for _ in range(3):
            done = subprocess.run(
                [*TRAIN, f"data={data}", path, "model=linear", "tracking=memory", "evaluation.bootstrap_replicates=2"],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            times = dict(re.findall(r"(\w+) ([0-9.]+) s", done.stdout.split("time: ")[1]))
            seconds.append(float(times["data"]) + float(times["features"]))
        print_median_and_range(f"{data} from {Path(file).name} to features", seconds)


SCALE = (25_000, 1_000_000)  # customers


def benchmark_scaling(customers: Sequence[int] = SCALE) -> None:
    """Time and memory of a whole run of the default on simulated customers, and of fitting and predicting alone."""
    for number in customers:
        with tempfile.TemporaryDirectory() as folder:
            command = [*TRAIN, "data=simulated", f"data.source.customers={number}", "tracking=memory"]
            seconds, memory = _measure_stages(command, folder)
        print_median_and_range(f"{number:,} customers, a run with its validation", [seconds["total"]])
        print_median_and_range("of it fitting and predicting, twice", [seconds["fit"] + seconds["predict"]])
        _print_line(f"{'peak memory':<58} {memory:7,.0f} MB   ({seconds})")


def _measure_stages(command: Sequence[str], folder: str) -> tuple[dict[str, float], float]:
    """Run a command in a folder; return the seconds of its stages, as its last lines give them, and its peak memory."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    times = process.stdout.read().split("time: ")[1].splitlines()[0]
    _, _, used = os.wait4(process.pid, 0)
    stages = re.findall(r"([a-z][a-z ]*) ([0-9.]+) s", times)
    return {stage: float(seconds) for stage, seconds in stages}, used.ru_maxrss / 1024


def compare_tool_speed(arguments: argparse.Namespace) -> None:
    """Set time and memory beside those of DuckDB's own SQL and of other tools."""
    from clv_experiments.commands.benchmark_speed import CUSTOMERS, benchmark_speed

    benchmark_speed(
        arguments.tasks, arguments.lines, arguments.customers or CUSTOMERS, arguments.tools,
        _parse_interpreters(arguments), arguments.output, ["clv", "benchmark", *sys.argv[1:]],
        repeats=arguments.repeats, time_limit=arguments.time_limit,
    )  # fmt: skip


def _parse_interpreters(arguments: argparse.Namespace) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in arguments.python)


def compare_tool_accuracy(arguments: argparse.Namespace) -> None:
    """Set the default beside other tools, on the same customers and cutoffs."""
    from clv_experiments.commands.benchmark_accuracy import benchmark_accuracy
    from clv_experiments.comparison.accuracy import ToolLimits

    limits = ToolLimits(time_budget=arguments.time_budget, time_limit=arguments.time_limit)
    benchmark_accuracy(
        arguments.logs, arguments.tools, _parse_interpreters(arguments), limits, arguments.output,
        ["clv", "benchmark", *sys.argv[1:]],
    )  # fmt: skip


def benchmark_concurrent_writes(arguments: argparse.Namespace) -> None:
    """Let many processes write runs to one store at once."""
    from clv_experiments.commands.benchmark_load import measure_concurrent_writes

    _print_line(measure_concurrent_writes(arguments.processes, arguments.runs, arguments.store))


PARTS: dict[str, Callable[..., None]] = {
    "startup": benchmark_startup,
    "run": benchmark_run,
    "bootstrap": benchmark_bootstrap,
    "store": benchmark_store,
    "sweep": benchmark_sweep,
    "score": benchmark_score,
    "read": benchmark_reading,
}
# Run only where they are named.
LONG_PARTS: dict[str, Callable[..., None]] = {
    "scale": benchmark_scaling,
    "load": benchmark_concurrent_writes,
    "speed": compare_tool_speed,
    "accuracy": compare_tool_accuracy,
}


def run_benchmarks() -> int:
    """Run the parts named on the command line, or all but the long ones. Gives the exit status."""
    arguments = parse_arguments(str(__doc__), PARTS, LONG_PARTS)
    options = {
        "read": {"data": arguments.data, "files": arguments.files},
        "scale": {"customers": arguments.customers or SCALE},
        "load": {"arguments": arguments},
        "speed": {"arguments": arguments},
        "accuracy": {"arguments": arguments},
    }
    from clv_experiments.errors import ClvError

    try:
        for name in arguments.parts or PARTS:
            (PARTS | LONG_PARTS)[name](**options.get(name, {}))
    except ClvError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0
