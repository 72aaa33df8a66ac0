"""What a source hands over: a table with its columns as they were, and what there is to say about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis
import pandas as pd

from clv_experiments.data.engine import Engine
from clv_experiments.data.window import Period


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What only a simulation knows.

    Attributes
    ----------
    parameters : mapping of parameter name (``r``, ``alpha``, ...) to the value the customers were drawn with
    expected_spend : callable
        Takes a Period and gives each customer's expected spend in it (currency, indexed by customer_id), given the
        customer's own rates and whether they are still active at its cutoff.
    """

    parameters: Mapping[str, float]
    expected_spend: Callable[[Period], pd.Series]


@dataclass(frozen=True, eq=False)
class RawTable:
    """A raw transaction log.

    Attributes
    ----------
    table : ibis.Table
        One row a line or an order; any column names and types.
    notes : tuple of str
        What was guessed or left out on the way, for the user to see.
    truth : Truth, optional
        Where the log was simulated.
    """

    table: ibis.Table
    notes: tuple[str, ...] = ()
    truth: GroundTruth | None = None


Source = Callable[[Engine], RawTable]
