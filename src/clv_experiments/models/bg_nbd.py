"""BG/NBD: purchases at a Gamma-distributed rate, a Beta-distributed chance to drop out after each repeat purchase."""

from typing import ClassVar

import numpy as np
from scipy.special import expit

from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.models.quadrature import purchases_until_dropout


class BgNbd(BtydRegressor):
    """BG/NBD of Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way", with Gamma-Gamma spend.

    Attributes
    ----------
    r_, alpha_ : shape and rate (weeks) of the purchase rates
    a_, b_ : of the Beta distribution of dropout probabilities

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"frequency": [2.0], "recency": [213.0], "T": [272.0], "monetary_value": [30.0]})
    >>> model = BgNbd()
    >>> model.r_, model.alpha_, model.a_, model.b_ = 0.2426, 4.4136, 0.7929, 2.4259
    >>> model.expected_purchases(X, horizon_days=273).round(3)
    array([1.226])
    """

    _names = ("r", "alpha", "a", "b")
    _times = ("alpha",)
    _lifetimes_fitter = "BetaGeoFitter"
    _starts = ((0.5, 0.5, 0.5, 2.0), (1.0, 1.0, 1.0, 1.0), (0.3, 0.3, 0.01, 5.0))
    _no_dropout_sentence = "a/(a+b) < 1e-4: no dropout visible in the log"
    _first_toss: ClassVar[int] = 0  # tosses of the dropout coin before the first repeat purchase

    def _log_likelihood(self, parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Return each customer's log-likelihood (eq. 6), Gamma and Beta ratios as running sums: exact at any size."""
        r, alpha, a, b = parameters
        tosses = (x + self._first_toss).astype(int)
        steps = np.arange(tosses.max() + 1)
        purchases = _running(np.log(r + steps))[x.astype(int)] - r * np.log1p(T / alpha) - x * np.log(alpha + T)
        stays = _running(-np.log1p(a / (b + steps)))[tosses]
        return purchases + stays + np.logaddexp(0.0, self._dropout_log_odds(parameters, x, tx, T))

    def _dropout_log_odds(self, parameters: np.ndarray, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, a, b = parameters
        tosses = x + self._first_toss
        odds = np.log(a) - np.log(b + np.maximum(tosses, 1) - 1) + (r + x) * np.log1p((T - tx) / (alpha + tx))
        return np.where(tosses > 0, odds, -np.inf)

    def _alive(self, x: np.ndarray, tx: np.ndarray, T: np.ndarray) -> np.ndarray:
        return expit(-self._dropout_log_odds(np.array([self.r_, self.alpha_, self.a_, self.b_]), x, tx, T))

    def _purchases_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return purchases_until_dropout(x, t / (self.alpha_ + T), self.r_, self.a_, self.b_ + self._first_toss)

    def _any_if_alive(self, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
        return -np.expm1(-(self.r_ + x) * np.log1p(t / (self.alpha_ + T)))

    def _dropout_share(self, T: float) -> float:
        return self.a_ / (self.a_ + self.b_)


def _running(terms: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(terms)])
