"""Baseline: the managers' rule, by which whoever has been away too long is gone and everyone else goes on."""

from typing import ClassVar

import numpy as np

from clv_experiments.models.rule_baseline import RuleBaseline
from clv_experiments.models.spend_rate import spend_at_past_rate


class Hiatus(RuleBaseline):
    """Predict zero after a long absence, otherwise the past spend rate (Wübben and von Wangenheim, 2008).

    The rate is taken over a quarter of the horizon at least, as ``SpendRate`` does.

    Parameters
    ----------
    horizon_days : float
        Length of the period to predict, in days.
    hiatus_days : float, optional
        Days since the last purchase day beyond which a customer counts as gone; by default the horizon's length.
    """

    required_columns: ClassVar = ("T", "recency", "spend_per_day")

    def __init__(self, horizon_days: float = 91.0, hiatus_days: float | None = None) -> None:
        self.horizon_days = horizon_days
        self.hiatus_days = hiatus_days

    def _predict_spend(self, T: np.ndarray, recency: np.ndarray, rate: np.ndarray) -> np.ndarray:
        limit = self.horizon_days if self.hiatus_days is None else self.hiatus_days
        return np.where(T - recency <= limit, spend_at_past_rate(T, rate, self.horizon_days), 0.0)
