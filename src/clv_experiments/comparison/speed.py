"""Time and memory of this project and of other tools on the same files, a process each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from clv_experiments.comparison.external_tools import ExternalTool, describe_tool_failure, run_script
from clv_experiments.errors import ClvError

SCRIPT = "speed.py"
FIGURES = ("seconds", "cpu_seconds", "memory_mb")
LARGEST_SIZES = 3  # that the growth is fitted to


@dataclass(frozen=True)
class Measurement:
    """What one process took.

    Attributes
    ----------
    seconds, cpu_seconds : float
        Of the task, without start-up and imports.
    memory_mb : float
        The most that the process held at a time; NaN where it was over too soon to tell.
    """

    seconds: float
    cpu_seconds: float
    memory_mb: float


def measure_tool(tool: ExternalTool, task: str, file: Path, time_limit: float) -> Measurement | None:
    """Run one task of a tool on a file, in a process of its own.

    Returns
    -------
    Measurement or None
        None where the tool has no such task.

    Raises
    ------
    ClvError
        If the tool is not installed, fails or takes longer than ``time_limit`` seconds.
    """
    peaks = [float("nan")]
    done = run_script(
        tool, [task, str(file)], time_limit, task, lambda process: peaks.append(_read_peak_memory_mb(process))
    )
    complaint = done.stderr.strip()
    if complaint == f"no task {task}":
        return None
    if done.returncode != 0:
        raise ClvError(describe_tool_failure(tool, complaint, done.returncode, task))
    figures = json.loads(done.stdout.splitlines()[-1])
    memory = float(np.fmax.reduce(peaks))
    return Measurement(figures["seconds"], figures["cpu_seconds"], memory)


def _read_peak_memory_mb(process: int) -> float:
    """Return the most memory (MB) that a running process has held so far, as Linux counts it; NaN elsewhere.

    What ``getrusage`` gives of a child counts the process that it was forked from, too.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return float("nan")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return float(found[1]) / 1024 if found else float("nan")


def compare_speed(
    tools: Sequence[ExternalTool],
    files: Mapping[tuple[str, int], Path],
    *,
    repeats: int,
    time_limit: float,
    progress: Callable[[str], None],
) -> pd.DataFrame:
    """Measure every tool on every file, tool by tool in each repeat, so that a busy moment meets all alike.

    A tool that fails or takes too long at one size is left out of that task's larger ones.

    Parameters
    ----------
    tools : sequence of ExternalTool
        The first is what the others are compared with.
    files : mapping of (task, size) to Path
        Sizes of a task ascend.
    repeats : int
    time_limit : float
        Seconds of a process.
    progress : callable
        Takes a sentence.

    Returns
    -------
    pandas.DataFrame
        ``task, size, tool``, the medians ``seconds``, ``cpu_seconds`` and ``memory_mb``, ``fastest`` and ``slowest``
        (seconds), and ``ratio``: seconds over those of the first tool.
    """
    measured: dict[tuple[str, int, str], list[Measurement]] = {}
    left_out: set[tuple[str, str]] = set()
    for (task, size), file in files.items():
        for _, tool in product(range(repeats), tools):
            if (task, tool.name) in left_out:
                continue
            try:
                result = measure_tool(tool, task, file, time_limit)
            except ClvError as error:
                progress(f"{task}, {size:,}: {error}")
                result = None
            if result is None:
                left_out.add((task, tool.name))
                measured.pop((task, size, tool.name), None)
            else:
                measured.setdefault((task, size, tool.name), []).append(result)
        progress(f"{task}, {size:,}: measured")
    rows = [_summarise_measurements(*key, measurements) for key, measurements in measured.items()]
    table = pd.DataFrame(rows)
    first = table[table["tool"] == tools[0].name].set_index(["task", "size"])["seconds"]
    keys = pd.MultiIndex.from_frame(table[["task", "size"]])
    return table.assign(ratio=table["seconds"].to_numpy() / first.reindex(keys).to_numpy())


def _summarise_measurements(task: str, size: int, tool: str, measurements: Sequence[Measurement]) -> dict[str, object]:
    medians = {name: float(np.median([getattr(one, name) for one in measurements])) for name in FIGURES}
    seconds = [one.seconds for one in measurements]
    return {"task": task, "size": size, "tool": tool} | medians | {"fastest": min(seconds), "slowest": max(seconds)}


def growth_exponents(table: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Yield task, tool and b of seconds ~ size^b, a line through the logs of the three largest sizes."""
    for (task, tool), rows in table.groupby(["task", "tool"], sort=False):
        largest = rows.nlargest(LARGEST_SIZES, "size")
        if len(largest) > 1:
            yield str(task), str(tool), float(np.polyfit(np.log(largest["size"]), np.log(largest["seconds"]), 1)[0])
