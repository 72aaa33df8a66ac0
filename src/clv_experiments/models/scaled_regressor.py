"""A model at another level: the same customers in the same order, but another total."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.weighted_fit import fit_weighted


def _if_estimator_has(method: str) -> Callable[[ScaledRegressor], bool]:
    return lambda scaled: hasattr(scaled.estimator, method)


class ScaledRegressor(RegressorMixin, BaseEstimator):
    """Multiply an estimator's predicted spend by one factor, with which all customers together reach a given total.

    Purchases and probabilities are left as they are: how likely customers are alive, and buy, says nothing of the size
    of a purchase, and P(buys) must not exceed the expected purchases. What else the estimator offers is offered too.

    Parameters
    ----------
    estimator : estimator
        Cloned and fitted.
    horizon_days : float, optional
        Length of the period to predict, handed to the estimator if it takes it; by default what it has.

    Attributes
    ----------
    estimator_ : the fitted clone
    factor_ : float
        1 until ``scale_to`` is called.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> X = pd.DataFrame({"frequency": [0.0, 1.0]})
    >>> ScaledRegressor(DummyRegressor()).fit(X, [10.0, 30.0]).scale_to(X, 60.0).predict(X).tolist()
    [30.0, 30.0]
    """

    def __init__(self, estimator: Any, horizon_days: float | None = None) -> None:
        self.estimator = estimator
        self.horizon_days = horizon_days

    def __getattr__(self, name: str) -> Any:
        attributes = vars(self)
        if name.startswith("_") or "estimator" not in attributes:  # not there yet while it is unpickled
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        return getattr(attributes.get("estimator_", attributes["estimator"]), name)

    def fit(self, X: pd.DataFrame, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the estimator; see there."""
        estimator = clone(self.estimator)
        if self.horizon_days is not None and "horizon_days" in estimator.get_params():
            estimator.set_params(horizon_days=self.horizon_days)
        self.estimator_ = fit_weighted(estimator, X, y, sample_weight)
        self.factor_ = 1.0
        return self

    def scale_to(self, X: pd.DataFrame, total: float | None) -> Self:
        """Learn the factor by which the predictions for all customers add up to a total.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, p)
            Features of all customers of the cutoff.
        total : float or None
            Currency; None leaves the estimator at its own level. An estimator that predicts nothing for anybody stays
            as it is.

        Raises
        ------
        ClvError
            If the total is no finite number >= 0.
        """
        check_is_fitted(self)
        if total is not None and not 0 <= total < np.inf:
            raise ClvError(f"the total to scale to must be a finite number >= 0, got {total}")
        predicted = float(np.sum(self.estimator_.predict(X)))
        self.factor_ = float(total / predicted) if total is not None and predicted > 0 else 1.0
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict holdout spend, shape (n,), currency, finite and >= 0."""
        check_is_fitted(self)
        return self.factor_ * self.estimator_.predict(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner_tags = get_tags(self.estimator)
        tags.input_tags, tags.target_tags.required = inner_tags.input_tags, inner_tags.target_tags.required
        return tags

    @available_if(_if_estimator_has("expected_spend_per_purchase"))
    def expected_spend_per_purchase(self, X: pd.DataFrame) -> np.ndarray:
        """Return the expected spend of a future purchase day, shape (n,), currency."""
        return self.factor_ * self.estimator_.expected_spend_per_purchase(X)

    @available_if(_if_estimator_has("predict_quantiles"))
    def predict_quantiles(self, X: pd.DataFrame, probabilities: ArrayLike) -> np.ndarray:
        """Return the quantiles of spend at k probabilities, shape (n, k), currency."""
        return self.factor_ * self.estimator_.predict_quantiles(X, probabilities)

    @available_if(_if_estimator_has("probability_above"))
    def probability_above(self, X: pd.DataFrame, amount: float) -> np.ndarray:
        """Return P(spend > amount), shape (n,)."""
        if amount > 0 and self.factor_ == 0:
            return np.zeros(len(X))
        return self.estimator_.probability_above(X, amount / self.factor_ if amount > 0 else amount)
