"""Who buys, then how much: a classifier for whether there is spend, a regressor for its size (a hurdle model)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import convert_to_feature_frame, validate_training_data
from clv_experiments.models.weighted_fit import fit_weighted
from clv_experiments.models.zero_inflated_lognormal import ZeroInflatedLognormal


def _predicts_log_spend(model: TwoPart) -> bool:
    return hasattr(model.regressor, "predict_log_moments")


class TwoPart(RegressorMixin, BaseEstimator):
    """Expected spend as P(spend > 0) times the spend expected of those who have any (Cragg 1971).

    Parameters
    ----------
    classifier : scikit-learn classifier with ``predict_proba``
        Learns from every row whether there was spend.
    regressor : scikit-learn regressor
        Learns from the rows with spend how much it was.

    Attributes
    ----------
    classifier_, regressor_ : the fitted clones
        No classifier where everybody had spend: then everybody is expected to have some.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier, DummyRegressor
    >>> X = pd.DataFrame({"frequency": [0.0, 1.0, 2.0, 3.0]})
    >>> TwoPart(DummyClassifier(), DummyRegressor()).fit(X, [0.0, 0.0, 0.0, 8.0]).predict(X).tolist()
    [2.0, 2.0, 2.0, 2.0]
    """

    def __init__(self, classifier: Any, regressor: Any) -> None:
        self.classifier = classifier
        self.regressor = regressor

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Fit both parts to ``n`` rows of features and spend (currency, >= 0), each counted as often as its weight.

        Raises
        ------
        ClvError
            If spend lies below 0, or nobody has any, so that there is nothing to learn its size from.
        """
        X, y = validate_training_data(self, X, y)
        spend = np.asarray(y, dtype=float)
        if (spend < 0).any():
            raise ClvError("a two-part model takes spend of 0 or more: a loss is neither no purchase nor a size of one")
        bought = spend > 0
        if not bought.any():
            raise ClvError("nobody in the training panel bought anything: a two-part model has no spend to learn from")
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        of_buyers = None if weights is None else weights[bought]
        self.classifier_ = (
            None if bought.all() else fit_weighted(clone(self.classifier), X, bought.astype(int), weights)
        )
        self.regressor_ = fit_weighted(clone(self.regressor), X[bought], spend[bought], of_buyers)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict expected spend (currency), shape (n,)."""
        return self.probability_purchase(X) * np.maximum(
            np.ravel(self.regressor_.predict(convert_to_feature_frame(self, X))), 0.0
        )

    def probability_purchase(self, X: pd.DataFrame) -> np.ndarray:
        """Predict the probability of any spend, shape (n,)."""
        check_is_fitted(self)
        X = convert_to_feature_frame(self, X)
        if self.classifier_ is None:
            return np.ones(len(X))
        return np.asarray(self.classifier_.predict_proba(X)[:, 1], dtype=float)

    @available_if(_predicts_log_spend)
    def distribution(self, X: pd.DataFrame) -> ZeroInflatedLognormal:
        """Return the distribution of each customer's spend, where the regressor knows that of its logarithm."""
        return ZeroInflatedLognormal(
            self.probability_purchase(X), *self.regressor_.predict_log_moments(convert_to_feature_frame(self, X))
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags
