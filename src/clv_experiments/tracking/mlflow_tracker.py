"""Records to MLflow: one run each, in SQLite with artifacts beside it. The only door to mlflow."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException

from clv_experiments.disks import is_disk_full, remove_partial_copy
from clv_experiments.errors import ClvError
from clv_experiments.interrupts import deferred_interrupts
from clv_experiments.tracking.experiment_name import former_name
from clv_experiments.tracking.inspection import StoreInspection
from clv_experiments.tracking.mlflow_run import MlflowRun, MlflowStudy, find_study
from clv_experiments.tracking.process import current_process
from clv_experiments.tracking.reserve import keep_reserve, release_reserve
from clv_experiments.tracking.run_reader import RunReader
from clv_experiments.tracking.store import LOCK, open_store, retry_while_locked, store_uri
from clv_experiments.tracking.store_errors import describe_store_error
from clv_experiments.tracking.stored_run import PROCESS, STUDY, failure_tags


class MlflowTracker:
    """Runs in ``<folder>/mlflow.db``, artifacts in ``<folder>/artifacts``.

    Parameters
    ----------
    folder : str
        Made where it is missing; relative to the working directory.
    trusted : bool
        Whether models are read from it that could run any code in the course of it.
    """

    def __init__(self, folder: str = "mlruns", *, trusted: bool = False) -> None:
        self.folder = Path(folder)
        self.trusted = trusted

    @property
    def uri(self) -> str:
        """Tracking URI, as MLflow's own functions take it."""
        return store_uri(self.folder)

    def reader(self) -> RunReader:
        """Return what reads the folder's runs back."""
        return RunReader(self.folder, trusted=self.trusted)

    def inspection(self, killed: Collection[str] = ()) -> StoreInspection:
        """Return what looks for faults in the store; ``killed`` are runs known to be without a process.

        Raises
        ------
        ClvError
            If there is no store, or it cannot be opened.
        """
        reader = self.reader()
        return StoreInspection(reader.client, reader, self.folder, tuple(killed))

    @contextmanager
    def run(self, experiment: str, name: str) -> Iterator[MlflowRun]:
        """Open a run; it ends FINISHED, or FAILED with the tags ``failure`` (why) and ``failure_kind`` (the class).

        Raises
        ------
        ClvError
            If the folder or the database cannot be written.
        """
        client, experiment_id = self._open_experiment(experiment)
        keep_reserve(self.folder)
        run_id, status, tags = "", "FAILED", {PROCESS: current_process()}
        try:
            with deferred_interrupts():  # a run that was made is known here
                active = retry_while_locked(mlflow.start_run, experiment_id=experiment_id, run_name=name, tags=tags)
                run_id = active.info.run_id
            yield MlflowRun(client, run_id, self._location(run_id, experiment))
            retry_while_locked(client.set_terminated, run_id, "FINISHED")
            status = "FINISHED"
        except BaseException as error:
            if run_id:
                self._record_failure(client, run_id, error)
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
        client, experiment_id = self._open_experiment(experiment)
        keep_reserve(self.folder)
        with FileLock(self.folder / LOCK):  # of processes that start together one makes it
            existing = find_study(client, experiment_id, identity)
            tags = {"kind": STUDY, "study": name, "study_id": identity, PROCESS: current_process()}
            run_id = existing or retry_while_locked(client.create_run, experiment_id, None, tags, name).info.run_id
        if existing:
            retry_while_locked(client.update_run, run_id, "RUNNING")
            retry_while_locked(client.set_tag, run_id, PROCESS, current_process())
            _forget_failure(client, run_id)
        location = self._location(run_id, experiment)
        try:
            yield MlflowStudy(client, run_id, location, experiment_id, self.folder / LOCK, new=not existing)
        except BaseException as error:
            self._record_failure(client, run_id, error)
            raise
        _forget_failure(client, run_id)  # that of another process
        retry_while_locked(client.set_terminated, run_id, "FINISHED")

    def _record_failure(self, client: mlflow.MlflowClient, run_id: str, error: BaseException) -> None:
        """Mark a run FAILED, with the space kept for it on a full disk; an error notes where the store cannot."""

        def mark() -> None:
            if client.get_run(run_id).info.status != "FINISHED":  # as it is where another process ended a study
                client.log_batch(run_id, tags=[RunTag(*tag) for tag in failure_tags(error).items()])
                client.set_terminated(run_id, "FAILED")

        remove_partial_copy(error)
        try:
            try:
                retry_while_locked(mark)
            except ClvError as refusal:
                if not (is_disk_full(refusal) and release_reserve(self.folder)):
                    raise
                retry_while_locked(mark)
        except (ClvError, KeyboardInterrupt) as refusal:  # the error under way says more
            reason = "" if str(refusal) == str(error) else f", since {refusal or 'interrupted again'}"
            error.add_note(f"run {run_id} could not be marked FAILED{reason}")

    def _location(self, run_id: str, experiment: str) -> str:
        command = f"mlflow ui --backend-store-uri {shlex.quote(f'sqlite:///{self.folder}/mlflow.db')}"
        elsewhere = "" if self.folder == Path("mlruns") else f" {shlex.quote(f'folder={self.folder}')}"
        return (
            f"run {run_id} in experiment {experiment}; to browse it (choose Model training): clv ui{elsewhere}, or\n"
            f"{command}"
        )

    def _open_experiment(self, name: str) -> tuple[mlflow.MlflowClient, str]:
        client = open_store(self.folder)
        return client, retry_while_locked(self._find_or_create_experiment, client, name)

    def _find_or_create_experiment(self, client: mlflow.MlflowClient, name: str) -> str:
        try:
            by_name = client.get_experiment_by_name
            experiment = by_name(name) or by_name(former_name(name))
            if experiment is None:
                artifacts = (self.folder / "artifacts").resolve().as_uri()
                return client.create_experiment(name, artifact_location=artifacts)
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            if experiment.name != name:
                client.rename_experiment(experiment.experiment_id, name)
            return experiment.experiment_id
        except MlflowException as error:
            experiment = client.get_experiment_by_name(name)  # another process was faster
            if experiment is None:
                raise ClvError(describe_store_error(error)) from error
            return experiment.experiment_id


def _forget_failure(client: mlflow.MlflowClient, run_id: str) -> None:
    for tag in retry_while_locked(client.get_run, run_id).data.tags.keys() & failure_tags(KeyboardInterrupt()).keys():
        with suppress(ClvError):  # another process was faster
            retry_while_locked(client.delete_tag, run_id, tag)
