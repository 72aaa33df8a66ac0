"""Other tools: a script each, in an environment of its own, which reads an origin's folder and writes predictions."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter, sleep

import pandas as pd

from clv_experiments.errors import ClvError, LogTooShort, suggest
from clv_experiments.forecasting.external import COLUMNS, validate_origin_predictions
from clv_experiments.forecasting.origin_folder import PANEL

SCRIPT, OUTPUT = "predict.py", "predictions.parquet"
POLL_SECONDS = 0.02  # seconds between two looks at a process


@dataclass(frozen=True)
class ExternalTool:
    """Another tool.

    Attributes
    ----------
    name : str
        Of its folder.
    script : Path
        Takes an origin's folder and writes ``predictions.parquet`` into it.
    python : str
        Interpreter of the environment in which the tool is installed.
    """

    name: str
    script: Path
    python: str = sys.executable

    @property
    def description(self) -> str:
        """The first sentence of the script's docstring."""
        docstring = ast.get_docstring(ast.parse(self.script.read_text(encoding="utf-8"))) or ""
        return docstring.partition("\n")[0]

    @property
    def installation(self) -> str:
        """What to type to have it."""
        requirements = Path(*self.script.parts[-3:-1], "requirements.txt")
        return (
            f"python -m venv {self.name} && {self.name}/bin/pip install -r {requirements}, and give "
            f"--python {self.name}={self.name}/bin/python"
        )


def find_external_tools(
    folder: Path, names: Sequence[str] = (), interpreters: Mapping[str, str] | None = None, script: str = SCRIPT
) -> list[ExternalTool]:
    """List the tools that have a script of that name below a folder, sorted by name.

    Parameters
    ----------
    folder : Path
        With one folder a tool.
    names : sequence of str
        Which of them; by default all.
    interpreters : mapping of name to interpreter
        By default the one that runs this.
    script : str

    Raises
    ------
    ClvError
        If there is none of a name.
    """
    scripts = {path.parent.name: path for path in sorted(folder.glob(f"*/{script}"))}
    interpreters = interpreters or {}
    for name in [*names, *interpreters]:
        if name not in scripts:
            raise ClvError(f"there is no tool '{name}' in {folder}; {suggest(name, scripts)}")
    return [
        ExternalTool(name, path, interpreters.get(name, sys.executable))
        for name, path in scripts.items()
        if name in (names or scripts)
    ]


def run_tool(tool: ExternalTool, folder: Path, customers: pd.Index, time_limit: float) -> tuple[pd.Series, float]:
    """Let a tool predict one origin.

    Parameters
    ----------
    tool : ExternalTool
    folder : Path
        From ``write_origin_folder``.
    customers : pandas.Index
        Whom it must predict.
    time_limit : float
        Seconds after which it is ended.

    Returns
    -------
    pandas.Series
        Spend by customer, in the order of ``customers``.
    float
        Seconds of the whole process.

    Raises
    ------
    LogTooShort
        If the tool fails for want of earlier periods to learn from.
    ClvError
        If the tool is not installed, fails, takes too long, or does not predict one finite spend >= 0 for every
        customer.
    """
    output = folder / OUTPUT
    output.unlink(missing_ok=True)
    started = perf_counter()
    done = run_script(tool, [str(folder)], time_limit, folder.name)
    seconds = perf_counter() - started
    if done.returncode != 0:
        sentence = describe_tool_failure(tool, done.stderr, done.returncode, folder.name)
        if PANEL in sentence and not (folder / PANEL).exists():
            raise LogTooShort(f"{tool.name} learns from earlier periods, and before {folder.name} the log holds none")
        raise ClvError(sentence)
    if not output.exists():
        raise ClvError(f"{tool.name} wrote no {OUTPUT} at {folder.name}")
    return read_predictions(output, customers, f"{tool.name} at {folder.name}"), seconds


def run_script(
    tool: ExternalTool,
    arguments: Sequence[str],
    time_limit: float,
    task: str,
    on_poll: Callable[[int], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a tool's script in a process of its own, without this project on its path.

    Parameters
    ----------
    tool : ExternalTool
    arguments : sequence of str
    time_limit : float
        Seconds after which it is ended.
    task : str
        What it is doing, for the error.
    on_poll : callable, optional
        Called with the process's number again and again while it runs.

    Raises
    ------
    ClvError
        If it cannot be run, or is ended; not if it fails.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command, deadline = [tool.python, str(tool.script), *arguments], perf_counter() + time_limit
    with TemporaryFile("w+", errors="replace") as stdout, TemporaryFile("w+", errors="replace") as stderr:
        try:
            process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        except OSError as error:
            raise ClvError(f"{tool.name} cannot be run by {tool.python}: {error.strerror}") from None
        try:
            while process.poll() is None:
                if perf_counter() > deadline:
                    raise ClvError(f"{tool.name} was ended after {time_limit:.0f} s at {task}")
                if on_poll:
                    on_poll(process.pid)
                sleep(POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, stdout.read(), stderr.read())


def describe_tool_failure(tool: ExternalTool, stderr: str, status: int, task: str) -> str:
    """Say in one sentence why a tool's process failed, from what it wrote to stderr."""
    reason = next(reversed(stderr.strip().splitlines()), f"exit code {status}").strip()
    if reason.startswith("ModuleNotFoundError"):
        return f"{tool.name} is not installed ({reason}); type {tool.installation}"
    return f"{tool.name} failed at {task}: {reason[:300]}"


def read_predictions(path: Path, customers: pd.Index, source: str) -> pd.Series:
    """Read the predictions of one origin, in the order of the customers.

    Raises
    ------
    ClvError
        If they are not one row a customer with a finite spend >= 0; begins with ``source``.
    """
    predictions = pd.read_parquet(path)
    if missing := [name for name in COLUMNS if name not in predictions]:
        raise ClvError(f"{source}: {path.name} lacks the column(s) {', '.join(missing)}")
    predictions = predictions.assign(customer_id=predictions["customer_id"].astype(str))
    return validate_origin_predictions(predictions, customers, f"{source}: predictions")["y_pred"]
