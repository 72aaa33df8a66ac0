"""Spend relative to what another model expects of it: an offset, as in generalised linear models."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import convert_to_feature_frame, validate_training_data
from clv_experiments.models.weighted_fit import require_sample_weight_support

LEAST_SHARE = 1e-4  # of the mean offset, below which no customer's lies: nobody is expected to spend nothing at all


class OffsetRegressor(RegressorMixin, BaseEstimator):
    """Learn by what factor spend departs from one of the features, which is itself a forecast of it.

    Penalties then shrink towards that forecast instead of the mean, so that what it knows of longer histories than the
    training panel has seen is kept. Labels are divided by the offset and rows weigh offset^(2 - power), by which the
    Tweedie deviance of the factor is that of spend: the same fit as with log(offset) as the offset of a log link
    (McCullagh and Nelder 1989). Hurdles with gamma or lognormal sizes need no weights.

    Parameters
    ----------
    regressor : scikit-learn regressor
        Predicts the factor, at least 0; cloned and fitted. May be a pipeline. It sees the offset among the features.
    offset : str
        The feature that is a forecast of spend.
    power : float
        Of the variance function: 1 is Poisson, 2 gamma and lognormal, which need no weights.

    Attributes
    ----------
    regressor_ : regressor
        The fitted clone.
    least_ : float
        Lowest offset that a customer can have.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> X = pd.DataFrame({"mbg_nbd_spend": [10.0, 40.0]})
    >>> OffsetRegressor(DummyRegressor()).fit(X, [15.0, 20.0]).predict(X).tolist()
    [10.0, 40.0]
    """

    takes_losses: ClassVar[bool] = False  # a factor cannot turn an expected spend into a loss

    def __init__(self, regressor: Any, offset: str = "mbg_nbd_spend", power: float = 2.0) -> None:
        self.regressor = regressor
        self.offset = offset
        self.power = power

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Fit to ``n`` rows of features, the offset among them, and spend (in the offset's unit), counted by weight.

        Raises
        ------
        ClvError
            If the offset is not among the features.
        """
        X, y = validate_training_data(self, X, y)
        counts = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        mean = float(np.average(np.abs(self._select_offset_column(X)), weights=counts))
        self.least_ = LEAST_SHARE * (mean or 1.0)
        offset = self._clip_offset_column(X)
        factors, weights = np.asarray(y, dtype=float) / offset, self._build_fit_weights(offset, counts)
        self.regressor_ = clone(self.regressor).fit(X, factors, **weights)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict expected spend, shape (n,), in the unit of y."""
        check_is_fitted(self)
        X = convert_to_feature_frame(self, X)
        return self._clip_offset_column(X) * np.maximum(np.ravel(self.regressor_.predict(X)), 0.0)

    def _build_fit_weights(self, offset: np.ndarray, counts: np.ndarray | None) -> dict[str, ArrayLike]:
        if self.power == 2 and counts is None:
            return {}
        require_sample_weight_support(self.regressor)
        step = f"{self.regressor.steps[-1][0]}__" if isinstance(self.regressor, Pipeline) else ""
        return {f"{step}sample_weight": offset ** (2 - self.power) * (1.0 if counts is None else counts)}

    def _clip_offset_column(self, X: pd.DataFrame) -> np.ndarray:
        return np.maximum(self._select_offset_column(X), self.least_)

    def _select_offset_column(self, X: pd.DataFrame) -> np.ndarray:
        if self.offset not in X.columns:
            raise ClvError(
                f"'{self.offset}' is to be the offset and is not among the {X.shape[1]} features; give the model a "
                "feature set that has it, such as full_btyd"
            )
        return X[self.offset].to_numpy(dtype=float)
