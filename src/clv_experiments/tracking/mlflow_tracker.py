"""Records to MLflow: one run each, in SQLite with artifacts beside it. The only door to mlflow."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # without git MLflow would print fifty lines
import joblib
import mlflow
from filelock import FileLock
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param as MlflowParam
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

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

# The database is made in silence: its log lines mean nothing to whoever runs an experiment.
for noisy in ("alembic", "mlflow", "mlflow.store.db.utils"):
    logging.getLogger(noisy).setLevel(logging.WARNING)

PACKAGE = Path(__file__).resolve().parents[1]
LONGEST_PARAM = 6000
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before a locked database is tried again
# What a logged model needs in order to predict in another environment.
PREDICTS_WITH = ("joblib", "numpy", "pandas", "scipy", "sklearn", "xgboost")

Result = TypeVar("Result")


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
        self._files([r for r in records if isinstance(r, Table | Picture | Text)])
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
                path = Path(folder, record.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(record, Text):
                    path.write_text(record.text, encoding="utf-8")
                elif isinstance(record, Picture):
                    record.figure.savefig(path)
                elif record.format == "parquet":
                    record.frame.to_parquet(path, index=False)
                else:
                    record.frame.to_csv(path, index=False)
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
        """Tracking URI; absolute, since MLflow keeps one connection a URI, wherever the process goes."""
        return f"sqlite:///{self.folder.resolve()}/mlflow.db"

    @contextmanager
    def run(self, experiment: str, name: str) -> Iterator[MlflowRun]:
        """Open a run; it ends FINISHED, or FAILED with the reason in the tag ``failure``.

        Raises
        ------
        ClvError
            If the folder or the database cannot be written.
        """
        client = self._client()
        experiment_id = patiently(self._experiment, client, experiment)
        active = patiently(mlflow.start_run, experiment_id=experiment_id, run_name=name)
        run_id = active.info.run_id
        browse = f"mlflow ui --backend-store-uri {shlex.quote(f'sqlite:///{self.folder}/mlflow.db')}"
        location = f"run {run_id} in experiment {experiment}; browse (choose Model training):\n{browse}"
        try:
            yield MlflowRun(client, run_id, location)
        except BaseException as error:
            with suppress(ClvError):  # the error under way says more than a store that fails on top of it
                patiently(client.set_tag, run_id, "failure", _reason(error)[:LONGEST_PARAM])
                patiently(mlflow.end_run, "FAILED")
            raise
        patiently(mlflow.end_run, "FINISHED")

    def _client(self) -> mlflow.MlflowClient:
        database = self.folder / "mlflow.db"
        if {"?", "%"} & set(str(self.folder.resolve())):
            raise ClvError(f"tracking.folder must not lie on a path with ? or %, got '{self.folder.resolve()}'")
        try:
            (self.folder / "artifacts").mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".mlflow.lock"):
                if not database.exists() or not database.stat().st_size:
                    self._make(database)
                with database.open("r+b") as file:
                    if file.read(15) != b"SQLite format 3":
                        raise ClvError(
                            f"{database} is not an SQLite database; move it away and run again, or type "
                            "tracking.folder=<another folder>"
                        )
                mlflow.set_tracking_uri(self.uri)
                client = mlflow.MlflowClient()
                client.search_experiments(max_results=1)
        except OSError as error:
            raise ClvError(
                f"runs cannot be kept in '{self.folder}': {error}; type tracking.folder=<a folder you can write to>"
            ) from error
        except (MlflowException, SQLAlchemyError) as error:
            raise ClvError(
                f"the run database {database} cannot be used ({_first_line(error)}); move it away and run again, "
                "or type tracking.folder=<another folder>"
            ) from error
        return client

    @staticmethod
    def _make(database: Path) -> None:
        # Under a name of its own until it is whole: an interrupt in the middle leaves no half-made database, and
        # processes that start together do not create its tables at once.
        part = database.with_name(f"mlflow.{os.getpid()}.part")
        mlflow.MlflowClient(f"sqlite:///{part.resolve()}").search_experiments(max_results=1)
        part.replace(database)

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


def patiently(write: Callable[..., Result], *args: Any, **named: Any) -> Result:
    """Call a write, again and again while another process holds the SQLite store.

    Raises
    ------
    ClvError
        If the store is still locked after about half a minute, or the store or the disk refuses.
    """
    for pause in PAUSES:
        try:
            return write(*args, **named)
        except MlflowException as error:
            if "database is locked" not in str(error):
                raise ClvError(f"MLflow refuses to write the run: {_first_line(error)}") from error
            time.sleep(pause)
        except OSError as error:
            raise ClvError(f"the run could not be written to MLflow: {error}") from error
    raise ClvError("the MLflow database stayed locked by another process; stop that one, or type tracking.folder=other")


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) if isinstance(error, ClvError) else f"{type(error).__name__}: {error}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def requirements() -> list[str]:
    """List the packages that a logged model predicts with, pinned to what is installed."""
    providers: dict[str, Any] = dict(packages_distributions())
    names = {providers[module][0] for module in PREDICTS_WITH if module in providers}
    return sorted(f"{name}=={version(name)}" for name in names)
