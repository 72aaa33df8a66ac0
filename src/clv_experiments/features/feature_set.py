"""A feature set: blocks of aggregates, computed for all customers of a cutoff in one pass over the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis
import pandas as pd

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.customers import fetch_by_customer, fetch_in_chunks
from clv_experiments.features.history import add_first_last_day_and_gap

# A block takes (history, cutoff, horizon) and returns aggregates over one customer's history by column name.
Block = Callable[[ibis.Table, date, Horizon], dict[str, ibis.Value]]


@dataclass(frozen=True)
class FeatureSet:
    """The features of a model.

    Parameters
    ----------
    name : str
        Its option of ``conf/features``.
    blocks : sequence of callables
        Each takes the calibration history, the cutoff and the horizon, and returns aggregates by column name.
    estimators : mapping of name to estimator, optional
        Models that need no labels, such as BTYD: fitted at each cutoff on that calibration period alone, they add what
        they expect of each customer (see ``forecasting.customer_features``).
    """

    name: str
    blocks: Sequence[Block]
    estimators: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cache_key(self) -> str:
        """Equal for feature sets that compute the same columns."""
        blocks = [(getattr(block, "func", block), getattr(block, "keywords", {})) for block in self.blocks]
        return repr([blocks, *self.estimators.items()] if self.estimators else blocks)

    def compute(self, log: TransactionLog, cutoff: date, horizon: Horizon) -> pd.DataFrame:
        """Compute the features of all customers whose first purchase day is on or before the cutoff.

        Returns
        -------
        pandas.DataFrame
            Index ``customer_id`` (sorted), one float64 column per feature, in the order of the blocks, without
            ``monetary_value`` where the log has no amounts. Purchases after the cutoff are never read.
        """
        return fetch_by_customer(self.build_expression(log, cutoff, horizon))

    def compute_in_chunks(
        self, log: TransactionLog, cutoff: date, horizon: Horizon, customers: int
    ) -> Iterator[pd.DataFrame]:
        """Compute the same as ``compute`` in chunks of at most ``customers`` rows; see ``fetch_in_chunks``."""
        return fetch_in_chunks(self.build_expression(log, cutoff, horizon), customers)

    def build_expression(self, log: TransactionLog, cutoff: date, horizon: Horizon) -> ibis.Table:
        """Build the expression of the features of all customers known at the cutoff, without computing it."""
        history = add_first_last_day_and_gap(log.purchase_days, cutoff)
        columns: dict[str, ibis.Value] = {}
        for block in self.blocks:
            columns |= block(history, cutoff, horizon)
        if not log.has_amounts:
            columns.pop("monetary_value", None)
        floats = {name: value.cast("float64") for name, value in columns.items()}
        return history.group_by("customer_id").agg(**floats)
