"""Runs and models read back from MLflow: everything that compares runs or uses a model goes through here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import joblib
import pandas as pd
from pyarrow import ArrowException

from clv_experiments.errors import ClvError
from clv_experiments.tracking.store import open_store, retry_while_locked
from clv_experiments.tracking.stored_run import EVALUATED, StoredModel, StoredRun

if TYPE_CHECKING:
    import mlflow
    from mlflow.entities import Run

PAGE = 1000  # runs fetched at a time


class RunReader:
    """Reads the runs of ``<folder>/mlflow.db``; never makes a store where there is none.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Whether any run was ever kept in the folder."""
        database = self.folder / "mlflow.db"
        return database.exists() and database.stat().st_size > 0

    @cached_property
    def _client(self) -> mlflow.MlflowClient:
        if not self.exists:
            raise ClvError(
                f"no runs are kept in '{self.folder}' yet: run experiments first, such as "
                "python train.py -m model='glob(*)' window=3m, or type tracking.folder=<where they are>"
            )
        return open_store(self.folder)

    def runs(self, experiment: str) -> list[StoredRun]:
        """List the runs of an experiment, newest first, deleted ones left out; none where there is no such experiment.

        Raises
        ------
        ClvError
            If the folder holds no store, or one that cannot be read.
        """
        existing = retry_while_locked(self._client.get_experiment_by_name, experiment)
        runs: list[StoredRun] = []
        token = None
        while existing is not None:
            page = retry_while_locked(
                self._client.search_runs,
                [existing.experiment_id],
                max_results=PAGE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            runs += [_stored(run) for run in page]
            token = page.token
            if not token:
                break
        return runs

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Read a table that the run left as parquet.

        Raises
        ------
        ClvError
            If it is gone or cannot be read.
        """
        try:
            return pd.read_parquet(self._file(run_id, name))
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
        history = retry_while_locked(self._client.get_metric_history, run_id, metric)
        return {point.step: point.value for point in sorted(history, key=lambda point: (point.step, point.timestamp))}

    def model(self, uri: str) -> StoredModel:
        """Load a fitted model.

        Parameters
        ----------
        uri : str
            ``models:/cdnow-3m@champion``, ``models:/cdnow-3m/2`` (a version), ``runs:/<id>`` or ``runs:/<id>/model``.

        Raises
        ------
        ClvError
            If there is no store, the address leads nowhere, the run logged no model, or its files cannot be read.
        """
        from clv_experiments.tracking.registry import resolve

        existing = resolve(self._client, uri)
        run = _stored(existing.run)
        about, path = self._logged(existing.run)
        try:
            estimator = joblib.load(path)
        except Exception as error:  # whatever a damaged file, or a class that is no longer there, leads to
            raise ClvError(
                f"the model of run {run.run_id} cannot be read ({type(error).__name__}); make it again, or take another"
            ) from error
        columns = tuple(about.get_input_schema().input_names())
        return StoredModel(uri, existing.version, estimator, columns, run, run.tags.get(EVALUATED, run.run_id))

    def model_bytes(self, run_id: str) -> int:
        """Return the size of the file that holds the run's fitted estimator.

        Raises
        ------
        ClvError
            If the run logged no model, or its file is gone.
        """
        from clv_experiments.tracking.registry import find_run

        return self._logged(find_run(self._client, run_id))[1].stat().st_size

    def _logged(self, run: Run) -> tuple[Any, Path]:
        """Return what MLflow knows of the model that a run logged, and the file of its estimator."""
        from mlflow.exceptions import MlflowException
        from mlflow.models import Model

        from clv_experiments.tracking.registry import logged_model

        logged = logged_model(self._client, run)
        folder = self._there(logged.artifact_location, "models", logged.model_id, "artifacts")
        try:
            about = Model.load(str(folder))
            path = folder / about.flavors["python_function"]["data"]
        except (KeyError, MlflowException, OSError, ValueError) as error:
            raise ClvError(
                f"run {run.info.run_id} has no readable model ({type(error).__name__}); run it again, or delete the run"
            ) from error
        if not path.is_file():
            raise ClvError(f"run {run.info.run_id} has lost its model, {path}; run it again, or delete the run")
        return about, path

    def _file(self, run_id: str, name: str) -> Path:
        uri = retry_while_locked(self._client.get_run, run_id).info.artifact_uri
        return self._there(uri, run_id, "artifacts") / name

    def _there(self, uri: str, *moved: str) -> Path:
        """Find a folder: MLflow keeps absolute paths, in a store that was moved it lies where new ones are put."""
        there = Path(url2pathname(urlsplit(uri).path))
        return there if there.exists() else self.folder.joinpath("artifacts", *moved)


def _stored(run: Run) -> StoredRun:
    return StoredRun(
        run.info.run_id,
        run.info.run_name,
        run.info.status,
        datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        run.data.params,
        run.data.tags,
        run.data.metrics,
    )
