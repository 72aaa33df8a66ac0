"""How the business is doing, from the log alone: what a report says of it, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.data.horizon import DAY, Period
from clv_experiments.data.log import TransactionLog
from clv_experiments.data.queries.activity import cohort_activity, country_activity, daily_totals, spend_by_customer
from clv_experiments.decisions.overview.months import (
    YEAR,
    CohortRetention,
    MonthlyActivity,
    RevenueComparison,
    compare_month_quarter_and_year,
)
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.array_checks import Floats

MIN_CUSTOMERS = 10  # below which tenths say nothing
DOMINANT = 0.05  # share of one customer that is worth a word
NO_COUNTRY = "no country given"


@dataclass(frozen=True, eq=False)
class RevenueConcentration:
    """How revenue is spread over customers; spend below zero counts as none."""

    spend: Floats  # one a customer, in currency, ascending

    @classmethod
    def from_spend(cls, spend: pd.Series) -> RevenueConcentration | None:
        """Measure one value a customer; None where nobody spent anything."""
        ordered = np.sort(np.maximum(spend.to_numpy(dtype=float), 0.0))
        return cls(ordered) if ordered.sum() > 0 else None

    @property
    def count(self) -> int:
        """Customers."""
        return len(self.spend)

    @property
    def largest(self) -> float:
        """Spend of the customer who spends most."""
        return float(self.spend[-1])

    @property
    def largest_share(self) -> float:
        """The share of the customer who spends most."""
        return self.largest / float(self.spend.sum())

    @property
    def has_deciles(self) -> bool:
        """Whether there are enough customers to speak of tenths."""
        return self.count >= MIN_CUSTOMERS

    @property
    def is_dominated(self) -> bool:
        """Whether the largest of ten or more customers is worth a word."""
        return self.has_deciles and self.largest_share >= DOMINANT

    @property
    def gini(self) -> float:
        """The Gini coefficient: 0 where all spend the same, near 1 where one spends all."""
        rank = np.arange(1, self.count + 1)
        return max(float(((2 * rank - self.count - 1) * self.spend).sum() / (self.count * self.spend.sum())), 0.0)

    def top_revenue_share(self, part: float) -> float:
        """Return the share of revenue that the best ``part`` of customers bring; customers may be divided."""
        lorenz = np.concatenate([[0.0], np.cumsum(self.spend)]) / self.spend.sum()
        return 1.0 - float(np.interp((1.0 - part) * self.count, np.arange(self.count + 1), lorenz))

    def deciles(self) -> pd.DataFrame:
        """Return ``decile`` (1 is best), ``revenue`` (currency), ``revenue_share`` and ``cumulative_share``."""
        cumulative = np.array([self.top_revenue_share(decile / 10) for decile in range(11)])
        shares = np.diff(cumulative)
        columns = {"revenue": shares * self.spend.sum(), "revenue_share": shares, "cumulative_share": cumulative[1:]}
        return pd.DataFrame({"decile": np.arange(1, 11), **columns})


def compare_country_shares(recent: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """Set ``data.queries.activity.country_activity`` beside that of the year before, where the log holds it.

    Returns
    -------
    pandas.DataFrame
        ``country``, ``revenue`` (currency), ``customers`` (count) and ``revenue_share``, nan where there is no revenue;
        by falling revenue. Given the year before also ``revenue_year_before`` and the relative ``change`` since.
    """
    total = recent["revenue"].sum()
    table = recent.assign(revenue_share=recent["revenue"] / total if total > 0 else np.nan)
    if earlier is not None:
        table = table.merge(earlier[["country", "revenue"]], on="country", how="left", suffixes=("", "_year_before"))
        before = table["revenue_year_before"]
        table["change"] = table["revenue"] / before.where(before > 0) - 1
    return table.assign(country=table["country"].fillna(NO_COUNTRY).astype(str))


@dataclass(frozen=True, eq=False)
class BusinessOverview:
    """The business up to a day; None where the log cannot tell."""

    months: MonthlyActivity
    currency: str
    order_unit: Literal["order", "purchase day"]  # what is counted: purchase days where the log has no order ids
    revenue: list[RevenueComparison]  # of the last month, quarter and year
    retention: CohortRetention
    concentration: RevenueConcentration | None
    countries: pd.DataFrame | None  # from compare_country_shares


def describe_business(log: TransactionLog, end: date) -> BusinessOverview:
    """Describe the business up to a day, inclusive; nothing after it is read. ClvError if the log begins later."""
    if end < log.start:
        raise ClvError(f"log '{log.name}' starts on {log.start}, after {end}, up to which it was to be described")
    cohorts, daily = cohort_activity(log, end), daily_totals(log, end)
    months = MonthlyActivity.from_cohorts(cohorts, log.start, end)
    return BusinessOverview(
        months=months,
        currency=log.currency,
        order_unit="order" if (daily["orders"] > daily["customers"]).any() else "purchase day",
        revenue=compare_month_quarter_and_year(months.whole["revenue"]),
        retention=CohortRetention.from_cohorts(cohorts, months),
        concentration=RevenueConcentration.from_spend(spend_by_customer(log, months.recent_days)),
        countries=_compare_countries(log, months),
    )


def _compare_countries(log: TransactionLog, months: MonthlyActivity) -> pd.DataFrame | None:
    """Set countries beside the year before where the log holds it whole."""
    period = months.recent_days
    recent = country_activity(log, period)
    if recent is None or recent.empty:
        return None
    if len(months.whole) < 2 * YEAR:
        return compare_country_shares(recent, None)
    first: pd.Period = months.recent.index[0] - YEAR
    return compare_country_shares(recent, country_activity(log, Period(first.start_time.date() - DAY, period.cutoff)))
