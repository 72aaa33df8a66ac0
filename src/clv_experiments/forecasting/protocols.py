"""How a model is judged: out of time, or on the customers of random splits as the notebooks do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from clv_experiments.data.window import Origin
from clv_experiments.errors import ClvError
from clv_experiments.evaluation import report
from clv_experiments.evaluation.coefficients import linear_slopes
from clv_experiments.evaluation.splits import SPLIT_HEADLINE, split_records
from clv_experiments.forecasting.forecaster import Forecast, Forecaster, Model
from clv_experiments.forecasting.run_records import Scored, costs, floor, footing, judge, predictions
from clv_experiments.reporting.figure_style import Labels
from clv_experiments.reporting.records import Record
from clv_experiments.terminal import Terminal

NO_VALIDATION = "there is no validation period: the log does not reach back far enough; the run has no objective"
SPLIT_LEARNS = (
    "customers were split at random and models that need labels learned from the very period they are judged on: these "
    "scores say nothing about the future; evaluation=forecast does. There is no validation period and no objective"
)


@dataclass(frozen=True)
class Verdict:
    """What a protocol finds.

    Attributes
    ----------
    holdout, validation : dict of int to Scored
        By the step of the origin, oldest first; where customers were split, the first split.
    shown : Forecast
        The one that tables and pictures describe: the latest origin's, or the first split's.
    objective : float or None
        The score of the oldest origin's validation period, which is no origin's holdout; None where there is none.
    ladder : report.Ladder
        The model beside the baselines, judged alike.
    title : str
        What the scores are of.
    records : list of Record
        Scores, costs and predictions.
    notes : list of str
        What a reader must know.
    """

    holdout: dict[int, Scored]
    validation: dict[int, Scored]
    shown: Forecast
    objective: float | None
    ladder: report.Ladder
    title: str
    records: list[Record]
    notes: list[str]


def out_of_time(
    forecaster: Forecaster,
    model: Model,
    baselines: Sequence[Model],
    origins: Sequence[Origin],
    objective: str,
    terminal: Terminal,
) -> Verdict:
    """Forecast the holdout and the validation period of every origin from what was known at its cutoff."""
    holdout, validation = {}, {}
    scored = cache(lambda period: judge(forecaster, period, model))  # one origin's validation is another's holdout
    for origin in origins:
        with terminal.step(f"forecasting the holdout period {origin.holdout}"):
            holdout[origin.step] = scored(origin.holdout)
        if origin.validation:
            with terminal.step(f"forecasting the validation period {origin.validation}"):
                validation[origin.step] = scored(origin.validation)
    with terminal.step("forecasting with the baselines", "baselines"):
        periods = [origin.holdout for origin in origins]
        labelled = all(forecaster.window.has_training(period) for period in periods)
        able = [option for option in baselines if labelled or not option.supervised]
        scores = {model.name: [found.scores for found in holdout.values()]}
        for option in able:
            if option.name != model.name:
                scores[option.name] = [judge(forecaster, period, option).scores for period in periods]
    for forecast in {s.forecast.period: s.forecast for s in (*holdout.values(), *validation.values())}.values():
        terminal.took(forecast.seconds)
    means = {name: dict(pd.DataFrame(found).mean()) for name, found in scores.items()}
    earlier = f" and earlier, mean of {len(origins)} origins" if origins[1:] else ""
    return Verdict(
        holdout,
        validation,
        shown=holdout[origins[-1].step].forecast,
        # Later origins validate on what is holdout to earlier ones: only the oldest's validation is nobody's holdout.
        objective=validation[0].scores[objective] if 0 in validation else None,
        ladder=report.Ladder(means, model.name, [option.name for option in able], objective),
        title=f"holdout {origins[-1].holdout}{earlier}",
        records=[
            *report.score_metrics("holdout", {step: found.scores for step, found in holdout.items()}),
            *report.score_metrics("validation", {step: found.scores for step, found in validation.items()}),
            *footing(forecaster, holdout),
            *costs(holdout),
            *predictions("predictions.parquet", holdout),
            *predictions("validation_predictions.parquet", validation),
        ],
        notes=[] if 0 in validation else [NO_VALIDATION],
    )


def customer_split(
    forecaster: Forecaster,
    model: Model,
    baselines: Sequence[Model],
    origins: Sequence[Origin],
    objective: str,
    terminal: Terminal,
    *,
    splits: int,
    test_share: float,
    seed: int,
    published: Mapping[str, float],
) -> Verdict:
    """Split the customers of the latest cutoff at random, learn from one part's holdout spend, predict the other's.

    Parameters
    ----------
    splits : int
        How many independent splits; the notebooks make one.
    test_share : float
        Share of customers that is predicted.
    seed : int
        Draws the splits; the same for every model, so that they are compared on the same customers.
    published : mapping of feature name to coefficient
        To be shown beside the coefficients found.

    Raises
    ------
    ClvError
        If a part of the split would be empty.
    """
    period = origins[-1].holdout
    least, customers = floor(forecaster, period), len(forecaster.outcome(period))
    if not 0 < np.ceil(test_share * customers) < customers:
        raise ClvError(
            f"{test_share:.0%} of {customers} customer(s) leaves one part of the split empty; type another "
            "evaluation.test_share"
        )
    others = [option for option in baselines if option.name != model.name]
    scores: dict[str, list[dict[str, float]]] = {option.name: [] for option in (model, *others)}
    slopes: list[pd.Series | None] = []
    first: dict[int, Scored] = {}
    with terminal.step(f"fitting {splits} random splits of {customers:,} customers", "splits") as progress:
        for split in range(splits):
            drawn = np.random.default_rng([seed, split]).permutation(customers)
            held_out = drawn < np.ceil(test_share * customers)
            for option in (model, *others):
                made = forecaster.split(period, option, held_out)
                scores[option.name].append(report.scored(made.table, least))
                if option is model:
                    slopes.append(linear_slopes(made.estimator, made.training.X))
                    first = first or {0: Scored(made, scores[model.name][0])}
            progress(split + 1, splits)
    medians = {name: dict(pd.DataFrame(found).median()) for name, found in scores.items()}
    labels = Labels(model.name, f"{forecaster.log.name}, {period}", f"{period}", forecaster.log.currency)
    return Verdict(
        first,
        {},
        shown=first[0].forecast,
        objective=None,
        ladder=report.Ladder(
            medians, model.name, [option.name for option in baselines], objective, headline=SPLIT_HEADLINE
        ),
        title=f"{period}, {test_share:.0%} of {customers:,} customers held out at random, median of {splits} split(s)",
        records=[
            *split_records(scores[model.name], pd.DataFrame([s for s in slopes if s is not None]), published, labels),
            *footing(forecaster, first),
            *costs(first),
            *predictions("predictions.parquet", first),
        ],
        notes=[SPLIT_LEARNS],
    )
