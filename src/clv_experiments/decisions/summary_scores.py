"""Scores from a table of frequency, recency and T alone: what a BTYD model says without a log."""

from __future__ import annotations

from datetime import date

import pandas as pd
from sklearn.base import clone

from clv_experiments.data.horizon import Horizon
from clv_experiments.data.rfm_summary import DAYS_PER_UNIT, RfmSummary
from clv_experiments.decisions.actions import purchase_probability_after_last_purchase
from clv_experiments.decisions.customer_scores import COLUMNS, choose_ranking_column, discounted_clv
from clv_experiments.decisions.next_purchase.dates import next_purchase_dates
from clv_experiments.decisions.segments.tiers import assign_tiers
from clv_experiments.decisions.shop import Shop
from clv_experiments.forecasting.model import Model
from clv_experiments.models.btyd import BtydRegressor


def fit_btyd_to_summary(model: Model, summary: RfmSummary, horizon_days: float) -> BtydRegressor:
    """Fit a BTYD model to the customers of a table."""
    estimator: BtydRegressor = clone(model.estimator).set_params(horizon_days=horizon_days)
    return estimator.fit(summary.customers)


def count_horizon_days(horizon: Horizon, cutoff: date | None) -> float:
    """Count the days of a horizon after a cutoff; without one, of mean months."""
    return float(horizon.period_after(cutoff).days if cutoff else horizon.count * DAYS_PER_UNIT[horizon.unit])


def score_summary(
    summary: RfmSummary, btyd: BtydRegressor, btyd_name: str, shop: Shop, cutoff: date | None
) -> pd.DataFrame:
    """Predict what is expected of each customer.

    Parameters
    ----------
    btyd : BtydRegressor
        Fitted; its ``horizon_days`` is how far it looks ahead.
    cutoff : date, optional
        The day up to which the table counts; without it there are no dates.

    Returns
    -------
    pandas.DataFrame
        One row a customer: those of ``customer_scores.COLUMNS`` that need neither single purchases nor, without a
        cutoff, dates; money only where the table has ``monetary_value``.
    """
    X = summary.customers
    table = X.assign(
        expected_purchases=btyd.expected_purchases(X),
        p_alive=btyd.probability_alive(X),
        p_purchase=btyd.probability_purchase(X),
        p_purchase_at_last=purchase_probability_after_last_purchase(btyd, X),
        btyd_model=btyd_name,
        timing_model=btyd_name,
    ).astype({"frequency": int})
    limit_days = count_horizon_days(shop.next_purchase_within, cutoff)
    if cutoff:
        since = pd.to_timedelta(X["T"] - X["recency"], unit="D")
        dates = next_purchase_dates(btyd, X, cutoff, int(limit_days), shop.interval)
        table = table.assign(last_purchase=pd.Timestamp(cutoff) - since.dt.floor("D"), **dates)
    else:
        table["p_next_purchase"] = btyd.probability_purchase(X, limit_days)
    if summary.has_amounts:
        clv = discounted_clv(btyd, X, shop, count_horizon_days(shop.clv_horizon, cutoff))
        table = table.assign(expected_spend=btyd.predict(X), spend_model=btyd_name, clv=clv)
    value_tier = assign_tiers(table[choose_ranking_column(table)], shop.tiers)
    return table.assign(value_tier=value_tier).reset_index().filter(COLUMNS)
