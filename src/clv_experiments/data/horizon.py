"""Lengths in calendar units, and the periods of whole days that they make."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from clv_experiments.errors import ClvError

DAY = timedelta(days=1)
UNITS = ("days", "weeks", "months")


@dataclass(frozen=True)
class Horizon:
    """Length of what is predicted, in calendar units: ``Horizon.parse("3 months")``.

    Examples
    --------
    >>> Horizon.parse("3 months").shift_day(date(1998, 7, 1), -1)
    datetime.date(1998, 4, 1)
    >>> Horizon.parse("39 weeks").label
    '39w'
    """

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Horizon:
        """Parse ``"3 months"``, ``"39 weeks"``, ``"45 days"`` or the short ``"3m"``, ``"39w"``, ``"45d"``.

        Raises
        ------
        ClvError
            If the text is no such length, or it is not positive.
        """
        match = re.fullmatch(r"\s*(-?\d+)\s*([a-z]+)\s*", str(text).lower())
        unit = next((u for u in UNITS if match and match[2] in (u, u[:-1], u[0])), None)
        if match is None or unit is None:
            raise ClvError(f"horizon must read like '3 months', '39 weeks' or '45 days', got '{text}' (window.horizon)")
        if int(match[1]) <= 0:
            raise ClvError(f"horizon must be positive, got {match[1]} {unit} (window.horizon)")
        return cls(int(match[1]), unit)

    def shift_day(self, day: date, times: int) -> date:
        """Move a day by whole horizons; months keep the day of the month, or take the last day of a shorter month.

        Raises
        ------
        ClvError
            If the result lies outside the calendar, which starts in the year 1.
        """
        try:
            return day + relativedelta(**{self.unit: self.count * times})
        except (ValueError, OverflowError):
            raise ClvError(
                f"a horizon of {self}, taken {abs(times)} time(s) from {day}, leaves the calendar; type a shorter "
                "window.horizon or fewer window.origins"
            ) from None

    def period_after(self, cutoff: date) -> Period:
        """Return the period after a cutoff: 12 months after 2010-12-31 are 365 days, a year later 366."""
        return Period(cutoff, self.shift_day(cutoff + DAY, 1) - DAY)

    @property
    def label(self) -> str:
        """The short form that names windows and experiments: ``3m``, ``39w``, ``45d``."""
        return f"{self.count}{self.unit[0]}"

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count > 1 else self.unit[:-1]}"


@dataclass(frozen=True)
class Period:
    """Whole days (cutoff, end]: days up to ``cutoff`` are known, later ones up to ``end`` are predicted."""

    cutoff: date
    end: date

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.cutoff).days

    def __str__(self) -> str:
        return f"{self.cutoff + DAY} to {self.end}"
