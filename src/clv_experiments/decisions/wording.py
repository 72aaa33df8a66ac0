"""Numbers as a manager reads them: money, shares, counts with their nouns, dates."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from clv_experiments.evaluation.leaderboard.wording import listed, written

__all__ = ["change", "counted", "day", "interval", "listed", "money", "share"]


def money(value: float, currency: str) -> str:
    """Write an amount with its currency: whole from 100 on, with two decimals below.

    Examples
    --------
    >>> money(1234567.8, "£"), money(9.5, "£"), money(-3.0, "EUR"), money(float("nan"), "$")
    ('£1,234,568', '£9.50', '−EUR 3.00', '–')
    """
    text = written(abs(value), "{:,.0f}" if abs(value) >= 99.995 else "{:,.2f}")
    gap = " " if currency[-1:].isalpha() else ""
    return text if np.isnan(value) else f"{'−' * bool(value < 0 and text != '0.00')}{currency}{gap}{text}"


def share(value: float) -> str:
    """Write a share in per cent, with a decimal below 10 %.

    Examples
    --------
    >>> share(0.123), share(0.0123), share(0.0), share(-0.5), share(0.0001), share(0.999)
    ('12%', '1.2%', '0%', '−50%', 'under 0.1%', 'over 99%')
    """
    if 0 < value < 0.0005:
        return "under 0.1%"
    if 0.995 <= value < 1:
        return "over 99%"
    return written(value, "{:.0%}" if value == 0 or abs(value) >= 0.0995 else "{:.1%}")


def change(value: float) -> str:
    """Say a relative change in words.

    Examples
    --------
    >>> change(0.12), change(-0.031), change(0.0)
    ('up 12%', 'down 3.1%', 'unchanged')
    """
    if not abs(value) >= 0.0005:
        return "unchanged" if not np.isnan(value) else "not comparable"
    return f"{'up' if value > 0 else 'down'} {share(abs(value))}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> counted(1, "customer"), counted(1200, "customer"), counted(2, "country", "countries")
    ('1 customer', '1,200 customers', '2 countries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def interval(low: str, high: str, level: float = 0.95) -> str:
    """Write an interval that stands behind an estimate.

    Examples
    --------
    >>> interval("£10", "£14"), interval("2%", "3%", 0.8)
    ('(95% interval £10 to £14)', '(80% interval 2% to 3%)')
    """
    return f"({level:.0%} interval {low} to {high})"


def day(value: date | pd.Timestamp) -> str:
    """Write a day.

    Examples
    --------
    >>> day(date(2011, 11, 3))
    '3 November 2011'
    """
    return f"{value.day} {value:%B %Y}"
