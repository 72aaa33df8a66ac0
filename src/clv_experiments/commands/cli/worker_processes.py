"""The end of a command that has worker processes, which no further signal disturbs: their library would complain."""

from __future__ import annotations

import signal
import sys

from clv_experiments.tracking.interrupts import list_stop_signals

END_TIMEOUT = 20.0  # seconds that the interpreter has to end before the system ends it


def has_workers() -> bool:
    """Whether this process has started workers of joblib, as ``hydra/launcher=joblib`` does."""
    executors = sys.modules.get("joblib.externals.loky.reusable_executor")
    return executors is not None and executors._executor is not None


def ignore_stop_signals_until_exit() -> None:
    """Let the interpreter remove what it shares with workers, semaphores and folders, whoever asks again to stop."""
    for number in list_stop_signals():
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, END_TIMEOUT)
