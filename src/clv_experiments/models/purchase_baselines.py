"""Rules of thumb for the next purchase: the share of alike customers who bought, and each customer's own rhythm."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from clv_experiments.errors import ClvError


class RecencyBandBaseline(BaseEstimator):
    """Give each customer the share of earlier customers, equally long since their last purchase, who bought by then.

    Parameters
    ----------
    bands : int
        How many bands of equal size customers are put into by days since the last purchase day; 1 makes all alike.

    Attributes
    ----------
    edges_ : array
        Days since the last purchase day up to which each band but the last reaches.
    shares_ : array, shape (bands, 1 + longest wait observed)
        Share who had bought by the end of day 0, 1, ...
    """

    def __init__(self, bands: int = 1) -> None:
        self.bands = bands

    def fit(self, X: pd.DataFrame, days_to_purchase: ArrayLike, observed_days: ArrayLike) -> Self:
        """Learn from the waits of a training panel of n rows.

        Parameters
        ----------
        X : pandas.DataFrame with ``recency`` and ``T``, in days
        days_to_purchase : array-like of shape (n,)
            Days to the next purchase, from 1; nan where there was none.
        observed_days : array-like of shape (n,)
            Days that each row was observed.
        """
        waits, observed = np.asarray(days_to_purchase, dtype=float), np.asarray(observed_days, dtype=float)
        if not len(X) or not len(X) == len(waits) == len(observed):
            raise ClvError(
                f"the training panel has {len(X)} rows of features and {len(waits)} waits; expected one each"
            )
        since = (X["T"] - X["recency"]).to_numpy()
        edges = np.unique(np.quantile(since, np.arange(1, self.bands) / self.bands, method="lower"))
        self.edges_ = edges[edges < since.max()]
        band, longest = self._assign_band(X), int(observed.max())
        self.shares_ = np.array(
            [_kaplan_meier_share_bought(waits[band == b], observed[band == b], longest) for b in np.unique(band)]
        )
        return self

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days))."""
        check_is_fitted(self, "shares_")
        by_day = np.arange(self.shares_.shape[1])
        return np.array([np.interp(days, by_day, shares) for shares in self.shares_])[self._assign_band(X)]

    def _assign_band(self, X: pd.DataFrame) -> np.ndarray:
        return np.searchsorted(self.edges_, (X["T"] - X["recency"]).to_numpy(), side="left")


class OwnRateBaseline(BaseEstimator):
    """Let each customer go on as before: purchases come at random, as often as they have come so far.

    The mean gap is recency / frequency; of customers without a repeat purchase it is T, at least.
    """

    def purchase_probabilities(self, X: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        """Return P(the next purchase day comes within each number of days), shape (n, len(days))."""
        frequency, recency, T = (X[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
        gap = np.where(frequency > 0, recency / np.maximum(frequency, 1), np.maximum(T, 1.0))
        return -np.expm1(-np.asarray(days, dtype=float) / gap[:, None])


def _kaplan_meier_share_bought(waits: np.ndarray, observed: np.ndarray, longest: int) -> np.ndarray:
    """Estimate the share who bought by the end of each day from 0 (Kaplan and Meier 1958), shape (1 + longest,)."""
    purchases = np.bincount(waits[~np.isnan(waits)].astype(int), minlength=longest + 1)
    exits = np.bincount(np.where(np.isnan(waits), observed, waits).astype(int), minlength=longest + 1)
    at_risk = np.cumsum(exits[::-1])[::-1]
    return np.asarray(1.0 - np.cumprod(1.0 - purchases / np.maximum(at_risk, 1)))
