"""Baseline: the next period is like the last one."""

from typing import ClassVar

import numpy as np

from clv_experiments.models.rule_baseline import RuleBaseline


class LastPeriod(RuleBaseline):
    """Predict what the customer spent in the period of the same length before the cutoff (``sales_sum_M_2``)."""

    required_columns: ClassVar = ("sales_sum_M_2",)

    def _predict_spend(self, last: np.ndarray) -> np.ndarray:
        return last
