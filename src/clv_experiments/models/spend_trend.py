"""Whether customers who buy often spend more, or less, on each purchase day: what Gamma-Gamma takes to be false."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from clv_experiments.models.mean_spends import BinnedMeanSpends

TOLERATED = 0.3  # an exponent up to this changes spend by a fifth as purchases double, and is left to Gamma-Gamma
Z = 2.58  # standard errors: one in a hundred logs without a trend beyond what is tolerated
FEWEST_CUSTOMERS = 50
MAX_STEPS, MIN_STEP = 50, 1e-10


class SpendTrend(NamedTuple):
    """Spend a purchase day as a power of purchase days, E[m | x] ~ (1 + x)^exponent."""

    exponent: float

    def relative_spend(self, x: np.ndarray) -> np.ndarray:
        """Return expected spend a purchase day relative to a customer without a repeat purchase, shape (n,)."""
        return (1.0 + x) ** self.exponent


NO_TREND = SpendTrend(0.0)


def fit_significant_spend_trend(spends: BinnedMeanSpends) -> SpendTrend:
    """Return the trend of spend in frequency where it is beyond doubt above what is tolerated, else none."""
    if spends.customers < FEWEST_CUSTOMERS or spends.x.min() == spends.x.max():
        return NO_TREND
    exponent, standard_error = fit_exponent(spends)
    return SpendTrend(exponent) if abs(exponent) - Z * standard_error > TOLERATED else NO_TREND


def fit_exponent(spends: BinnedMeanSpends) -> tuple[float, float]:
    """Fit the exponent by Gamma quasi-likelihood; return it with a standard error that holds whatever the variance is.

    The variance of a mean of x days falls with x (Fader and Hardie 2013, "The Gamma-Gamma Model of Monetary Value"),
    which the sandwich estimator allows for (White 1982, "Maximum Likelihood Estimation of Misspecified Models").
    """
    weights, n = spends.weights, spends.customers
    design = np.column_stack([np.ones(len(spends)), np.log1p(spends.x)])
    design[:, 1] -= weights @ design[:, 1] / n
    weighted = design * weights[:, None]
    information = np.linalg.inv(weighted.T @ design)
    coefficients = np.array([np.log(spends.mean), 0.0])
    for _ in range(MAX_STEPS):
        residuals = spends.m / np.exp(design @ coefficients) - 1
        step = information @ (weighted.T @ residuals)
        step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
        coefficients += step
        if np.abs(step).max() < MIN_STEP:
            break
    meat = (weighted * residuals[:, None] ** 2).T @ design
    covariance = information @ meat @ information
    return float(coefficients[1]), float(np.sqrt(covariance[1, 1] * n / (n - 2)))
