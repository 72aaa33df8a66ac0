"""Experiment-tracked customer lifetime value: BTYD and machine-learning models on equal terms.

>>> import clv_experiments as clv
>>> log = clv.read_log("cdnow_sample")
>>> clv.train(log, model="bg_nbd", window="3m").model
'bg_nbd'
"""

import os
from typing import TYPE_CHECKING, Any

# Threads that spin while they wait for a core that another process holds make XGBoost ten and linear algebra fifty
# times slower. Both settings are read once, when the libraries load; a user's own setting stands.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.2.0"
__all__ = ["Board", "ClvError", "Log", "Result", "leaderboard", "read_log", "score", "train"]

if TYPE_CHECKING:
    from clv_experiments.commands.api import Board, Log, Result, leaderboard, read_log, score, train
    from clv_experiments.errors import ClvError


def __getattr__(name: str) -> Any:
    """Import what a notebook calls when it is called, so that a command line starts at once."""
    if name == "ClvError":
        from clv_experiments.errors import ClvError

        return ClvError
    if name in __all__:
        import clv_experiments.commands.api as api

        return getattr(api, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
