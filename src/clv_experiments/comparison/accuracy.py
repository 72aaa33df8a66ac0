"""The accuracy of the default and of other tools, with paired intervals of the difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from clv_experiments.comparison.cell import Cell, Entry
from clv_experiments.comparison.external_tools import ExternalTool, run_tool
from clv_experiments.comparison.standings import Standings
from clv_experiments.data.horizon import Period
from clv_experiments.errors import ClvError
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.cell_fingerprint import fingerprint_cell
from clv_experiments.forecasting.evaluation_result import d2_floor
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.origin_folder import write_origin_folder

METRICS = ("normalised_gini", "d2_tweedie", "spearman", "aggregate_bias")


@dataclass(frozen=True)
class ToolLimits:
    """What other tools may take: seconds of a search, and of a whole process at one origin."""

    time_budget: float = 60.0
    time_limit: float = 900.0


def predict_cell_with_all_tools(
    forecaster: Forecaster,
    periods: Sequence[Period],
    model: Model,
    features: FeatureSet,
    tools: Sequence[ExternalTool],
    folder: Path,
    *,
    limits: ToolLimits,
    seed: int,
    progress: Callable[[str], None],
) -> Cell:
    """Predict each period with the model and with every other tool, from the same log up to the cutoff.

    Parameters
    ----------
    forecaster : Forecaster
    periods : sequence of Period
        The holdout periods, oldest first.
    model : Model
        The default, which comes first in the cell.
    features : FeatureSet
        Of the training panel that other tools are given.
    tools : sequence of ExternalTool
    folder : Path
        Where one folder an origin is written.
    limits : ToolLimits
    seed : int
    progress : callable
        Called with one line for each tool and origin.

    Returns
    -------
    Cell
        A tool that fails at one origin is left out, with the reason in ``left_out``.
    """
    forecasts: dict[str, list[tuple[pd.DataFrame, float]]] = defaultdict(list)  # by tool, with the seconds it took
    failures: dict[str, str] = {}
    cell = fingerprint_cell(forecaster, periods)
    for period in periods:
        progress(f"{model.name} on {forecaster.log.name}, {period}")
        started = perf_counter()
        table = forecaster.forecast(period, model).table[["y_true", "purchase_days", "y_pred"]]
        seconds = perf_counter() - started
        table = table.assign(cutoff=pd.Timestamp(period.cutoff))
        forecasts[model.name].append((table, seconds))
        origin = folder / str(period.cutoff)
        write_origin_folder(
            origin, forecaster, period, features,
            cell=cell, cutoffs=[period.cutoff for period in periods], time_budget=limits.time_budget, seed=seed,
        )  # fmt: skip
        for tool in (tool for tool in tools if tool.name not in failures):
            progress(f"{tool.name} on {forecaster.log.name}, {period}")
            try:
                predicted, seconds = run_tool(tool, origin, table.index, limits.time_limit)
                forecasts[tool.name].append((table.assign(y_pred=predicted), seconds))
            except ClvError as error:
                failures[tool.name] = str(error)
                progress(f"left out: {error}")
    smallest = tuple(d2_floor(forecaster, period) for period in periods)
    return Cell(
        entries=tuple(
            Entry(
                label=name,
                predictions=pd.concat([table for table, _ in made]).reset_index(),
                d2_floors=smallest,
                model=name,
                seconds={"total": sum(seconds for _, seconds in made) / len(periods)},
            )
            for name, made in forecasts.items()
            if name not in failures
        ),
        holdouts=tuple(map(str, periods)),
        data=forecaster.log.name,
        horizon=forecaster.window.horizon.label,
        currency=forecaster.log.currency,
        excluded_runs=tuple(failures.values()),
        has_losses=forecaster.log.has_losses,
    )


def compare_with_first_model(standings: Standings) -> pd.DataFrame:
    """Compare each model of a cell with its first on the same resampled customers, by each of ``METRICS``.

    Returns
    -------
    pandas.DataFrame
        One row a metric and model: ``data, horizon, origins, metric, model, score`` (mean over origins), ``oriented``
        (the same, higher is better: of the bias minus its mean distance from 0), ``difference`` of that from the first
        model's with the percentile interval ``lower, upper`` of paired bootstrap replicates, and ``seconds`` an
        origin. The first model's difference is 0.
    """
    cell = standings.cell
    tails = [(1 - standings.confidence) / 2, (1 + standings.confidence) / 2]
    scores = standings.by_origin.groupby(["metric", "model"])["score"].mean()
    rows: list[Mapping[str, object]] = []
    for metric in METRICS:
        oriented, replicates = standings.oriented_scores[metric], standings.replicates[metric]
        lower, upper = np.nanquantile(replicates - replicates[:, :1], tails, axis=0)
        rows += [
            {
                "data": cell.data,
                "horizon": cell.horizon,
                "origins": len(cell.holdouts),
                "metric": metric,
                "model": entry.label,
                "score": scores[metric, entry.label],
                "oriented": oriented[i],
                "difference": oriented[i] - oriented[0],
                "lower": lower[i],
                "upper": upper[i],
                "seconds": entry.seconds["total"],
            }
            for i, entry in enumerate(cell.entries)
        ]
    return pd.DataFrame(rows)
