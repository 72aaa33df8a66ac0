"""Runs and models read back from MLflow: everything that compares runs or uses a model goes through here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
from mlflow.entities import Run
from pyarrow import ArrowException
from pyarrow.csv import read_csv

from clv_experiments.errors import ClvError, command
from clv_experiments.tracking.experiment_name import legacy_experiment_name
from clv_experiments.tracking.loader import load_estimator
from clv_experiments.tracking.registry import find_run, logged_model, resolve_model_uri
from clv_experiments.tracking.server import ServerStore
from clv_experiments.tracking.store import FolderStore, Result
from clv_experiments.tracking.stored_run import StoredModel, StoredRun


class RunReader:
    """Reads the runs of a store; never makes one where there is none.

    Parameters
    ----------
    store : FolderStore, ServerStore or Path
        A path is that of a folder.
    trusted : bool
        Whether models are read that could run any code in the course of it.
    """

    def __init__(self, store: FolderStore | ServerStore | Path, *, trusted: bool = False) -> None:
        self.store = FolderStore(store) if isinstance(store, Path) else store
        self.trusted = trusted
        self._artifacts: dict[str, str] = {}  # addresses of the files of runs

    @property
    def store_exists(self) -> bool:
        """Whether any run was ever kept there."""
        return self.store.exists

    @cached_property
    def open_store(self) -> FolderStore | ServerStore:
        """The store, once it is open; ClvError where there is none."""
        if not self.store_exists:
            raise ClvError(
                f"no runs are kept in '{self.store.name}' yet: run experiments first, such as "
                f"{command('train')} -m model='glob(*)' window=3m, or type tracking.folder=<where they are>"
            )
        self.store.open()
        return self.store

    def runs(self, experiment: str) -> list[StoredRun]:
        """List the runs of an experiment, newest first, deleted ones left out; none where there is no such experiment.

        Raises
        ------
        ClvError
            If the folder holds no store, or one that cannot be read.
        """
        names = (experiment, legacy_experiment_name(experiment))
        existing = [self.open_store.call_mlflow(self.open_store.client.get_experiment_by_name, name) for name in names]
        ids = [one.experiment_id for one in existing if one]
        newest_first = ["attributes.start_time DESC"]
        runs = list(self.open_store.search_runs(ids, order_by=newest_first)) if ids else []
        self._artifacts |= {run.info.run_id: run.info.artifact_uri for run in runs}
        return [_to_stored_run(run) for run in runs]

    def run(self, run_id: str) -> StoredRun:
        """Return one run by its id.

        Raises
        ------
        ClvError
            If there is none, or no store.
        """
        return _to_stored_run(find_run(self.open_store, run_id))

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Read a table that the run left.

        Raises
        ------
        ClvError
            If it is gone or cannot be read.
        """
        if name.endswith(".csv"):
            return self._read_file(run_id, name, lambda path: read_csv(path).to_pandas())  # to the last digit
        return self._read_file(run_id, name, pd.read_parquet)

    def text(self, run_id: str, name: str) -> str:
        """Read a text that the run left.

        Raises
        ------
        ClvError
            If it is gone or cannot be read.
        """
        return self._read_file(run_id, name, partial(Path.read_text, encoding="utf-8"))

    def metric_by_origin(self, run_id: str, metric: str) -> dict[int, float]:
        """Read a metric at each origin, oldest first; empty where the run has no such metric."""
        history = self.open_store.call_mlflow(self.open_store.client.get_metric_history, run_id, metric)
        return {point.step: point.value for point in sorted(history, key=lambda point: (point.step, point.timestamp))}

    def model(self, uri: str) -> StoredModel:
        """Load a fitted model.

        Parameters
        ----------
        uri : str
            ``models:/cdnow-3m@champion``, ``models:/cdnow-3m/2`` (a version), ``runs:/<id>`` or ``runs:/<id>/<model>``.

        Raises
        ------
        ClvError
            If there is no store, the address leads nowhere, the run logged no model, its files cannot be read, or
            reading them could run any code and the store is not trusted.
        """
        version, logged_run = resolve_model_uri(self.open_store, uri)
        run = _to_stored_run(logged_run)
        mlflow_model, path = self._fetch_logged_model(logged_run)
        try:
            estimator = load_estimator(path, trusted=self.trusted)
        except ClvError as error:
            raise ClvError(
                f"the model of run {run.run_id} is not read: {error}; type tracking.trusted=true "
                f"where you trust whoever wrote to '{self.store.name}'"
            ) from error
        except Exception as error:  # whatever a damaged file, or a class that is no longer there, leads to
            raise ClvError(
                f"the model of run {run.run_id} cannot be read ({type(error).__name__}); make it again, or take another"
            ) from error
        columns = tuple(mlflow_model.get_input_schema().input_names())
        return StoredModel(uri, version, estimator, columns, run)

    def _fetch_logged_model(self, run: Run) -> tuple[Any, Path]:
        """Return what MLflow knows of the model that a run logged, and the file of its estimator."""
        from mlflow.models import Model

        logged = logged_model(self.open_store, run)
        try:
            folder = self.store.fetch(logged.artifact_location, "", "models", logged.model_id, "artifacts")
            mlflow_model = Model.load(str(folder))
            path = folder / mlflow_model.flavors["python_function"]["data"]
        except ClvError:
            raise
        except Exception as error:  # whatever a damaged MLmodel leads to
            raise ClvError(
                f"run {run.info.run_id} has no readable model ({type(error).__name__}); run it again, or delete the run"
            ) from error
        if not path.is_file():
            raise ClvError(f"run {run.info.run_id} has lost its model, {path}; run it again, or delete the run")
        return mlflow_model, path

    def has_file(self, artifact_uri: str, name: str) -> bool:
        """Whether a run of these artifacts has a file."""
        return self.store.has_file(artifact_uri, name, *urlsplit(artifact_uri).path.split("/")[-2:])

    def _read_file(self, run_id: str, name: str, read: Callable[[Path], Result]) -> Result:
        """Read a file of a run; ClvError where it is gone or cannot be read."""
        try:
            if run_id not in self._artifacts:
                run = self.open_store.call_mlflow(self.open_store.client.get_run, run_id)
                self._artifacts[run_id] = run.info.artifact_uri
            return read(self.store.fetch(self._artifacts[run_id], name, run_id, "artifacts"))
        except (ArrowException, OSError, ValueError) as error:
            raise ClvError(
                f"run {run_id} has no readable {name} ({type(error).__name__}); run its model again, or delete the run"
            ) from error


def _to_stored_run(run: Run) -> StoredRun:
    return StoredRun(
        run.info.run_id,
        run.info.run_name,
        run.info.status,
        datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        run.data.params,
        run.data.tags,
        run.data.metrics,
    )
