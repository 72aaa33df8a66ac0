"""The notebooks' protocol: random customers are held out of the very period that the others' spend is learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.coefficients import extract_linear_slopes
from clv_experiments.evaluation.score_records import BaselineComparison, score_predictions
from clv_experiments.evaluation.splits import SPLIT_HEADLINE, split_records
from clv_experiments.forecasting.evaluation_result import (
    EvaluatedForecast,
    EvaluatedOrigin,
    EvaluationResult,
    EvaluationTask,
    Progress,
    d2_floor,
)
from clv_experiments.forecasting.run_records import (
    origin_context_records,
    prediction_records,
    time_and_memory_records,
    top_customer_records,
)
from clv_experiments.reporting.chart_style import FigureLabels
from clv_experiments.reporting.formatting import format_count
from clv_experiments.reporting.prose import render_paragraphs


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
        To be shown beside the fitted coefficients.
    """

    splits: int
    test_share: float
    seed: int
    published: Mapping[str, float]


@dataclass(frozen=True)
class EvaluatedSplits:
    """A model and the baselines on every split.

    Attributes
    ----------
    scores : dict of model name to its scores, one dict a split
    slopes : pandas.DataFrame
        One row a split, one column a feature; empty for a model without slopes.
    first_forecast : EvaluatedForecast
        Of the model under test, on the first split.
    """

    scores: dict[str, list[dict[str, float]]]
    slopes: pd.DataFrame
    first_forecast: EvaluatedForecast


def evaluate_customer_split(task: EvaluationTask, settings: SplitSettings, progress: Progress) -> EvaluationResult:
    """Split the customers of the latest cutoff at random, learn from one part's holdout spend, predict the other's.

    Raises
    ------
    ClvError
        If a part of the split would be empty.
    """
    log, model, period = task.forecaster.log, task.model, task.origins[-1].holdout
    started = perf_counter()
    splits = _evaluate_splits(task, settings, progress)
    timings = {"splits": perf_counter() - started}
    medians = {name: dict(pd.DataFrame(of_splits).median()) for name, of_splits in splits.scores.items()}
    baselines = [option.name for option in task.baselines]
    labels = FigureLabels(model.name, f"{log.name}, {period}", f"{period}", log.currency, log.measure)
    share = f"{settings.test_share:.0%} of {len(task.forecaster.outcome(period)):,} customers held out at random"
    origin = EvaluatedOrigin(0, splits.first_forecast)
    return EvaluationResult(
        [origin],
        objective=None,
        comparison=BaselineComparison(medians, model.name, baselines, task.objective, headings=SPLIT_HEADLINE),
        title=f"{period}, {share}, median of {format_count(settings.splits, 'split')}",
        records=[
            *split_records(splits.scores[model.name], splits.slopes, settings.published, labels),
            *origin_context_records([origin]),
            *time_and_memory_records([origin]),
            *prediction_records("predictions.parquet", [splits.first_forecast]),
            *top_customer_records(splits.first_forecast),
        ],
        warnings=render_paragraphs("run/warnings.jinja", "customer_split"),
        timings=timings,
    )


def _evaluate_splits(task: EvaluationTask, settings: SplitSettings, progress: Progress) -> EvaluatedSplits:
    """Fit and score the model and the baselines on every split."""
    forecaster, model, period = task.forecaster, task.model, task.origins[-1].holdout
    smallest, customers = d2_floor(forecaster, period), len(forecaster.outcome(period))
    test_size = _count_test_customers(settings.test_share, customers)
    options = (model, *(option for option in task.baselines if option.name != model.name))
    scores: dict[str, list[dict[str, float]]] = {option.name: [] for option in options}
    slopes: list[pd.Series] = []
    first_forecast: EvaluatedForecast | None = None
    for split in range(settings.splits):
        progress(f"fitting {settings.splits} random splits of {customers:,} customers", split, settings.splits)
        is_held_out = np.random.default_rng([settings.seed, split]).permutation(customers) < test_size
        for option in options:
            forecast = forecaster.predict_held_out_customers(period, option, is_held_out)
            of_split = score_predictions(forecast.table, smallest, has_losses=forecaster.log.has_losses)
            scores[option.name].append(of_split)
            if option is model:
                slope = extract_linear_slopes(forecast.estimator, forecast.training.X)
                slopes += [slope] if slope is not None else []
                first_forecast = first_forecast or EvaluatedForecast(forecast, of_split, smallest)
    assert first_forecast is not None  # there is at least one split
    return EvaluatedSplits(scores, pd.DataFrame(slopes), first_forecast)


def _count_test_customers(test_share: float, customers: int) -> int:
    test_size = int(np.ceil(test_share * customers))
    if not 0 < test_size < customers:
        raise ClvError(
            f"{test_share:.0%} of {customers} customer(s) leaves one part of the split empty; type another "
            "evaluation.test_share"
        )
    return test_size
