"""Baseline: nobody buys again."""

from typing import Any

import numpy as np

from clv_experiments.models.rule_baseline import RuleBaseline


class Zeros(RuleBaseline):
    """Predict 0 for everyone: hard to beat on median-like errors, worthless as a forecast."""

    def _predict_spend(self) -> float:
        return 0.0

    def _select_columns(self, X: Any) -> list[np.ndarray]:
        return []  # whatever is known of customers
