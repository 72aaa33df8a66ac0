"""Loads a logged estimator as an MLflow pyfunc model."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
import pandas as pd


class SpendModel:
    """Predicts the spend of each row of a feature frame in the horizon that the model was fitted for."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Return expected spend, shape (n,), currency."""
        return self.estimator.predict(model_input)


def _load_pyfunc(path: str) -> SpendModel:
    return SpendModel(joblib.load(path))
