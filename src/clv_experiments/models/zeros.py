"""Baseline: nobody buys again."""

from clv_experiments.models.rule import RuleBaseline


class Zeros(RuleBaseline):
    """Predict 0 for everyone: hard to beat on median-like errors, worthless as a forecast."""

    def _spend(self) -> float:
        return 0.0
