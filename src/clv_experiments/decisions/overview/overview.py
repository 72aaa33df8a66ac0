"""How the business is doing, from the log alone: what a report says of it, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.activity import cohort_activity, country_activity, daily_totals, spend_by_customer
from clv_experiments.data.window import DAY, Period
from clv_experiments.decisions.overview.months import YEAR, Comparison, Months, comparisons
from clv_experiments.decisions.overview.retention import Retention
from clv_experiments.decisions.overview.revenue_sources import Concentration, country_shares
from clv_experiments.errors import ClvError


@dataclass(frozen=True, eq=False)
class Overview:
    """The business up to a day; None where the log cannot tell."""

    months: Months
    currency: str
    order_unit: Literal["order", "purchase day"]  # what is counted: purchase days where the log has no order ids
    revenue: list[Comparison]  # of the last month, quarter and year
    retention: Retention
    concentration: Concentration | None
    countries: pd.DataFrame | None  # from country_shares


def describe_business(log: TransactionLog, end: date) -> Overview:
    """Describe the business up to a day, inclusive; nothing after it is read. ClvError if the log begins later."""
    if end < log.start:
        raise ClvError(f"log '{log.name}' starts on {log.start}, after {end}, up to which it was to be described")
    cohorts, daily = cohort_activity(log, end), daily_totals(log, end)
    months = Months.from_cohorts(cohorts, log.start, end)
    return Overview(
        months=months,
        currency=log.currency,
        order_unit="order" if (daily["orders"] > daily["customers"]).any() else "purchase day",
        revenue=comparisons(months.whole["revenue"]),
        retention=Retention.from_cohorts(cohorts, months),
        concentration=Concentration.from_spend(spend_by_customer(log, months.recent_days)),
        countries=_countries(log, months),
    )


def _countries(log: TransactionLog, months: Months) -> pd.DataFrame | None:
    """Set countries beside the year before where the log holds it whole."""
    period = months.recent_days
    recent = country_activity(log, period)
    if recent is None or recent.empty:
        return None
    if len(months.whole) < 2 * YEAR:
        return country_shares(recent, None)
    first: pd.Period = months.recent.index[0] - YEAR
    return country_shares(recent, country_activity(log, Period(first.start_time.date() - DAY, period.cutoff)))
