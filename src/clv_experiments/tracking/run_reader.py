"""Runs and models read back from MLflow: everything that compares runs or uses a model goes through here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow
import pandas as pd
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from pyarrow import ArrowException
from pyarrow.csv import read_csv

from clv_experiments.errors import ClvError, command
from clv_experiments.tracking.experiment_name import former_name
from clv_experiments.tracking.loader import load_estimator
from clv_experiments.tracking.registry import logged_model, resolve
from clv_experiments.tracking.store import open_store, retry_while_locked, search_runs
from clv_experiments.tracking.stored_run import EVALUATED, StoredModel, StoredRun


class RunReader:
    """Reads the runs of ``<folder>/mlflow.db``; never makes a store where there is none.

    Parameters
    ----------
    folder : Path
    trusted : bool
        Whether models are read that could run any code in the course of it.
    """

    def __init__(self, folder: Path, *, trusted: bool = False) -> None:
        self.folder = folder
        self.trusted = trusted

    @property
    def exists(self) -> bool:
        """Whether any run was ever kept in the folder."""
        database = self.folder / "mlflow.db"
        return database.exists() and database.stat().st_size > 0

    @cached_property
    def client(self) -> mlflow.MlflowClient:
        """MLflow's client of the store; ClvError where there is none."""
        if not self.exists:
            raise ClvError(
                f"no runs are kept in '{self.folder}' yet: run experiments first, such as "
                f"{command('train')} -m model='glob(*)' window=3m, or type tracking.folder=<where they are>"
            )
        return open_store(self.folder)

    def runs(self, experiment: str) -> list[StoredRun]:
        """List the runs of an experiment, newest first, deleted ones left out; none where there is no such experiment.

        Raises
        ------
        ClvError
            If the folder holds no store, or one that cannot be read.
        """
        names = (experiment, former_name(experiment))
        existing = [retry_while_locked(self.client.get_experiment_by_name, name) for name in names]
        ids = [one.experiment_id for one in existing if one]
        newest_first = ["attributes.start_time DESC"]
        return [_to_stored_run(run) for run in search_runs(self.client, ids, order_by=newest_first)] if ids else []

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Read a table that the run left.

        Raises
        ------
        ClvError
            If it is gone or cannot be read.
        """
        try:
            path = self._file(run_id, name)
            if path.suffix == ".csv":
                return read_csv(path).to_pandas()  # to the last digit
            return pd.read_parquet(path)
        except (ArrowException, OSError, ValueError) as error:
            raise ClvError(
                f"run {run_id} has no readable {name} ({type(error).__name__}); run its model again, or delete the run"
            ) from error

    def text(self, run_id: str, name: str) -> str:
        """Read a text that the run left.

        Raises
        ------
        ClvError
            If it is gone or cannot be read.
        """
        try:
            return self._file(run_id, name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ClvError(
                f"run {run_id} has no readable {name} ({type(error).__name__}); run its model again, or delete the run"
            ) from error

    def by_origin(self, run_id: str, metric: str) -> dict[int, float]:
        """Read a metric at each origin, oldest first; empty where the run has no such metric."""
        history = retry_while_locked(self.client.get_metric_history, run_id, metric)
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
        existing = resolve(self.client, uri)
        run = _to_stored_run(existing.run)
        mlflow_model, path = self._logged_files(existing.run)
        try:
            estimator = load_estimator(path, trusted=self.trusted)
        except ClvError as error:
            raise ClvError(
                f"the model of run {run.run_id} is not read: {error}; type tracking.trusted=true "
                f"where you trust whoever wrote to '{self.folder}'"
            ) from error
        except Exception as error:  # whatever a damaged file, or a class that is no longer there, leads to
            raise ClvError(
                f"the model of run {run.run_id} cannot be read ({type(error).__name__}); make it again, or take another"
            ) from error
        columns = tuple(mlflow_model.get_input_schema().input_names())
        return StoredModel(uri, existing.version, estimator, columns, run, run.tags.get(EVALUATED, run.run_id))

    def _logged_files(self, run: Run) -> tuple[Any, Path]:
        """Return what MLflow knows of the model that a run logged, and the file of its estimator."""
        from mlflow.models import Model

        logged = logged_model(self.client, run)
        folder = self._folder_of(logged.artifact_location, "models", logged.model_id, "artifacts")
        try:
            mlflow_model = Model.load(str(folder))
            path = folder / mlflow_model.flavors["python_function"]["data"]
        except (KeyError, MlflowException, OSError, ValueError) as error:
            raise ClvError(
                f"run {run.info.run_id} has no readable model ({type(error).__name__}); run it again, or delete the run"
            ) from error
        if not path.is_file():
            raise ClvError(f"run {run.info.run_id} has lost its model, {path}; run it again, or delete the run")
        return mlflow_model, path

    def has_file(self, artifact_uri: str, name: str) -> bool:
        """Whether a run of these artifacts has a file."""
        return (self._folder_of(artifact_uri, *urlsplit(artifact_uri).path.split("/")[-2:]) / name).is_file()

    def _file(self, run_id: str, name: str) -> Path:
        uri = retry_while_locked(self.client.get_run, run_id).info.artifact_uri
        return self._folder_of(uri, run_id, "artifacts") / name

    def _folder_of(self, uri: str, *parts: str) -> Path:
        """Find a folder: MLflow keeps absolute paths, in a store that was moved it lies where new ones are put."""
        recorded = Path(url2pathname(urlsplit(uri).path))
        return recorded if recorded.exists() else self.folder.joinpath("artifacts", *parts)


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
