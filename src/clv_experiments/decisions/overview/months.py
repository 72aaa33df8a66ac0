"""The months of a log: what each brought, which of them the log holds whole, and which customers were new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.data.window import DAY, Period

YEAR = 12
SETTLING = 3  # first months of a log, in which customers of old look new
CLEARLY = 0.6  # share of revenue from which on one group is said to carry the shop


@dataclass(frozen=True)
class RevenueSplit:
    """The revenue of successive months, that of customers in the month of their first purchase beside the whole."""

    months: pd.PeriodIndex
    revenue: float
    new_revenue: float
    new_customers: int

    @property
    def returning_share(self) -> float:
        """The part of returning customers; nan where there is no revenue."""
        return 1 - self.new_revenue / self.revenue if self.revenue > 0 else np.nan

    @property
    def carrier(self) -> Literal["new", "returning", "both", "nobody"]:
        """Which customers the shop lives on."""
        if np.isnan(self.returning_share):
            return "nobody"
        if 1 - CLEARLY < self.returning_share < CLEARLY:
            return "both"
        return "returning" if self.returning_share >= CLEARLY else "new"


@dataclass(frozen=True, eq=False)
class Months:
    """Every month that the log touches.

    The table has an index ``month`` (monthly periods, without gaps) and columns ``revenue``, ``new_revenue`` (of
    customers in the month of their first purchase), ``returning_revenue``, ``revenue_per_order`` (currency),
    ``customers``, ``new_customers``, ``orders``, ``days`` in the log (counts), ``returning_share``,
    ``on_month_before``, ``on_year_before`` (relative changes of revenue between whole months) and ``whole``: whether
    the log holds all days.
    """

    table: pd.DataFrame
    start: date
    end: date
    burn_in: int = SETTLING  # first months, in which customers of old look new

    @classmethod
    def from_cohorts(cls, cohorts: pd.DataFrame, start: date, end: date) -> Months:
        """Add up ``data.queries.activity.cohort_activity`` from the first to the last complete day of the log."""
        index = pd.period_range(start, end, freq="M", name="month")
        measures = ["revenue", "customers", "orders"]
        table = cohorts.groupby("month")[measures].sum().reindex(index, fill_value=0)
        new = cohorts[cohorts["cohort"] == cohorts["month"]].set_index("month")[measures].reindex(index, fill_value=0)
        every_day = pd.Series(1, pd.period_range(start, end, freq="D").asfreq("M"))
        days = every_day.groupby(level=0).sum()
        table = table.assign(new_revenue=new["revenue"], new_customers=new["customers"], days=days)
        table["whole"] = days == index.days_in_month
        revenue, comparable = table["revenue"], table["revenue"].where(table["whole"] & (table["revenue"] > 0))
        for column, length in (("on_month_before", 1), ("on_year_before", YEAR)):
            table[column] = comparable.pct_change(length, fill_method=None)
        table["revenue_per_order"] = revenue / table["orders"].where(table["orders"] > 0)
        table["returning_revenue"] = revenue - table["new_revenue"]
        table["returning_share"] = table["returning_revenue"] / revenue.where(revenue > 0)
        return cls(table, start, end)

    @property
    def whole(self) -> pd.DataFrame:
        """The months of which the log holds all days, oldest first."""
        return self.table[self.table["whole"]]

    @property
    def partial(self) -> pd.DataFrame:
        """The months at the ends of the log of which it holds some days only."""
        return self.table[~self.table["whole"]]

    @property
    def recent(self) -> pd.DataFrame:
        """The last twelve whole months or as many as there are; all there is where no month is whole."""
        return self.whole.tail(YEAR) if len(self.whole) else self.table

    @property
    def recent_days(self) -> Period:
        """The days of ``recent``."""
        if self.whole.empty:
            return Period(self.start - DAY, self.end)
        index = self.recent.index
        return Period(index[0].start_time.date() - DAY, index[-1].end_time.date())

    def is_mature(self, months: pd.Index) -> np.ndarray:
        """Return for each month whether the log is old enough by then to tell new customers from old ones."""
        return np.asarray(months > self.table.index[0] + self.burn_in - 1)

    @property
    def mature(self) -> pd.DataFrame:
        """The whole months by which the log is old enough to tell new customers from old ones."""
        return self.whole[self.is_mature(self.whole.index)]

    @property
    def revenue_split(self) -> RevenueSplit:
        """The split of the recent months' revenue, without the first months of the log as long as others remain."""
        mature = self.recent[self.is_mature(self.recent.index)]
        months = mature if len(mature) else self.recent
        return RevenueSplit(
            pd.PeriodIndex(months.index), float(months["revenue"].sum()), float(months["new_revenue"].sum()),
            int(months["new_customers"].sum()),
        )  # fmt: skip
