"""The months of a log: what each brought, against earlier ones, by customers old and new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from clv_experiments.data.window import DAY, Period

YEAR = 12
LENGTHS = (1, 3, YEAR)  # months that are compared
BURN_IN = 3  # first months of a log, in which customers of old look new


@dataclass(frozen=True, eq=False)
class RevenueComparison:
    """The revenue of successive months and of as many earlier ones, in currency."""

    months: pd.PeriodIndex
    earlier_months: pd.PeriodIndex
    revenue: float
    earlier_revenue: float

    @property
    def change(self) -> float:
        """Relative change; nan where the earlier revenue is not positive."""
        return self.revenue / self.earlier_revenue - 1 if self.earlier_revenue > 0 else np.nan


def compare_revenue(revenue: pd.Series, length: int) -> RevenueComparison | None:
    """Compare the last months with the same a year earlier, or with those right before where the log is too short.

    ``revenue`` holds successive whole months, oldest first; None where there are too few.
    """
    gap = YEAR if len(revenue) >= length + YEAR else length
    if len(revenue) < length + gap:
        return None
    last, earlier = revenue.iloc[-length:], revenue.iloc[len(revenue) - gap - length : len(revenue) - gap]
    months, earlier_months = pd.PeriodIndex(last.index), pd.PeriodIndex(earlier.index)
    return RevenueComparison(months, earlier_months, float(last.sum()), float(earlier.sum()))


def compare_month_quarter_and_year(revenue: pd.Series) -> list[RevenueComparison]:
    """Compare the last whole month, quarter and year, as far as the months reach; the longest comes last."""
    return [comparison for length in LENGTHS if (comparison := compare_revenue(revenue, length)) is not None]


@dataclass(frozen=True, eq=False)
class MonthlyActivity:
    """Every month that the log touches.

    The table has an index ``month`` (monthly periods, without gaps) and columns ``revenue``, ``new_revenue`` (of
    customers in the month of their first purchase), ``returning_revenue``, ``revenue_per_order`` (currency),
    ``customers``, ``new_customers``, ``orders``, ``days`` in the log (counts), ``on_month_before``, ``on_year_before``
    (relative changes of revenue between whole months) and ``whole``: whether the log holds all days.
    """

    table: pd.DataFrame
    start: date
    end: date
    burn_in: int = BURN_IN  # first months, in which customers of old look new

    @classmethod
    def from_cohorts(cls, cohorts: pd.DataFrame, start: date, end: date) -> MonthlyActivity:
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

    def is_after_burn_in(self, months: pd.Index) -> np.ndarray:
        """Return for each month whether the log is old enough by then to tell new customers from old ones."""
        return np.asarray(months > self.table.index[0] + self.burn_in - 1)

    @property
    def recent_after_burn_in(self) -> pd.DataFrame:
        """The recent months without the first ones of the log, as long as others remain."""
        after_burn_in = self.recent[self.is_after_burn_in(self.recent.index)]
        return after_burn_in if len(after_burn_in) else self.recent
