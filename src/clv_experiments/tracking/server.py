"""The store of a tracking server: opened quickly or refused in one sentence, files sent and fetched through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path, PurePosixPath
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException

from clv_experiments.errors import ClvError, StoreFailure
from clv_experiments.reporting.disk_errors import TEMPORARY_FOLDER_PREFIX
from clv_experiments.tracking.addresses import check_server_uri
from clv_experiments.tracking.environment_variables import temporary_environment
from clv_experiments.tracking.store import LOCK, Result, Store, set_tracking_uri
from clv_experiments.tracking.store_errors import describe_store_error, shorten_first_line

# At opening a server answers or not; later MLflow's own patience, some two to four minutes, outlasts a restart.
ANSWER_SECONDS = 10
QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_SECONDS)}
UNREACHABLE = ("Max retries exceeded", "too many 50")  # as MLflow says after minutes of its own
LOCAL_FOLDER = Path("mlruns")  # what is kept beside a server: studies, locks, reports
_answered: set[str] = set()  # by this process


class ServerStore(Store):
    """Runs and files of a server that several people share; MLflow's own variables say who logs in.

    Parameters
    ----------
    uri : str or None
        ``https://host:port/path``.

    Raises
    ------
    ClvError
        If it is no such address.
    """

    exists = True
    folder: Path | None = None  # on this machine
    artifact_location: str | None = None  # where the server puts it
    max_interrupt_delay: float | None = ANSWER_SECONDS  # no longer than an answer of a server takes

    def __init__(self, uri: str | None) -> None:
        self.uri = self.name = check_server_uri(uri)

    def open(self) -> None:
        """Let MLflow's own functions write there, once the server has answered.

        Raises
        ------
        StoreFailure
            If it does not answer, refuses, or is no tracking server.
        """
        self.client = set_tracking_uri(self.uri)
        if self.uri not in _answered:
            try:
                with temporary_environment(QUICK):
                    self.client.search_experiments(max_results=1)
            except MlflowException as error:
                raise StoreFailure(_explain_server_error(self.uri, str(error))) from error
            _answered.add(self.uri)

    def call_mlflow(self, call: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Call an MLflow function with MLflow's own retries; a signal interrupts it, since it holds no lock.

        Raises
        ------
        StoreFailure
            If the server does not answer for minutes.
        ClvError
            If it, or the disk, refuses.
        """
        try:
            return call(*args, **kwargs)
        except (MlflowException, OSError) as error:
            if any(words in str(error) for words in UNREACHABLE):
                raise StoreFailure(f"the tracking server no longer answers: {shorten_first_line(error)}") from error
            raise ClvError(describe_store_error(error)) from error

    def create_lock(self) -> FileLock:
        """Return a lock that one process of this working folder holds at a time."""
        LOCAL_FOLDER.mkdir(exist_ok=True)
        return FileLock(LOCAL_FOLDER / LOCK)

    def fetch(self, artifacts: str, name: str, *_: str) -> Path:
        """Download a file, or with no name a folder, from below an artifact address.

        Raises
        ------
        FileNotFoundError
            If the server has no such file.
        ClvError
            If it does not answer.
        """
        address = f"{artifacts}/{name}" if name else artifacts
        parts = re.sub(r"[^\w.-]+", "_", artifacts)
        target = Path(self._downloads, parts, Path(name).parent)
        target.mkdir(parents=True, exist_ok=True)
        try:
            download = mlflow.artifacts.download_artifacts
            return Path(self.call_mlflow(download, artifact_uri=address, dst_path=str(target), tracking_uri=self.uri))
        except StoreFailure:
            raise
        except ClvError as error:
            raise FileNotFoundError(f"{address}: {error}") from error

    def has_file(self, artifacts: str, name: str, *_: str) -> bool:
        """Whether the server has a file at the top of an artifact address."""
        files = self.call_mlflow(mlflow.artifacts.list_artifacts, artifact_uri=artifacts, tracking_uri=self.uri)
        return name in {PurePosixPath(file.path).name for file in files}  # MLflow puts a folder before some

    def create_disk_reserve(self) -> None:
        """Do nothing: disks are the server's business."""

    def describe_run(self, experiment_id: str, run_id: str) -> str:
        """Say where a run is browsed."""
        return f"to browse it: {self.uri}/#/experiments/{experiment_id}/runs/{run_id}"

    @cached_property
    def _downloads(self) -> Path:
        folder = mkdtemp(prefix=TEMPORARY_FOLDER_PREFIX)
        finalize(self, rmtree, folder, ignore_errors=True)  # at the latest when Python ends
        return Path(folder)


def _explain_server_error(uri: str, message: str) -> str:
    """Say why a server cannot be used, and what to do."""
    status = re.search(r"error code (\d{3})|too many (\d{3}) error", message)
    code = status[1] or status[2] if status else "401" if "UNAUTHENTICATED" in message else ""
    code = "403" if "PERMISSION_DENIED" in message else code
    if "Invalid Host header" in message:
        return f"the tracking server {uri} does not take requests under this name; start it with --allowed-hosts for it"
    if code == "401":
        return (
            f"the tracking server {uri} refuses the login: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "or MLFLOW_TRACKING_TOKEN"
        )
    if code == "403":
        return f"the tracking server {uri} does not let this user in (403): ask who runs it for the permission"
    if code.startswith("5"):
        return f"the tracking server {uri} fails ({code}): see its log, or try again when it is well"
    if code or "valid JSON" in message:
        return (
            f"at {uri} no MLflow tracking server answers{f' ({code})' if code else ''}: check its port and path "
            "(tracking.uri)"
        )
    reason = re.search(r"(Connection refused|timed out|resolve|resolution|CERTIFICATE_VERIFY_FAILED|SSL)", message)
    described = {"resolve": "unknown host", "resolution": "unknown host", "timed out": "no answer in 10 s"}
    because = described.get(reason[1], reason[1]) if reason else shorten_first_line(MlflowException(message))
    return (
        f"the tracking server {uri} cannot be reached ({because}): check the address and that it runs, or type "
        "tracking=mlflow to keep runs on this machine"
    )
