"""Which months of the year bring more revenue than others, where the log holds two years of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import f as fisher
from scipy.stats import t as student

from clv_experiments.decisions.overview.months import YEAR

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
