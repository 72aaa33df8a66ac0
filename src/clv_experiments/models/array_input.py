"""Arrays where estimators take named columns: what scikit-learn hands over without names is named by its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from clv_experiments.errors import ClvError

MONEY, FIRST_SPEND = "monetary_value", "first_spend"
CUSTOMER_COLUMNS = ("frequency", "recency", "T", MONEY)


def name_array_columns(X: Any, names: Sequence[str], min_columns: int) -> pd.DataFrame:
    """Return a frame as it is, and anything else with its columns named in the order given.

    Parameters
    ----------
    X : pandas.DataFrame or array-like of shape (n, p)
    names : sequence of str
        What the columns of an array are, in order.
    min_columns : int
        How many of them an array must have.

    Raises
    ------
    ClvError
        If an array has fewer or more columns.
    ValueError
        If it is no array of finite numbers in two dimensions.
    """
    if isinstance(X, pd.DataFrame):
        return X
    values = check_array(X, dtype=float)
    if not min_columns <= values.shape[1] <= len(names):
        raise ClvError(
            f"an array without names must have the columns {', '.join(names[:min_columns])}"
            + "".join(f"[, {name}]" for name in names[min_columns:])
            + f" in this order, got {values.shape[1]} column(s); give a frame with named columns instead"
        )
    return pd.DataFrame(values, columns=list(names[: values.shape[1]]))


def validate_training_data(estimator: Any, X: Any, y: Any) -> tuple[pd.DataFrame, Any]:
    """Return features as a frame and labels as one dimension; learn ``n_features_in_`` and, of a frame, the names.

    Columns of an array are called x0, x1, ...
    """
    if not isinstance(X, pd.DataFrame):
        X, y = validate_data(estimator, X, y, dtype=float, y_numeric=True)
        return pd.DataFrame(X, columns=feature_names(estimator)), y
    estimator.feature_names_in_ = np.asarray(X.columns, dtype=object)
    estimator.n_features_in_ = X.shape[1]
    return X, column_or_1d(y, warn=True)


def convert_to_feature_frame(estimator: Any, X: Any) -> pd.DataFrame:
    """Return features as a frame with the names that the estimator was fitted with; others are left to the caller."""
    if isinstance(X, pd.DataFrame) and hasattr(estimator, "feature_names_in_"):
        return X
    return pd.DataFrame(validate_data(estimator, X, dtype=float, reset=False), columns=feature_names(estimator))


def feature_names(estimator: Any) -> np.ndarray:
    """Return the names of the features that an estimator was fitted on; x0, x1, ... where they came as an array."""
    names = [f"x{number}" for number in range(estimator.n_features_in_)]
    return getattr(estimator, "feature_names_in_", np.asarray(names, dtype=object))
