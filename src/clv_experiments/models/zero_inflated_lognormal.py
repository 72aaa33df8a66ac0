"""The distribution of a customer's spend where it is 0 or, with some probability, lognormal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

SMALLEST = 1e-300  # instead of dividing by 0


def bound_lognormal(mu: np.ndarray, sigma: np.ndarray, largest: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower mean and deviation of logarithms where exp(mu + sigma^2 / 2) would exceed the largest spend in training."""
    mu = np.minimum(mu, np.log(largest))
    return mu, np.minimum(sigma, np.sqrt(2 * (np.log(largest) - mu)))


def probabilities_among_buyers(chances: np.ndarray, probabilities: ArrayLike) -> np.ndarray:
    """Return where k quantiles of spend lie among the spends above 0, shape (n, k); 0 or less where they are 0.

    Parameters
    ----------
    chances : numpy.ndarray of shape (n,)
        P(spend > 0).
    probabilities : array-like of shape (k,)
        Of the quantiles, between 0 and 1.
    """
    zero = 1.0 - chances[:, None]
    return (np.atleast_1d(np.asarray(probabilities, dtype=float)) - zero) / np.maximum(chances[:, None], SMALLEST)


@dataclass(frozen=True)
class ZeroInflatedLognormal:
    """Spend of n customers: 0 with probability 1 - p, else exp(mu + sigma z) with z standard normal.

    Attributes
    ----------
    probability, mu, sigma : numpy.ndarray of shape (n,)
        p, and mean and standard deviation of the logarithm of spend.

    Examples
    --------
    >>> spend = ZeroInflatedLognormal(np.array([0.5]), np.array([0.0]), np.array([1.0]))
    >>> spend.quantiles([0.4, 0.75]).tolist(), spend.probability_above(1.0).tolist()
    ([[0.0, 1.0]], [0.25])
    """

    probability: np.ndarray
    mu: np.ndarray
    sigma: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Expected spend, shape (n,)."""
        return self.probability * np.exp(self.mu + self.sigma**2 / 2)

    def quantiles(self, probabilities: ArrayLike) -> np.ndarray:
        """Return the quantiles of spend at k probabilities between 0 and 1, shape (n, k)."""
        among_buyers = probabilities_among_buyers(self.probability, probabilities)
        logs = self.mu[:, None] + self.sigma[:, None] * ndtri(np.clip(among_buyers, SMALLEST, 1.0))
        return np.where(among_buyers > 0, np.exp(logs), 0.0)

    def probability_above(self, amount: float) -> np.ndarray:
        """Return P(spend > amount) for an amount of 0 or more, shape (n,)."""
        if amount <= 0:
            return self.probability if amount == 0 else np.ones(len(self.mu))
        return self.probability * ndtr((self.mu - np.log(amount)) / np.maximum(self.sigma, SMALLEST))
