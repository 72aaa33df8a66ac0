"""All customers at one cutoff: their history, what is predicted of them and, once it is over, what they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from clv_experiments.data.horizon import Period
from clv_experiments.data.queries.attributes import top_spend_country_by_customer
from clv_experiments.evaluation.regularity import Regularity
from clv_experiments.features.feature_set import FeatureSet
from clv_experiments.features.rfm import first_spend, rfm, total_spend
from clv_experiments.forecasting.forecast import Forecast
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.model import Model
from clv_experiments.models.mbg_cnbd_k import MbgCnbdK

HISTORY_FEATURE_SET = FeatureSet("history", [rfm, first_spend, total_spend])
RHYTHM_MODEL_NAME = "mbg_cnbd_k"
PURCHASE_COLUMNS = ["expected_purchases", "p_alive", "p_purchase"]


@dataclass(frozen=True, eq=False)
class TimingChoice:
    """How regular purchases are at a cutoff, and which model predicts P(alive), P(buys) and the next purchase."""

    regularity: Regularity  # of the gaps up to the cutoff
    timing_model: MbgCnbdK | None  # None where the BTYD model tells it

    def name(self, btyd_name: str) -> str:
        """Return the name of the model that predicts them."""
        return RHYTHM_MODEL_NAME if self.timing_model else btyd_name


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All customers known at a cutoff.

    The table has an index ``customer_id`` (sorted), ``frequency``, ``recency``, ``T`` (days), ``monetary_value``,
    ``total_spend`` (currency), ``country`` (where the log has it); ``expected_spend`` in the period by the model;
    ``expected_purchases`` by the BTYD model, ``p_alive``, ``p_purchase`` by the timing model. Where the period is over,
    also ``y_true`` (spend in it), ``purchase_days`` and ``days_to_purchase`` (from the cutoff to the first; NaN where
    there is none).
    """

    period: Period  # what is predicted
    table: pd.DataFrame
    model: Forecast  # of spend
    btyd: Forecast  # of purchases; the same where the model of spend predicts P(alive) itself
    model_name: str
    btyd_name: str
    timing: TimingChoice | None = None  # None where the log was not asked, and the BTYD model tells it

    @property
    def timing_model(self) -> Any:
        """The estimator that predicts P(alive), P(buys) and the next purchase."""
        return self.timing.timing_model if self.timing and self.timing.timing_model else self.btyd.estimator

    @property
    def timing_name(self) -> str:
        """Name of that estimator."""
        return self.timing.name(self.btyd_name) if self.timing else self.btyd_name

    @property
    def is_over(self) -> bool:
        """Whether the period is over, so that it is known what the customers did."""
        return "y_true" in self.table


def take_snapshot(forecaster: Forecaster, period: Period, model: Model, btyd: Model) -> Snapshot:
    """Predict a period from what was known at its cutoff, and add what customers did where that is known.

    The period is one of the window's, or the period to come. ``model`` predicts spend, ``btyd`` purchases where
    ``model`` does not predict P(alive).
    """
    spend = forecaster.forecast(period, model)
    is_btyd = "p_alive" in spend.table
    purchases = spend if is_btyd else forecaster.forecast(period, btyd)
    table = forecaster.features(period.cutoff, HISTORY_FEATURE_SET).assign(expected_spend=spend.table["y_pred"])
    country = top_spend_country_by_customer(forecaster.log, period.cutoff)
    if country is not None:
        table.insert(5, "country", country)
    table[PURCHASE_COLUMNS] = purchases.table[PURCHASE_COLUMNS]
    if "y_true" in spend.table:
        actual = spend.table[["y_true", "purchase_days"]]
        table = table.join(actual).assign(days_to_purchase=forecaster.observed_days_to_purchase(period))
    return Snapshot(period, table, spend, purchases, model.name, model.name if is_btyd else btyd.name)


def counts_one_time_buyers_as_alive(estimator: Any) -> bool:
    """Whether P(alive) of whoever bought once is 1 by construction, as of the BG/NBD, however long ago that was."""
    long_ago = pd.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [10_000.0]})
    return bool(estimator.probability_alive(long_ago)[0] == 1.0)


def days_since_last(table: pd.DataFrame) -> pd.Series:
    """Return the days from each customer's last purchase day to the cutoff."""
    return (table["T"] - table["recency"]).rename("days_since_last")
