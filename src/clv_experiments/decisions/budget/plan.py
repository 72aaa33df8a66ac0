"""Whom to contact: those whose contact is expected to bring more than it costs, the most profitable first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.decisions.budget.constrained import chosen
from clv_experiments.decisions.shop import Campaign

EXPECTED = 1  # place of the expected uplift among low, expected and high


@dataclass(frozen=True, eq=False)
class Plan:
    """Whom a campaign contacts.

    Attributes
    ----------
    campaign : Campaign
    margin : float
    table : pandas.DataFrame
        All customers, index ``customer_id``, highest expected profit first, equal ones by id: ``expected_spend``,
        ``expected_profit`` of a contact (currency), ``segment``, ``country`` where they are known, and ``contacted``.
    """

    campaign: Campaign
    margin: float
    table: pd.DataFrame

    @property
    def contacted(self) -> pd.DataFrame:
        """The customers to contact."""
        return self.table[self.table["contacted"]]

    @property
    def contacts(self) -> int:
        """How many are contacted."""
        return int(self.table["contacted"].sum())

    @property
    def cost(self) -> float:
        """What contacting them costs."""
        return self.contacts * self.campaign.cost

    @property
    def expected_profit(self) -> float:
        """What it is expected to bring, costs deducted, at the expected uplift."""
        return float(self.contacted["expected_profit"].sum())

    @property
    def worthwhile(self) -> int:
        """How many customers would be worth a contact if the budget had no end."""
        return int((self.table["expected_profit"] > 0).sum())


def profit(spend: Any, campaign: Campaign, margin: float, which: int = EXPECTED) -> Any:
    """Return what contacting brings, costs deducted: uplift x margin x spend - cost.

    Parameters
    ----------
    spend : float or array
        Of a customer in the coming period without a contact (currency).
    which : int
        Of the three uplifts: 0 low, 1 expected, 2 high.
    """
    return campaign.uplift[which] * margin * spend - campaign.cost


def plan(
    table: pd.DataFrame,
    campaign: Campaign,
    margin: float,
    segments: pd.Series | None = None,
    countries: pd.Series | None = None,
) -> Plan:
    """Choose whom to contact so that the expected profit is highest.

    A contact costs the same for everybody, so without demands on segments and countries a sort finds the best plan.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``customer_id``, column ``expected_spend`` (currency, coming period).
    campaign : Campaign
    margin : float
    segments, countries : pandas.Series, optional
        Of each customer, by id.

    Raises
    ------
    ClvError
        If the campaign names a segment or country that is not there, or its demands cannot be met.
    """
    spend = table["expected_spend"].sort_index()
    ranked = pd.DataFrame({"expected_spend": spend, "expected_profit": profit(spend, campaign, margin)})
    for name, of in (("segment", segments), ("country", countries)):
        if of is not None:
            ranked[name] = of.reindex(ranked.index)
    ranked = ranked.sort_values("expected_profit", ascending=False, kind="stable")
    if campaign.least or campaign.most:
        contacted = chosen(ranked, campaign)
    else:
        contacted = (ranked["expected_profit"].to_numpy() > 0) & (np.arange(len(ranked)) < campaign.contacts)
    return Plan(campaign, margin, ranked.assign(contacted=contacted))
