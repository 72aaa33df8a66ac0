"""Skewed features for linear models: logarithms on one scale, within the range that training saw."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

MIN_LOG_RANGE = 1e-9  # a range of logarithms below this is rounding, not variation


class LogFeatures(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Take sign(x) log(1 + abs(x)) of each feature, clip it to the range seen in training, and standardise it.

    Money and counts are skewed, and may be negative after returns. Where 1 lies on their scale matters: give features
    as multiples of their mean, as ``SpendRegressor`` does. A customer beyond everything seen in training counts as the
    most extreme one that was, so that a model with a log link cannot run away with them.

    Attributes
    ----------
    lower_, upper_ : numpy.ndarray of shape (p,)
        Least and largest logarithm of each feature in training.
    mean_, scale_ : numpy.ndarray of shape (p,)
        Mean and standard deviation of the logarithms; the latter 1 where a feature is constant, which becomes 0.

    Examples
    --------
    >>> LogFeatures().fit([[0.0, 5.0], [np.e - 1, 5.0]]).transform([[-9.0, 4.0], [99.0, 5.0]]).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn range, mean and deviation of each logarithm from X of shape (n, p); y is ignored."""
        logs = _signed_log(validate_data(self, X, dtype=float))
        self.lower_, self.upper_ = logs.min(axis=0), logs.max(axis=0)
        varies = self.upper_ - self.lower_ > MIN_LOG_RANGE
        self.mean_ = np.where(varies, logs.mean(axis=0), self.lower_)
        self.upper_ = np.where(varies, self.upper_, self.lower_)
        self.scale_ = np.where(varies, logs.std(axis=0), 1.0)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the features as the regression sees them, shape (n, p), without unit."""
        check_is_fitted(self)
        logs = _signed_log(validate_data(self, X, dtype=float, reset=False))
        return (np.clip(logs, self.lower_, self.upper_) - self.mean_) / self.scale_


def _signed_log(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.log1p(np.abs(values))
