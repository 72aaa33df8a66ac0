"""How a plan's budget falls on segments and countries."""

from __future__ import annotations

import pandas as pd

from clv_experiments.decisions.budget.plan import Plan
from clv_experiments.reporting.formatting import clean_name, format_count, format_money, format_share, join_names

NAMED = 3  # groups that a sentence names with their share
UNKNOWN = "not known"


def split(plan: Plan, column: str) -> pd.DataFrame:
    """Sum a plan by segment or country.

    Parameters
    ----------
    plan : Plan
    column : str
        ``segment`` or ``country``.

    Returns
    -------
    pandas.DataFrame
        One row a group, most expected profit first: its name under ``column``, ``customers``, ``contacts``, ``cost``,
        ``share_of_cost`` (0 where nothing is spent), ``expected_spend`` of those contacted,
        ``expected_profit`` (currency).
    """
    table = plan.table.assign(**{column: plan.table[column].fillna(UNKNOWN)})
    contacted = table[table["contacted"]].groupby(column)
    groups = pd.DataFrame({"customers": table.groupby(column).size(), "contacts": contacted.size()})
    groups["cost"] = groups["contacts"] * plan.campaign.cost
    groups["share_of_cost"] = groups["contacts"] / max(plan.contacts, 1)
    groups = groups.join(contacted[["expected_spend", "expected_profit"]].sum()).fillna(0.0)
    order = groups.reset_index().sort_values(["expected_profit", column], ascending=[False, True])
    return order.astype({"contacts": int}).reset_index(drop=True)


def split_sentences(groups: pd.DataFrame, column: str, budget: float, currency: str) -> list[str]:
    """Say into which segments or countries how much of the money goes, and into which nothing.

    Parameters
    ----------
    groups : pandas.DataFrame
        From ``split``.
    column : str
        ``segment`` or ``country``.
    budget : float
        The campaign's, of which less may be spent.
    currency : str
    """
    spent = groups[groups["contacts"] > 0].sort_values("contacts", ascending=False, kind="stable")
    if spent.empty:
        return []
    parts = [
        f"{format_share(part)} into {clean_name(name)} ({format_count(contacts, 'contact')}, expected profit "
        f"{format_money(gain, currency)})"
        for name, contacts, part, gain in zip(
            *(spent[of].head(NAMED).tolist() for of in (column, "contacts", "share_of_cost", "expected_profit")),
            strict=True,
        )
    ]
    rest = len(spent) - len(parts)
    if rest:
        parts.append(f"{format_share(spent['share_of_cost'].iloc[NAMED:].sum())} into {rest} other{'s' * (rest > 1)}")
    opening = "Of what is spent, put" if spent["cost"].sum() < budget else "Put"
    sentences = [f"{opening} {join_names(parts)}."]
    nothing = [clean_name(name) for name in groups.loc[groups["contacts"] == 0, column]]
    if nothing and column == "segment":
        sentences.append(f"Nothing goes into {join_names(nothing)}.")
    return sentences
