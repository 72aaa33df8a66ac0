"""Baseline: every customer goes on spending at their past rate."""

from typing import ClassVar

import numpy as np

from clv_experiments.models.rule import RuleBaseline


class SpendRate(RuleBaseline):
    """Predict past spend per day (``spend_per_day``) times the days of the horizon.

    Parameters
    ----------
    horizon_days : float
        Length of the period to predict, in days.
    """

    required_columns: ClassVar = ("spend_per_day",)

    def __init__(self, horizon_days: float = 91.0) -> None:
        self.horizon_days = horizon_days

    def _spend(self, rate: np.ndarray) -> np.ndarray:
        return rate * self.horizon_days
