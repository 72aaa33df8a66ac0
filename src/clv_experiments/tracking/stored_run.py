"""A run as it is read back, and what reads runs back, whatever keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.records import Record

LONGEST_PARAM = 6000  # characters that are kept of a parameter
STUDY, TRIAL = "study", "trial"  # tag `kind` of a search for settings and of its parts


@dataclass(frozen=True)
class StoredRun:
    """What a run left behind, but for its files.

    Attributes
    ----------
    run_id, name : str
    status : str
        ``RUNNING``, also of a run that was killed; ``FINISHED``, ``FAILED`` or another of MLflow's.
    started : datetime
        In UTC.
    params, tags : mapping of str to str
    metrics : mapping of str to float
        Of several origins the latest.
    """

    run_id: str
    name: str
    status: str
    started: datetime
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]


class Reader(Protocol):
    """Reads runs back."""

    @property
    def exists(self) -> bool:
        """Whether any run was ever kept there."""

    def runs(self, experiment: str) -> list[StoredRun]:
        """List the runs of an experiment, newest first; none where there is no such experiment."""

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Read a table that the run left, or raise ClvError."""

    def by_origin(self, run_id: str, metric: str) -> dict[int, float]:
        """Read a metric at each origin, oldest first; empty where the run has no such metric."""


class StudyRun(Protocol):
    """The run of a search for settings, open to be written; trials get runs of their own below it."""

    run_id: str
    location: str
    new: bool

    def log(self, records: Sequence[Record]) -> None:
        """Write records of the whole search."""

    def trial(self, number: int, started: datetime, records: Sequence[Record], failure: str | None = None) -> None:
        """Leave the run of one trial, once."""

    def trials(self) -> set[int]:
        """Return the numbers of the trials that have a run."""


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is a Ctrl-C, which DuckDB turns into one of its own."""
    return isinstance(error, KeyboardInterrupt) or str(error) == "Query interrupted"


def failure_tags(error: BaseException) -> dict[str, str]:
    """Tag a run that failed: ``failure`` says why, ``failure_kind`` is the error's class."""
    if is_interrupt(error):
        reason = "interrupted"
    else:
        reason = str(error) if isinstance(error, ClvError) else f"{type(error).__name__}: {error}"
    return {"failure": reason[:LONGEST_PARAM], "failure_kind": type(error).__name__}
