"""Who was likely to buy, who of them stayed away, and how many were to be expected to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from clv_experiments.decisions.segments.resampling import TAILS
from clv_experiments.evaluation.binomial import wilson


def is_missed(p_purchase: ArrayLike, purchase_days: ArrayLike, likely: float) -> np.ndarray:
    """Return whether each customer was likely to buy and did not: a missed opportunity, shape (customers,).

    Parameters
    ----------
    p_purchase : array, shape (customers,)
        P(buys in the period), as predicted before it.
    purchase_days : array, shape (customers,)
        In the period.
    likely : float
        P(buys) from which on a customer counts as likely to buy.
    """
    return (np.asarray(p_purchase, dtype=float) >= likely) & (np.asarray(purchase_days, dtype=float) == 0)


@dataclass(frozen=True)
class Absences:
    """How many of the likely customers stayed away, beside how many their probabilities let expect.

    Attributes
    ----------
    customers, missed : int
        Likely to buy; of them, stayed away.
    expected : float
        Sum of the probabilities of staying away.
    by_chance : tuple of two floats
        Between which 95 % of the counts lie if every probability holds and customers decide independently.
    rate : tuple of three floats
        Share that stayed away, with the ends of its 95 % interval (Wilson 1927).
    """

    customers: int
    missed: int
    expected: float
    by_chance: tuple[float, float]
    rate: tuple[float, float, float]

    @property
    def verdict(self) -> str:
        """``fewer``, ``more`` or ``as expected``: where the count lies beside what chance allows."""
        low, high = self.by_chance
        return "fewer" if self.missed < low else "more" if self.missed > high else "as expected"


def absences(p_purchase: ArrayLike, bought: ArrayLike, seed: int, replicates: int) -> Absences:
    """Count the likely customers who stayed away and hold that against their probabilities.

    Parameters
    ----------
    p_purchase : array, shape (customers,)
        Of likely customers only, at least one.
    bought : array of bool, shape (customers,)
    seed, replicates : int
        Of the simulated counts.
    """
    away, p_away = ~np.asarray(bought, dtype=bool), 1 - np.asarray(p_purchase, dtype=float)
    rng = np.random.default_rng(seed)
    simulated = [np.count_nonzero(rng.random(len(away)) < p_away) for _ in range(replicates)]
    low, high = np.quantile(simulated, TAILS)
    gone = float(away.mean())
    least, most = wilson(gone, len(away))
    rate = (gone, float(least), float(most))
    return Absences(len(away), int(away.sum()), float(p_away.sum()), (float(low), float(high)), rate)
