"""Experiment-tracked customer lifetime value: BTYD and machine-learning models on equal terms."""

import os

# OpenMP threads that spin while they wait make XGBoost ten times slower beside any other busy process,
# and the setting is read once, when the OpenMP runtime loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
