"""Fit any estimator to weighted rows, or refuse one that takes no weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from clv_experiments.errors import ClvError


def fit_weighted(estimator: Any, X: Any, y: Any, sample_weight: np.ndarray | None, **fit_settings: Any) -> Any:
    """Fit an estimator, or a pipeline, to rows with weights; None counts every row once.

    Raises
    ------
    ClvError
        If the estimator, or the last step of the pipeline, takes no weights.
    """
    if sample_weight is None:
        return estimator.fit(X, y, **fit_settings)
    require_sample_weight_support(estimator)
    if not isinstance(estimator, Pipeline):
        return estimator.fit(X, y, sample_weight=sample_weight, **fit_settings)
    steps = [name for name, step in estimator.steps if has_fit_parameter(step, "sample_weight")]
    return estimator.fit(X, y, **{f"{name}__sample_weight": sample_weight for name in steps}, **fit_settings)


def require_sample_weight_support(estimator: Any) -> None:
    """Refuse an estimator whose rows cannot be weighted.

    Raises
    ------
    ClvError
    """
    final = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if not has_fit_parameter(final, "sample_weight"):
        raise ClvError(
            f"{type(final).__name__} takes no weights, which a sample of customers needs; type "
            "window.training_customers=all, or another model"
        )
