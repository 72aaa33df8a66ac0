"""MBG/CNBD-k: the MBG/NBD of customers whose purchases keep a rhythm."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betainc, betaln, gammaln
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from clv_experiments.models.btyd_fitting import check_customers, require_observed_customers

HISTORY = ("frequency", "recency", "T")
SAMPLE = 5000  # customers whom the five parameters are learnt from
SHAPE_STARTS = (1.0, 4.0, 50.0)  # of the shape
LOWER, UPPER = 1e-3, 1e4  # of the parameters without a unit


class MbgCnbdK(BaseEstimator):
    """Purchases with gamma gaps of one shape, whose rate differs between customers, until one drops out.

    Platzer and Reutterer (2016), "Ticking Away the Moments: Timing Regularity Helps to Better Predict Customer
    Activity", Marketing Science 35(5): a customer's gaps are gamma with shape k and rate lambda, lambda is gamma with
    shape r and rate alpha over customers, and after each purchase, the first among them, a customer drops out with
    probability p, which is Beta(a, b) over customers. With k = 1 it is the MBG/NBD. There k is whole; here it need not
    be, since P(a gap exceeds u), of a customer with x gaps that add up to t_x, is the incomplete beta function
    I(r + k x, k) at (alpha + t_x) / (alpha + t_x + u).

    Parameters
    ----------
    horizon_days : float
        How far ``probability_purchase`` looks ahead.

    Attributes
    ----------
    k_, r_, alpha_, a_, b_ : float
        In days.
    """

    def __init__(self, horizon_days: float = 91.0) -> None:
        self.horizon_days = horizon_days

    def fit(self, X: pd.DataFrame, y: None = None) -> Self:
        """Maximise the likelihood of n customers, of a regular part of them where they are many.

        Parameters
        ----------
        X : pandas.DataFrame
            ``frequency``, ``recency``, ``T`` (days) and ``log_gaps``, the sum of the logarithms of a customer's gaps.

        Raises
        ------
        ClvError
            If there is no customer, or none who had time to come back.
        """
        customers = check_customers(X, (*HISTORY, "log_gaps"))
        require_observed_customers(customers["T"].to_numpy(), len(customers), "the MBG/CNBD-k")
        sample = customers.iloc[:: -(-len(customers) // SAMPLE)].to_numpy()
        x, tx, T, _ = sample.T
        gap = max((tx.sum() if x.any() else T.sum()) / max(x.sum(), 1.0), 1.0)

        def loss(logs: np.ndarray) -> float:
            value = -float(_log_likelihood(np.exp(logs), sample).mean())
            return value if np.isfinite(value) else 1e10

        shape, scale = (np.log(LOWER), np.log(UPPER)), (np.log(gap * LOWER / UPPER), np.log(gap * UPPER / LOWER))
        bounds = [shape, shape, scale, shape, shape]
        starts = [np.log([k, 2.0, 2.0 * gap / k, 1.0, 4.0]) for k in SHAPE_STARTS]
        fits = [minimize(loss, start, bounds=bounds, method="L-BFGS-B") for start in starts]
        logs = min(fits, key=lambda fit: float(fit.fun)).x
        self.k_, self.r_, self.alpha_, self.a_, self.b_ = map(float, np.exp(logs))
        return self

    def probability_alive(self, X: pd.DataFrame) -> np.ndarray:
        """Return P(not yet dropped out at the cutoff | x, t_x, T), shape (n,)."""
        x, tx, silence = self._extract_x_tx_idle_days(X)
        stays = _probability_of_longer_gap(silence, x, tx, self.k_, self.r_, self.alpha_)
        return stays / (stays + self.a_ / (self.b_ + x))

    def probability_purchase(self, X: pd.DataFrame, horizon_days: float | None = None) -> np.ndarray:
        """Return P(at least one purchase day in the horizon | x, t_x, T), shape (n,)."""
        days = self.horizon_days if horizon_days is None else horizon_days
        return self.purchase_probabilities(X, np.array([days]))[:, 0]

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days))."""
        x, tx, silence = self._extract_x_tx_idle_days(X)
        now = _probability_of_longer_gap(silence, x, tx, self.k_, self.r_, self.alpha_)
        later = [
            _probability_of_longer_gap(silence + t, x, tx, self.k_, self.r_, self.alpha_) for t in np.atleast_1d(days)
        ]
        return np.column_stack([now - then for then in later]) / (now + self.a_ / (self.b_ + x))[:, None]

    def _extract_x_tx_idle_days(self, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return x, t_x and the days since the last purchase, shape (n,) each."""
        check_is_fitted(self, "k_")
        x, tx, T = check_customers(X, HISTORY).to_numpy().T
        return x, tx, T - tx


def _probability_of_longer_gap(
    silence: np.ndarray, x: np.ndarray, tx: np.ndarray, k: float, r: float, alpha: float
) -> np.ndarray:
    """Return P(the next gap exceeds the silence) of a customer who is still there, shape (n,)."""
    return betainc(r + k * x, k, (alpha + tx) / (alpha + tx + silence))


def _log_likelihood(parameters: np.ndarray, customers: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of customers, the columns x, t_x, T and log_gaps, shape (n,)."""
    (k, r, alpha, a, b), (x, tx, T, log_gaps) = parameters, customers.T
    gaps = (k - 1) * log_gaps - x * gammaln(k) + gammaln(r + k * x) - gammaln(r)
    gaps += r * np.log(alpha) - (r + k * x) * np.log(alpha + tx)
    stays = _probability_of_longer_gap(T - tx, x, tx, k, r, alpha)
    return gaps + betaln(a, b + x + 1) - betaln(a, b) + np.log(stays + a / (b + x))
