"""The months of a log: what each brought, by customers old and new, and which part of its new ones bought again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import t as student

from clv_experiments.data.horizon import DAY, Period
from clv_experiments.evaluation.confidence_intervals import Estimate

YEAR = 12
LENGTHS = (1, 3, YEAR)  # months that are compared
BURN_IN = 3  # first months of a log, in which customers of old look new
EARLY = [1, 2, 3]  # months after the first by which cohorts are compared
MIN_COHORTS_PER_HALF = 3  # on either side of a comparison


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


def compare_revenue_with_year_ago(revenue: pd.Series, length: int) -> RevenueComparison | None:
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
    return [
        comparison for length in LENGTHS if (comparison := compare_revenue_with_year_ago(revenue, length)) is not None
    ]


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
        days = pd.period_range(start, end, freq="D").asfreq("M").value_counts(sort=False)
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


@dataclass(frozen=True)
class RetentionLevel:
    """The share of customers who bought some months after the first, over the cohorts of which that is known."""

    months_later: int
    share: float
    customers: int


@dataclass(frozen=True, eq=False)
class CohortRetention:
    """What part of each cohort bought in the months after its first.

    The table has one row a ``cohort`` (monthly periods, without empty ones), a column ``customers`` (count) and columns
    1 to 12 (months after the first; shares, nan where the log does not hold the whole month).
    """

    table: pd.DataFrame
    is_after_burn_in: np.ndarray  # by cohort, whether its customers are surely new

    @classmethod
    def from_cohorts(cls, cohorts: pd.DataFrame, months: MonthlyActivity) -> CohortRetention:
        """Divide the counts of ``data.queries.activity.cohort_activity``."""
        later = (cohorts["month"].dt.year - cohorts["cohort"].dt.year) * YEAR
        later += cohorts["month"].dt.month - cohorts["cohort"].dt.month
        counts = cohorts.assign(later=later).pivot_table("customers", index="cohort", columns="later", fill_value=0)
        counts = counts.reindex(columns=range(YEAR + 1), fill_value=0)
        table = pd.DataFrame({"customers": counts[0].astype("int64")})
        for month in range(1, YEAR + 1):
            in_log = np.isin(counts.index + month, months.whole.index)
            table[month] = (counts[month] / counts[0]).where(in_log)
        return cls(table, months.is_after_burn_in(table.index))

    @property
    def last_burn_in_cohort(self) -> pd.Period | None:
        """The last cohort that may hold customers from before the log; None where no other remains or there is none."""
        if self.is_after_burn_in.all() or not self.is_after_burn_in.any():
            return None
        return self.table.index[~self.is_after_burn_in][-1]

    @property
    def levels(self) -> list[RetentionLevel]:
        """Retention 1, 3 and 12 months later, as far as known: of cohorts after the burn-in where they tell any."""
        after_burn_in = self.table[self.is_after_burn_in]
        cohorts = after_burn_in if after_burn_in[1].notna().any() else self.table
        levels = []
        for later in (1, 3, YEAR):
            complete = cohorts[cohorts[later].notna()]
            if len(complete):
                share = float(np.average(complete[later], weights=complete["customers"]))
                levels.append(RetentionLevel(later, share, int(complete["customers"].sum())))
        return levels

    @property
    def trend(self) -> Estimate | None:
        """By what share more of the later half of the cohorts after the burn-in than of the earlier buy again."""
        return retention_change_between_halves(self.table[self.is_after_burn_in])

    @property
    def direction(self) -> Literal["improving", "worsening", "steady", "unknown"]:
        """Which way retention goes: steady where the interval of the trend covers zero, unknown without a trend."""
        trend = self.trend
        if trend is None:
            return "unknown"
        if not trend.is_significant:
            return "steady"
        return "improving" if trend.value > 0 else "worsening"


def retention_change_between_halves(cohorts: pd.DataFrame) -> Estimate | None:
    """Set the later half of the cohorts against the earlier, by the mean share that buys in the first three months.

    Cohorts, oldest first, count alike, so that the interval is of the ups and downs from cohort to cohort (Welch's t,
    95 %). None with fewer than three cohorts on either side.
    """
    early = cohorts[EARLY].dropna().mean(axis=1).to_numpy()
    half = len(early) // 2
    if half < MIN_COHORTS_PER_HALF:
        return None
    before, after = early[:half], early[half:]
    variances = np.array([before.var(ddof=1) / len(before), after.var(ddof=1) / len(after)])
    difference, variance = float(after.mean() - before.mean()), float(variances.sum())
    half_width = 0.0
    if variance > 0:
        freedom = variance**2 / (variances**2 / [len(before) - 1, len(after) - 1]).sum()
        half_width = float(student.ppf(0.975, freedom) * np.sqrt(variance))
    return Estimate(difference, difference - half_width, difference + half_width)
