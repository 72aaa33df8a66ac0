"""Horizons: what can be typed, what is refused, and calendar arithmetic at month ends and leap days."""

import re
from datetime import date

import pytest

from clv_experiments.data.horizon import Horizon
from clv_experiments.errors import ClvError


@pytest.mark.parametrize(
    ("text", "count", "unit", "label", "message"),
    [
        ("3 months", 3, "months", "3m", "3 months"),
        ("1 month", 1, "months", "1m", "1 month"),
        ("3m", 3, "months", "3m", "3 months"),
        ("39 weeks", 39, "weeks", "39w", "39 weeks"),
        (" 39W ", 39, "weeks", "39w", "39 weeks"),
        ("45days", 45, "days", "45d", "45 days"),
        ("1 d", 1, "days", "1d", "1 day"),
    ],
)
def test_horizon_is_read(text, count, unit, label, message):
    horizon = Horizon.parse(text)
    assert (horizon.count, horizon.unit, horizon.label, str(horizon)) == (count, unit, label, message)
    assert Horizon.parse(label) == Horizon.parse(message) == horizon


@pytest.mark.parametrize(("text", "result"), [("0 months", "0 months"), ("-91 days", "-91 days"), ("-3m", "-3 months")])
def test_horizon_must_be_positive(text, result):
    with pytest.raises(ClvError, match=rf"^horizon must be positive, got {result} \(window\.horizon\)$"):
        Horizon.parse(text)


@pytest.mark.parametrize("text", ["", "3", "months", "3.5 months", "1 year", "three months", "3 months 2 days", None])
def test_a_horizon_that_cannot_be_read_is_quoted(text):
    with pytest.raises(ClvError, match=re.escape(f"got '{text}' (window.horizon)")):
        Horizon.parse(text)


@pytest.mark.parametrize(
    ("day", "horizon", "times", "moved"),
    [
        (date(1998, 7, 1), "3 months", -1, date(1998, 4, 1)),
        (date(2023, 1, 31), "1 month", 1, date(2023, 2, 28)),
        (date(2024, 1, 31), "1 month", 1, date(2024, 2, 29)),
        (date(2023, 1, 31), "1 month", 2, date(2023, 3, 31)),  # counted from the day itself, not from 28 February
        (date(2024, 2, 29), "12 months", 1, date(2025, 2, 28)),
        (date(2024, 2, 29), "12 months", -4, date(2020, 2, 29)),
        (date(1998, 7, 1), "39 weeks", -1, date(1997, 10, 1)),
        (date(2024, 3, 1), "1 day", -1, date(2024, 2, 29)),
        (date(2023, 3, 1), "1 day", -1, date(2023, 2, 28)),
    ],
)
def test_shift_follows_the_calendar(day, horizon, times, moved):
    assert Horizon.parse(horizon).shift_day(day, times) == moved
