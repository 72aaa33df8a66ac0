"""What each cohort bought in each month up to a cutoff, and how old it will be in the months after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis
import numpy as np
import pandas as pd

from clv_experiments.data.log import TransactionLog

# A month here is a twelfth of 365.25 days, that is 1461 / 48, counted from the first day after the cutoff: month -1
# ends with the cutoff, month 0 follows it, and months twelve apart cover the same days of the year, give or take one.
NUMERATOR, DENOMINATOR = 1461, 48
DAYS_A_MONTH = NUMERATOR / DENOMINATOR
SUM_COLUMNS = ["purchase_days", "spend"]


@dataclass(frozen=True)
class CohortMonthRepeatSums:
    """Repeat purchases of all customers known at a cutoff, by cohort (the month of the first purchase day) and month.

    Attributes
    ----------
    past : pandas.DataFrame
        One row for each cohort and each month from its own to -1, sorted by both: ``cohort`` and ``month`` (whole,
        negative), ``customers`` (count), ``from_age`` and ``to_age`` (mean days since the first purchase day at the
        month's start and end; 0 at the start of the cohort's own month), ``purchase_days`` (count) and ``spend``
        (currency). First purchase days are entries, and in neither sum.
    cohorts : pandas.DataFrame
        Index ``cohort``; ``customers`` (count) and ``age`` (mean days since the first purchase day at the cutoff).
    """

    past: pd.DataFrame
    cohorts: pd.DataFrame

    def build_future_months(self, days: int) -> pd.DataFrame:
        """List the cohorts in the months after the cutoff, of which the last may be cut short.

        Parameters
        ----------
        days : int
            Length of the future, from the first day after the cutoff.

        Returns
        -------
        pandas.DataFrame
            The columns of ``past`` but the sums; ``month`` is 0 and later.
        """
        last = (days - 1) * DENOMINATOR // NUMERATOR
        grid = _build_cohort_month_grid(self.cohorts, {cohort: range(last + 1) for cohort in self.cohorts.index})
        return grid.assign(to_age=np.minimum(grid["to_age"], grid["cohort"].map(self.cohorts["age"]) + days))


def sum_repeat_purchases_by_cohort_month(log: TransactionLog, cutoff: date) -> CohortMonthRepeatSums:
    """Sum the repeat purchases up to the cutoff by cohort and month; later ones are never read."""
    t = log.purchase_days.filter(log.purchase_days.date <= ibis.literal(cutoff))
    t = t.mutate(first_day=t.date.min().over(group_by=t.customer_id))
    t = t.mutate(age=_days_before(t.first_day, cutoff), is_first=t.date == t.first_day)
    table = t.group_by(
        cohort=_month_before_cutoff(t.first_day, cutoff), month=_month_before_cutoff(t.date, cutoff)
    ).agg(
        customers=t.is_first.sum().cast("int64"),
        age=t.age.sum(where=t.is_first).fill_null(0).cast("float64"),
        purchase_days=(~t.is_first).sum().cast("int64"),
        spend=t.amount.sum(where=~t.is_first).fill_null(0).cast("float64"),
    )
    sums = table.to_pyarrow().to_pandas()
    sums[["cohort", "month"]] *= -1
    entries = sums[sums["customers"] > 0].set_index("cohort").sort_index()
    cohorts = entries[["customers"]].assign(age=entries["age"] / entries["customers"])
    grid = _build_cohort_month_grid(cohorts, {cohort: range(cohort, 0) for cohort in cohorts.index})
    past = grid.merge(sums[["cohort", "month", *SUM_COLUMNS]], on=["cohort", "month"], how="left")
    return CohortMonthRepeatSums(past.fillna(dict.fromkeys(SUM_COLUMNS, 0.0)), cohorts)


def _build_cohort_month_grid(cohorts: pd.DataFrame, months: dict[int, range]) -> pd.DataFrame:
    """List each cohort's months with its customers and how old they are at the start and the end of the month."""
    grid = pd.DataFrame([(c, m) for c in months for m in months[c]], columns=["cohort", "month"], dtype="int64")
    of_cohort = cohorts.loc[grid["cohort"]].reset_index(drop=True)
    start, end = (of_cohort["age"] + _days_from_cutoff_to_month(grid["month"] + later) for later in (0, 1))
    in_own_month = grid["month"] == grid["cohort"]
    return grid.assign(customers=of_cohort["customers"], from_age=start.where(~in_own_month, 0.0), to_age=end)


def _days_before(day: ibis.expr.types.DateValue, cutoff: date) -> ibis.expr.types.IntegerValue:
    return ibis.literal(cutoff).delta(day, unit="day").cast("int64")


def _month_before_cutoff(day: ibis.expr.types.DateValue, cutoff: date) -> ibis.expr.types.IntegerValue:
    """Count the months back from 1, which ends with the cutoff; in whole numbers, which every engine divides alike."""
    return (((_days_before(day, cutoff) + 1) * DENOMINATOR + NUMERATOR - 1) // NUMERATOR).cast("int64")


def _days_from_cutoff_to_month(month: pd.Series) -> pd.Series:
    """Count the days from the first after the cutoff to the first of each month."""
    return -(-month * NUMERATOR // DENOMINATOR)
