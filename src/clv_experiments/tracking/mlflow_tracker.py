"""Records to MLflow: one run each, in SQLite with artifacts beside it or on a server. The only door to mlflow."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from clv_experiments.tracking.experiment_name import legacy_experiment_name
from clv_experiments.tracking.inspection import StoreInspection
from clv_experiments.tracking.interrupts import deferred_interrupts
from clv_experiments.tracking.mlflow_run import MlflowRun, MlflowStudy, clear_failure, find_study, record_failure
from clv_experiments.tracking.process import identify_current_process
from clv_experiments.tracking.run_reader import RunReader
from clv_experiments.tracking.server import ServerStore
from clv_experiments.tracking.store import FolderStore
from clv_experiments.tracking.stored_run import PROCESS, STUDY


class MlflowTracker:
    """Runs in ``<folder>/mlflow.db``, artifacts in ``<folder>/artifacts``; or both on a tracking server.

    Parameters
    ----------
    folder : str
        Made where it is missing; relative to the working directory. Not read where there is a ``uri``.
    uri : str, optional
        Of a server: ``https://host:port/path``.
    trusted : bool
        Whether models are read from it that could run any code in the course of it.

    Raises
    ------
    ClvError
        If the folder is an address, or the address that of no server.
    """

    def __init__(self, folder: str | Path = "mlruns", *, uri: str | None = None, trusted: bool = False) -> None:
        self.store = FolderStore(folder) if uri is None else ServerStore(uri)
        self.trusted = trusted

    @property
    def uri(self) -> str:
        """Tracking URI, as MLflow's own functions take it."""
        return self.store.uri

    def reader(self) -> RunReader:
        """Return a reader of the stored runs."""
        return RunReader(self.store, trusted=self.trusted)

    def inspect_store(self, killed: Collection[str] = ()) -> StoreInspection:
        """Return an inspection of the store for faults; ``killed`` are runs known to be without a process.

        Raises
        ------
        ClvError
            If there is no store, or it cannot be opened.
        """
        return StoreInspection(self.reader(), tuple(killed))

    @contextmanager
    def run(self, experiment: str, name: str) -> Iterator[MlflowRun]:
        """Open a run; it ends FINISHED, or FAILED with the tags ``failure`` (why) and ``failure_kind`` (the class).

        Raises
        ------
        ClvError
            If the folder or the database cannot be written.
        """
        experiment_id = self._open_experiment(experiment)
        run_id, status, tags = "", "FAILED", {PROCESS: identify_current_process()}
        try:
            with deferred_interrupts(self.store.max_interrupt_delay):  # a run that was made is known here
                active = self.store.call_mlflow(mlflow.start_run, experiment_id=experiment_id, run_name=name, tags=tags)
                run_id = active.info.run_id
            yield MlflowRun(self.store, run_id, self._describe_location(run_id, experiment, experiment_id))
            self.store.call_mlflow(self.store.client.set_terminated, run_id, "FINISHED")
            status = "FINISHED"
        except BaseException as error:
            if run_id:
                record_failure(self.store, run_id, error)
            raise
        finally:
            with suppress(Exception):  # else MLflow ends it as FINISHED when the process does, whatever became of it
                mlflow.end_run(status)

    @contextmanager
    def study(self, experiment: str, name: str, identity: str) -> Iterator[MlflowStudy]:
        """Open the run of a study, or take it up; it ends FINISHED, or FAILED with its reason until it is taken up.

        Several processes may hold it open at once; where one brought it to its end, no other makes it fail.

        Parameters
        ----------
        experiment, name : str
        identity : str
            Letters and digits that no other study has; it is taken up by them.

        Raises
        ------
        ClvError
            If the folder or the database cannot be written.
        """
        experiment_id, client = self._open_experiment(experiment), self.store.client
        with self.store.create_lock():  # of processes that start together one makes it
            existing = find_study(self.store, experiment_id, identity)
            tags = {"kind": STUDY, "study": name, "study_id": identity, PROCESS: identify_current_process()}
            run_id = existing or self.store.call_mlflow(client.create_run, experiment_id, None, tags, name).info.run_id
        if existing:
            self.store.call_mlflow(client.update_run, run_id, "RUNNING")
            self.store.call_mlflow(client.set_tag, run_id, PROCESS, identify_current_process())
            clear_failure(self.store, run_id)
        location = self._describe_location(run_id, experiment, experiment_id)
        try:
            yield MlflowStudy(self.store, run_id, location, experiment_id, new=not existing)
        except BaseException as error:
            record_failure(self.store, run_id, error)
            raise
        clear_failure(self.store, run_id)  # that of another process
        self.store.call_mlflow(client.set_terminated, run_id, "FINISHED")

    def _describe_location(self, run_id: str, experiment: str, experiment_id: str) -> str:
        return f"run {run_id} in experiment {experiment}; {self.store.describe_run(experiment_id, run_id)}"

    def _open_experiment(self, name: str) -> str:
        self.store.open()
        experiment_id = self.store.call_mlflow(self._find_or_create_experiment, name)
        self.store.create_disk_reserve()
        return experiment_id

    def _find_or_create_experiment(self, name: str) -> str:
        client, by_name = self.store.client, self.store.client.get_experiment_by_name
        try:
            experiment = by_name(name) or by_name(legacy_experiment_name(name))
            if experiment is None:
                return client.create_experiment(name, artifact_location=self.store.artifact_location)
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            if experiment.name != name:
                client.rename_experiment(experiment.experiment_id, name)
            return experiment.experiment_id
        except MlflowException:
            experiment = by_name(name)  # another process was faster
            if experiment is None:
                raise
            return experiment.experiment_id
