"""An open MLflow run, records in; the run of a study, which can be taken up again, with a light run for each trial."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag, Run, RunTag
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param as MlflowParam
from mlflow.types.schema import ColSpec, Schema
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_EXPERIMENT_PRIMARY_METRIC_GREATER_IS_BETTER,
    MLFLOW_EXPERIMENT_PRIMARY_METRIC_NAME,
)

from clv_experiments.errors import ClvError
from clv_experiments.reporting.disk_errors import is_disk_full, remove_partial_copy
from clv_experiments.reporting.record_files import write_record
from clv_experiments.reporting.records import (
    Description,
    FigureRecord,
    File,
    FittedModel,
    LogIdentity,
    Metric,
    Param,
    PrimaryMetric,
    Record,
    RegistrationRequest,
    Table,
    Tag,
    Text,
)
from clv_experiments.tracking.loader import save_estimator
from clv_experiments.tracking.process import identify_current_process
from clv_experiments.tracking.registry import register_model_version
from clv_experiments.tracking.store import Store
from clv_experiments.tracking.stored_run import LONGEST_PARAM, PROCESS, STUDY, TRIAL, failure_tags

PACKAGE = Path(__file__).resolve().parents[1]
LONGEST_DESCRIPTION = 8000  # characters that MLflow keeps
REST_LEFT_OUT = "\n\nThe rest is among the artifacts."
# What a logged model needs in order to predict in another environment.
PREDICTS_WITH = ("joblib", "numpy", "pandas", "scipy", "skops", "sklearn", "xgboost")
PREDICTION_CODE = (
    "__init__.py",
    "errors.py",
    "models/*.py",
    "tracking/__init__.py",
    "tracking/loader.py",
)


def shorten_description(text: str) -> str:
    """Cut a description at the end of a line where MLflow would cut it anywhere, with a warning of its own."""
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    return text[: LONGEST_DESCRIPTION - len(REST_LEFT_OUT)].rpartition("\n")[0] + REST_LEFT_OUT


class MlflowRun:
    """One open run: write records to it."""

    def __init__(self, store: Store, run_id: str, location: str) -> None:
        self.store, self.client = store, store.client
        self.run_id = run_id
        self.location = location

    def log(self, records: Sequence[Record]) -> None:
        """Write records: parameters, tags and metrics together in batches, files in one upload.

        Raises
        ------
        ClvError
            If the store or the disk refuses.
        """
        now = int(time.time() * 1000)
        metrics = [MlflowMetric(r.name, r.value, now, r.step) for r in records if isinstance(r, Metric)]
        params = [MlflowParam(r.name, str(r.value)[:LONGEST_PARAM]) for r in records if isinstance(r, Param)]
        tags = [RunTag(r.name, r.value) for r in records if isinstance(r, Tag)]
        tags += [
            RunTag("mlflow.note.content", shorten_description(r.text)) for r in records if isinstance(r, Description)
        ]
        # At a time MLflow takes at most 100 parameters, 100 tags and 1,000 of all.
        for start in range(0, max(len(params), len(tags), len(metrics)), 100):
            part = slice(start, start + 100)
            self.store.call_mlflow(
                self.client.log_batch, self.run_id, params=params[part], tags=tags[part], metrics=metrics[part]
            )
        self.store.call_mlflow(self._log_files, [r for r in records if isinstance(r, Table | FigureRecord | Text)])
        for record in records:
            if isinstance(record, FittedModel):
                self.store.call_mlflow(self._log_model, record)
            elif isinstance(record, File):
                self.store.call_mlflow(self.client.log_artifact, self.run_id, str(record.path))
            elif isinstance(record, LogIdentity):
                self.store.call_mlflow(self._log_dataset, record)
            elif isinstance(record, PrimaryMetric):
                self.store.call_mlflow(self._set_experiment_primary_metric, record)
        for record in records:
            if isinstance(record, RegistrationRequest):  # last, so that it stands for a run that is whole
                register_model_version(self.store, self.run_id, record)

    def rename(self, name: str) -> None:
        """Give the run another name."""
        self.store.call_mlflow(self.client.update_run, self.run_id, name=name)

    def _log_files(self, records: Sequence[Table | FigureRecord | Text]) -> None:
        if not records:
            return
        with tempfile.TemporaryDirectory() as folder:
            for record in records:
                write_record(record, Path(folder, record.name))
            self.client.log_artifacts(self.run_id, folder)

    def _log_model(self, record: FittedModel) -> None:
        from mlflow.models import infer_signature

        # A column and not an array, of which Spark would make a list a row.
        predicted = pd.DataFrame({record.output: record.estimator.predict(record.example)})
        with tempfile.TemporaryDirectory() as folder:
            path = save_estimator(record.estimator, Path(folder))
            code = _copy_prediction_code(Path(folder, "code"))
            mlflow.pyfunc.log_model(
                name=re.sub(r"[^\w-]+", "_", record.name).strip("_"),  # MLflow allows no / : . % and quotes
                loader_module="clv_experiments.tracking.loader",
                data_path=str(path),
                code_paths=[str(code)],
                signature=infer_signature(record.example, predicted),
                input_example=record.example,
                pip_requirements=[*list_model_requirements()],
            )

    def _log_dataset(self, record: LogIdentity) -> None:
        """Write the log as MLflow's dataset: its columns, its size and its days, without its rows."""
        columns: list[Any] = [ColSpec(type=kind, name=name) for name, kind in record.columns.items()]
        schema = json.dumps({"mlflow_colspec": Schema(columns).to_dict()}) if columns else ""
        source, profile = json.dumps({"tags": {"log": record.name}}), json.dumps(dict(record.profile))
        dataset = Dataset(record.name, record.fingerprint, "code", source, schema, profile)
        tags = [InputTag(MLFLOW_DATASET_CONTEXT, "transaction log")]
        self.client.log_inputs(self.run_id, [DatasetInput(dataset, tags)])

    def _set_experiment_primary_metric(self, record: PrimaryMetric) -> None:
        experiment_id = self.client.get_run(self.run_id).info.experiment_id
        self.client.set_experiment_tag(experiment_id, MLFLOW_EXPERIMENT_PRIMARY_METRIC_NAME, record.name)
        self.client.set_experiment_tag(experiment_id, MLFLOW_EXPERIMENT_PRIMARY_METRIC_GREATER_IS_BETTER, "True")


