"""What a new customer leaves in the first year, by cohort: what has come in, and what is predicted for the rest."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.first_year import YEAR, first_year
from clv_experiments.decisions.overview.months import SETTLING
from clv_experiments.decisions.segments.resampling import bounds
from clv_experiments.decisions.shop import Shop
from clv_experiments.evaluation.checks import Floats
from clv_experiments.models.btyd import DAYS_A_YEAR

MONTHS = 12  # of first purchases, up to which cohorts are months and not quarters
LEAST_COHORTS = 5  # that a trend is read from
STEP = 14  # days, within which expected purchases are taken to be spread evenly
PARTS = ["first_purchase", "repeat_purchases", "predicted"]


def first_year_values(
    log: TransactionLog, cutoff: date, customers: pd.DataFrame, btyd: Any, shop: Shop
) -> pd.DataFrame:
    """Return the margin of each customer's first year, as far as it happened and as a BTYD model predicts the rest.

    Parameters
    ----------
    log : TransactionLog
        Read up to the cutoff.
    cutoff : date
    customers : pandas.DataFrame
        What the model is told of all customers of the cutoff; ``T`` among it.
    btyd : fitted BTYD estimator
    shop : Shop

    Returns
    -------
    pandas.DataFrame
        Index ``customer_id`` (sorted): ``first_day``, ``T`` (days since then, at the cutoff), and margins in currency,
        discounted to the first day: ``first_purchase``, ``repeat_purchases`` so far, ``predicted`` for what is left of
        the year.
    """
    daily = (1 + shop.annual_discount_rate) ** (-1 / DAYS_A_YEAR)
    found, known = first_year(log, cutoff, daily), customers["T"]
    margins = {
        "first_purchase": shop.margin * found["first_spend"],
        "repeat_purchases": shop.margin * found["repeat_spend"],
        "predicted": shop.margin * rest_of_year(customers, btyd, daily) * daily**known,
    }
    return pd.DataFrame({"first_day": pd.to_datetime(found["first_day"]), "T": known, **margins})


def rest_of_year(customers: pd.DataFrame, btyd: Any, daily_discount: float) -> pd.Series:
    """Return the expected spend of the days that are left of each customer's first year, discounted to the cutoff.

    Expected purchases are taken in steps of two weeks, each discounted from its middle.
    """
    left = (YEAR - 1 - customers["T"]).clip(lower=0)
    worth = pd.Series(0.0, index=customers.index)
    before = pd.Series(0.0, index=customers.index)
    for start in range(0, int(left.max()), STEP):
        still = customers[left > start]
        by_then = pd.Series(btyd.expected_purchases(still, float(start + STEP)), still.index)
        share = ((left[still.index] - start) / STEP).clip(upper=1)
        middle = start + share * STEP / 2
        worth[still.index] += (by_then - before[still.index]) * share * daily_discount**middle
        before[still.index] = by_then
    open_years = customers[left > 0]
    if len(open_years):
        worth[open_years.index] *= btyd.expected_spend_per_purchase(open_years)
    return worth


def cohorts_of(values: pd.DataFrame) -> pd.Series:
    """Name the cohort of each customer: the month of the first purchase, or the quarter where there are many months."""
    days = values["first_day"].dt
    months = days.to_period("M")
    if months.nunique() <= MONTHS:
        return months.astype(str).rename("cohort")
    return (days.year.astype(str) + " Q" + days.quarter.astype(str)).rename("cohort")


def cohort_table(values: pd.DataFrame, ratio: float, means: pd.DataFrame) -> pd.DataFrame:
    """Average the first-year value by cohort.

    Parameters
    ----------
    values : pandas.DataFrame
        From ``first_year_values``.
    ratio : float
        What comes of predicted spend, as a check found; 1 takes predictions as they are.
    means : pandas.DataFrame
        From ``resampled_means``.

    Returns
    -------
    pandas.DataFrame
        One row a cohort, oldest first: ``cohort``, ``customers``, mean margins a customer ``first_purchase``,
        ``repeat_purchases``, ``predicted`` and ``corrected`` (predicted times ratio), ``first_year_value`` (with what
        is corrected) with its 95 % interval ``low``, ``high``, and ``year_over``, the share of customers whose first
        year is over.
    """
    cohort = cohorts_of(values)
    table = values[PARTS].groupby(cohort).mean()
    table.insert(0, "customers", values.groupby(cohort).size())
    table["corrected"] = table["predicted"] * ratio
    table["first_year_value"] = table[["first_purchase", "repeat_purchases", "corrected"]].sum(axis=1)
    table["low"], table["high"] = bounds(means[table.index])
    table["year_over"] = (values["T"] >= YEAR - 1).groupby(cohort).mean()
    return table.reset_index()


def resampled_means(values: pd.DataFrame, ratios: Floats, seed: int) -> pd.DataFrame:
    """Draw the customers of each cohort anew with replacement and average their first-year value.

    Parameters
    ----------
    values : pandas.DataFrame
        From ``first_year_values``.
    ratios : array, shape (replicates,)
        What comes of predicted spend, drawn anew as well.
    seed : int

    Returns
    -------
    pandas.DataFrame, shape (replicates, cohorts)
    """
    rng = np.random.default_rng(seed)
    known, predicted = values[PARTS[:2]].sum(axis=1), values["predicted"]
    means = {}
    for name, members in values.groupby(cohorts_of(values)).groups.items():
        came, missing = known[members].to_numpy(), predicted[members].to_numpy()
        draws = (rng.integers(len(came), size=len(came)) for _ in ratios)
        means[name] = [
            came[places].mean() + ratio * missing[places].mean() for places, ratio in zip(draws, ratios, strict=True)
        ]
    return pd.DataFrame(means)


def recent(values: pd.DataFrame, cohorts: pd.DataFrame) -> pd.DataFrame:
    """Keep the cohorts whose customers came within a year before the last one did: such as come now."""
    last = values["first_day"].max()
    cohort = cohorts_of(values)
    first_day = values["first_day"].groupby(cohort).min()
    return cohorts[(last - cohorts["cohort"].map(first_day)).dt.days < YEAR]


def pooled(cohorts: pd.DataFrame, means: pd.DataFrame) -> tuple[float, float, float]:
    """Return the mean value of a customer of some cohorts and its 95 % interval (currency)."""
    weights = cohorts["customers"].to_numpy(float) / cohorts["customers"].sum()
    low, high = bounds((means[list(cohorts["cohort"])].to_numpy() * weights).sum(axis=1))
    return float((cohorts["first_year_value"].to_numpy() * weights).sum()), low.item(), high.item()


def settled(values: pd.DataFrame, cohorts: pd.DataFrame) -> pd.DataFrame:
    """Keep the cohorts that begin when the log was old enough to tell new customers from old ones."""
    months = values["first_day"].dt.to_period("M")
    first_month = months.groupby(cohorts_of(values)).min()
    return cohorts[(cohorts["cohort"].map(first_month) >= months.min() + SETTLING).to_numpy()]


def trend(cohorts: pd.DataFrame, ratios: Floats) -> tuple[float, float, float] | None:
    """Return by how much the value rises from a cohort to the next, with its 95 % interval (currency).

    A least-squares line through the cohorts. Its error is that of the cohorts around the line (t distribution), since
    cohorts differ by more than their customers do by chance, and that of the ratio, which all predictions share.

    Parameters
    ----------
    cohorts : pandas.DataFrame
        From ``settled``; where there are fewer than five, nothing is said.
    ratios : array, shape (replicates,)
        What comes of predicted spend, drawn anew.
    """
    if len(cohorts) < LEAST_COHORTS:
        return None
    value, place = cohorts["first_year_value"].to_numpy(float), np.arange(len(cohorts)) - (len(cohorts) - 1) / 2
    weights = place / (place**2).sum()
    slope, freedom = float(weights @ value), len(cohorts) - 2
    around = value - value.mean() - slope * place
    of_ratio = float(weights @ cohorts["predicted"].to_numpy(float)) * ratios.std()
    reach = t.ppf(0.975, freedom) * np.sqrt((around**2).sum() / freedom / (place**2).sum() + of_ratio**2)
    return slope, float(slope - reach), float(slope + reach)
