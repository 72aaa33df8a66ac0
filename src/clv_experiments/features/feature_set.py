"""A feature set: named blocks of aggregates, computed for all customers of a cutoff in one pass over the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import by_customer, in_parts
from clv_experiments.data.window import Horizon
from clv_experiments.features.history import history

# A block takes (history, cutoff, horizon) and names aggregate expressions over the history of one customer.
Block = Callable[[ibis.Table, date, Horizon], dict[str, ibis.Value]]


@dataclass(frozen=True)
class FeatureSet:
    """What a model is told of each customer.

    Parameters
    ----------
    name : str
        The option of ``conf/features`` it came from.
    blocks : sequence of callables
        Each takes the annotated history, the cutoff and the horizon, and returns aggregates by column name.
    """

    name: str
    blocks: Sequence[Block]

    @property
    def identity(self) -> str:
        """Equal for feature sets that compute the same columns."""
        return repr([(getattr(block, "func", block), getattr(block, "keywords", {})) for block in self.blocks])

    def at(self, log: TransactionLog, cutoff: date, horizon: Horizon) -> pd.DataFrame:
        """Compute the features of all customers whose first purchase day is on or before the cutoff.

        Returns
        -------
        pandas.DataFrame
            Index ``customer_id`` (sorted), one float64 column a feature, in the order of the blocks. Purchases after
            the cutoff are never read.
        """
        return by_customer(self.table(log, cutoff, horizon))

    def parts(self, log: TransactionLog, cutoff: date, horizon: Horizon, customers: int) -> Iterator[pd.DataFrame]:
        """Compute the same in parts of at most so many customers; see ``in_parts``."""
        return in_parts(self.table(log, cutoff, horizon), customers)

    def table(self, log: TransactionLog, cutoff: date, horizon: Horizon) -> ibis.Table:
        """Write down the features of all customers known at the cutoff; nothing is computed yet."""
        known = history(log, cutoff)
        columns: dict[str, ibis.Value] = {}
        for block in self.blocks:
            columns |= block(known, cutoff, horizon)
        floats = {name: value.cast("float64") for name, value in columns.items()}
        return known.group_by("customer_id").agg(**floats)
