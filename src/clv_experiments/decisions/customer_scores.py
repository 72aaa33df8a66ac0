"""One row a customer: history, expectations, what to do; in two steps, the second of which ranks all customers."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.decisions.actions import purchase_probability_after_last_purchase, recommend_actions
from clv_experiments.decisions.next_purchase.dates import GRID, RHYTHM_GRID, next_purchase_dates
from clv_experiments.decisions.segments.rfm import RfmCutPoints
from clv_experiments.decisions.segments.tiers import TierThresholds
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, TimingChoice, days_since_last
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.conformal_intervals import SpendIntervals
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.forecasting.level import TotalForecast
from clv_experiments.forecasting.model import Model
from clv_experiments.forecasting.run_records import estimator_warnings
from clv_experiments.models.array_input import FIRST_SPEND
from clv_experiments.models.btyd import BtydRegressor
from clv_experiments.tracking.stored_run import StoredModel

HISTORY_COLUMNS = ["frequency", "recency", "T", "monetary_value"]
COLUMNS = (  # documented in templates/scores/readme.jinja
    "customer_id", "country", *HISTORY_COLUMNS, "last_purchase",
    "expected_spend", "expected_spend_low", "expected_spend_high",
    "expected_purchases", "p_alive", "p_purchase", "p_purchase_at_last", "spend_model", "btyd_model", "timing_model",
    "next_purchase", "next_purchase_low", "next_purchase_high", "p_next_purchase",
    "clv", "value_tier", "segment", "missed_opportunity", "recommended_action",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ScoringModels:
    """The fitted models that customers are scored with; one may be both."""

    spend: Any  # estimator of spend over the horizon
    spend_name: str
    columns: tuple[str, ...]  # the features that it takes, in order
    btyd: Any  # estimator of purchases
    btyd_name: str
    level: TotalForecast | None = None  # what spend was brought to; None where it is the model's own, or was stored
    timing: TimingChoice | None = None  # of purchases; None where the log was not asked

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> ScoringModels:
        """Take the models behind a snapshot."""
        spend, columns = snapshot.model, tuple(str(column) for column in snapshot.model.X.columns)
        names = snapshot.model_name, snapshot.btyd_name
        return cls(spend.estimator, names[0], columns, snapshot.btyd.estimator, names[1], spend.level, snapshot.timing)

    @property
    def timing_model(self) -> Any:
        """The estimator that predicts P(alive), P(buys) and dates."""
        return self.timing.timing_model if self.timing and self.timing.timing_model else self.btyd

    @property
    def timing_name(self) -> str:
        """Name of that estimator."""
        return self.timing.name(self.btyd_name) if self.timing else self.btyd_name

    def warnings(self) -> list[str]:
        """Return what the estimators say of their own fits, each with the model's name."""
        fits = {self.spend_name: self.spend, self.btyd_name: self.btyd}
        return [f"{name}: {warning}." for name, fit in fits.items() for warning in estimator_warnings(fit)]


def fit_scoring_models(
    forecaster: Forecaster, model: Model, btyd_model: Model, stored: StoredModel | None = None
) -> ScoringModels:
    """Fit the models of spend and of purchases on all that is known.

    ``model`` predicts spend, and purchases if it can; else ``btyd_model`` predicts these. A stored model is taken in
    place of fitting ``model``.
    """
    if stored:
        spend, columns, level = stored.estimator, stored.columns, None
        if "horizon_days" in spend.get_params():
            spend.set_params(horizon_days=float(forecaster.window.future_period.days))
    else:
        fit = forecaster.fit_future(model)
        spend, columns, level = fit.estimator, fit.columns, fit.level
    if hasattr(spend, "discounted_purchases"):
        return ScoringModels(spend, model.name, columns, spend, model.name, level)
    btyd = forecaster.fit_future(btyd_model).estimator
    return ScoringModels(spend, model.name, columns, btyd, btyd_model.name, level)


