"""Experiment-tracked customer lifetime value: BTYD and machine-learning models on equal terms."""

import os

# Threads that spin while they wait for a core that another process holds make XGBoost ten and linear algebra fifty
# times slower. Both settings are read once, when the libraries load; a user's own setting stands.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
