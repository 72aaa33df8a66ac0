"""Dates that stand for a whole week, month or quarter: each is read as its first day."""

from __future__ import annotations

from datetime import date, timedelta

MAX_DAYS = {"week": 7, "month": 31, "quarter": 92, "year": 366}


def last_day_of_period(date_format: str, day: date) -> date:
    """Return the last day of the week that a day lies in, or of the month, quarter or year that it begins."""
    if date_format == "week":
        return day + timedelta(days=6 - day.weekday())
    following = day + timedelta(days=MAX_DAYS[date_format])  # at most four days into the next
    return following.replace(day=1) - timedelta(days=1)
