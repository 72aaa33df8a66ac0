"""Records to MLflow: one run each, in SQLite with artifacts beside it. The only door to mlflow."""

from __future__ import annotations

import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import joblib
import mlflow
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param as MlflowParam
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.records import (
    Description,
    FittedModel,
    LogIdentity,
    Metric,
    Param,
    Picture,
    Record,
    Table,
    Tag,
    Text,
)
from clv_experiments.record_files import write_record
from clv_experiments.tracking.run_reader import RunReader
from clv_experiments.tracking.store import open_store, patiently, store_uri
from clv_experiments.tracking.stored_run import LONGEST_PARAM, failure_tags

PACKAGE = Path(__file__).resolve().parents[1]
# What a logged model needs in order to predict in another environment.
PREDICTS_WITH = ("joblib", "numpy", "pandas", "scipy", "sklearn", "xgboost")


class MlflowRun:
    """One open run: write records to it."""

    def __init__(self, client: mlflow.MlflowClient, run_id: str, location: str) -> None:
        self.client = client
        self.run_id = run_id
        self.location = location

    def log(self, records: Sequence[Record]) -> None:
        """Write records: parameters, tags and metrics in batches, files in one upload.

        Raises
        ------
        ClvError
            If the store or the disk refuses.
        """
        now = int(time.time() * 1000)
        metrics = [MlflowMetric(r.name, r.value, now, r.step) for r in records if isinstance(r, Metric)]
        params = [MlflowParam(r.name, str(r.value)[:LONGEST_PARAM]) for r in records if isinstance(r, Param)]
        tags = [RunTag(r.name, r.value) for r in records if isinstance(r, Tag)]
        tags += [RunTag("mlflow.note.content", r.text) for r in records if isinstance(r, Description)]
        # MLflow takes at most 100 parameters and 1,000 metrics at a time.
        for start in range(0, len(params), 100):
            patiently(self.client.log_batch, self.run_id, params=params[start : start + 100])
        for start in range(0, len(metrics), 1000):
            patiently(self.client.log_batch, self.run_id, metrics=metrics[start : start + 1000])
        if tags:
            patiently(self.client.log_batch, self.run_id, tags=tags)
        patiently(self._files, [r for r in records if isinstance(r, Table | Picture | Text)])
        for record in records:
            if isinstance(record, FittedModel):
                patiently(self._model, record)
            elif isinstance(record, LogIdentity):
                patiently(self._dataset, record)

    def _files(self, records: Sequence[Table | Picture | Text]) -> None:
        if not records:
            return
        with tempfile.TemporaryDirectory() as folder:
            for record in records:
                write_record(record, Path(folder, record.name))
            self.client.log_artifacts(self.run_id, folder)

    def _model(self, record: FittedModel) -> None:
        from mlflow.models import infer_signature

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "estimator.joblib")
            joblib.dump(record.estimator, path)
            # The package travels with the model, so that it loads where clv_experiments is not installed.
            code = Path(folder, "code", PACKAGE.name)
            shutil.copytree(PACKAGE, code, ignore=shutil.ignore_patterns("__pycache__"))
            mlflow.pyfunc.log_model(
                name="model",
                loader_module="clv_experiments.tracking.loader",
                data_path=str(path),
                code_paths=[str(code)],
                signature=infer_signature(record.example, record.estimator.predict(record.example)),
                input_example=record.example,
                pip_requirements=requirements(),
            )

    def _dataset(self, record: LogIdentity) -> None:
        source = CodeDatasetSource(tags={"log": record.name})
        dataset = MetaDataset(source, name=record.name, digest=record.fingerprint)  # type: ignore[abstract]
        mlflow.log_input(dataset, context="transaction log")


class MlflowTracker:
    """Runs in ``<folder>/mlflow.db``, artifacts in ``<folder>/artifacts``.

    Parameters
    ----------
    folder : str
        Made where it is missing; relative to the working directory.
    """

    def __init__(self, folder: str = "mlruns") -> None:
        self.folder = Path(folder)

    @property
    def uri(self) -> str:
        """Tracking URI, as MLflow's own functions take it."""
        return store_uri(self.folder)

    def reader(self) -> RunReader:
        """Return what reads the folder's runs back."""
        return RunReader(self.folder)

    @contextmanager
    def run(self, experiment: str, name: str) -> Iterator[MlflowRun]:
        """Open a run; it ends FINISHED, or FAILED with the tags ``failure`` (why) and ``failure_kind`` (the class).

        Raises
        ------
        ClvError
            If the folder or the database cannot be written.
        """
        client = open_store(self.folder)
        experiment_id = patiently(self._experiment, client, experiment)
        active = patiently(mlflow.start_run, experiment_id=experiment_id, run_name=name)
        run_id = active.info.run_id
        browse = f"mlflow ui --backend-store-uri {shlex.quote(f'sqlite:///{self.folder}/mlflow.db')}"
        short = "make ui, or " if self.folder == Path("mlruns") else ""
        location = f"run {run_id} in experiment {experiment}; to browse it (choose Model training):\n{short}{browse}"
        try:
            yield MlflowRun(client, run_id, location)
        except BaseException as error:
            with suppress(ClvError):  # the error under way says more than a store that fails on top of it
                tags = [RunTag(*tag) for tag in failure_tags(error).items()]
                patiently(client.log_batch, run_id, tags=tags)
                patiently(mlflow.end_run, "FAILED")
            raise
        patiently(mlflow.end_run, "FINISHED")

    def _experiment(self, client: mlflow.MlflowClient, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is not None:
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            return found.experiment_id
        try:
            return client.create_experiment(name, artifact_location=(self.folder / "artifacts").resolve().as_uri())
        except MlflowException as error:
            found = client.get_experiment_by_name(name)  # another process was faster
            if found is None:
                raise ClvError(f"MLflow refuses to make the experiment '{name}': {error}") from error
            return found.experiment_id


def requirements() -> list[str]:
    """List the packages that a logged model predicts with, pinned to what is installed."""
    providers: dict[str, Any] = dict(packages_distributions())
    names = {providers[module][0] for module in PREDICTS_WITH if module in providers}
    return sorted(f"{name}=={version(name)}" for name in names)
