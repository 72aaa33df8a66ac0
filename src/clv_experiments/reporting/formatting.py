"""Numbers, shares, money and names as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

MAX_NAMES = 6  # how many names a sentence bears


def format_score(value: float, number_format: str) -> str:
    """Write a score with a real minus, or a dash where it has no value.

    Examples
    --------
    >>> format_score(-0.0713, "{:.3f}"), format_score(float("nan"), "{:.3f}")
    ('−0.071', '–')
    """
    return "–" if np.isnan(value) else number_format.format(value).replace("-", "−")


def format_difference(value: float, number_format: str) -> str:
    """Write a difference with its sign, which it loses where it rounds to nothing.

    Examples
    --------
    >>> format_difference(-0.0713, "{:.3f}"), format_difference(0.2, "{:+.1%}"), format_difference(-0.0001, "{:.3f}")
    ('−0.071', '+20.0%', '0.000')
    """
    text = format_score(value, number_format.replace("{:+", "{:").replace("{:", "{:+"))
    return text if any(digit in text for digit in "123456789") else text.lstrip("+−")


def format_absolute_difference(value: float, number_format: str) -> str:
    """Write the size of a difference, without a sign.

    Examples
    --------
    >>> format_absolute_difference(-0.0713, "{:.3f}"), format_absolute_difference(0.2, "{:+.1%}")
    ('0.071', '20.0%')
    """
    return format_score(abs(value), number_format.replace("{:+", "{:"))


def join_names(names: Sequence[str]) -> str:
    """Join names as people do; many are cut short and counted.

    Examples
    --------
    >>> join_names(["a"]), join_names(["a", "b", "c"]), join_names(list("abcdefgh"))
    ('a', 'a, b and c', 'a, b, c, d, e and 3 others')
    """
    if len(names) > MAX_NAMES:
        names = [*names[: MAX_NAMES - 1], f"{len(names) - MAX_NAMES + 1} others"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def format_money(value: float, currency: str) -> str:
    """Write an amount with its currency: whole from 100 on, with two decimals below.

    Examples
    --------
    >>> format_money(1234567.8, "£"), format_money(9.5, "£"), format_money(-3.0, "EUR"), format_money(float("nan"), "$")
    ('£1,234,568', '£9.50', '−EUR 3.00', '–')
    """
    text = format_score(abs(value), "{:,.0f}" if abs(value) >= 99.995 else "{:,.2f}")
    gap = " " if currency[-1:].isalpha() else ""
    return text if np.isnan(value) else f"{'−' * bool(value < 0 and text != '0.00')}{currency}{gap}{text}"


def format_rounded_money(value: float, currency: str) -> str:
    """Write an amount by its first three digits, as one that is not known exactly.

    Examples
    --------
    >>> format_rounded_money(1_462_054.3, "£"), format_rounded_money(86.72, "$"), format_rounded_money(-9.28, "$")
    ('£1,460,000', '$86.70', '−$9.28')
    """
    digits = 2 - int(np.floor(np.log10(abs(value)))) if value else 0
    return format_money(round(value, digits), currency)


def format_percent(value: float, *, sign: bool = False) -> str:
    """Write a number in per cent, with a decimal below 10 %; ``sign`` gives a gain its plus.

    Examples
    --------
    >>> [format_percent(value) for value in (0.996, -0.0003, 0.0123)]
    ['100%', '0%', '1.2%']
    >>> format_percent(0.12, sign=True), format_percent(-0.5, sign=True)
    ('+12%', '−50%')
    """
    if abs(value) < 0.0005:
        return "0%"
    return f"{'+' * (sign and value > 0)}{format_score(value, '{:.0%}' if abs(value) >= 0.0995 else '{:.1%}')}"


def format_share(value: float) -> str:
    """Write a part of a whole, or a probability, in per cent: neither none nor all of it where it is not.

    Examples
    --------
    >>> [format_share(value) for value in (0.123, 0.0123, 0.0, -0.5, 0.0001, 0.999, 1.0)]
    ['12%', '1.2%', '0%', '−50%', 'under 0.1%', 'over 99%', '100%']
    """
    if 0 < value < 0.0005:
        return "under 0.1%"
    return "over 99%" if 0.995 <= value < 1 else format_percent(value)


def describe_change(value: float) -> str:
    """Say a relative change in words.

    Examples
    --------
    >>> describe_change(0.12), describe_change(-0.031), describe_change(0.0), describe_change(-0.997)
    ('up 12%', 'down 3.1%', 'unchanged', 'down 100%')
    """
    if not abs(value) >= 0.0005:
        return "unchanged" if not np.isnan(value) else "not comparable"
    return f"{'up' if value > 0 else 'down'} {format_percent(abs(value))}"


def format_count(number: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> format_count(1, "customer"), format_count(1200, "customer"), format_count(2, "country", "countries")
    ('1 customer', '1,200 customers', '2 countries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_interval(low: str, high: str, level: float = 0.95) -> str:
    """Write an interval that stands behind an estimate.

    Examples
    --------
    >>> format_interval("£10", "£14"), format_interval("2%", "3%", 0.8)
    ('(95% interval £10 to £14)', '(80% interval 2% to 3%)')
    """
    return f"({level:.0%} interval {low} to {high})"


def format_day(value: date | pd.Timestamp) -> str:
    """Write a day.

    Examples
    --------
    >>> format_day(date(2011, 11, 3))
    '3 November 2011'
    """
    return f"{value.day} {value:%B %Y}"


def format_dates(text: object) -> str:
    """Write the days in a text of the program, such as a period, as ``format_day`` does.

    Examples
    --------
    >>> format_dates("the log begins on 2010-12-01"), format_dates("2011-09-01 to 2011-11-30")
    ('the log begins on 1 December 2010', '1 September 2011 to 30 November 2011')
    """
    return re.sub(r"\d{4}-\d\d-\d\d", lambda day: format_day(date.fromisoformat(day[0])), str(text))


def format_month(month: object) -> str:
    """Write a month, which reads ``2011-11``; a quarter such as ``2011 Q4`` stays as it is.

    Examples
    --------
    >>> format_month("2011-11"), format_month("2011 Q4")
    ('November 2011', '2011 Q4')
    """
    year, _, number = str(month).partition("-")
    return f"{date(int(year), int(number), 1):%B %Y}" if number else str(month)


def describe_next_period(horizon: object) -> str:
    """Write the time that is to come; the horizon reads ``3 months``.

    Examples
    --------
    >>> describe_next_period("3 months"), describe_next_period("1 month")
    ('next 3 months', 'next month')
    """
    return f"next {str(horizon).removeprefix('1 ')}"


def format_exact_percent(value: float) -> str:
    """Write a share that was set, with all its digits: a limit is not rounded.

    Examples
    --------
    >>> format_exact_percent(0.6), format_exact_percent(0.999)
    ('60%', '99.9%')
    """
    return f"{100 * value:g}%"


def clean_name(name: object, longest: int = 40) -> str:
    """Write a name from the log as a sentence bears it: on one line, printable, cut where it is long.

    Examples
    --------
    >>> clean_name(" EIRE  (island)"), clean_name("x" * 9, longest=4)
    ('EIRE (island)', 'xxx…')
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(name)).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def escape_markdown(text: str) -> str:
    """Keep a name from becoming markup, from leaving its table cell, and from ending its line.

    Examples
    --------
    >>> escape_markdown("a|b <b>")[-6:], escape_markdown("`x` # y")
    ('&lt;b>', "'x' # y")
    """
    line = " ".join(text.split())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
