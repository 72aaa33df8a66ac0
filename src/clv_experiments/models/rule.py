"""What rule-of-thumb baselines share: named columns in, nothing learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin

from clv_experiments.errors import ClvError


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
    _spend: Callable[..., Any]  # takes the ``required_columns``, in order

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Check that the columns are there."""
        self._columns(X)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Predict holdout spend, shape (n,), currency, in the order of ``X``; below 0 only where past spend is."""
        return self._spend(*self._columns(X)) * np.ones(len(X))

    def _columns(self, X: pd.DataFrame) -> list[np.ndarray]:
        return select_columns(X, self.required_columns, type(self).__name__)
