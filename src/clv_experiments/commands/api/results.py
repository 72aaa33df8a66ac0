"""``train``: one model evaluated on one log, as ``clv train`` does, with all that it found at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from omegaconf import DictConfig

from clv_experiments.commands.api.logs import Log
from clv_experiments.commands.api.notebook_html import notebook_html
from clv_experiments.commands.api.settings import Settings, compose_settings
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.commands.train import run_experiment
from clv_experiments.errors import ClvError, suggest
from clv_experiments.forecasting.evaluation_result import EvaluationResult
from clv_experiments.reporting.records import FigureRecord, Record, Table
from clv_experiments.tracking.addresses import is_address
from clv_experiments.tracking.memory_tracker import MemoryRun, MemoryTracker
from clv_experiments.tracking.mlflow_tracker import MlflowTracker
from clv_experiments.tracking.stored_run import Run, Tracker


@dataclass(frozen=True, eq=False)
class Result:
    """What one run found.

    Attributes
    ----------
    log : Log
    settings : DictConfig
        All that the run was made with.
    evaluation : EvaluationResult
        Forecasts and scores of every origin.
    run : MemoryRun
        Its records, as a leaderboard reads them.
    """

    log: Log
    settings: DictConfig
    evaluation: EvaluationResult
    run: MemoryRun

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.settings.model.name)

    @property
    def scores(self) -> pd.Series:
        """Scores on the holdout, means over origins: ``result.scores["d2_tweedie"]``."""
        return pd.Series(self.evaluation.comparison.scores[self.model], name=self.model)

    @property
    def comparison(self) -> pd.DataFrame:
        """The same scores of the model and of every baseline, best first."""
        return self.evaluation.comparison.table.set_index("model")

    @property
    def predictions(self) -> pd.DataFrame:
        """One row a customer and cutoff: ``customer_id, y_true, y_pred, purchase_days, cutoff`` and more."""
        return self.evaluation.holdout_predictions

    @property
    def estimator(self) -> Any:
        """The estimator fitted at the latest cutoff."""
        return self.evaluation.latest_forecast.estimator

    @property
    def notes(self) -> list[str]:
        """What might mislead who does not know it."""
        return [*self.evaluation.comparison.warnings, *self.evaluation.warnings]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Other tables by name, such as ``coefficients`` and ``decile_calibration``."""
        return {Path(record.name).stem: record.frame for record in self.run.records if isinstance(record, Table)}

    def plot(self, name: str = "calibration") -> Figure:
        """Return a picture.

        Parameters
        ----------
        name : str
            ``calibration``, ``value_capture``, ``residuals``, ``coefficients``, ``reliability``, ``tracking`` ...: part
            of the name is enough.

        Raises
        ------
        ClvError
            Names the pictures that there are.
        """
        return find_figure(self.run.records, name)

    def __repr__(self) -> str:
        return f"{self.evaluation.title}\n{self.comparison.to_string(float_format='{:.3f}'.format)}"

    def _repr_html_(self) -> str:
        return notebook_html(f"{self.model} on {self.log.name}, {self.evaluation.title}", self.comparison, self.notes)


def train(
    log: Log,
    model: str = "blend",
    window: str = "3m",
    *,
    origins: int | str | None = None,
    cutoff: date | str | None = None,
    features: str | None = None,
    level: str | None = None,
    evaluation: str | None = None,
    seed: int | None = None,
    tracking: str | Path | None = None,
    settings: Settings | None = None,
    verbose: bool = False,
) -> Result:
    """Evaluate a model on a log: forecast the holdout from what was known at the cutoff, and score it.

    Parameters
    ----------
    log : Log
    model : str
        An option of ``conf/model``: ``blend``, ``mbg_nbd``, ``xgboost`` ...
    window : str
        How far ahead: ``3m``, ``45d``, ``6 months``.
    origins : int or "all", optional
        Rolling cutoffs, one horizon apart.
    cutoff : date or str, optional
        Last day that is known; by default the latest that the log allows.
    features : str, optional
        An option of ``conf/features``, for models that learn from features.
    level : {"own", "btyd", "forecast"}, optional
        To which total the predictions are brought.
    evaluation : {"forecast", "customer_split"}, optional
    seed : int, optional
    tracking : str or Path, optional
        Folder of an MLflow store that keeps the run, or address of a server; by default nothing is kept.
    settings : mapping, optional
        Any other setting by its full name: ``{"model.estimator.regressor.max_depth": 6}``.
    verbose : bool
        Show the steps.

    Returns
    -------
    Result

    Raises
    ------
    ClvError
        If a setting is bad or the log too short, in one sentence.

    Examples
    --------
    >>> from clv_experiments.commands.api.logs import read_log
    >>> result = train(read_log("cdnow_sample"), model="mbg_nbd", window="3m")
    >>> float(result.scores["normalised_gini"].round(2)), len(result.predictions)
    (0.74, 2357)
    """
    cfg = compose_run_config(
        log,
        {
            "model": model, "window": window, "window.origins": origins, "window.cutoff": str(cutoff or "") or None,
            "features": features, "model.level": level, "evaluation": evaluation, "seed": seed,
        },
        settings,
    )  # fmt: skip
    return run_in_memory(log, cfg, tracking, Terminal(quiet=not verbose))


def compose_run_config(log: Log, options: Settings, settings: Settings | None = None) -> DictConfig:
    """Compose the settings of a run on a log that has been read."""
    cfg = compose_settings("config", options, settings)
    cfg.data = log.settings
    return cfg


def run_in_memory(log: Log, cfg: DictConfig, store: str | Path | None, terminal: Terminal) -> Result:
    """Run an experiment, keeping its records."""
    server = str(store) if store and is_address(str(store)) else None
    recorder = _MemoryAndStoreTracker(MlflowTracker(store, uri=server) if store else None)
    evaluation = run_experiment(cfg, log=log.transactions, tracker=recorder, terminal=terminal)
    return Result(log, cfg, evaluation, recorder.memory.runs[-1])


def find_figure(records: Sequence[Record], name: str) -> Figure:
    """Return the figure whose name is, or holds, what is asked for.

    Raises
    ------
    ClvError
        If there is none, or several.
    """
    figures = {Path(record.name).stem: record.figure for record in records if isinstance(record, FigureRecord)}
    matches = [name] if name in figures else [stem for stem in figures if name in stem]
    if len(matches) != 1:
        raise ClvError(f"there is no one picture '{name}'; {suggest(name, figures)}")
    return figures[matches[0]]


class _MemoryAndStoreTracker:
    """Keeps a run in memory and, where there is one, in a store too."""

    def __init__(self, store: Tracker | None) -> None:
        self.memory, self.store = MemoryTracker(), store

    @contextmanager
    def run(self, experiment: str, name: str) -> Iterator[Run]:
        with self.memory.run(experiment, name) as memory_run:
            if self.store is None:
                yield memory_run
                return
            with self.store.run(experiment, name) as store_run:
                yield _MemoryAndStoreRun(memory_run, store_run)


class _MemoryAndStoreRun:
    """A run that is written to memory and to a store."""

    def __init__(self, memory_run: MemoryRun, store_run: Run) -> None:
        self.memory_run, self.store_run = memory_run, store_run
        self.run_id, self.location = store_run.run_id, store_run.location

    def log(self, records: Sequence[Record]) -> None:
        self.memory_run.log(records)
        self.store_run.log(records)

    def rename(self, name: str) -> None:
        self.memory_run.rename(name)
        self.store_run.rename(name)
