"""Size of spend that is above zero: a linear model of its logarithm, with a lognormal mean."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from clv_experiments.models.ridge_per_row import RidgePerRow
from clv_experiments.models.zero_inflated_lognormal import bound_lognormal


class LognormalRidge(RegressorMixin, BaseEstimator):
    """Ridge regression of log spend, whose prediction is the mean of the lognormal distribution, exp(mu + sigma^2 / 2).

    Parameters
    ----------
    alpha : float
        Penalty per row; see ``RidgePerRow``.

    Attributes
    ----------
    ridge_ : RidgePerRow
        Predicts mu, the mean of log spend.
    sigma_ : float
        Standard deviation of log spend around it, the same for everyone.
    largest_ : float
        Largest spend in training, which no expected spend exceeds.

    Examples
    --------
    >>> model = LognormalRidge().fit([[0.0], [0.0]], [1.0, np.e**2])
    >>> model.sigma_, float(np.log(model.predict([[0.0]])[0]))
    (1.0, 1.5)
    """

    def __init__(self, alpha: float = 0.3) -> None:
        self.alpha = alpha

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to n rows of features and spend above 0, each counted as often as its weight."""
        features, spend = validate_data(self, X, y, dtype=float, y_numeric=True)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, features)
        logs, self.largest_ = np.log(spend), float(spend.max())
        self.ridge_ = RidgePerRow(alpha=self.alpha).fit(features, logs, weights)
        self.sigma_ = float(np.sqrt(np.average((logs - self.ridge_.predict(features)) ** 2, weights=weights)))
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the expected spend, shape (n,), in the unit of y."""
        mu, sigma = self.predict_log_moments(X)
        return np.exp(mu + sigma**2 / 2)

    def predict_log_moments(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of log spend, each of shape (n,)."""
        check_is_fitted(self)
        mu = np.asarray(self.ridge_.predict(validate_data(self, X, dtype=float, reset=False)), dtype=float)
        return bound_lognormal(mu, np.full(len(mu), self.sigma_), self.largest_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags
