"""The in-memory twin of the MLflow tracker: for tests, and for a run that should leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from clv_experiments.evaluation.records import Record


@dataclass
class MemoryRun:
    """One run: its records in order, and how it ended."""

    experiment: str
    name: str
    records: list[Record] = field(default_factory=list)
    status: str = "RUNNING"
    failure: str = ""
    location: str = "kept in memory only (tracking=memory)"

    def log(self, records: Sequence[Record]) -> None:
        """Keep the records."""
        self.records.extend(records)


@dataclass
class MemoryTracker:
    """Keeps runs in a list."""

    runs: list[MemoryRun] = field(default_factory=list)

    @contextmanager
    def run(self, experiment: str, name: str) -> Iterator[MemoryRun]:
        """Open a run; an error marks it FAILED, with the reason, and goes on its way."""
        run = MemoryRun(experiment, name)
        self.runs.append(run)
        try:
            yield run
        except BaseException as error:
            run.status, run.failure = "FAILED", f"{type(error).__name__}: {error}"
            raise
        run.status = "FINISHED"
