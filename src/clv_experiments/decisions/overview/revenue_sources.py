"""Where revenue comes from: how much of it hangs on how few customers, and on which countries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.evaluation.validation import Floats

CONCENTRATED, EVEN = 0.5, 0.2  # share of the best tenth from which on, up to which, revenue is called so
MIN_CUSTOMERS = 10
DOMINANT = 0.05  # share of one customer that is worth a word
HOME = 0.5  # share from which on one country is said to carry the shop
NO_COUNTRY = "no country given"


@dataclass(frozen=True, eq=False)
class Concentration:
    """How revenue is spread over customers; spend below zero counts as none."""

    spend: Floats  # one a customer, in currency, ascending

    @classmethod
    def from_spend(cls, spend: pd.Series) -> Concentration | None:
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
    def is_dominated(self) -> bool:
        """Whether the largest of ten or more customers is worth a word."""
        return self.count >= MIN_CUSTOMERS and self.largest_share >= DOMINANT

    @property
    def level(self) -> Literal["concentrated", "even", "between", "unknown"]:
        """How concentrated revenue is on the best tenth; unknown of fewer than ten customers."""
        if self.count < MIN_CUSTOMERS:
            return "unknown"
        best = self.top(0.1)
        return "concentrated" if best >= CONCENTRATED else "even" if best <= EVEN else "between"

    @property
    def gini(self) -> float:
        """The Gini coefficient: 0 where all spend the same, near 1 where one spends all."""
        rank = np.arange(1, self.count + 1)
        return max(float(((2 * rank - self.count - 1) * self.spend).sum() / (self.count * self.spend.sum())), 0.0)

    def top(self, part: float) -> float:
        """Return the share of revenue that the best ``part`` of customers bring; customers may be divided."""
        lorenz = np.concatenate([[0.0], np.cumsum(self.spend)]) / self.spend.sum()
        return 1.0 - float(np.interp((1.0 - part) * self.count, np.arange(self.count + 1), lorenz))

    def deciles(self) -> pd.DataFrame:
        """Return ``decile`` (1 is best), ``revenue`` (currency), ``revenue_share`` and ``cumulative_share``."""
        cumulative = np.array([self.top(decile / 10) for decile in range(11)])
        shares = np.diff(cumulative)
        columns = {"revenue": shares * self.spend.sum(), "revenue_share": shares, "cumulative_share": cumulative[1:]}
        return pd.DataFrame({"decile": np.arange(1, 11), **columns})


@dataclass(frozen=True, eq=False)
class Countries:
    """Revenue by country.

    The table has ``country``, ``revenue`` (currency), ``customers`` (count) and ``revenue_share``, by falling revenue;
    where the log holds the year before also ``revenue_year_before`` and the relative ``change`` since.
    """

    table: pd.DataFrame

    @classmethod
    def from_activity(cls, recent: pd.DataFrame, earlier: pd.DataFrame | None) -> Countries:
        """Set ``data.queries.activity.country_activity`` beside that of the year before, where the log holds it."""
        total = recent["revenue"].sum()
        table = recent.assign(revenue_share=recent["revenue"] / total if total > 0 else np.nan)
        if earlier is not None:
            table = table.merge(
                earlier[["country", "revenue"]], on="country", how="left", suffixes=("", "_year_before")
            )
            before = table["revenue_year_before"]
            table["change"] = table["revenue"] / before.where(before > 0) - 1
        return cls(table.assign(country=table["country"].fillna(NO_COUNTRY).astype(str)))

    @property
    def level(self) -> Literal["none", "one", "home", "many"]:
        """Whether revenue is zero, or comes from one country alone, mostly, or not."""
        if not self.table["revenue"].sum() > 0:
            return "none"
        return "one" if len(self.table) == 1 else "home" if self.table["revenue_share"].iloc[0] >= HOME else "many"

    def count_to_reach(self, share: float) -> int:
        """Return how many countries, the largest first, bring a share of revenue."""
        return int(np.searchsorted(np.cumsum(self.table["revenue_share"]), share)) + 1
