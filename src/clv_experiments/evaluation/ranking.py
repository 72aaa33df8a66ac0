"""Whether a ranking of customers is better than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm, rankdata

from clv_experiments.evaluation.array_checks import check_paired_columns
from clv_experiments.evaluation.metrics import normalised_gini

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class RankingAssessment:
    """How well customers were ranked by a prediction."""

    gini: float  # normalised: 1 is perfect, 0 is chance; nan where all did the same
    p_value: float  # of a ranking as good as this one, or better, by chance

    @property
    def beats_chance(self) -> bool:
        """Whether it is shown to be better than a ranking by chance."""
        return self.p_value < SIGNIFICANCE


def compare_ranking_with_chance(y_true: ArrayLike, y_pred: ArrayLike) -> RankingAssessment:
    """Score a ranking of n customers, and hold it against rankings in random order.

    The area between the capture curve and the diagonal is the sum of outcomes times centred ranks, whose mean and
    variance over all orders are known (Hoeffding 1951, "A Combinatorial Central Limit Theorem"): it is the correlation
    of the two, which has variance 1 / (n - 1).

    Examples
    --------
    >>> spend = [0.0, 0.0, 0.0, 5.0, 0.0, 20.0, 30.0, 40.0]
    >>> compare_ranking_with_chance(spend, [0, 1, 2, 3, 4, 5, 6, 7]).beats_chance
    True
    >>> compare_ranking_with_chance(spend, [4, 7, 1, 2, 6, 3, 5, 0]).beats_chance
    False
    """
    actual, predicted = check_paired_columns(y_true, y_pred)
    spread = np.std(actual) * np.std(ranks := rankdata(predicted))
    gini = normalised_gini(actual, predicted)
    if not spread > 0:
        return RankingAssessment(gini, 1.0)
    correlation = np.mean((actual - actual.mean()) * (ranks - ranks.mean())) / spread
    return RankingAssessment(gini, float(norm.sf(correlation * np.sqrt(len(actual) - 1))))
