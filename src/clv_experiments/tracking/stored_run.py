"""A run or a model as it is read back, and what reads them back, whatever keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pandas as pd

from clv_experiments.errors import ClvError, error_chain, mask_secrets
from clv_experiments.reporting.records import Record

LONGEST_PARAM = 6000  # characters that are kept of a parameter
RUN = "run"  # tag `kind` of an evaluated model; older versions left it out
STUDY, TRIAL = "study", "trial"  # of a search for settings and of its parts
CHAMPION = "champion"  # tag `kind` of a promoted model's run, and the alias of its version
PROCESS = "process"  # tag of a run: the process that made it, by which a killed one is known
EVALUATED = "evaluated_run"  # tag of a champion: the run whose predictions stand for it


@dataclass(frozen=True)
class StoredRun:
    """What a run left behind, but for its files.

    Attributes
    ----------
    run_id, name : str
    status : str
        ``RUNNING``, also of a run that was killed; ``FINISHED``, ``FAILED`` or another of MLflow's.
    started : datetime
        In UTC.
    params, tags : mapping of str to str
    metrics : mapping of str to float
        Of several origins the latest.
    """

    run_id: str
    name: str
    status: str
    started: datetime
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def is_evaluation(self) -> bool:
        """Whether the run evaluates a model; boards, scores, studies and others have another kind."""
        return self.tags.get("kind", RUN) == RUN


@dataclass(frozen=True, eq=False)
class StoredModel:
    """A fitted model as it was logged, ready to predict.

    Attributes
    ----------
    uri : str
        As it was asked for.
    version : str
        Of the registered model; empty for a run's own model.
    estimator : fitted estimator
    columns : tuple of str
        The features that it takes, in order.
    run : StoredRun
        The run that logged it.
    """

    uri: str
    version: str
    estimator: Any
    columns: tuple[str, ...]
    run: StoredRun

    @property
    def evaluation_run_id(self) -> str:
        """Id of the run whose predictions stand for it: the one that won, of a champion, which nothing could judge."""
        return self.run.tags.get(EVALUATED, self.run.run_id)


class Reader(Protocol):
    """Reads stored runs."""

    @property
    def store_exists(self) -> bool:
        """Whether any run was ever kept there."""

    def runs(self, experiment: str) -> list[StoredRun]:
        """List the runs of an experiment, newest first; none where there is no such experiment."""

    def run(self, run_id: str) -> StoredRun:
        """Return one run by its id, or raise ClvError."""

    def table(self, run_id: str, name: str) -> pd.DataFrame:
        """Read a table that the run left, or raise ClvError."""

    def text(self, run_id: str, name: str) -> str:
        """Read a text that the run left, or raise ClvError."""

    def metric_by_origin(self, run_id: str, metric: str) -> dict[int, float]:
        """Read a metric at each origin, oldest first; empty where the run has no such metric."""

    def model(self, uri: str) -> StoredModel:
        """Load a model by its address: ``models:/cdnow-3m@champion``, ``runs:/<id>``; or raise ClvError."""


class Run(Protocol):
    """A run that is open to be written."""

    run_id: str
    location: str

    def log(self, records: Sequence[Record]) -> None:
        """Write records."""

    def rename(self, name: str) -> None:
        """Give the run another name."""


class Tracker(Protocol):
    """Opens runs that records are logged to."""

    def run(self, experiment: str, name: str) -> AbstractContextManager[Run]:
        """Open a run; an error marks it FAILED, with the reason, and goes on its way."""


class StudyRun(Run, Protocol):
    """The run of a search for settings, open to be written; trials get runs of their own below it."""

    new: bool

    def log_trial(self, number: int, started: datetime, records: Sequence[Record], failure: str | None = None) -> None:
        """Leave the run of one trial, once."""

    def trial_numbers(self) -> set[int]:
        """Return the numbers of the trials that have a run."""


def setting_params(settings: Mapping[str, object]) -> dict[str, str]:
    """Write flattened settings as the parameters of a run: a class by what it builds, nothing of what is not set.

    The parameters of a run stay as they are, and those of a version that kept all become what they would be now.

    Examples
    --------
    >>> setting_params({"model.estimator._target_": "models.Ridge", "model.estimator.seed": None})
    {'model.estimator': 'models.Ridge'}
    >>> setting_params({"blocks": '[{"_target_": "rfm", "_partial_": true}, {"_target_": "sums", "lags": 3}]'})
    {'blocks': '["rfm", {"sums": {"lags": 3}}]'}
    """
    return {
        name.removesuffix("._target_"): _replace_targets_by_class_names(str(value))[:LONGEST_PARAM]
        for name, value in settings.items()
        if str(value) != "None" and not name.endswith("._partial_")
    }


def _replace_targets_by_class_names(text: str) -> str:
    """Name the classes in a list that is written as JSON; what was cut too short to be read stays as it is."""
    if "_target_" not in text:
        return text
    with suppress(ValueError):
        return json.dumps(_nest_settings_by_target(json.loads(text)))
    return text


def _nest_settings_by_target(value: Any) -> Any:
    if isinstance(value, list):
        return [_nest_settings_by_target(one) for one in value]
    if not isinstance(value, dict):
        return value
    settings = {
        k: _nest_settings_by_target(v) for k, v in value.items() if v is not None and k not in ("_target_", "_partial_")
    }
    if "_target_" not in value:
        return settings
    return {value["_target_"]: settings} if settings else value["_target_"]


def is_keyboard_interrupt(error: BaseException) -> bool:
    """Whether an error is a Ctrl-C, which DuckDB turns into one of its own, as others do in the middle of something."""
    return any(isinstance(one, KeyboardInterrupt) or str(one) == "Query interrupted" for one in error_chain(error))


def failure_tags(error: BaseException) -> dict[str, str]:
    """Tag a run that failed: ``failure`` says why, ``failure_kind`` is the error's class."""
    if is_keyboard_interrupt(error):
        reason = "interrupted"
    else:
        reason = str(error) if isinstance(error, ClvError) else f"{type(error).__name__}: {error}"
    return {"failure": mask_secrets(reason)[:LONGEST_PARAM], "failure_kind": type(error).__name__}
