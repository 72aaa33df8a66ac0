"""What rule-of-thumb baselines share: named columns in, nothing learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted

from clv_experiments.errors import ClvError
from clv_experiments.models.array_input import name_array_columns


def select_columns(X: pd.DataFrame, names: tuple[str, ...], model: str) -> list[np.ndarray]:
    """Take the named columns as float arrays of shape (n,).

    Raises
    ------
    ClvError
        If one is missing: says which, and what the frame has.
    """
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise ClvError(
            f"{model} needs the feature(s) {', '.join(missing)}; the feature set has {', '.join(map(str, X.columns))}"
        )
    return [X[name].to_numpy(dtype=float) for name in names]


class RuleBaseline(RegressorMixin, BaseEstimator):
    """A forecast by a fixed rule from ``required_columns``; fitting learns nothing and ignores ``y``."""

    required_columns: ClassVar[tuple[str, ...]] = ()
    _predict_spend: Callable[..., Any]  # takes the ``required_columns``, in order

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Check that the columns are there; an array has ``required_columns``, in their order."""
        X = X if isinstance(X, pd.DataFrame) else check_array(X)
        self._select_columns(X)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict holdout spend, shape (n,), currency, in the order of ``X``; below 0 only where past spend is."""
        check_is_fitted(self)
        X = X if isinstance(X, pd.DataFrame) else check_array(X)
        return self._predict_spend(*self._select_columns(X)) * np.ones(len(X))

    def _select_columns(self, X: pd.DataFrame) -> list[np.ndarray]:
        names = self.required_columns
        return select_columns(name_array_columns(X, names, len(names)), names, type(self).__name__)
