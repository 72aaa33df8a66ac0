"""The in-memory twin of the MLflow tracker: for tests, and for a run that should leave nothing behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.reporting.records import FittedModel, Metric, Param, Record, RegistrationRequest, Table, Tag, Text
from clv_experiments.tracking.stored_run import (
    LONGEST_PARAM,
    STUDY,
    TRIAL,
    StoredModel,
    StoredRun,
    failure_tags,
)

NamedRecord = TypeVar("NamedRecord", Table, Text)


@dataclass
class MemoryRun:
    """One run: its records in order, and how it ended."""

    experiment: str
    name: str
    records: list[Record] = field(default_factory=list)
    status: str = "RUNNING"
    failure: dict[str, str] = field(default_factory=dict)
    location: str = "kept in memory only (tracking=memory)"
    run_id: str = field(default_factory=lambda: uuid4().hex)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def log(self, records: Sequence[Record]) -> None:
        """Keep the records."""
        self.records.extend(records)

    def rename(self, name: str) -> None:
        """Give the run another name."""
        self.name = name

    def to_stored_run(self) -> StoredRun:
        """Return the run as a store would give it back."""
        params = {r.name: str(r.value)[:LONGEST_PARAM] for r in self.records if isinstance(r, Param)}
        tags = {r.name: r.value for r in self.records if isinstance(r, Tag)} | self.failure
        metrics = {r.name: r.value for r in self.records if isinstance(r, Metric)}
        return StoredRun(self.run_id, self.name, self.status, self.started, params, tags, metrics)


@dataclass
class MemoryStudy(MemoryRun):
    """The run of a study and, by number, the runs of its trials."""

    identity: str = ""
    new: bool = True
    trial_runs: dict[int, MemoryRun] = field(default_factory=dict)

    def log_trial(self, number: int, started: datetime, records: Sequence[Record], failure: str | None = None) -> None:
        """Keep the records of one trial; one that is kept already stays as it is."""
        tags = {"mlflow.parentRunId": self.run_id, "kind": TRIAL, "trial": str(number)}
        tag_records = [Tag(name, value) for name, value in tags.items()]
        status, failure_tag = ("FAILED", {"failure": failure}) if failure else ("FINISHED", {})
        run = MemoryRun(self.experiment, f"trial {number}", [*tag_records, *records], status, failure_tag)
        run.started = started.astimezone(UTC)
        self.trial_runs.setdefault(number, run)

    def trial_numbers(self) -> set[int]:
        """Return the numbers of the trials that have a run."""
        return set(self.trial_runs)


@dataclass
class MemoryTracker:
    """Keeps runs in a list."""

    runs: list[MemoryRun] = field(default_factory=list)

    def reader(self) -> MemoryReader:
        """Return a reader of the kept runs."""
        return MemoryReader(self.runs)

    @contextmanager
    def run(self, experiment: str, name: str) -> Iterator[MemoryRun]:
        """Open a run; an error marks it FAILED, with the reason, and goes on its way."""
        run = MemoryRun(experiment, name)
        self.runs.append(run)
        with _record_run_end(run):
            yield run

    @contextmanager
    def study(self, experiment: str, name: str, identity: str) -> Iterator[MemoryStudy]:
        """Open the run of a study, or take it up."""
        studies = [run for run in self.runs if isinstance(run, MemoryStudy)]
        matches = [study for study in studies if (study.experiment, study.identity) == (experiment, identity)]
        tags = [Tag("kind", STUDY), Tag("study", name), Tag("study_id", identity)]
        study = matches[0] if matches else MemoryStudy(experiment, name, [*tags], identity=identity)
        study.new, study.status, study.failure = not matches, "RUNNING", {}
        self.runs += [] if matches else [study]
        with _record_run_end(study):
            yield study


@contextmanager
def _record_run_end(run: MemoryRun) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        run.status, run.failure = "FAILED", failure_tags(error)
        raise
    run.status, run.failure = "FINISHED", {}


@dataclass(frozen=True)
class MemoryReader:
    """Reads the runs of a ``MemoryTracker`` back, as ``RunReader`` does those of MLflow."""

    tracked_runs: list[MemoryRun]
    store_exists: bool = True

    def runs(self, experiment: str) -> list[StoredRun]:
        """List the runs of an experiment, newest first."""
        return [run.to_stored_run() for run in reversed(self._all()) if run.experiment == experiment]

    def run(self, run_id: str) -> StoredRun:
        """Return one run by its id; ClvError if there is none."""
        for run in self._all():
            if run.run_id == run_id:
                return run.to_stored_run()
        raise ClvError(f"there is no run '{run_id}'")

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Return a table that the run left.

        Raises
        ------
        ClvError
            If it left none of that name.
        """
        return self._named_record(run_id, Table, name).frame

    def text(self, run_id: str, name: str) -> str:
        """Return a text that the run left.

        Raises
        ------
        ClvError
            If it left none of that name.
        """
        return self._named_record(run_id, Text, name).text

    def model(self, uri: str) -> StoredModel:
        """Return a run's model, ``runs:/<id>``, or the one that was registered last, ``models:/<name>@<alias>``.

        Raises
        ------
        ClvError
            If there is none.
        """
        for run in reversed(self._all()):
            aliases = [f"models:/{r.name}@{r.alias}" for r in run.records if isinstance(r, RegistrationRequest)]
            if uri in aliases or re.fullmatch(rf"runs:/{run.run_id}(/[^/]+)?", uri):
                model = next((r for r in run.records if isinstance(r, FittedModel)), None)
                if model is None:
                    raise ClvError(f"run {run.run_id} holds no model; choose a finished run of a model")
                version, columns = "1" if uri in aliases else "", tuple(map(str, model.example.columns))
                return StoredModel(uri, version, model.estimator, columns, run.to_stored_run())
        raise ClvError(f"there is no model {uri}")

    def metric_by_origin(self, run_id: str, metric: str) -> dict[int, float]:
        """Return a metric at each origin, oldest first; empty where the run has no such metric."""
        matches = {r.step: r.value for r in self._records(run_id) if isinstance(r, Metric) and r.name == metric}
        return dict(sorted(matches.items()))

    def _named_record(self, run_id: str, kind: type[NamedRecord], name: str) -> NamedRecord:
        for record in self._records(run_id):
            if isinstance(record, kind) and record.name == name:
                return record
        raise ClvError(f"run {run_id} has no {name}; run its model again")

    def _records(self, run_id: str) -> list[Record]:
        return next(run.records for run in self._all() if run.run_id == run_id)

    def _all(self) -> list[MemoryRun]:
        """List every run, the trials of a study after it."""
        runs: list[MemoryRun] = []
        for run in self.tracked_runs:
            runs += [run, *(run.trial_runs.values() if isinstance(run, MemoryStudy) else ())]
        return runs
