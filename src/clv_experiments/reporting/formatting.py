"""Numbers, shares, money and names as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

NAMED = 6  # how many names a sentence bears


def written(value: float, form: str) -> str:
    """Write a score with a real minus, or a dash where it has no value.

    Examples
    --------
    >>> written(-0.0713, "{:.3f}"), written(float("nan"), "{:.3f}")
    ('−0.071', '–')
    """
    return "–" if np.isnan(value) else form.format(value).replace("-", "−")


def signed(value: float, form: str) -> str:
    """Write a difference with its sign, which it loses where it rounds to nothing.

    Examples
    --------
    >>> signed(-0.0713, "{:.3f}"), signed(0.2, "{:+.1%}"), signed(-0.0001, "{:.3f}")
    ('−0.071', '+20.0%', '0.000')
    """
    text = written(value, form.replace("{:+", "{:").replace("{:", "{:+"))
    return text if any(digit in text for digit in "123456789") else text.lstrip("+−")


def listed(names: Sequence[str]) -> str:
    """Join names as people do; many are cut short and counted.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"]), listed(list("abcdefgh"))
    ('a', 'a, b and c', 'a, b, c, d, e and 3 others')
    """
    if len(names) > NAMED:
        names = [*names[: NAMED - 1], f"{len(names) - NAMED + 1} others"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


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


def percent(value: float, *, sign: bool = False) -> str:
    """Write a number in per cent, with a decimal below 10 %; ``sign`` gives a gain its plus.

    Examples
    --------
    >>> percent(0.996), percent(-0.0003), percent(0.0123), percent(0.12, sign=True), percent(-0.5, sign=True)
    ('100%', '0%', '1.2%', '+12%', '−50%')
    """
    if abs(value) < 0.0005:
        return "0%"
    return f"{'+' * (sign and value > 0)}{written(value, '{:.0%}' if abs(value) >= 0.0995 else '{:.1%}')}"


def share(value: float) -> str:
    """Write a part of a whole, or a probability, in per cent: neither none nor all of it where it is not.

    Examples
    --------
    >>> share(0.123), share(0.0123), share(0.0), share(-0.5), share(0.0001), share(0.999), share(1.0)
    ('12%', '1.2%', '0%', '−50%', 'under 0.1%', 'over 99%', '100%')
    """
    if 0 < value < 0.0005:
        return "under 0.1%"
    return "over 99%" if 0.995 <= value < 1 else percent(value)


def change(value: float) -> str:
    """Say a relative change in words.

    Examples
    --------
    >>> change(0.12), change(-0.031), change(0.0), change(-0.997)
    ('up 12%', 'down 3.1%', 'unchanged', 'down 100%')
    """
    if not abs(value) >= 0.0005:
        return "unchanged" if not np.isnan(value) else "not comparable"
    return f"{'up' if value > 0 else 'down'} {percent(abs(value))}"


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


def ahead(horizon: object) -> str:
    """Write the time that is to come; the horizon reads ``3 months``.

    Examples
    --------
    >>> ahead("3 months"), ahead("1 month")
    ('next 3 months', 'next month')
    """
    return f"next {str(horizon).removeprefix('1 ')}"


def asked(value: float) -> str:
    """Write a share that was set, with all its digits: a limit is not rounded.

    Examples
    --------
    >>> asked(0.6), asked(0.999)
    ('60%', '99.9%')
    """
    return f"{100 * value:g}%"


def named(name: object, longest: int = 40) -> str:
    """Write a name from the log as a sentence bears it: on one line, printable, cut where it is long.

    Examples
    --------
    >>> named(" EIRE  (island)"), named("x" * 9, longest=4)
    ('EIRE (island)', 'xxx…')
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(name)).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
