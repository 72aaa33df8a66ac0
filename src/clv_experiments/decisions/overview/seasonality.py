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
class Seasonality:
    """How months of the year, or days of the week, differ."""

    table: pd.DataFrame  # their names, values and bounds of 95 % intervals
    typical: float  # the value of each if all were alike
    strongest: list[Any]  # rows clearly above what is typical, the furthest first; none where all may be alike
    weakest: list[Any]
    cycles: int  # complete years or weeks
    p_value: float = np.nan  # of all being alike; nan where the intervals hold for all together


def month_effects(revenue: pd.Series) -> Seasonality | None:
    """Fit the logarithm of whole months' revenue by least squares on twelve months of the year and a straight line.

    Columns are ``month_of_year`` (name), ``effect``, ``lower_95``, ``upper_95``: relative to the mean month, such as
    0.2. None with less than two years, or where a month has no revenue.
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
    p_value = float(fisher.sf(explained / variance, YEAR - 1, freedom))
    columns = {"effect": effect, "lower_95": effect - half_width, "upper_95": effect + half_width}
    table = pd.DataFrame({"month_of_year": MONTHS, **{column: np.expm1(value) for column, value in columns.items()}})
    differing = table if p_value < 0.05 else table[:0]
    strongest = differing[differing["lower_95"] > 0].sort_values("effect", ascending=False)
    weakest = differing[differing["upper_95"] < 0].sort_values("effect")
    return Seasonality(table, 0.0, list(strongest.itertuples()), list(weakest.itertuples()), rows // YEAR, p_value)


def weekday_shares(daily: pd.DataFrame) -> Seasonality:
    """Divide the orders of ``data.queries.activity.daily_activity`` among the days of the week.

    Intervals are those of a ratio over weeks as they come, 95 % for all seven days together (Bonferroni). Columns are
    ``weekday`` (name), ``revenue``, ``orders``, ``order_share``, ``lower``, ``upper`` of whole weeks; of all days and
    without bounds where there are fewer than four whole weeks. A day without any order is closed: it is not among the
    weakest, and does not count for an even share.
    """
    first = int((pd.DatetimeIndex(daily.index).day_of_week == 0).argmax())
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
    table = table.reset_index(drop=True)
    even = 1.0 / int((table["orders"] > 0).sum())
    strongest = table[table["lower"] > even].sort_values("order_share", ascending=False)
    weakest = table[(table["upper"] < even) & (table["orders"] > 0)].sort_values("order_share")
    return Seasonality(table, even, list(strongest.itertuples()), list(weakest.itertuples()), weeks)
