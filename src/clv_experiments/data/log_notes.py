"""What is good to know of a log before anything is forecast from it: one short line each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from clv_experiments.data.parsing.cells import count_true
from clv_experiments.data.parsing.date_layouts import PERIOD_MAX_DAYS, last_day_of_period

MIN_CUSTOMERS = 50  # of which one, or a share, can stand out
DOMINANT_SHARE, LARGE_SHARE = 0.2, 0.05  # of all spend
LARGE_TIMES = 3  # the next largest, beside which even a large share is worth a note
MIN_WEEKS, MIN_MONTHS = 8, 6  # of totals: fewer dates may fall on Mondays, or on first days, by chance
MONDAY = 0
FIRST_ARRIVAL_DAYS = 28  # in which customers who are older than the log are first seen
ARRIVAL_TIMES, ARRIVAL_DROP = 3, 1.5  # as many as later, and as right after: a cohort goes on arriving for a while
MIN_ARRIVAL_SPANS = 6  # of so many days


@dataclass(frozen=True)
class TotalsPeriod:
    """The period that each date of a log of totals stands for.

    Attributes
    ----------
    name : str
        ``week``, ``month``, ``quarter`` or ``year``.
    end : date
        Last day of the last one.
    is_certain : bool
        Whether nothing else begins on such days: weeks begin on Mondays, but a total may be dated at its end too.
    has_period_format : bool
        Whether the dates are written as periods, such as 2022-01.
    """

    name: str
    end: date
    is_certain: bool
    has_period_format: bool = False


def count_daily_customers_and_lines(purchase_days: ibis.Table) -> pd.DataFrame:
    """Count customers and lines by day.

    Parameters
    ----------
    purchase_days : ibis.Table
        One row per customer and day, with the numbers of lines: ``rows``, and ``no_amount`` without an amount.

    Returns
    -------
    pandas.DataFrame
        Columns ``date`` (sorted), ``customers`` who bought, ``losing`` ones among them, whose day's amount is below 0,
        ``new`` ones, ``rows``, ``no_customer`` and ``no_amount``; one row a day with purchases, and one of lines
        without a date if there are any.
    """
    t = purchase_days
    first = t.group_by("customer_id").agg(date=t.date.min())
    new = first.group_by("date").agg(new=first.count())
    no_customer = ibis.ifelse(t.customer_id.isnull(), t.rows, 0)
    days = t.group_by("date").agg(
        customers=t.count(),
        losing=count_true(t.amount < 0),
        rows=t.rows.sum(),
        no_customer=no_customer.sum(),
        no_amount=t.no_amount.sum(),
    )
    days = days.left_join(new, "date").drop("date_right")
    return days.mutate(new=days.new.fill_null(0)).order_by("date").to_pyarrow().to_pandas()


def detect_period_totals(days: pd.DataFrame, date_format: str | None = None) -> TotalsPeriod | None:
    """Return the period of totals that are dated at its start; None where dates are days.

    Parameters
    ----------
    days : pandas.DataFrame
        As ``count_daily_customers_and_lines`` gives them.
    date_format : str, optional
        How the dates were written, if not as days.
    """
    dates: list[date] = list(days["date"])
    last = dates[-1]
    if date_format in PERIOD_MAX_DAYS and (date_format != "week" or all(day.weekday() == MONDAY for day in dates)):
        return TotalsPeriod(date_format, last_day_of_period(date_format, last), is_certain=True, has_period_format=True)
    if len(dates) >= MIN_MONTHS and all(day.day == 1 for day in dates):
        months = np.array([12 * day.year + day.month for day in dates])
        step = int(np.gcd.reduce(np.diff(months)))
        length = max((size for size in (1, 3, 12) if step % size == 0), default=1)
        name = {1: "month", 3: "quarter", 12: "year"}[length]
        return TotalsPeriod(name, last_day_of_period(name, last), is_certain=True)
    if len(dates) >= MIN_WEEKS and len({day.weekday() for day in dates}) == 1:
        return TotalsPeriod("week", last + timedelta(days=6), is_certain=last.weekday() == MONDAY)
    return None


def describe_end_of_totals_log(period: TotalsPeriod | None, last: date, end: date, log_end: date | None) -> str:
    """Say where a log of totals ends.

    Parameters
    ----------
    period : TotalsPeriod or None
    last : date
        Last date of the log.
    end : date
        Where it was taken to end.
    log_end : date or None
        Where the user said that it ends.
    """
    if period is None or log_end is not None:
        return ""
    finding = f"all dates are {last:%A}s" if period.name == "week" else f"all dates begin a {period.name}"
    finding = f"dates are {period.name}s, each read as its first day" if period.has_period_format else finding
    if end == period.end:
        return (
            f"{finding}: taken for totals of a {period.name}, so that the log ends on {end} "
            "(data.log_end says otherwise)"
        )
    if period.is_certain:
        before = last - timedelta(days=1)
        return f"{finding}, and the last {period.name} is not over: type data.log_end={before} to leave it out"
    return f"{finding}: if each is the total of the {period.name} that it begins, type data.log_end={period.end}"


def describe_losses(days: pd.DataFrame) -> str:
    """Say what amounts below 0 are worth a note for; empty where there are none.

    Parameters
    ----------
    days : pandas.DataFrame
        As ``count_daily_customers_and_lines`` gives them.
    """
    losing = int(days["losing"].sum())
    if not losing:
        return ""
    return (
        f"{losing:,} of {int(days['customers'].sum()):,} purchase days are losses, below 0: bias, Gini, Spearman, "
        "RMSE, R2 and MAE mean what they always do; D2, shares of top customers and misses by decile mean nothing and "
        "are left out, and models that cannot learn from losses refuse"
    )


def describe_customers(customers: pd.DataFrame, days: pd.DataFrame, measure: str) -> list[str]:
    """Return notes on the customers of a log, some of them empty.

    Parameters
    ----------
    customers : pandas.DataFrame
        As ``summarise_customers`` gives them.
    days : pandas.DataFrame
        As ``count_daily_customers_and_lines`` gives them.
    measure : str
        What is counted of each customer: ``spend`` or ``purchases``.
    """
    if len(customers) < MIN_CUSTOMERS:
        return []
    return [
        _describe_largest_customer(customers, measure),
        _describe_missing_one_time_buyers(customers),
        _describe_older_customers(days),
    ]


def _describe_largest_customer(customers: pd.DataFrame, measure: str) -> str:
    shares = (customers["units"] / customers["units"].sum()).nlargest(2)
    (first, second), largest = shares, shares.index[0]
    if not (first > DOMINANT_SHARE or (first > LARGE_SHARE and first > LARGE_TIMES * second)):
        return ""
    return (
        f"customer '{largest}' holds {first:.0%} of all {measure}, and the next {second:.0%}: if it stands for many, "
        f"such as guests, type \"data.cleaning.guests.ids=['{largest}']\""
    )


def _describe_missing_one_time_buyers(customers: pd.DataFrame) -> str:
    if (customers["days"] == 1).any():
        return ""
    return (
        f"none of the {len(customers):,} customers bought on one day only: if one-time customers were left out, the "
        "log was chosen by what customers did later, and forecasts of who comes back are too high"
    )


def _describe_older_customers(days: pd.DataFrame) -> str:
    """Tell customers who were there before the log from new ones: many appear at once, and later few."""
    new = pd.Series(days["new"].to_numpy(), pd.to_datetime(days["date"])).resample(f"{FIRST_ARRIVAL_DAYS}D").sum()
    new = new.iloc[:-1]  # the last may be cut off
    if len(new) < MIN_ARRIVAL_SPANS:
        return ""
    first, second, later = int(new.iloc[0]), int(new.iloc[1]), float(new.iloc[len(new) // 2 :].median())
    if first < max(MIN_CUSTOMERS, ARRIVAL_TIMES * later, ARRIVAL_DROP * second) or later == 0:
        return ""
    return (
        f"{first:,} of {int(days['new'].sum()):,} customers first appear in the first {FIRST_ARRIVAL_DAYS} days, "
        f"{first / later:.0f} times as many as later: if they are older than the log, their T begins too late, and "
        "BTYD models take them for new"
    )
