"""What a protocol is given to evaluate, and what it returns: forecasts with their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.window import Origin
from clv_experiments.evaluation.score_records import BaselineComparison, score_predictions
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.reporting.records import Record

D2_FLOOR_SHARE = 0.01  # of the training mean; D2 raises smaller predictions to it

# Called with a description of the work, the units done and the units in all; 0 of 0 where they are not counted.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class EvaluatedForecast:
    """A forecast, its scores, the smallest prediction that D2 saw (currency), and what its intervals scored."""

    forecast: Forecast
    scores: dict[str, float]
    d2_floor: float
    interval_scores: dict[str, float] = field(default_factory=dict)

    @property
    def all_scores(self) -> dict[str, float]:
        """Scores of the predictions, and of their intervals."""
        return self.scores | self.interval_scores


@dataclass(frozen=True)
class EvaluatedOrigin:
    """One origin of a backtest: its holdout forecast and, where the log reaches back far enough, its validation."""

    step: int
    holdout: EvaluatedForecast
    validation: EvaluatedForecast | None = None


@dataclass(frozen=True, eq=False)
class EvaluationTask:
    """What a protocol is to evaluate.

    Attributes
    ----------
    forecaster : Forecaster
    model : Model
        The one under test.
    baselines : sequence of Model
        Evaluated beside it on the same customers and periods.
    origins : sequence of Origin
        Oldest first.
    objective : str
        The metric, higher is better, that is returned and by which the best baseline is chosen.
    note : str
        What the user should know of the model that is under test; "" where nothing.
    """

    forecaster: Forecaster
    model: Model
    baselines: Sequence[Model]
    origins: Sequence[Origin]
    objective: str
    note: str = ""


@dataclass(frozen=True)
class EvaluationResult:
    """What a protocol returns.

    Attributes
    ----------
    origins : sequence of EvaluatedOrigin
        Oldest first; where customers were split, the first split.
    objective : float or None
        The score of the oldest origin's validation period, which is no origin's holdout; None where there is none.
    comparison : BaselineComparison
        The model compared with the baselines.
    title : str
        Says which scores these are: the period, and how often they were taken.
    records : list of Record
        Scores, costs and predictions.
    warnings : list of str
        What might mislead a reader who does not know it.
    timings : dict of str to float
        Seconds by part.
    """

    origins: Sequence[EvaluatedOrigin]
    objective: float | None
    comparison: BaselineComparison
    title: str
    records: list[Record]
    warnings: list[str]
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def holdout_predictions(self) -> pd.DataFrame:
        """One row a customer and origin, with its ``cutoff``: the tables of all holdout forecasts."""
        return stack_predictions(origin.holdout for origin in self.origins)

    @property
    def latest_forecast(self) -> Forecast:
        """The forecast that tables and figures describe: the latest origin's holdout."""
        return self.origins[-1].holdout.forecast


def forecast_and_score(forecaster: Forecaster, period: Period, model: Model) -> EvaluatedForecast:
    """Forecast a period and score it."""
    forecast, smallest = forecaster.forecast(period, model), d2_floor(forecaster, period)
    scores = score_predictions(forecast.table, smallest, has_losses=forecaster.log.has_losses)
    return EvaluatedForecast(forecast, scores, smallest)


def stack_predictions(evaluations: Iterable[EvaluatedForecast]) -> pd.DataFrame:
    """Stack the tables of forecasts: one row a customer and ``cutoff``, ``customer_id`` a column."""
    forecasts = [evaluated.forecast for evaluated in evaluations]
    frames = [forecast.table.assign(cutoff=pd.Timestamp(forecast.period.cutoff)) for forecast in forecasts]
    return pd.concat(frames).reset_index()


def d2_floor(forecaster: Forecaster, period: Period) -> float:
    """Return the smallest prediction that D2 sees, in the log's currency."""
    return D2_FLOOR_SHARE * forecaster.training_mean(period)
