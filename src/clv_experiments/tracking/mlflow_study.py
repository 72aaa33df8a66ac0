"""A search for settings in MLflow: one run that can be taken up again, and below it a light run for each trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow.entities import Run

from clv_experiments.reporting.records import Record, Tag
from clv_experiments.tracking.mlflow_run import MlflowRun
from clv_experiments.tracking.store import retry_while_locked
from clv_experiments.tracking.stored_run import STUDY, TRIAL

PAGE = 1000  # runs fetched at a time
ENDED = ("FINISHED", "FAILED")


class MlflowStudy(MlflowRun):
    """The run of a study: what it logs speaks of the whole search.

    Attributes
    ----------
    new : bool
        Whether it was made now; if not, its parameters are there already.
    """

    def __init__(
        self, client: mlflow.MlflowClient, run_id: str, location: str, experiment_id: str, lock: Path, new: bool
    ) -> None:
        super().__init__(client, run_id, location)
        self.experiment_id = experiment_id
        self.lock = lock
        self.new = new

    def trial(self, number: int, started: datetime, records: Sequence[Record], failure: str | None = None) -> None:
        """Leave a finished run for one trial; FAILED with a reason where there is one.

        A trial that has a run gets no second one, whichever process asks; one that was begun and never ended is ended.

        Raises
        ------
        ClvError
            If the store refuses.
        """
        begun = int(started.timestamp() * 1000)
        tags = {"mlflow.parentRunId": self.run_id, "kind": TRIAL, "trial": str(number)}
        with FileLock(self.lock):  # another process may make up for a trial while its own writes it
            trial_run = next(self._below(f" and tags.trial = '{number}'"), None)
            if trial_run is None:
                trial_run = retry_while_locked(
                    self.client.create_run, self.experiment_id, begun, tags, f"trial {number}"
                )
        if trial_run.info.status in ENDED:
            return
        run = MlflowRun(self.client, trial_run.info.run_id, self.location)
        run.log([*records, *([Tag("failure", failure)] if failure else [])])
        retry_while_locked(self.client.set_terminated, trial_run.info.run_id, "FAILED" if failure else "FINISHED")

    def trials(self) -> set[int]:
        """Return the numbers of the trials that have a whole run."""
        return {int(run.data.tags["trial"]) for run in self._below() if run.info.status in ENDED}

    def _below(self, narrower: str = "") -> Iterator[Run]:
        of_this = f"tags.`mlflow.parentRunId` = '{self.run_id}' and tags.kind = '{TRIAL}'{narrower}"
        return search(self.client, self.experiment_id, of_this)


def find_study(client: mlflow.MlflowClient, experiment_id: str, identity: str) -> str | None:
    """Return the id of the run that a study left in an experiment, if any."""
    study_run = next(search(client, experiment_id, f"tags.kind = '{STUDY}' and tags.study_id = '{identity}'"), None)
    return study_run.info.run_id if study_run else None


def search(client: mlflow.MlflowClient, experiment_id: str, condition: str) -> Iterator[Run]:
    """Fetch all runs of an experiment that meet a condition, page by page."""
    token = None
    while True:
        page = retry_while_locked(client.search_runs, [experiment_id], condition, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
