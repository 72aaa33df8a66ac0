"""What every candidate predicted of a period that is over, beside what customers did in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from clv_experiments.decisions.next_purchase.dates import WaitingTimeEstimator, conditional_wait_quantiles
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.confidence_intervals import wilson_interval
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.forecasting.model import Model

CHECKPOINTS = (30, 60, 90)  # days, as shops ask
STEPS = 30  # of the horizon over which the Brier score is averaged
TENTHS = 10


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted estimator of next purchases, and the features of the customers at a cutoff."""

    name: str
    family: str
    estimator: WaitingTimeEstimator
    X: pd.DataFrame  # features, indexed by customer_id (sorted)

    @classmethod
    def from_forecast(cls, model: Model, forecast: Forecast) -> Candidate:
        """Take the estimator that a model's forecast was made with."""
        return cls(model.name, model.family, forecast.estimator, forecast.X)


@dataclass(frozen=True, eq=False)
class WaitingTimePrediction:
    """One candidate's predictions, a row a customer in the order of ``Backtest.days_to_purchase``."""

    name: str
    family: str
    probabilities: Floats  # P(a purchase comes within each of the days), shape (n, days)
    median: Floats  # of the wait in days, given that it ends within the period, shape (n,)
    low: Floats  # ends of the interval of the wait
    high: Floats


@dataclass(frozen=True, eq=False)
class Backtest:
    """All candidates on the same customers and the same period, which is over."""

    days_to_purchase: pd.Series  # from the cutoff, nan where there was none in the period; indexed by customer_id
    days: np.ndarray  # for which probabilities were predicted; the last is the period's length
    checkpoints: list[int]  # those of 30, 60 and 90 days that the period holds; its length where it holds none
    predictions: list[WaitingTimePrediction]
    level: float  # of the intervals of the dates

    @property
    def horizon_days(self) -> int:
        """Length of the period."""
        return int(self.days[-1])

    @property
    def buyers(self) -> int:
        """How many customers bought in the period."""
        return int(self.days_to_purchase.notna().sum())

    def prediction(self, name: str) -> WaitingTimePrediction:
        """Return the predictions of one candidate."""
        return next(prediction for prediction in self.predictions if prediction.name == name)

    def probability_within(self, days: int, prediction: WaitingTimePrediction) -> Floats:
        """Return the predicted probability of a purchase within one of ``days``, shape (n,)."""
        return prediction.probabilities[:, np.searchsorted(self.days, days)]

    def squared_errors(self, prediction: WaitingTimePrediction) -> Floats:
        """Return the squared error of each customer's probabilities, mean over the days, shape (n,)."""
        bought = self.days_to_purchase.to_numpy()[:, None] <= self.days
        return ((prediction.probabilities - bought) ** 2).mean(axis=1)

    def bought_within(self, days: int) -> np.ndarray:
        """Return whether each customer bought within so many days, shape (n,)."""
        return (self.days_to_purchase <= days).to_numpy()


def run_backtest(
    candidates: Sequence[Candidate], days_to_purchase: pd.Series, horizon_days: int, level: float
) -> Backtest:
    """Let all candidates predict the customers whose next purchase is known, and who are in every candidate's ``X``.

    ``horizon_days`` is the length of the period, ``level`` that of the intervals of the dates, such as 0.8.
    """
    checkpoints = [days for days in CHECKPOINTS if days <= horizon_days] or [horizon_days]
    steps = np.linspace(horizon_days / STEPS, horizon_days, STEPS).round().clip(1).astype(int)
    days = np.unique([*steps, *checkpoints])
    predictions = []
    for candidate in candidates:
        probabilities = candidate.estimator.purchase_probabilities(candidate.X.loc[days_to_purchase.index], days)
        dates = conditional_wait_quantiles(probabilities, days, np.array([0.5, (1 - level) / 2, (1 + level) / 2]))
        predictions.append(WaitingTimePrediction(candidate.name, candidate.family, probabilities, *dates.T))
    return Backtest(days_to_purchase, days, checkpoints, predictions, level)


def build_reliability_table(backtest: Backtest) -> pd.DataFrame:
    """Compare predicted with actual shares of buyers in tenths of the predicted probability.

    Customers with the same probability stay together, so that a candidate may have fewer than ten groups.

    Returns
    -------
    pandas.DataFrame
        ``contender, within_days, tenth`` (1 = least probable), ``customers, predicted, actual, actual_lower,
        actual_upper``: mean probability, share who bought with its 95 % interval (Wilson 1927).
    """
    tables = {}
    for prediction, days in product(backtest.predictions, backtest.checkpoints):
        probability = backtest.probability_within(days, prediction)
        edges = np.unique(np.quantile(probability, np.arange(1, TENTHS) / TENTHS, method="lower"))
        customers = pd.DataFrame({"probability": probability, "bought": backtest.bought_within(days)})
        tables[prediction.name, days] = customers.groupby(np.searchsorted(edges, probability, side="left") + 1).agg(
            customers=("bought", "size"), predicted=("probability", "mean"), actual=("bought", "mean")
        )
    table = pd.concat(tables, names=["contender", "within_days", "tenth"]).reset_index()
    table["actual_lower"], table["actual_upper"] = wilson_interval(table["actual"], table["customers"])
    return table
