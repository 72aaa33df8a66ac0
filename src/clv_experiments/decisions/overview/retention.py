"""Do customers come back: the share of each monthly cohort that buys again in the months after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import t as student

from clv_experiments.decisions.overview.months import YEAR, MonthlyActivity
from clv_experiments.evaluation.confidence_intervals import Estimate

EARLY = [1, 2, 3]  # months after the first by which cohorts are compared
MIN_COHORTS = 3  # on either side of a comparison


@dataclass(frozen=True)
class RetentionLevel:
    """The share of customers who bought some months after the first, over the cohorts of which that is known."""

    months_later: int
    share: float
    customers: int


@dataclass(frozen=True, eq=False)
class Retention:
    """What part of each cohort bought in the months after its first.

    The table has one row a ``cohort`` (monthly periods, without empty ones), a column ``customers`` (count) and columns
    1 to 12 (months after the first; shares, nan where the log does not hold the whole month).
    """

    table: pd.DataFrame
    is_after_burn_in: np.ndarray  # by cohort, whether its customers are surely new

    @classmethod
    def from_cohorts(cls, cohorts: pd.DataFrame, months: MonthlyActivity) -> Retention:
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
        return (
            self.table.index[~self.is_after_burn_in][-1]
            if self.is_after_burn_in.any() and not self.is_after_burn_in.all()
            else None
        )

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
        return retention_trend(self.table[self.is_after_burn_in])

    @property
    def direction(self) -> Literal["improving", "worsening", "steady", "unknown"]:
        """Which way retention goes: steady where the interval of the trend covers zero, unknown without a trend."""
        trend = self.trend
        if trend is None:
            return "unknown"
        if not trend.is_significant:
            return "steady"
        return "improving" if trend.value > 0 else "worsening"


def retention_trend(cohorts: pd.DataFrame) -> Estimate | None:
    """Set the later half of the cohorts against the earlier, by the mean share that buys in the first three months.

    Cohorts, oldest first, count alike, so that the interval is of the ups and downs from cohort to cohort (Welch's t,
    95 %). None with fewer than three cohorts on either side.
    """
    early = cohorts[EARLY].dropna().mean(axis=1).to_numpy()
    half = len(early) // 2
    if half < MIN_COHORTS:
        return None
    before, after = early[:half], early[half:]
    variances = np.array([before.var(ddof=1) / len(before), after.var(ddof=1) / len(after)])
    difference, variance = float(after.mean() - before.mean()), float(variances.sum())
    half_width = 0.0
    if variance > 0:
        freedom = variance**2 / (variances**2 / [len(before) - 1, len(after) - 1]).sum()
        half_width = float(student.ppf(0.975, freedom) * np.sqrt(variance))
    return Estimate(difference, difference - half_width, difference + half_width)
