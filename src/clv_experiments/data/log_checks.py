"""What is no transaction log, though it could be read as one: each refusal says what to type.

Days are given as ``log_notes.count_daily_customers_and_lines`` has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from clv_experiments.data.log_notes import TotalsPeriod
from clv_experiments.errors import ClvError

PLACEHOLDER_GAP_DAYS = 730  # without any purchase: the few rows before such a gap are taken for placeholders
PLACEHOLDER_MAX_SHARE = 0.01  # of all rows
# What systems write where there is no date; those after today stand for none whatever else there is.
PLACEHOLDER_DAYS = frozenset(
    map(date.fromisoformat, (
        "1600-01-01", "1601-01-01", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01",
        "1904-01-01", "1969-12-31", "1970-01-01", "1980-01-01", "2099-12-31", "2999-12-31", "4712-12-31", "9998-12-31",
        "9999-01-01", "9999-12-31",
    ))
)  # fmt: skip
FIRST_YEAR = 1600  # earlier ones are those of another calendar
CONVERSIONS = "with the package jdatetime from Persian, hijridate from Islamic ones"
MAX_DAYS_AFTER_LAST_PURCHASE = 7  # at the end of a log


def check_no_missing_values(name: str, days: pd.DataFrame) -> None:
    """Refuse lines without a customer, a date or an amount."""
    no_date = days["rows"][days["date"].isna()].sum()
    gaps = {"customer_id": days["no_customer"].sum(), "date": no_date, "amount": days["no_amount"].sum()}
    for column, rows in gaps.items():
        if rows:
            raise ClvError(
                f"log '{name}' has {rows:,} row(s) without {column} after cleaning; "
                f"add the step missing_{column.removesuffix('_id')} (data.cleaning)"
            )


def find_placeholder_days(name: str, days: pd.DataFrame, today: date) -> list[date]:
    """Return the days that stand for no date: usual ones after today, or years away from all others.

    Raises
    ------
    ClvError
        If half of all rows have such a date.
    """
    dated = days.dropna(subset="date")
    usual = dated["date"].isin(PLACEHOLDER_DAYS)
    others = dated["date"][~usual]
    if not usual.any() or others.empty:
        return []
    near = timedelta(days=PLACEHOLDER_GAP_DAYS)
    apart = [day for day in dated["date"][usual] if day > today or not others.between(day - near, day + near).any()]
    rows = int(dated["rows"][dated["date"].isin(apart)].sum())
    if 2 * rows >= dated["rows"].sum():
        raise ClvError(
            f"{rows:,} of {int(dated['rows'].sum()):,} row(s) of log '{name}' are dated {apart[0]}, which stands for "
            "no date: name the column of the date (data.columns.date)"
        )
    return apart


def describe_placeholders(days: pd.DataFrame, placeholders: Sequence[date]) -> str:
    """Say which days were taken for no date."""
    rows = int(days["rows"][days["date"].isin(placeholders)].sum())
    listed = ", ".join(map(str, placeholders))
    return f"{rows:,} row(s) are dated {listed}, which stands for no date, and count as undated"


def check_gregorian_calendar(name: str, days: pd.DataFrame) -> None:
    """Refuse years of another calendar, such as 1401, which is 2022 in Iran."""
    last = days["date"].iloc[-1]
    if last.year < FIRST_YEAR:
        raise ClvError(
            f"dates of log '{name}' such as {last} are of a Persian or Islamic calendar, or misprinted: write them all "
            f"like 2020-12-31, in Python {CONVERSIONS}"
        )


def check_no_isolated_early_dates(name: str, days: pd.DataFrame) -> None:
    """Refuse a few rows that lie years before all others: 1900-01-01 is nobody's first purchase day."""
    gaps = pd.to_datetime(days["date"]).diff().dt.days.to_numpy()
    for k in np.flatnonzero(gaps > PLACEHOLDER_GAP_DAYS):
        before, all_rows = int(days["rows"].iloc[:k].sum()), int(days["rows"].sum())
        if before < all_rows * PLACEHOLDER_MAX_SHARE:
            examples = ", ".join(str(day) for day in days["date"].iloc[: min(k, 3)])
            raise ClvError(
                f"log '{name}' has {before:,} of {all_rows:,} row(s) dated {examples}, and then nothing for "
                f"{gaps[k]:,.0f} days: if that is no real date, leave them out: data.log_start={days['date'].iloc[k]}"
            )


def check_not_in_future(name: str, days: pd.DataFrame, today: date) -> None:
    """Refuse purchases after today."""
    last = days["date"].iloc[-1]
    if last > today:
        before = days["date"][days["date"] <= today].max()
        advice = "" if pd.isna(before) else f", or type data.log_end={before} to leave them out"
        raise ClvError(f"log '{name}' has purchases after today ({today}), up to {last}; correct the dates{advice}")


def require_repeat_customers(name: str, customers: pd.DataFrame, column: str) -> None:
    """Refuse a log with one customer, or of customers of whom none came back."""
    if len(customers) < 2:
        raise ClvError(f"log '{name}' has one customer only; at least two are needed to compare customers")
    if (customers["days"] == 1).all():
        raise ClvError(
            f"none of the {len(customers):,} customers of log '{name}' bought on two days: where nobody comes back "
            "there is nothing to learn from, and what a new customer is worth is another question; take a log that "
            f"follows customers for longer, or name data.columns.customer_id if '{column}' is not the customer"
        )


def check_date_span(name: str, first: date, last: date, log_end: date | None, period: TotalsPeriod | None) -> None:
    """Refuse a log of one day, or one said to end long after its last purchase."""
    if first == last:
        raise ClvError(f"all purchases of log '{name}' fall on one day, {first}; is that the date of the purchase?")
    latest = max(last + timedelta(days=MAX_DAYS_AFTER_LAST_PURCHASE), period.end if period else last)
    if log_end and log_end > latest:
        raise ClvError(
            f"the log end {log_end} lies {(log_end - last).days} days after the last purchase of log '{name}', {last}: "
            f"those days would count as days without spend; type data.log_end={last}, or null for the last day"
        )
