"""The months of a log, which of them are whole, and the stretch of them that stands for how the shop does now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from clv_experiments.data.window import DAY, Period
from clv_experiments.reporting.formatting import format_count

YEAR = 12
SETTLING = 3  # first months of a log, in which customers of old look new


@dataclass(frozen=True, eq=False)
class Months:
    """Every month that the log touches.

    Attributes
    ----------
    table : pandas.DataFrame
        Index ``month`` (monthly periods, without gaps), columns ``revenue``, ``new_revenue`` (currency; that of
        customers in the month of their first purchase), ``customers``, ``new_customers``, ``orders`` (counts) and
        ``whole``: whether the log holds all its days.
    start, end : date
        First and last day that counts.
    """

    table: pd.DataFrame
    start: date
    end: date

    @classmethod
    def of(cls, cohorts: pd.DataFrame, start: date, end: date) -> Months:
        """Add cohorts up.

        Parameters
        ----------
        cohorts : pandas.DataFrame
            From ``data.activity.cohort_activity``.
        start, end : date
            First and last complete day of the log.
        """
        every = pd.period_range(start, end, freq="M", name="month")
        measures = ["revenue", "customers", "orders"]
        table = cohorts.groupby("month")[measures].sum().reindex(every, fill_value=0)
        new = cohorts[cohorts["cohort"] == cohorts["month"]].set_index("month")[measures].reindex(every, fill_value=0)
        table = table.assign(new_revenue=new["revenue"], new_customers=new["customers"])
        whole = (every.start_time >= pd.Timestamp(start)) & (every.end_time.normalize() <= pd.Timestamp(end))
        return cls(table.assign(whole=whole), start, end)

    @property
    def whole(self) -> pd.DataFrame:
        """The months of which the log holds all days, oldest first."""
        return self.table[self.table["whole"]]

    @property
    def recent(self) -> pd.DataFrame:
        """The last twelve whole months or as many as there are; all there is where no month is whole."""
        return self.whole.tail(YEAR) if len(self.whole) else self.table

    @property
    def recent_period(self) -> Period:
        """The days of ``recent``."""
        if self.whole.empty:
            return Period(self.start - DAY, self.end)
        index = self.recent.index
        return Period(index[0].start_time.date() - DAY, index[-1].end_time.date())

    @property
    def recent_name(self) -> str:
        """``recent`` in words."""
        days = format_count(self.recent_period.days, "day").removeprefix("1 ")
        return span(self.recent.index) if len(self.whole) else f"the {days} recorded"

    def is_settled(self, months: pd.Index) -> pd.Series:
        """Say of each month whether the log is old enough by then to tell new customers from old ones."""
        return pd.Series(months > self.table.index[0] + SETTLING - 1, index=months)

    def unfinished(self) -> list[str]:
        """Say which months at the ends of the log are left out of comparisons, and why."""
        cut = self.table.index[~self.table["whole"]]
        sentences = []
        for month in cut:
            first, last = max(month.start_time.date(), self.start), min(month.end_time.date(), self.end)
            days = (last - first).days + 1
            sentences.append(
                f"{name(month)} is in the log with {days} of its {format_count(month.days_in_month, 'day')} "
                "and is left out of comparisons."
            )
        return sentences


def name(month: pd.Period) -> str:
    """Write a month.

    Examples
    --------
    >>> name(pd.Period("2011-11"))
    'November 2011'
    """
    return str(month.strftime("%B %Y"))


def span(months: pd.Index) -> str:
    """Write successive months.

    Examples
    --------
    >>> span(pd.period_range("2011-09", "2011-11", freq="M")), span(pd.period_range("2011-11", "2011-11", freq="M"))
    ('the 3 months to November 2011', 'November 2011')
    """
    return name(months[-1]) if len(months) == 1 else f"the {len(months)} months to {name(months[-1])}"
