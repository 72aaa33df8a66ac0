"""Logistic regression whose penalty is counted per row, so that one setting suits panels of any size."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data


class LogisticPerRow(ClassifierMixin, BaseEstimator):
    """Minimise the mean log loss plus ``alpha`` / 2 times the squared coefficients, as ``RidgePerRow`` does.

    Parameters
    ----------
    alpha : float
        Penalty, above 0; ``C`` of ``LogisticRegression`` is 1 / (``alpha`` times the rows).

    Attributes
    ----------
    classes_ : numpy.ndarray
    classifier_ : LogisticRegression

    Examples
    --------
    >>> once, twice = ([[-1.0], [1.0], [2.0]] * times for times in (1, 2))
    >>> models = LogisticPerRow(0.1).fit(once, [0, 1, 0]), LogisticPerRow(0.1).fit(twice, [0, 1, 0] * 2)
    >>> np.allclose(*(model.classifier_.coef_ for model in models))
    True
    """

    def __init__(self, alpha: float = 0.3) -> None:
        self.alpha = alpha

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to n rows of features and classes, each counted as often as its weight."""
        features, labels = validate_data(self, X, y, dtype=float)
        rows = len(labels) if sample_weight is None else float(np.sum(_check_sample_weight(sample_weight, features)))
        penalised = LogisticRegression(C=1 / (self.alpha * rows), solver="newton-cholesky", tol=1e-10)
        self.classifier_ = penalised.fit(features, labels, sample_weight)
        self.classes_ = self.classifier_.classes_
        return self

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return the probability of each class, shape (n, 2)."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(validate_data(self, X, dtype=float, reset=False))

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the likelier class, shape (n,)."""
        chances = self.predict_proba(X)
        return self.classes_[chances.argmax(axis=1)]
