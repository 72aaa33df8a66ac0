"""The notebooks' protocol: random customers are held out of the very period that the others' spend is learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.coefficients import linear_slopes
from clv_experiments.evaluation.score_records import Ladder, score_table
from clv_experiments.evaluation.splits import SPLIT_HEADLINE, split_records
from clv_experiments.forecasting.evaluation_result import (
    EvaluatedForecast,
    EvaluatedOrigin,
    EvaluationResult,
    EvaluationTask,
    Progress,
    min_prediction,
)
from clv_experiments.forecasting.run_records import cost_records, prediction_records, score_context_records
from clv_experiments.reporting.figure_style import Labels

SPLIT_LEARNS = (
    "customers were split at random and models that need labels learned from the very period they are judged on: these "
    "scores say nothing about the future; evaluation=forecast does. There is no validation period and no objective"
)


@dataclass(frozen=True)
class SplitSettings:
    """How customers are split.

    Attributes
    ----------
    splits : int
        How many independent splits; the notebooks make one.
    test_share : float
        Share of customers that is predicted.
    seed : int
        Draws the splits; the same for every model, so that they are compared on the same customers.
    published : mapping of feature name to coefficient
        To be shown beside the coefficients found.
    """

    splits: int
    test_share: float
    seed: int
    published: Mapping[str, float]


def customer_split(task: EvaluationTask, settings: SplitSettings, progress: Progress) -> EvaluationResult:
    """Split the customers of the latest cutoff at random, learn from one part's holdout spend, predict the other's.

    Raises
    ------
    ClvError
        If a part of the split would be empty.
    """
    forecaster, model, splits = task.forecaster, task.model, settings.splits
    period = task.origins[-1].holdout
    smallest, customers = min_prediction(forecaster, period), len(forecaster.outcome(period))
    held_out_count = np.ceil(settings.test_share * customers)
    if not 0 < held_out_count < customers:
        raise ClvError(
            f"{settings.test_share:.0%} of {customers} customer(s) leaves one part of the split empty; type another "
            "evaluation.test_share"
        )
    options = (model, *(option for option in task.baselines if option.name != model.name))
    scores: dict[str, list[dict[str, float]]] = {option.name: [] for option in options}
    slopes: list[pd.Series] = []
    first: list[EvaluatedOrigin] = []
    started = perf_counter()
    for split in range(splits):
        progress(f"fitting {splits} random splits of {customers:,} customers", split, splits)
        drawn = np.random.default_rng([settings.seed, split]).permutation(customers)
        held_out = drawn < held_out_count
        for option in options:
            forecast = forecaster.split(period, option, held_out)
            scores[option.name].append(score_table(forecast.table, smallest))
            if option is model:
                found = linear_slopes(forecast.estimator, forecast.training.X)
                slopes += [found] if found is not None else []
                first = first or [EvaluatedOrigin(0, EvaluatedForecast(forecast, scores[model.name][0], smallest))]
    seconds = perf_counter() - started
    medians = {name: dict(pd.DataFrame(found).median()) for name, found in scores.items()}
    baselines = [option.name for option in task.baselines]
    labels = Labels(model.name, f"{forecaster.log.name}, {period}", f"{period}", forecaster.log.currency)
    share = f"{settings.test_share:.0%} of {customers:,} customers held out at random"
    return EvaluationResult(
        first,
        objective=None,
        ladder=Ladder(medians, model.name, baselines, task.objective, headline=SPLIT_HEADLINE),
        title=f"{period}, {share}, median of {splits} split(s)",
        records=[
            *split_records(scores[model.name], pd.DataFrame(slopes), settings.published, labels),
            *score_context_records(first),
            *cost_records(first),
            *prediction_records("predictions.parquet", [first[0].holdout]),
        ],
        warnings=[SPLIT_LEARNS],
        timings={"splits": seconds},
    )