@dataclass(frozen=True, eq=False)
class Scorer:
    """Predicts what is expected of each customer."""

    models: ScoringModels
    intervals: SpendIntervals | None  # None where there is nothing to calibrate them on: their columns are NaN then
    shop: Shop
    cutoff: date

    def score_customers(self, X: pd.DataFrame) -> pd.DataFrame:
        """Predict what is expected of some customers; no other customer matters.

        Parameters
        ----------
        X : pandas.DataFrame
            Features at the cutoff, indexed by customer_id: those of the model, ``frequency``, ``recency``, ``T``,
            ``total_spend`` and, of a log with amounts, ``monetary_value`` and ``first_spend``.

        Returns
        -------
        pandas.DataFrame
            The columns of ``COLUMNS`` from ``frequency`` to ``clv``, and ``total_spend``; without ``monetary_value``
            no other money either.

        Raises
        ------
        ClvError
            If a prediction is not a finite amount >= 0.
        """
        history = X.filter([*HISTORY_COLUMNS, FIRST_SPEND])
        since = days_since_last(history).to_numpy().astype("timedelta64[D]")
        limit_days = self.shop.next_purchase_within.period_after(self.cutoff).days
        money = self._predict_money(X, history) if "monetary_value" in history else {}
        btyd, timing = self.models.btyd, self.models.timing_model
        grid = GRID if timing is btyd else RHYTHM_GRID
        table = history.astype({"frequency": int, "recency": int, "T": int}).assign(
            last_purchase=(np.datetime64(self.cutoff, "D") - since).astype("datetime64[s]"),
            expected_purchases=btyd.expected_purchases(history),
            p_alive=timing.probability_alive(history),
            p_purchase=timing.probability_purchase(history),
            p_purchase_at_last=purchase_probability_after_last_purchase(timing, history),
            btyd_model=self.models.btyd_name,
            timing_model=self.models.timing_name,
            **next_purchase_dates(timing, history, self.cutoff, limit_days, self.shop.interval, grid),
            **money,
        )
        return table.filter(COLUMNS).assign(total_spend=X["total_spend"])

    def _predict_money(self, X: pd.DataFrame, history: pd.DataFrame) -> dict[str, Any]:
        spend = np.asarray(self.models.spend.predict(X[list(self.models.columns)]), dtype=float)
        invalid = ~(np.isfinite(spend) & (spend >= 0))
        if invalid.any():
            raise ClvError(
                f"the model must predict one finite spend >= 0 a customer, got {spend[invalid][0]} for customer "
                f"'{X.index[invalid][0]}'; take another model"
            )
        missing = np.full(len(X), np.nan)
        low, high = self.intervals.interval_around(spend) if self.intervals else (missing, missing)
        days = self.shop.clv_horizon.period_after(self.cutoff).days
        return {
            "expected_spend": spend,
            "expected_spend_low": low,
            "expected_spend_high": high,
            "spend_model": self.models.spend_name,
            "clv": discounted_clv(self.models.btyd, history, self.shop, float(days)),
        }


def discounted_clv(btyd: BtydRegressor, X: pd.DataFrame, shop: Shop, days: float) -> np.ndarray:
    """Return margin x expected spend a purchase x discounted expected purchases over so many days.

    Spend and the number of purchases are independent given the history (Fader, Hardie and Lee 2005, "RFM and CLV:
    Using Iso-Value Curves for Customer Base Analysis"), so that their expectations multiply. What was spent before the
    cutoff does not count.

    Parameters
    ----------
    X : pandas.DataFrame
        ``frequency``, ``recency``, ``T`` (days), ``monetary_value`` and, where the model includes it, ``first_spend``
        at the cutoff.

    Returns
    -------
    array, shape (n,)
        In the log's currency, at the value that money has on the cutoff.
    """
    purchases = btyd.discounted_purchases(X, shop.annual_discount_rate, days)
    return shop.margin * btyd.expected_spend_per_purchase(X) * purchases


def choose_ranking_column(columns: Container[str]) -> str:
    """Name what customers are ranked by: expected spend, or purchases where no money is known."""
    return "expected_spend" if "expected_spend" in columns else "expected_purchases"


@dataclass(frozen=True, eq=False)
class CustomerGroups:
    """Ranks customers among all that are scored together."""

    tiers: TierThresholds
    rfm: RfmCutPoints
    missed: pd.Index  # ids of those who were likely to buy in the period before the cutoff, and did not
    cutoff: date

    @classmethod
    def learn_thresholds(cls, customers: pd.DataFrame, shop: Shop, missed: pd.Index, cutoff: date) -> CustomerGroups:
        """Learn tiers and RFM scores from all customers.

        The table has ``expected_spend``, or of a log without amounts ``expected_purchases``; ``frequency``,
        ``recency``, ``T``, ``total_spend``; one row a customer.
        """
        tiers = TierThresholds.from_expected_spend(customers[choose_ranking_column(customers)], shop.tiers)
        return cls(tiers, RfmCutPoints.from_customers(customers), missed, cutoff)

    def assign_groups(self, expected: pd.DataFrame, country: pd.Series | None = None) -> pd.DataFrame:
        """Add tier, segment, missed opportunity and action to some customers' expectations.

        Parameters
        ----------
        expected : pandas.DataFrame
            From ``Scorer.score_customers``, indexed by customer_id.
        country : pandas.Series, optional
            Of at least these customers.

        Returns
        -------
        pandas.DataFrame
            The columns of ``COLUMNS``, without ``country`` where none is given; no index that matters.
        """
        table = expected.assign(
            value_tier=self.tiers.assign_tiers(expected[choose_ranking_column(expected)].to_numpy()),
            segment=self.rfm.assign_segments(expected),
            missed_opportunity=expected.index.isin(self.missed),
        )
        table["recommended_action"] = recommend_actions(table, self.cutoff)
        if country is not None:
            table["country"] = country.reindex(table.index)
        return table.rename_axis("customer_id").reset_index().filter(COLUMNS)
