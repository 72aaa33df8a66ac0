"""What is known of a customer before a period, in terms that a shop manager can picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.reporting.formatting import format_money, format_share


@dataclass(frozen=True)
class Trait:
    """One of them.

    Attributes
    ----------
    heading : str
        In a table or a picture.
    kind : ``days``, ``gap`` (days with a fraction), ``purchases``, ``format_money``, ``format_share`` or ``times``
    more, less : str
        Of customers with more of it, and with less.
    above, within : str
        Of customers above a value and of those who are not; ``{}`` stands for the value.
    foretold : bool
        Whether it is a prediction, not history.
    """

    heading: str
    kind: Literal["days", "gap", "purchases", "money", "share", "times"]
    more: str
    less: str
    above: str = ""
    within: str = ""
    foretold: bool = False

    def written(self, value: float, currency: str) -> str:
        """Write a mean of it."""
        if self.kind == "money":
            return format_money(float(value), currency)
        if self.kind == "share":
            return format_share(float(value))
        if self.kind == "times":
            return f"{value:.1f}"
        number = f"{value:,.0f}" if value >= 10 or float(value).is_integer() else f"{value:.1f}"
        noun = "repeat purchase" if self.kind == "purchases" else "day"
        return f"{number} {noun}{'s' * (number != '1')}"

    def limit(self, value: float, currency: str) -> str:
        """Write a value that parts customers: of whole numbers, to be above 3.5 is to be above 3."""
        whole = np.floor(value) if self.kind in ("days", "purchases") else value
        return self.written(float(max(1, round(value)) if self.kind == "gap" else whole), currency)


TRAITS = {
    "days_since_last": Trait(
        "days since last purchase", "days", "had not bought for longer", "had bought more recently",
        "had not bought for more than {}", "had bought within {}",
    ),
    "gaps_waited": Trait(
        "days since last purchase, in usual gaps", "times", "were further beyond their usual gap between purchases",
        "were less far beyond their usual gap between purchases",
        "had not bought for more than {} times their usual gap", "had bought within {} times their usual gap",
    ),
    "days_per_purchase": Trait(
        "usual gap between purchases, days", "gap", "had longer gaps between purchases",
        "had shorter gaps between purchases", "bought less than once in {}", "bought at least once in {}",
    ),
    "frequency": Trait(
        "repeat purchases", "purchases", "had come back more often", "had come back less often",
        "had made more than {}", "had made at most {}",
    ),
    "mean_spend": Trait(
        "mean spend of a purchase", "money", "spent more a purchase", "spent less a purchase",
        "spent more than {} a purchase", "spent at most {} a purchase",
    ),
    "total_spend": Trait(
        "total spend", "money", "had spent more in all", "had spent less in all",
        "had spent more than {} in all", "had spent at most {} in all",
    ),
    "T": Trait(
        "days since first purchase", "days", "had been customers for longer", "had been customers for less long",
        "had been customers for more than {}", "had been customers for at most {}",
    ),
    "abroad": Trait(
        "outside the main country", "share", "lived outside the main country more often",
        "lived outside the main country less often", "lived outside the main country", "lived in the main country",
    ),
    "p_purchase": Trait("P(buys)", "share", "had a higher P(buys)", "had a lower P(buys)", foretold=True),
    "p_alive": Trait("P(alive)", "share", "had a higher P(alive)", "had a lower P(alive)", foretold=True),
    "expected_spend": Trait(
        "expected spend", "money", "were expected to spend more", "were expected to spend less", foretold=True
    ),
}  # fmt: skip


def traits(table: pd.DataFrame, main_country: str | None) -> pd.DataFrame:
    """Tell the traits of each customer, columns as of ``TRAITS``; ``abroad`` only where there are countries.

    Parameters
    ----------
    table : pandas.DataFrame
        A snapshot's.
    main_country : str or None
        Of most customers.
    """
    since = days_since_last(table)
    # A customer's usual gap: his time with the shop spread over his purchases, so that one purchase tells one too.
    gap = (table["T"] / (table["frequency"] + 1)).clip(lower=1.0)
    columns = {
        "days_since_last": since,
        "gaps_waited": since / gap,
        "days_per_purchase": gap,
        "mean_spend": table["total_spend"] / (table["frequency"] + 1),
    }
    if main_country is not None:
        columns["abroad"] = (table["country"].notna() & (table["country"] != main_country)).astype(float)
    known = table.assign(**columns)
    return known[[name for name in TRAITS if name in known]].astype(float)


def main_country(table: pd.DataFrame) -> str | None:
    """Name the country of most customers, the first by name among equals; None where the log does not tell."""
    if "country" not in table:
        return None
    counts = table["country"].value_counts()
    return min(counts.index[counts == counts.max()]) if len(counts) else None
