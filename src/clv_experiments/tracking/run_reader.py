"""Runs read back from MLflow: everything that compares runs goes through here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd
from pyarrow import ArrowException

from clv_experiments.errors import ClvError
from clv_experiments.tracking.store import open_store, patiently
from clv_experiments.tracking.stored_run import StoredRun

if TYPE_CHECKING:
    import mlflow

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
        found = patiently(self._client.get_experiment_by_name, experiment)
        runs: list[StoredRun] = []
        token = None
        while found is not None:
            page = patiently(
                self._client.search_runs,
                [found.experiment_id],
                max_results=PAGE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            runs += [
                StoredRun(
                    run.info.run_id,
                    run.info.run_name,
                    run.info.status,
                    datetime.fromtimestamp(run.info.start_time / 1000, UTC),
                    run.data.params,
                    run.data.tags,
                    run.data.metrics,
                )
                for run in page
            ]
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
        there = Path(url2pathname(urlsplit(patiently(self._client.get_run, run_id).info.artifact_uri).path))
        # MLflow keeps absolute paths: in a folder that was moved, a run's files lie where the tracker puts new ones.
        moved = self.folder / "artifacts" / run_id / "artifacts"
        try:
            return pd.read_parquet((there if there.exists() else moved) / name)
        except (ArrowException, OSError, ValueError) as error:
            raise ClvError(
                f"run {run_id} has no readable {name} ({type(error).__name__}); run its model again, or delete the run"
            ) from error

    def by_origin(self, run_id: str, metric: str) -> dict[int, float]:
        """Read a metric at each origin, oldest first; empty where the run has no such metric."""
        history = patiently(self._client.get_metric_history, run_id, metric)
        return {point.step: point.value for point in sorted(history, key=lambda point: (point.step, point.timestamp))}
