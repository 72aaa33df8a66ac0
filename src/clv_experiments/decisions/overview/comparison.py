"""Successive months against earlier ones, beside the ups and downs that the log shows anyway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import f as fisher
from scipy.stats import t as student

from clv_experiments.decisions.overview.months import YEAR

LENGTHS = (1, 3, YEAR)  # months that are compared
USUAL_DEVIATIONS = 2.0  # standard deviations of the months' own changes, on the log scale, that count as usual
MIN_CHANGES = 3  # that a standard deviation is taken of
MIN_YEARLY_CHANGES = 6  # on the year before, from which on they say what is usual
MAX_AUTOCORRELATION = 0.9  # of months, above which it is not believed


@dataclass(frozen=True, eq=False)
class Comparison:
    """The monthly mean of a measure over successive months and over as many earlier ones."""

    months: pd.PeriodIndex
    earlier_months: pd.PeriodIndex
    mean: float
    earlier_mean: float
    usual_low: float  # relative changes that the usual ups and downs bring; nan where the log is too short to tell
    usual_high: float

    @property
    def change(self) -> float:
        """Relative change; nan where the earlier value is not positive."""
        return self.mean / self.earlier_mean - 1 if self.earlier_mean > 0 else np.nan

    @property
    def direction(self) -> Literal["higher", "lower", "usual", "unknown", "incomparable"]:
        """Whether the change goes beyond the usual ups and downs, and which way."""
        if np.isnan(self.usual_high) or np.isnan(self.change):
            return "unknown" if np.isnan(self.usual_high) else "incomparable"
        return "higher" if self.change > self.usual_high else "lower" if self.change < self.usual_low else "usual"


def compare(series: pd.Series, length: int) -> Comparison | None:
    """Compare the last months with the same a year earlier, or with those right before where the log is too short.

    Two standard deviations of the measure's own changes on the log scale are usual: on the same month a year earlier
    where that is compared and six such changes are there, else on the month before. Means of ``length`` months vary
    less, by its root if months are independent, and more by the root of (1 + r) / (1 - r), r their lag-1
    autocorrelation: at most as if a month kept all that moved the one before.

    The series holds successive whole months, oldest first; None where it is too short.
    """
    yearly = len(series) >= length + YEAR
    gap = YEAR if yearly else length
    if len(series) < length + gap:
        return None
    last, earlier = series.iloc[-length:], series.iloc[len(series) - gap - length : len(series) - gap]
    logs = series.astype(float).where(series > 0).map(np.log)
    changes = logs.diff(YEAR).dropna() if yearly else pd.Series(dtype=float)
    on_year = len(changes) >= MIN_YEARLY_CHANGES
    if not on_year:
        changes = logs.diff().dropna()
    half_width = np.nan
    if len(changes) >= MIN_CHANGES:
        r = autocorrelation(changes, on_year=on_year)
        inflation = min((1 + r) / (1 - r), length if on_year else gap)
        half_width = USUAL_DEVIATIONS * float(changes.std()) * np.sqrt(inflation / length)
    months, earlier_months = pd.PeriodIndex(last.index), pd.PeriodIndex(earlier.index)
    usual_low, usual_high = np.expm1([-half_width, half_width]).tolist()
    return Comparison(months, earlier_months, float(last.mean()), float(earlier.mean()), usual_low, usual_high)


def autocorrelation(changes: pd.Series, *, on_year: bool) -> float:
    """Estimate the lag-1 autocorrelation of months around their level from their changes on the log scale.

    Changes on the same month a year earlier, six or more, are as alike as months are; the lag-1 autocorrelation r of n
    of them is too low by about (1 + 4r) / n (Marriott and Pope 1954), which is put back. Changes on the month before
    have -(1 - r) / 2 where months have r. The estimate is kept between 0 and 0.9.
    """
    residuals, rows = changes.to_numpy() - changes.mean(), len(changes)
    lag_1 = float(residuals[1:] @ residuals[:-1]) / max(float(residuals @ residuals), np.finfo(float).tiny)
    months = (rows * lag_1 + 1) / (rows - 4) if on_year else 1 + 2 * lag_1
    return float(np.clip(months, 0.0, MAX_AUTOCORRELATION))


def comparisons(series: pd.Series) -> list[Comparison]:
    """Compare the last whole month, quarter and year, as far as the series reaches; the longest comes last."""
    return [comparison for length in LENGTHS if (comparison := compare(series, length)) is not None]


@dataclass(frozen=True, eq=False)
class Decomposition:
    """A change of revenue as the product of relative changes in the number of orders and in revenue per order."""

    revenue: Comparison
    orders: float
    order_value: float

    @property
    def source(self) -> Literal["orders", "order_value", "both"]:
        """Which of the two makes more than two thirds of the change, on the log scale."""
        share = np.log1p(self.orders) / np.log1p(self.revenue.change)
        return "both" if 1 / 3 <= share <= 2 / 3 else "orders" if share > 0.5 else "order_value"


def decompose_revenue(whole: pd.DataFrame) -> Decomposition | None:
    """Decompose the longest change of ``revenue`` in whole months that is beyond the usual; None where none is."""
    unusual = [c for c in comparisons(whole["revenue"]) if c.direction in ("higher", "lower")]
    if not unusual or unusual[-1].mean <= 0:
        return None
    revenue, orders = unusual[-1], whole["orders"]
    change = float(orders[revenue.months].sum() / orders[revenue.earlier_months].sum() - 1)
    return Decomposition(revenue, change, (1 + revenue.change) / (1 + change) - 1)


MIN_MONTHS = 2 * YEAR
MONTHS = [pd.Timestamp(2000, month, 1).strftime("%B") for month in range(1, YEAR + 1)]


@dataclass(frozen=True, eq=False)
class Seasonality:
    """How the months of the year differ."""

    table: pd.DataFrame  # from month_effects
    strongest: list[Any]  # rows clearly above the mean month, the furthest first; none where all may be alike
    weakest: list[Any]
    years: int  # complete ones
    p_value: float  # of months that are all alike


def month_effects(revenue: pd.Series) -> Seasonality | None:
    """Fit the logarithm of whole months' revenue by least squares on twelve months of the year and a straight line.

    The table has ``month_of_year`` (name), ``effect``, ``lower_95``, ``upper_95``: relative to the mean month, such as
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
    return Seasonality(table, list(strongest.itertuples()), list(weakest.itertuples()), rows // YEAR, p_value)
