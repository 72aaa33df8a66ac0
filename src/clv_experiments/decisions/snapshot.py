"""Customers at one cutoff as decisions see them: their history, what is predicted of them and, later, what they did."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from clv_experiments.data.queries.attributes import countries
from clv_experiments.data.window import Period
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import rfm, total_spend
from clv_experiments.forecasting.forecaster import Forecast, Forecaster, Model

HISTORY = FeatureSet("history", [rfm, total_spend])
OF_PURCHASES = ["expected_purchases", "p_alive", "p_purchase"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All customers known at a cutoff.

    Attributes
    ----------
    period : Period
        What is predicted.
    table : pandas.DataFrame
        Index ``customer_id`` (sorted). ``frequency``, ``recency``, ``T`` (days), ``monetary_value``, ``total_spend``
        (currency), ``country`` (where the log has it); ``expected_spend`` in the period by the model;
        ``expected_purchases``, ``p_alive``, ``p_purchase`` by the BTYD model. Where the period is over, ``y_true``
        (spend in it), ``purchase_days`` and ``days_to_purchase`` (from the cutoff to the first; NaN where there is
        none).
    model, btyd : Forecast
        Of spend; of purchases, which is the same where the model of spend tells P(alive) itself.
    model_name, btyd_name : str
    """

    period: Period
    table: pd.DataFrame
    model: Forecast
    btyd: Forecast
    model_name: str
    btyd_name: str

    @property
    def is_over(self) -> bool:
        """Whether it is known what the customers did."""
        return "y_true" in self.table

    @cached_property
    def bought(self) -> pd.Series:
        """Whether each customer bought in the period, which must be over."""
        return self.table["purchase_days"] > 0


def snapshot(forecaster: Forecaster, period: Period, model: Model, btyd: Model) -> Snapshot:
    """Predict a period from what was known at its cutoff, and add what came of it where that is known.

    Parameters
    ----------
    forecaster : Forecaster
    period : Period
        One of the window's, or the period to come.
    model : Model
        Predicts spend.
    btyd : Model
        Tells of purchases where ``model`` does not know P(alive).
    """
    spend = forecaster.forecast(period, model)
    own = "p_alive" in spend.table
    purchases = spend if own else forecaster.forecast(period, btyd)
    table = forecaster.features(period.cutoff, HISTORY).assign(expected_spend=spend.table["y_pred"])
    country = countries(forecaster.log, period.cutoff)
    if country is not None:
        table.insert(5, "country", country)
    table[OF_PURCHASES] = purchases.table[OF_PURCHASES]
    if "y_true" in spend.table:
        happened = spend.table[["y_true", "purchase_days"]]
        table = table.join(happened).assign(days_to_purchase=forecaster.time_to_next_purchase(period))
    return Snapshot(period, table, spend, purchases, model.name, model.name if own else btyd.name)


def days_since_last(table: pd.DataFrame) -> pd.Series:
    """Return the days from each customer's last purchase day to the cutoff."""
    return (table["T"] - table["recency"]).rename("days_since_last")
