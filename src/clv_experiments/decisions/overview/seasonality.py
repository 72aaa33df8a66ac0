"""When customers buy: the months of the year, where the log holds two years of them, and the days of the week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import f as fisher
from scipy.stats import t as student

from clv_experiments.decisions.overview.months import YEAR

MIN_MONTHS = 2 * YEAR
MIN_WEEKS = 4
MONTHS = [pd.Timestamp(2000, month, 1).strftime("%B") for month in range(1, YEAR + 1)]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@dataclass(frozen=True, eq=False)
class MonthEffects:
    """What the month of the year makes of revenue, a steady growth removed.

    Attributes
    ----------
    table : pandas.DataFrame
        ``month_of_year`` (name), ``effect``, ``lower_95``, ``upper_95``: relative to the mean month, such as 0.2.
    p_value : float
        Of months that are all alike.
    years : int
        Complete ones.
    """

    table: pd.DataFrame
    p_value: float
    years: int

    @property
    def strongest(self) -> list[Any]:
        """Up to two months clearly above the mean, none where months may all be alike."""
        return self._clear(self.table[self.table["lower_95"] > 0].sort_values("effect", ascending=False))

    @property
    def weakest(self) -> list[Any]:
        """Up to two months clearly below the mean, none where months may all be alike."""
        return self._clear(self.table[self.table["upper_95"] < 0].sort_values("effect"))

    def _clear(self, months: pd.DataFrame) -> list[Any]:
        return list(months.head(2).itertuples()) if self.p_value < 0.05 else []


def month_effects(revenue: pd.Series) -> MonthEffects | None:
    """Fit the logarithm of monthly revenue by least squares on twelve months of the year and a straight line.

    Parameters
    ----------
    revenue : pandas.Series
        Of successive whole months.

    Returns
    -------
    MonthEffects or None
        None with less than two years, or where a month has no revenue.
    """
    rows = len(revenue)
    if rows < MIN_MONTHS or not (revenue > 0).all():
        return None
    y, line = np.log(revenue.to_numpy(dtype=float)), np.arange(rows) - (rows - 1) / 2
    design = np.column_stack([np.eye(YEAR)[pd.PeriodIndex(revenue.index).month - 1], line])
    bread = np.linalg.inv(design.T @ design)
    coefficients = bread @ (design.T @ y)
    freedom = rows - YEAR - 1
    variance = float(((y - design @ coefficients) ** 2).sum()) / freedom
    line_only = np.column_stack([np.ones(rows), line])
    residuals = y - line_only @ np.linalg.lstsq(line_only, y, rcond=None)[0]
    contrast = np.eye(YEAR, YEAR + 1) - np.append(np.full(YEAR, 1 / YEAR), 0.0)
    effect = contrast @ coefficients
    variance = max(variance, 1e-20)  # months that repeat to the last penny leave none
    half_width = student.ppf(0.975, freedom) * np.sqrt(variance * np.diag(contrast @ bread @ contrast.T))
    explained = max(float((residuals**2).sum()) - variance * freedom, 0.0) / (YEAR - 1)
    columns = {"effect": effect, "lower_95": effect - half_width, "upper_95": effect + half_width}
    table = pd.DataFrame({"month_of_year": MONTHS, **{column: np.expm1(value) for column, value in columns.items()}})
    return MonthEffects(table, float(fisher.sf(explained / variance, YEAR - 1, freedom)), rows // YEAR)


@dataclass(frozen=True, eq=False)
class WeekdayShares:
    """How orders are spread over the days of the week.

    Attributes
    ----------
    table : pandas.DataFrame
        ``weekday`` (name), ``revenue``, ``orders``, ``order_share``, ``lower``, ``upper`` of whole weeks; of all days
        and without bounds where there are fewer than four whole weeks.
    weeks : int
        Whole ones.
    """

    table: pd.DataFrame
    weeks: int

    @property
    def is_known(self) -> bool:
        """Whether there are weeks enough to tell strong days from weak ones."""
        return self.weeks >= MIN_WEEKS

    @property
    def even_share(self) -> float:
        """The share that each day would have if all with any order were alike."""
        return 1.0 / int((self.table["orders"] > 0).sum())

    @property
    def strongest(self) -> Any | None:
        """The day with the highest share of those clearly above an even one."""
        above = self.table[self.table["lower"] > self.even_share].sort_values("order_share", ascending=False)
        return next(above.itertuples(), None)

    @property
    def weakest(self) -> Any | None:
        """The day with the lowest share of those clearly below an even one, among days with any order."""
        below = self.table[(self.table["upper"] < self.even_share) & (self.table["orders"] > 0)]
        return next(below.sort_values("order_share").itertuples(), None)

    @property
    def without_orders(self) -> list[str]:
        """Days on which nobody ever ordered."""
        return list(self.table.loc[self.table["orders"] == 0, "weekday"])


def weekday_shares(daily: pd.DataFrame) -> WeekdayShares:
    """Divide the orders of ``data.queries.activity.daily_activity`` among the days of the week.

    Intervals are those of a ratio over weeks as they come, 95 % for all seven days together (Bonferroni).
    """
    weekday = pd.DatetimeIndex(daily.index).day_of_week
    first = int((weekday == 0).argmax())
    weeks = (len(daily) - first) // 7
    days = daily.iloc[first : first + 7 * weeks] if weeks >= MIN_WEEKS else daily
    table = days.groupby(pd.DatetimeIndex(days.index).day_of_week)[["revenue", "orders"]].sum()
    table = table.reindex(range(7), fill_value=0)
    total = float(table["orders"].sum())
    table = table.assign(order_share=table["orders"] / total, lower=np.nan, upper=np.nan)
    if weeks >= MIN_WEEKS:
        counts = days["orders"].to_numpy(dtype=float).reshape(weeks, 7)
        residuals = counts - counts.sum(axis=1, keepdims=True) * table["order_share"].to_numpy()
        error = np.sqrt((residuals**2).sum(axis=0) * weeks / (weeks - 1)) / total
        half_width = student.ppf(1 - 0.025 / 7, weeks - 1) * error
        table["lower"] = (table["order_share"] - half_width).clip(lower=0.0)
        table["upper"] = (table["order_share"] + half_width).clip(upper=1.0)
    table.insert(0, "weekday", WEEKDAYS)
    return WeekdayShares(table.reset_index(drop=True), weeks)
