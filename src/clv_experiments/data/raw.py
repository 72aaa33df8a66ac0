"""What a source returns: a raw table with its original columns, notes about it and, if simulated, the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis
import pandas as pd

from clv_experiments.data.engine import Engine
from clv_experiments.data.horizon import Period


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What only a simulation knows.

    Attributes
    ----------
    parameters : mapping of str to float
        Parameter name (``r``, ``alpha``, ...) to the value that the customers were drawn with.
    expected_spend : callable
        Takes a Period and returns each customer's expected spend in it (currency, indexed by customer_id), given their
        own rates and whether they are still active at its cutoff.
    """

    parameters: Mapping[str, float]
    expected_spend: Callable[[Period], pd.Series]


@dataclass(frozen=True, eq=False)
class RawTable:
    """A raw transaction log.

    Attributes
    ----------
    table : ibis.Table
        One row per line or order, with any column names and types.
    notes : tuple of str
        What was guessed or left out, for the user to see.
    truth : GroundTruth, optional
        Only where the log was simulated.
    reader : str, optional
        The Python expression that reads the same rows with pandas, for messages.
    is_live : bool
        Whether others may change the rows while they are read.
    """

    table: ibis.Table
    notes: tuple[str, ...] = ()
    truth: GroundTruth | None = None
    reader: str | None = None
    is_live: bool = False


Source = Callable[[Engine], RawTable]
