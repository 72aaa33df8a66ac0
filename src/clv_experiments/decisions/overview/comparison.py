"""A stretch of months against an earlier one, beside the ups and downs that the log shows anyway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.decisions.overview.months import YEAR, span
from clv_experiments.reporting.formatting import format_change as in_words
from clv_experiments.reporting.formatting import format_percent

USUAL = 2.0  # standard deviations of the months' own changes, on the log scale, that count as usual
LEAST_STEPS = 3  # changes that a standard deviation is taken of
LENGTHS = (1, 3, YEAR)  # months that are compared
LEAST_YEARLY = 6  # changes on the year before, from which on they say what is usual
MOST_ALIKE = 0.9  # autocorrelation of months, above which it is not believed

Verdict = Literal["higher", "lower", "usual", "unknown"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """One measure over a stretch of months and over an earlier stretch as long.

    Attributes
    ----------
    now, before : pandas.PeriodIndex
        Successive months.
    value, value_before : float
        Means a month.
    usual : tuple of two floats, or None
        Lowest and highest relative change that the usual ups and downs bring; None where the log is too short to tell.
    """

    now: pd.Index
    before: pd.Index
    value: float
    value_before: float
    usual: tuple[float, float] | None

    @property
    def change(self) -> float:
        """Relative change; nan where the earlier value is not positive."""
        return self.value / self.value_before - 1 if self.value_before > 0 else np.nan

    @property
    def verdict(self) -> Verdict:
        """Whether the change goes beyond the usual ups and downs, and in which direction."""
        if self.usual is None or np.isnan(self.change):
            return "unknown"
        low, high = self.usual
        return "higher" if self.change > high else "lower" if self.change < low else "usual"

    def sentence(self, what: str, write: Callable[[float], str], *, total: bool = True) -> str:
        """Say what changed, by how much, and whether that is more than usual.

        Parameters
        ----------
        what : str
            Begins the sentence, such as ``"Revenue"``.
        write : callable
            Writes a value.
        total : bool
            Whether values add up over the months; else the mean a month is told.
        """
        times = len(self.now) if total else 1
        each = "" if total or len(self.now) == 1 else " a month"
        value, before = write(self.value * times), write(self.value_before * times)
        told = f"{what} in {span(self.now)}: {value}{each}, {in_words(self.change)} on {span(self.before)} ({before})"
        if self.usual is None:
            return f"{told}; the log holds too few months to say what ups and downs are usual."
        if np.isnan(self.change):
            return f"{told}."
        bounds = " to ".join(format_percent(bound, sign=True) for bound in self.usual)
        if self.verdict == "usual":
            return f"{told}, within the usual ups and downs ({bounds})."
        return f"{told}, beyond the usual ups and downs ({bounds})."


def compare(series: pd.Series, length: int) -> Comparison | None:
    """Compare the last months with the same a year earlier, or with those right before where the log is too short.

    What is usual is read off the measure's own monthly changes on the log scale: on the same month a year earlier where
    that is compared and six such changes are there, else on the month before. Two standard deviations of them, divided
    by the root of ``length``, are usual if months vary around their level independently. They are widened by how alike
    successive months are, as the error of a mean is: by the root of (1 + r) / (1 - r), r their lag-1 autocorrelation.
    No more than if months kept all of what moved them: by the root of ``length`` beside changes on the year before, of
    the months between the two stretches beside changes on the month before.

    Parameters
    ----------
    series : pandas.Series
        Index of successive whole months, oldest first.
    length : int
        Months to compare.

    Returns
    -------
    Comparison or None
        None where the series is shorter than both stretches.
    """
    yearly = len(series) >= length + YEAR
    gap = YEAR if yearly else length
    if len(series) < length + gap:
        return None
    now = series.iloc[-length:]
    before = series.iloc[len(series) - gap - length : len(series) - gap]
    logs = pd.Series(np.log(series.astype(float).where(series > 0)), index=series.index)
    steps = logs.diff(YEAR).dropna() if yearly else pd.Series(dtype=float)
    on_year = len(steps) >= LEAST_YEARLY
    if not on_year:
        steps = logs.diff().dropna()
    usual = None
    if len(steps) >= LEAST_STEPS:
        alike = autocorrelation(steps, on_year=on_year)
        widened = min((1 + alike) / (1 - alike), length if on_year else gap)
        reach = USUAL * float(steps.std()) * np.sqrt(widened / length)
        usual = (float(np.expm1(-reach)), float(np.expm1(reach)))
    return Comparison(now.index, before.index, float(now.mean()), float(before.mean()), usual)


def autocorrelation(steps: pd.Series, *, on_year: bool) -> float:
    """Return how alike successive months are around their level, from their changes.

    Parameters
    ----------
    steps : pandas.Series
        On the log scale, oldest first.
    on_year : bool
        Whether changes are on the same month a year earlier, six or more; else they are on the month before.

    Returns
    -------
    float
        Lag-1 autocorrelation of the months, between 0 and 0.9.

    Notes
    -----
    Changes on the year before are as alike as months are; the lag-1 autocorrelation r of n of them is too low by about
    (1 + 4r) / n (Marriott and Pope 1954), which is put back. Changes on the month before have -(1 - r) / 2 where months
    have r.
    """
    off, rows = steps.to_numpy() - steps.mean(), len(steps)
    found = float(off[1:] @ off[:-1]) / max(float(off @ off), np.finfo(float).tiny)
    months = (rows * found + 1) / (rows - 4) if on_year else 1 + 2 * found
    return float(np.clip(months, 0.0, MOST_ALIKE))


def comparisons(series: pd.Series) -> list[Comparison]:
    """Compare the last whole month, quarter and year, as far as the series reaches; the longest comes last."""
    return [found for length in LENGTHS if (found := compare(series, length)) is not None]
