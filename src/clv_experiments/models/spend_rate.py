"""Baseline: every customer goes on spending at their past rate."""

from typing import ClassVar

import numpy as np

from clv_experiments.models.rule_baseline import RuleBaseline

MIN_SHARE = 0.25  # of the horizon: a rate over less than that is mostly the first purchase itself


class SpendRate(RuleBaseline):
    """Predict past spend per day times the days of the horizon.

    Past spend is spread over ``T``, but over a quarter of the horizon at least: whoever came yesterday and bought once
    will not buy every day.

    Parameters
    ----------
    horizon_days : float
        Length of the period to predict, in days.
    """

    required_columns: ClassVar = ("T", "spend_per_day")

    def __init__(self, horizon_days: float = 91.0) -> None:
        self.horizon_days = horizon_days

    def _predict_spend(self, T: np.ndarray, rate: np.ndarray) -> np.ndarray:
        return spend_at_past_rate(T, rate, self.horizon_days)


def spend_at_past_rate(T: np.ndarray, rate: np.ndarray, horizon_days: float) -> np.ndarray:
    """Return what past spend comes to over the horizon, shape (n,), spread over a quarter of it at least.

    Parameters
    ----------
    T : array, shape (n,)
        Days since the first purchase day.
    rate : array, shape (n,)
        Past spend a day, over those days and one at least (currency).
    horizon_days : float
    """
    observed_days = np.maximum(T, 1.0)  # the days that the rate is over
    return rate * observed_days / np.maximum(observed_days, MIN_SHARE * horizon_days) * horizon_days
