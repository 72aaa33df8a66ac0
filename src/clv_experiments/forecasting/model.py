"""A model as the protocol takes it: an option of ``conf/model``, instantiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.forecasting.level import OWN


@dataclass(frozen=True)
class Model:
    """One option of ``conf/model``: an estimator, its family, the features that it sees, and its level.

    The level is ``own``, or ``btyd`` or ``forecast``: its predictions are then brought to that total. The fallback is
    a model that needs neither labels nor amounts, and stands in where the log does not have them.
    """

    name: str
    family: str
    supervised: bool
    features: FeatureSet
    estimator: Any
    level: str = OWN
    fallback: Model | None = None
