"""The identity of a cell: runs are comparable inside one alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from clv_experiments.data.horizon import Period
from clv_experiments.forecasting.forecaster import Forecaster


def fingerprint_cell(forecaster: Forecaster, periods: Sequence[Period], protocol: str = "forecast") -> str:
    """Name the cell of a run: equal only for the same log, holdout periods, customers and protocol.

    Parameters
    ----------
    periods : sequence of Period
        The holdout period of every origin, oldest first.
    protocol : str
        Its name, and whatever else sets its cells apart.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for period in periods:
        digest.update(f"{forecaster.log.fingerprint}|{period.cutoff}|{period.end}|{protocol}".encode())
        digest.update("\x1f".join(forecaster.outcome(period).index).encode())
    return digest.hexdigest()[:16]
