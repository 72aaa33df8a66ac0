"""How much of the revenue hangs on how few customers: shares by decile, the Lorenz curve and its Gini coefficient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.decisions.display.overview_figures import lorenz_curve
from clv_experiments.decisions.overview.months import Months
from clv_experiments.evaluation.checks import Floats
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import format_count, format_money, format_share

FEW, EVEN = 0.5, 0.2  # share of the best tenth from which on, up to which, revenue is called concentrated, even
LEAST_CUSTOMERS = 10
LARGE = 0.05  # share of one customer that is worth a word


@dataclass(frozen=True, eq=False)
class Concentration:
    """How revenue is spread over customers; spend below zero counts as none.

    Attributes
    ----------
    customers, revenue : array, shape (customers + 1,)
        The Lorenz curve, from (0, 0) to (1, 1): the share of revenue that the share of customers who spend least bring.
    gini : float
        Twice the area between the curve and the diagonal: 0 where all spend the same, near 1 where one spends all.
    largest : float
        Share of the customer who spends most.
    """

    customers: Floats
    revenue: Floats
    gini: float
    largest: float

    @classmethod
    def of(cls, spend: pd.Series) -> Concentration | None:
        """Measure it, one value a customer; None where nobody spent anything."""
        ordered = np.sort(np.maximum(spend.to_numpy(dtype=float), 0.0))
        if not ordered.sum() > 0:
            return None
        revenue = np.concatenate([[0.0], np.cumsum(ordered) / ordered.sum()])
        customers = np.linspace(0.0, 1.0, len(revenue))
        gini = 1.0 - float(((revenue[1:] + revenue[:-1]) * np.diff(customers)).sum())
        return cls(customers, revenue, max(gini, 0.0), float(ordered[-1] / ordered.sum()))

    def top(self, part: float) -> float:
        """Return the share of revenue that the best ``part`` of customers bring; customers may be parted."""
        return 1.0 - float(np.interp(1.0 - part, self.customers, self.revenue))

    @property
    def count(self) -> int:
        """Customers."""
        return len(self.customers) - 1


def concentration_sentence(found: Concentration | None, when: str) -> str:
    """Say in one sentence how concentrated revenue is."""
    if found is None:
        return f"Nobody spent anything in {when}."
    if found.count < LEAST_CUSTOMERS:
        return (
            f"The largest of {format_count(found.count, 'customer')} in {when} brings "
            f"{format_share(found.largest)} of revenue; "
            "tenths of so few say nothing."
        )
    best, weak = found.top(0.1), 1 - found.top(0.5)
    told = f"the top 10% of the {format_count(found.count, 'customer')} in {when} bring {format_share(best)} of revenue"
    told += f", the lower half {format_share(weak)} (Gini {found.gini:.2f})"
    if best >= FEW:
        return f"Revenue rests on few customers: {told}."
    if best <= EVEN:
        return f"Revenue is spread evenly: {told}."
    return f"{told[0].upper()}{told[1:]}."


def concentration_exhibit(spend: pd.Series, months: Months, currency: str) -> Exhibit:
    """Show the share of revenue by customer decile.

    Parameters
    ----------
    spend : pandas.Series
        Of each customer in ``months.recent_period``.
    """
    found, when = Concentration.of(spend), months.recent_name
    title = f"Share of revenue by customers, {when}"
    if found is None:
        return Exhibit("overview_concentration", title, [concentration_sentence(found, when)])
    sentences = [concentration_sentence(found, when)]
    if found.largest >= LARGE and found.count >= LEAST_CUSTOMERS:
        amount = format_money(float(spend.max()), currency)
        sentences.append(f"One customer alone brings {format_share(found.largest)} ({amount}).")
    edges = np.array([found.top(decile / 10) for decile in range(11)])
    total = float(np.maximum(spend, 0.0).sum())
    table = pd.DataFrame(
        {
            "decile": np.arange(1, 11),
            "revenue": np.diff(edges) * total,
            "revenue_share": np.diff(edges),
            "cumulative_share": edges[1:],
        }
    )
    return Exhibit(
        name="overview_concentration",
        title=title,
        sentences=sentences,
        table=table,
        headings={"decile": "tenth of customers (1 = best)"},
        kinds={"revenue": "money", "revenue_share": "share", "cumulative_share": "share", "decile": "count"},
        figure=lorenz_curve(found.customers, found.revenue, found.gini),
    )
