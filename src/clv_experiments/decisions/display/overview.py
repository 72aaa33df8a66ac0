"""The business overview of a report, from the log alone."""

from __future__ import annotations

from datetime import date

import pandas as pd

from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.activity import cohort_activity, country_activity, daily_activity, spend_of
from clv_experiments.data.window import DAY, Period
from clv_experiments.decisions.overview.comparison import comparisons
from clv_experiments.decisions.overview.concentration import (
    Concentration,
    concentration_exhibit,
    concentration_sentence,
)
from clv_experiments.decisions.overview.countries import countries_exhibit
from clv_experiments.decisions.overview.growth import customers_exhibit, revenue_exhibit
from clv_experiments.decisions.overview.months import YEAR, Months
from clv_experiments.decisions.overview.newcomers import newcomers_exhibit, returning_sentence
from clv_experiments.decisions.overview.retention import retention_exhibit
from clv_experiments.decisions.overview.seasonality import season_exhibit, week_exhibit
from clv_experiments.errors import ClvError
from clv_experiments.reporting.exhibit import Exhibit, Section
from clv_experiments.reporting.formatting import format_money

METHOD = (
    "All numbers are counts and sums of the cleaned log; nothing is predicted. Months that the log does not hold whole "
    "are shown and left out of comparisons.",
    "A change is called usual where it is within two standard deviations of the log's own monthly changes (on the same "
    "month a year earlier where the log has six of those, else on the month before). Over several months that is less, "
    "and the less so the more a month is like the one before it. It is a yardstick, not a test: a short log shows too "
    "little of its ups and downs.",
    "A customer is new in the month of the first purchase that the log holds, so everybody looks new at its start: the "
    "first three months are left out where others remain.",
    "Months of the year are compared by the logarithm of revenue, a steady growth taken out. Intervals of days of the "
    "week come from the weeks' own differences and hold for all seven days together.",
)


def overview_section(log: TransactionLog, end: date) -> Section:
    """Describe the business up to a day, from the log alone.

    Parameters
    ----------
    log : TransactionLog
    end : date
        Last day that counts; nothing after it is read.

    Raises
    ------
    ClvError
        If the log begins after it.
    """
    if end < log.start:
        raise ClvError(f"log '{log.name}' starts on {log.start}, after {end}, up to which it was to be described")
    cohorts, daily = cohort_activity(log, end), daily_activity(log, end)
    months = Months.of(cohorts, log.start, end)
    spend = spend_of(log, months.recent_period)
    # Without order ids each customer's day counts as one order: that is then what it is called.
    order = "order" if (daily["orders"] > daily["customers"]).any() else "purchase day"
    exhibits = [
        revenue_exhibit(months, log.currency),
        customers_exhibit(months, log.currency, order),
        newcomers_exhibit(months, log.currency),
        retention_exhibit(cohorts, months),
        concentration_exhibit(spend, months, log.currency),
        _countries(log, months),
        season_exhibit(months),
        week_exhibit(daily, order),
    ]
    summary = [_growth(months, log.currency), returning_sentence(months, log.currency)]
    summary.append(concentration_sentence(Concentration.of(spend), months.recent_name))
    return Section(
        anchor="overview",
        title="How is the business doing?",
        summary=summary,
        exhibits=[exhibit for exhibit in exhibits if exhibit is not None],
        method=METHOD,
    )


def _growth(months: Months, currency: str) -> str:
    """Say in one sentence how revenue moves, by the longest comparison that the log allows."""
    found = comparisons(months.whole["revenue"])
    if found:
        return found[-1].sentence("Revenue", lambda value: format_money(value, currency))
    return f"Revenue in {months.recent_name}: {format_money(float(months.recent['revenue'].sum()), currency)}."


def _countries(log: TransactionLog, months: Months) -> Exhibit | None:
    """Show countries, beside the year before where the log holds it whole."""
    period = months.recent_period
    recent = country_activity(log, period)
    if recent is None or recent.empty:
        return None
    before = None
    if len(months.whole) >= 2 * YEAR:
        first: pd.Period = months.recent.index[0] - YEAR
        before = country_activity(log, Period(first.start_time.date() - DAY, period.cutoff))
    return countries_exhibit(recent, before, months, log.currency)
