"""Measure what a user waits for: start-up, a run, memory, and what the BTYD compression saves.

    python scripts/benchmark.py            all of it, a few minutes
    python scripts/benchmark.py startup    one part: startup, run, compression or read
    python scripts/benchmark.py read --data online_retail_ii --files ii.xlsx ii.csv ii.parquet

Times are wall seconds of whole processes, median and range of several runs; compare ratios within one call, not seconds
of two machines.
"""

from __future__ import annotations

import argparse
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
TRAIN = [sys.executable, str(ROOT / "train.py")]


def first_line(*overrides: str) -> float:
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


def whole(*overrides: str) -> float:
    """Seconds of a whole command in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        started = perf_counter()
        subprocess.run([*TRAIN, *overrides], cwd=folder, check=True, capture_output=True)
        return perf_counter() - started


def report(what: str, seconds: list[float]) -> None:
    """Print the median and the range."""
    print(f"{what:<58} {statistics.median(seconds):7.2f} s   ({min(seconds):.2f} to {max(seconds):.2f})")  # noqa: T201


def startup() -> None:
    """Time from command to first line."""
    report("train.py --help, to the first line", [first_line("--help") for _ in range(5)])
    report("train.py, to the first line", [first_line("tracking=memory") for _ in range(5)])


def run() -> None:
    """Time and memory of the main job."""
    report("train.py model=xgboost window=3m, on a fresh store", [whole() for _ in range(3)])
    report("the same, nothing tracked", [whole("tracking=memory") for _ in range(3)])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{'peak memory of these runs':<58} {peak:7.0f} MB")  # noqa: T201


def compression() -> None:
    """Compare BG/NBD on distinct (frequency, recency, T) with weights against lifetimes alone, on ten times CDNOW."""
    import clv_experiments  # noqa: F401, I001 - first: sets how threads wait
    import numpy as np
    import pandas as pd
    from functools import partial
    from datetime import date

    from clv_experiments.data.sources.cdnow import cdnow
    from clv_experiments.data.log import load_log
    from clv_experiments.data.window import Horizon
    from clv_experiments.features.feature_set import FeatureSet
    from clv_experiments.features.rfm import rfm
    from clv_experiments.models.bg_nbd import BgNbd
    from lifetimes import BetaGeoFitter

    log = load_log("cdnow", partial(cdnow, sample=False), (), date(1998, 6, 30))
    X = FeatureSet("rfm", [rfm]).at(log, date(1997, 9, 30), Horizon.parse("39w"))
    X = pd.concat([X] * 10).set_axis(np.arange(10 * len(X)))
    ours, plain = [], []
    for _ in range(3):
        started = perf_counter()
        BgNbd().fit(X)
        ours.append(perf_counter() - started)
        started = perf_counter()
        BetaGeoFitter().fit(X["frequency"], X["recency"] / 7, X["T"] / 7)
        plain.append(perf_counter() - started)
    report(f"BG/NBD with Gamma-Gamma, {len(X):,} customers, compressed", ours)
    report("lifetimes BG/NBD alone, as it comes", plain)


def read(data: str = "online_retail_ii", files: Sequence[str] = ()) -> None:
    """Time from raw files of one log to its cleaned log and all features, in a process of its own each."""
    for file in files:
        path = f"data.path={Path(file).resolve()}"
        seconds = []
        for _ in range(3):
            done = subprocess.run(
                [*TRAIN, f"data={data}", path, "model=linear", "tracking=memory", "evaluation.bootstrap_replicates=2"],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            said = dict(re.findall(r"(\w+) ([0-9.]+) s", done.stdout.split("time: ")[1]))
            seconds.append(float(said["data"]) + float(said["features"]))
        report(f"{data} from {Path(file).name} to features", seconds)


PARTS = {part.__name__: part for part in (startup, run, compression, read)}


def main() -> None:
    """Run the parts named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--data", default="online_retail_ii", help="which log the files of 'read' hold")
    parser.add_argument("--files", nargs="*", default=[], help="files for 'read', which has nothing to do without")
    asked = parser.parse_args()
    for name in asked.parts or PARTS:
        if name not in PARTS:
            parser.error(f"no part '{name}'; there are {', '.join(PARTS)}")
        PARTS[name](**({"data": asked.data, "files": asked.files} if name == "read" else {}))


if __name__ == "__main__":
    main()