def _copy_prediction_code(folder: Path) -> Path:
    """Copy what a model predicts with, so that it loads where clv_experiments is not installed; gives the package."""
    code = folder / PACKAGE.name
    for pattern in PREDICTION_CODE:
        for file in PACKAGE.glob(pattern):
            copy = code / file.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    return code


@cache
def list_model_requirements() -> list[str]:
    """List the packages that a logged model predicts with, pinned to what is installed."""
    providers: dict[str, Any] = dict(packages_distributions())
    names = {providers[module][0] for module in PREDICTS_WITH if module in providers}
    return sorted(f"{name}=={version(name)}" for name in names)


def record_failure(store: Store, run_id: str, error: BaseException, status: str = "FAILED") -> None:
    """Mark a run by what ended it, on a full disk in the space kept for it; an error notes where the store cannot."""

    def mark() -> None:
        if store.client.get_run(run_id).info.status != "FINISHED":  # as it is where another process ended a study
            store.client.log_batch(run_id, tags=[RunTag(*tag) for tag in failure_tags(error).items()])
            store.client.set_terminated(run_id, status)

    remove_partial_copy(error)
    try:
        try:
            store.call_mlflow(mark)
        except ClvError as refusal:
            if not (is_disk_full(refusal) and store.delete_disk_reserve()):
                raise
            store.call_mlflow(mark)
    except (ClvError, KeyboardInterrupt) as refusal:  # the error under way says more
        reason = "" if str(refusal) == str(error) else f", since {refusal or 'interrupted again'}"
        error.add_note(f"run {run_id} could not be marked {status}{reason}")


def clear_failure(store: Store, run_id: str) -> None:
    """Take from a run that is taken up again what it ended by."""
    tags = store.call_mlflow(store.client.get_run, run_id).data.tags
    for tag in tags.keys() & failure_tags(KeyboardInterrupt()).keys():
        with suppress(ClvError):  # another process was faster
            store.call_mlflow(store.client.delete_tag, run_id, tag)


FINAL_STATUSES, CUT_SHORT = ("FINISHED", "FAILED"), "KILLED"  # of a trial's run; one cut short is logged again


class MlflowStudy(MlflowRun):
    """The run of a study: what it logs speaks of the whole search.

    Attributes
    ----------
    new : bool
        Whether it was made now; if not, its parameters are there already.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        location: str,
        experiment_id: str,
        *,
        new: bool,
    ) -> None:
        super().__init__(store, run_id, location)
        self.experiment_id = experiment_id
        self.new = new

    def log_trial(self, number: int, started: datetime, records: Sequence[Record], failure: str | None = None) -> None:
        """Leave a finished run for one trial; FAILED with a reason where there is one.

        A trial that has a run gets no second one, whichever process asks; one that was begun and never ended is ended.

        Raises
        ------
        ClvError
            If the store refuses.
        """
        start_time = int(started.timestamp() * 1000)
        tags = {
            "mlflow.parentRunId": self.run_id,
            "kind": TRIAL,
            "trial": str(number),
            PROCESS: identify_current_process(),
        }
        with self.store.create_lock():  # another process may make up for a trial while its own writes it
            trial_run = next(self._trial_runs(f" and tags.trial = '{number}'"), None)
            if trial_run is None:
                trial_run = self.store.call_mlflow(
                    self.client.create_run, self.experiment_id, start_time, tags, f"trial {number}"
                )
        if trial_run.info.status in FINAL_STATUSES:
            return
        run_id = trial_run.info.run_id
        try:
            if trial_run.info.status == CUT_SHORT:
                clear_failure(self.store, run_id)
            failures = [Tag("failure", failure)] if failure else []
            MlflowRun(self.store, run_id, self.location).log([*records, *failures])
            self.store.call_mlflow(self.client.set_terminated, run_id, "FAILED" if failure else "FINISHED")
        except BaseException as error:
            record_failure(self.store, run_id, error, CUT_SHORT)
            raise

    def trial_numbers(self) -> set[int]:
        """Return the numbers of the trials that have a whole run."""
        return {int(run.data.tags["trial"]) for run in self._trial_runs() if run.info.status in FINAL_STATUSES}

    def _trial_runs(self, further_condition: str = "") -> Iterator[Run]:
        condition = f"tags.`mlflow.parentRunId` = '{self.run_id}' and tags.kind = '{TRIAL}'{further_condition}"
        return self.store.search_runs([self.experiment_id], condition)


def find_study(store: Store, experiment_id: str, identity: str) -> str | None:
    """Return the id of the run that a study left in an experiment, if any."""
    condition = f"tags.kind = '{STUDY}' and tags.study_id = '{identity}'"
    study_run = next(store.search_runs([experiment_id], condition), None)
    return study_run.info.run_id if study_run else None
