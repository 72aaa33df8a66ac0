"""One row a customer: what is known, what is expected, what to do; in two steps, the second ranks all customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.data.window import Horizon
from clv_experiments.decisions.actions import recommended_action
from clv_experiments.decisions.clv import days_after, discounted_clv
from clv_experiments.decisions.intervals import SpendIntervals
from clv_experiments.decisions.next_purchase.dates import next_purchase_dates
from clv_experiments.decisions.segments.rfm import RfmScores
from clv_experiments.decisions.segments.tiers import Tiers
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.errors import ClvError

HISTORY = ["frequency", "recency", "T", "monetary_value"]
COLUMNS = {
    "customer_id": "as in the log",
    "country": "where most of the customer's spend went; empty where the log does not say",
    "frequency": "purchase days after the first",
    "recency": "days from the first to the last purchase day",
    "T": "days from the first purchase day to the cutoff",
    "monetary_value": "mean spend of a repeat purchase day; 0 where there is none",
    "last_purchase": "last purchase day",
    "expected_spend": "over the horizon",
    "expected_spend_low": "lower end of the interval of spend",
    "expected_spend_high": "upper end of the interval of spend",
    "expected_purchases": "purchase days over the horizon, by btyd_model",
    "p_alive": "probability that the customer has not left for good, by btyd_model",
    "p_purchase": "probability of a purchase within the horizon, by btyd_model",
    "btyd_model": "tells expected_purchases, p_alive, p_purchase, the next purchase and CLV",
    "next_purchase": "median day of the next purchase, given that it comes within the limit; empty below 1 %",
    "next_purchase_low": "lower end of its interval",
    "next_purchase_high": "upper end of its interval",
    "p_next_purchase": "probability that it comes within the limit",
    "clv": "discounted margin of all purchases expected over the CLV horizon",
    "value_tier": "High, Mid or Low by expected_spend",
    "segment": "by recency, frequency and total spend (RFM) among these customers",
    "missed_opportunity": "was likely to buy in the period before the cutoff and did not",
    "recommended_action": "by tier, segment, missed_opportunity, p_alive and next_purchase",
}


@dataclass(frozen=True, eq=False)
class Scorer:
    """What customers are scored with.

    Attributes
    ----------
    estimator : fitted estimator
        Predicts spend over the horizon.
    columns : sequence of str
        The features that it takes, in order.
    btyd : fitted BTYD estimator
        Tells of purchases; may be the same.
    btyd_name : str
    intervals : SpendIntervals or None
        None where no errors are known to calibrate them on: their columns are NaN then.
    shop : Shop
    cutoff : date
    """

    estimator: Any
    columns: tuple[str, ...]
    btyd: Any
    btyd_name: str
    intervals: SpendIntervals | None
    shop: Shop
    cutoff: date

    def expected(self, X: pd.DataFrame) -> pd.DataFrame:
        """Say what is known and expected of some customers; no other customer matters.

        Parameters
        ----------
        X : pandas.DataFrame
            Features at the cutoff, indexed by customer_id: those of the model, ``frequency``, ``recency``, ``T``,
            ``monetary_value`` and ``total_spend``.

        Returns
        -------
        pandas.DataFrame
            The columns of ``COLUMNS`` from ``frequency`` to ``clv``, and ``total_spend``.

        Raises
        ------
        ClvError
            If a prediction is not a finite amount >= 0.
        """
        spend = np.asarray(self.estimator.predict(X[list(self.columns)]), dtype=float)
        wrong = ~(np.isfinite(spend) & (spend >= 0))
        if wrong.any():
            raise ClvError(
                f"the model must predict one finite spend >= 0 a customer, got {spend[wrong][0]} for customer "
                f"'{X.index[wrong][0]}'; take another model"
            )
        nothing = np.full(len(X), np.nan)
        low, high = self.intervals.around(spend) if self.intervals else (nothing, nothing)
        known = X[HISTORY]
        since = days_since_last(known).to_numpy().astype("timedelta64[D]")
        within = days_after(self.cutoff, self.shop.next_purchase_within)
        return known.astype({"frequency": int, "recency": int, "T": int}).assign(
            last_purchase=(np.datetime64(self.cutoff, "D") - since).astype("datetime64[s]"),
            expected_spend=spend,
            expected_spend_low=low,
            expected_spend_high=high,
            expected_purchases=self.btyd.expected_purchases(known),
            p_alive=self.btyd.probability_alive(known),
            p_purchase=self.btyd.probability_purchase(known),
            btyd_model=self.btyd_name,
            **next_purchase_dates(self.btyd, known, self.cutoff, within, self.shop.interval),
            clv=discounted_clv(self.btyd, known, self.shop, self.cutoff),
            total_spend=X["total_spend"],
        )


@dataclass(frozen=True, eq=False)
class Ranking:
    """Where customers stand among all that are scored together.

    Attributes
    ----------
    tiers : Tiers
    rfm : RfmScores
    missed : pandas.Index
        Ids of the customers who were likely to buy in the period before the cutoff, and did not.
    cutoff : date
    """

    tiers: Tiers
    rfm: RfmScores
    missed: pd.Index
    cutoff: date

    @classmethod
    def of(cls, customers: pd.DataFrame, shop: Shop, missed: pd.Index, cutoff: date) -> Ranking:
        """Learn tiers and RFM scores from all customers.

        Parameters
        ----------
        customers : pandas.DataFrame
            ``expected_spend``, ``frequency``, ``recency``, ``T``, ``total_spend``; one row a customer.
        """
        tiers = Tiers.of(customers["expected_spend"].to_numpy(), shop.tiers)
        since = days_since_last(customers)
        rfm = RfmScores.of(since, customers["frequency"], customers["total_spend"])
        return cls(tiers, rfm, missed, cutoff)

    def decided(self, expected: pd.DataFrame, country: pd.Series | None = None) -> pd.DataFrame:
        """Add tier, segment, missed opportunity and action to some customers' expectations.

        Parameters
        ----------
        expected : pandas.DataFrame
            From ``Scorer.expected``, indexed by customer_id.
        country : pandas.Series, optional
            Of at least these customers.

        Returns
        -------
        pandas.DataFrame
            The columns of ``COLUMNS``, without ``country`` where none is given; no index that matters.
        """
        table = expected.assign(
            value_tier=self.tiers.names(expected["expected_spend"].to_numpy()),
            segment=self.rfm.segments(expected),
            missed_opportunity=expected.index.isin(self.missed),
        )
        table["recommended_action"] = recommended_action(table, self.cutoff)
        if country is not None:
            table["country"] = country.reindex(table.index)
        table = table.rename_axis("customer_id").reset_index()
        return table[[column for column in COLUMNS if column in table]]


def read_me(shop: Shop, horizon: Horizon, cutoff: date, facts: list[str]) -> str:
    """Describe the files for whoever opens them, with units.

    Parameters
    ----------
    facts : list of str
        Sentences: which model, on what evidence.
    """
    money = f"money in {shop.currency}" if shop.currency else "money in the log's currency"
    lines = [
        f"One row a customer as of {cutoff}; what is expected starts the day after.",
        *facts,
        f"Units: {money}, time in days; the horizon is {horizon}.",
        f"Intervals are meant to hold {shop.interval:.0%} of the customers. Where nearly all customers of a kind spend "
        "nothing, the expected spend, a mean, lies above what most spend: the interval then runs from 0 up to it.",
        f"CLV: margin {shop.margin:.0%}, {shop.clv_horizon}, discounted by {shop.annual_discount_rate:.1%} a year to "
        f"{cutoff}. Next purchases are those within {shop.next_purchase_within}.",
        f"Tiers: High is the top {shop.tiers[0]:.0%} of the customers by expected spend, Mid the next "
        f"{shop.tiers[1]:.0%}. Missed: P(purchase) was at least {shop.likely:.0%}.",
        "scores.csv rounds to 4 decimals and puts an apostrophe before text that a spreadsheet would run; "
        "scores.parquet does neither.",
        "",
        *(f"{column}: {meaning}" for column, meaning in COLUMNS.items()),
    ]
    return "\n".join(lines) + "\n"
