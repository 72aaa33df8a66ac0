"""Any library's regressor as a CLV model: named columns in, one finite spend a customer out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import convert_to_feature_frame, feature_names, validate_training_data
from clv_experiments.models.weighted_fit import fit_weighted

# Labels are rounded to this part of their mean, far below any error. Sums of them are then exact in any order, and
# trees choose among equally good splits alike, whatever the last digits.
LABEL_ROUNDING_STEPS = 2.0**24
TRIAL_LABELS = np.arange(-49.5, 50.0)  # half of them losses


def _if_regressor_has(method: str) -> Callable[[SpendRegressor], bool]:
    return lambda model: hasattr(_final_step(model.regressor), method)


def _final_step(regressor: Any) -> Any:
    return regressor[-1] if isinstance(regressor, Pipeline) else regressor


def select_finite_features(X: pd.DataFrame, names: np.ndarray) -> pd.DataFrame:
    """Return the features that a model was fitted on, in its order.

    Raises
    ------
    ClvError
        If one is missing from ``X`` or is not finite.
    """
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise ClvError(
            f"the model was fitted on {len(names)} features and {', '.join(missing[:5])} is not among the "
            "columns given; give the feature set it was trained on"
        )
    return check_finite(X[list(names)])


def check_finite(X: pd.DataFrame) -> pd.DataFrame:
    """Return ``X``, or name the features with values that are not finite."""
    invalid = X.columns[~np.isfinite(X.to_numpy(dtype=float)).all(axis=0)]
    if len(invalid):
        raise ClvError(f"feature(s) {', '.join(invalid[:5])} hold values that are not finite")
    return X


class SpendRegressor(RegressorMixin, BaseEstimator):
    """Fit a regressor to the spend that followed earlier cutoffs, whatever the log's currency.

    The regressor sees labels and features as multiples of their means over the training panel, so that penalties,
    losses and logarithms do not depend on the unit of money, nor on that of time: amounts in cents give 100 times the
    predictions of those in dollars.

    Predictions below zero become zero, unless some label is a loss.

    Parameters
    ----------
    regressor : scikit-learn regressor
        Cloned and fitted; may be a pipeline.

    Attributes
    ----------
    least_ : float
        Least prediction (currency): 0, or minus infinity where a label was below 0.
    regressor_ : regressor
        The fitted clone, which predicts multiples of ``unit_`` from multiples of ``feature_units_``.
    unit_ : float
        Mean size of a label (currency), 1 where nobody spent anything.
    feature_units_ : numpy.ndarray of shape (p,)
        Mean size of each feature, 1 where it is always 0.
    feature_names_in_ : numpy.ndarray of str
        Columns of the training panel, in order; missing where it was an array.
    notes_ : list of str
        Says so where the regressor did not converge.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X = pd.DataFrame({"frequency": [0.0, 1.0, 2.0]}, index=["a", "b", "c"])
    >>> SpendRegressor(LinearRegression()).fit(X, [0.0, 10.0, 20.0]).predict(X).round(6).tolist()
    [0.0, 10.0, 20.0]
    """

    unit_: float = 1.0  # of a model that was pickled before it learnt any
    feature_units_: np.ndarray | float = 1.0
    least_: float = 0.0

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Fit to a panel of ``n`` rows.

        Parameters
        ----------
        X : pandas.DataFrame of shape (n, p)
            Features, indexed by customer_id; a customer may have one row per origin. Columns of an array are known by
            their order.
        y : array-like of shape (n,)
            Spend in the horizon that followed (currency).
        sample_weight : array-like of shape (n,), optional
            How often each row counts.

        Raises
        ------
        ClvError
            If there is no row, a feature is not finite, ``y`` has another length or is not finite, or there are weights
            and the regressor takes none.
        """
        X, y = validate_training_data(self, X, y)
        spend = np.asarray(y, dtype=float)
        if not len(X) or len(X) != len(spend):
            raise ClvError(f"the training panel has {len(X)} rows of features and {len(spend)} labels; type more data")
        if not np.isfinite(spend).all():
            raise ClvError("the training panel has labels that are not finite")
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        labels = self._learn_units(check_finite(X), spend, weights)
        self.least_ = 0.0 if labels.min() >= 0 else -np.inf
        self.notes_: list[str] = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            self.regressor_ = self._fit_regressor(X.div(self.feature_units_), labels, weights)
        self._record_convergence_warnings(caught)
        # Forests add up their trees in the order threads finish: one thread makes the last digit repeatable.
        threads = [name for name in self.regressor_.get_params() if re.search(r"(^|__)n_jobs$", name)]
        self.regressor_.set_params(**dict.fromkeys(threads, 1))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict the holdout spend of each customer.

        Returns
        -------
        numpy.ndarray of shape (n,)
            Currency, finite and at least ``least_``, in the order of ``X``.

        Raises
        ------
        ClvError
            If a feature of the training panel is missing from ``X`` or is not finite.
        """
        check_is_fitted(self)
        predicted = np.asarray(self.regressor_.predict(self._scale_features(X)), dtype=float).ravel()
        return np.maximum(predicted * self.unit_, self.least_)

    @property
    def takes_losses(self) -> bool:
        """Whether the regressor learns from labels below 0, which some losses, links and logarithms do not take.

        No library says so of all its regressors: it is tried. One that takes no labels at all, such as for a setting
        that it does not know, may complain of that when it is fitted.
        """
        if hasattr(self.regressor, "takes_losses"):
            return bool(self.regressor.takes_losses)
        return _accepts_labels(self.regressor, TRIAL_LABELS) or not _accepts_labels(
            self.regressor, np.abs(TRIAL_LABELS)
        )

    @available_if(_if_regressor_has("probability_purchase"))
    def probability_purchase(self, X: pd.DataFrame) -> np.ndarray:
        """Probability that each customer buys in the horizon, shape (n,), where the regressor predicts it.

        Raises
        ------
        ClvError
            As ``predict`` does.
        """
        regressor, features = self._final_regressor_and_input(X)
        return regressor.probability_purchase(features)

    @available_if(_if_regressor_has("distribution"))
    def predict_quantiles(self, X: pd.DataFrame, probabilities: ArrayLike) -> np.ndarray:
        """Quantiles of each customer's spend at k probabilities, shape (n, k), currency.

        Raises
        ------
        ClvError
            As ``predict`` does.
        """
        regressor, features = self._final_regressor_and_input(X)
        return self.unit_ * regressor.distribution(features).quantiles(probabilities)

    @available_if(_if_regressor_has("distribution"))
    def probability_above(self, X: pd.DataFrame, amount: float) -> np.ndarray:
        """Probability that each customer spends more than an amount (currency), shape (n,).

        Raises
        ------
        ClvError
            As ``predict`` does.
        """
        regressor, features = self._final_regressor_and_input(X)
        return regressor.distribution(features).probability_above(amount / self.unit_)

    def _final_regressor_and_input(self, X: pd.DataFrame) -> tuple[Any, Any]:
        """Return the regressor, the last one of a pipeline, and what it is given of X."""
        features = self._scale_features(X)
        if isinstance(self.regressor_, Pipeline) and len(self.regressor_) > 1:
            features = self.regressor_[:-1].transform(features)
        return _final_step(self.regressor_), features

    def _record_convergence_warnings(self, caught: list[warnings.WarningMessage]) -> None:
        """Note that a fit did not converge; other warnings go on as they came."""
        for warning in caught:
            if issubclass(warning.category, ConvergenceWarning):
                self.notes_.append(f"the fit did not converge: {str(warning.message).splitlines()[0]}")
            else:
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    def _learn_units(self, X: pd.DataFrame, spend: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Learn the units of spend and of each feature, and return the labels in theirs."""
        sizes = np.average(np.abs(X.to_numpy(dtype=float)), axis=0, weights=weights)
        self.feature_units_ = np.where(sizes > 0, sizes, 1.0)
        size = np.abs(spend)
        labels = (
            np.round(spend / (np.average(size, weights=weights) or 1.0) * LABEL_ROUNDING_STEPS) / LABEL_ROUNDING_STEPS
        )
        # Rounding leaves the mean size as it was.
        counted = np.ones(len(size)) if weights is None else weights
        self.unit_ = float((counted * size).sum() / (counted * np.abs(labels)).sum()) if labels.any() else 1.0
        return labels

    def _scale_features(self, X: pd.DataFrame) -> pd.DataFrame:
        return select_finite_features(convert_to_feature_frame(self, X), feature_names(self)).div(self.feature_units_)

    def _fit_regressor(self, X: pd.DataFrame, y: np.ndarray, weights: np.ndarray | None) -> Any:
        return fit_weighted(clone(self.regressor), X, y, weights)


def _accepts_labels(regressor: Any, labels: np.ndarray) -> bool:
    X = pd.DataFrame({"trial": np.arange(float(len(labels)))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            predicted = clone(regressor).fit(X, labels).predict(X)
        except Exception:  # whatever the library raises
            return False
    return bool(np.isfinite(np.asarray(predicted, dtype=float)).all())
