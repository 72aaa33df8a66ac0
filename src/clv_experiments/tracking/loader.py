"""Fitted estimators as files that run nothing when they are read, and as MLflow pyfunc models."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import joblib
import numpy as np
import pandas as pd
import skops.io

from clv_experiments.errors import ClvError

SKOPS_FILE, PICKLE = "estimator.skops", "estimator.joblib"
# Types that skops does not know and that hold numbers alone, besides the models of this package.
TRUSTED_TYPES = (
    "sklearn._loss.loss.",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)
OWN_TYPES = "clv_experiments.models."


class SpendModel:
    """Predicts the spend of each row of a feature frame in the horizon that the model was fitted for."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Return expected spend, shape (n,), currency."""
        return self.estimator.predict(model_input)


def save_estimator(estimator: Any, folder: Path) -> Path:
    """Write a fitted estimator by skops, types and numbers only; as a pickle where skops does not know how.

    Returns
    -------
    Path
        Of the file.
    """
    path = folder / SKOPS_FILE
    try:
        skops.io.dump(estimator, path, compression=ZIP_DEFLATED)
    except Exception:  # whatever an estimator of somebody else's holds
        path.unlink(missing_ok=True)
        path = folder / PICKLE
        joblib.dump(estimator, path)
    return path


def load_estimator(path: Path, *, trusted: bool) -> Any:
    """Read a fitted estimator.

    Parameters
    ----------
    path : Path
        From ``save_estimator``.
    trusted : bool
        Whether it may hold types from anywhere, or a pickle: both can run any code when they are read.

    Raises
    ------
    ClvError
        If it does and is not trusted.
    """
    if path.name != SKOPS_FILE:
        if not trusted:
            raise ClvError("it is kept as a pickle, which could run any code when it is read")
        return joblib.load(path)
    unknown = skops.io.get_untrusted_types(file=path)
    foreign = [name for name in unknown if not name.startswith((OWN_TYPES, *TRUSTED_TYPES))]
    if foreign and not trusted:
        raise ClvError(f"it holds {', '.join(foreign)}, which could run any code when it is read")
    return skops.io.load(path, trusted=unknown)


def _load_pyfunc(path: str) -> SpendModel:
    """Load for MLflow, which runs the code that lies beside a model in any case."""
    return SpendModel(load_estimator(Path(path), trusted=True))
