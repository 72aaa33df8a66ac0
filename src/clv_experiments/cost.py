"""What a run costs in memory."""

import sys


def peak_memory_mb() -> float:
    """Return the most memory that this process has held so far, in MB; NaN where the platform does not tell.

    In a multirun all runs share one process, so that a light run after a heavy one shows the heavy one's peak.
    """
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024**2 if sys.platform == "darwin" else 1024)
