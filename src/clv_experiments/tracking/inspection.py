"""What is wrong with a store, and what of it can be mended: runs without a process, files without a run, champions."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlflow.entities import Run, RunTag, ViewType
from mlflow.exceptions import MlflowException

from clv_experiments.errors import ClvError
from clv_experiments.tracking.process import has_process_ended
from clv_experiments.tracking.run_reader import RunReader
from clv_experiments.tracking.stored_run import CHAMPION, PROCESS, RUN

RUN_FOLDER, MODEL_FOLDER = re.compile(r"[0-9a-f]{32}"), re.compile(r"m-[0-9a-f]{32}")
PART = re.compile(r"\.(\d+)\..+")  # what a process writes until it is whole, by its id
FILES_OF_A_RUN = ("config.yaml", "predictions.parquet")
KILLED = {"failure": "its process was gone", "failure_kind": "ProcessGone"}


@dataclass(frozen=True)
class StoreFault:
    """One thing that is wrong.

    Attributes
    ----------
    text : str
        What, and where there is nothing to mend it by, what to do.
    remedy : str
        What ``repair`` does; empty where it is None.
    repair : callable, optional
    """

    text: str
    remedy: str = ""
    repair: Callable[[], object] | None = None


class StoreInspection:
    """Looks at a store, and changes nothing but what ``StoreFault.repair`` is called for.

    Parameters
    ----------
    reader : RunReader
    killed : collection of str, optional
        Runs that somebody knows to be without a process, where this machine cannot tell.
    """

    def __init__(self, reader: RunReader, killed: tuple[str, ...] = ()) -> None:
        self.reader, self.store, self.killed = reader, reader.open_store, killed
        self.client, self.folder = self.store.client, self.store.folder

    def check_database(self) -> Iterator[StoreFault]:
        """Check that the pages of the database hang together."""
        if self.folder is None:
            return
        path = self.folder / "mlflow.db"
        try:
            with closing(sqlite3.connect(f"file:{path.resolve()}?mode=ro", uri=True)) as database:
                answers = [row[0] for row in database.execute("PRAGMA quick_check(1)")]
        except sqlite3.DatabaseError as error:
            answers = [str(error)]
        if answers != ["ok"]:
            yield StoreFault(f"{path} is damaged ({answers[0]}); copy it, and take it from your last backup")

    def unfinished_runs(self) -> Iterator[StoreFault]:
        """List the runs that stand as RUNNING and that no process, or an unknown one, is at."""
        for run in self._search_runs("attributes.status = 'RUNNING'", ViewType.ACTIVE_ONLY):
            process, name = run.data.tags.get(PROCESS, ""), f"run {run.info.run_id} ({run.info.run_name})"
            gone = True if run.info.run_id in self.killed else has_process_ended(process)
            if gone:
                yield StoreFault(
                    f"{name} stands as RUNNING, and no process is at it",
                    "marks it KILLED",
                    self._build_failure_marker(run),
                )
            elif gone is None:
                where = f"by a process of {process.partition(' ')[0]}" if process else "by an unknown process"
                yield StoreFault(
                    f"{name} stands as RUNNING {where}, which cannot be looked at from here; if it is gone, type "
                    f"killed=[{run.info.run_id}]"
                )

    def find_runs_with_lost_files(self) -> Iterator[StoreFault]:
        """List the finished runs whose files are not all there."""
        for run in self._search_runs("attributes.status = 'FINISHED'", ViewType.ACTIVE_ONLY):
            if run.data.tags.get("kind", RUN) != RUN:
                continue
            missing = [name for name in FILES_OF_A_RUN if not self.reader.has_file(run.info.artifact_uri, name)]
            if missing:
                name = f"run {run.info.run_id} ({run.info.run_name})"
                yield StoreFault(f"{name} has lost {' and '.join(missing)}; run its model again and delete it")

    def find_orphaned_folders(self) -> Iterator[StoreFault]:
        """List folders of runs and models that the database does not have, and files that were never finished."""
        if self.folder is None:
            return
        runs = {run.info.run_id for run in self._search_runs("", ViewType.ALL)}
        artifacts = self.folder / "artifacts"
        folders = [path for path in artifacts.glob("*") if RUN_FOLDER.fullmatch(path.name) and path.name not in runs]
        folders += [path for path in artifacts.glob("models/*") if self._is_orphaned_model_folder(path.name)]
        if folders and not runs:
            yield StoreFault(
                f"{artifacts} has files of {len(folders)} runs or models, and the database has no run at all; put "
                "back the database that they belong to, or delete them yourself"
            )
            folders = []
        for path in sorted(folders):
            yield StoreFault(f"{path} belongs to no run", "deletes it", partial(_delete_folder_or_link, path))
        for path in sorted(self._find_partial_files()):
            yield StoreFault(f"{path} was never finished, by a process that is gone", "deletes it", path.unlink)

    def find_broken_champions(self) -> Iterator[StoreFault]:
        """List the champions that cannot be used."""
        for model in self.store.call_mlflow(self.client.search_registered_models, max_results=1000):
            if CHAMPION in model.aliases:
                address = f"models:/{model.name}@{CHAMPION}"
                try:
                    self.reader.model(address)
                except ClvError as error:
                    yield StoreFault(f"the champion {address} cannot be used: {error}")

    def _search_runs(self, condition: str, view: int) -> Iterator[Run]:
        experiments = self.store.call_mlflow(self.client.search_experiments, view_type=ViewType.ALL)
        return self.store.search_runs([one.experiment_id for one in experiments], condition, view=view)

    def _build_failure_marker(self, run: Run) -> Callable[[], None]:
        def mark() -> None:
            self.client.log_batch(run.info.run_id, tags=[RunTag(*tag) for tag in KILLED.items()])
            self.client.set_terminated(run.info.run_id, "KILLED")

        return partial(self.store.call_mlflow, mark)

    def _is_orphaned_model_folder(self, name: str) -> bool:
        if not MODEL_FOLDER.fullmatch(name):
            return False
        try:
            self.store.call_mlflow(self.client.get_logged_model, name)
        except ClvError as error:
            cause = error.__cause__
            return isinstance(cause, MlflowException) and cause.error_code == "RESOURCE_DOES_NOT_EXIST"
        return False

    def _find_partial_files(self) -> Iterator[Path]:
        assert self.folder is not None
        yield from self.folder.glob("mlflow.*.part")
        for path in self.folder.rglob(".*"):
            match = PART.fullmatch(path.name)
            if match and path.is_file() and not _is_process_alive(int(match[1])):
                yield path


def _delete_folder_or_link(folder: Path) -> None:
    """Delete a folder; of a link only the link, whatever it leads to."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _is_process_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
