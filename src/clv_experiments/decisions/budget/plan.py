"""Whom to contact: customers whose contact is expected to earn more than it costs, the most profitable first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from clv_experiments.decisions.shop import Campaign
from clv_experiments.errors import ClvError, suggest
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.reporting.formatting import join_names

CASES = ("low", "expected", "high")  # of the three uplifts
CURVE_POINTS = 100
UNKNOWN = "not known"


@dataclass(frozen=True, eq=False)
class ContactPlan:
    """Whom a campaign contacts.

    The table has all customers, index ``customer_id``, highest expected profit first, equal ones by id:
    ``expected_spend``, ``expected_profit`` of a contact (currency), ``segment``, ``country`` where they are known, and
    ``contacted``.
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
    def spend_without_contact(self) -> float:
        """Spend that is predicted for them without a contact."""
        return float(self.contacted["expected_spend"].sum())

    @property
    def expected_profit(self) -> float:
        """Expected profit of contacting them at the expected uplift."""
        return float(self.contacted["expected_profit"].sum())

    @property
    def unconstrained_profit(self) -> float:
        """Expected profit with an unlimited budget and without constraints."""
        return float(self.table["expected_profit"].clip(lower=0).sum())

    @property
    def group_limit_cost(self) -> float:
        """Expected profit that is lost to the constraints on segments and countries."""
        unconstrained = self.table["expected_profit"].clip(lower=0).head(self.campaign.contacts).sum()
        return float(unconstrained - self.expected_profit) if self.campaign.has_group_limits else 0.0

    @property
    def profitable_contacts(self) -> int:
        """How many customers would be worth a contact with an unlimited budget."""
        return int((self.table["expected_profit"] > 0).sum())

    @property
    def reason_for_no_contacts(self) -> Literal["budget", "constraints", "profit"] | None:
        """Why nobody is contacted: too small a budget, constraints that leave nobody, or no contact that pays."""
        if self.contacts:
            return None
        if not self.campaign.contacts:
            return "budget"
        return "constraints" if self.profitable_contacts else "profit"

    @property
    def limit(self) -> Literal["customers", "profit", "budget"] | None:
        """What ends the plan: no customer is left, no other contact pays, or the money is gone while more would pay."""
        if self.contacts < self.campaign.contacts:
            return "customers" if self.contacts == len(self.table) else "profit"
        return "budget" if self.profitable_contacts > self.contacts else None

    @property
    def next_profit(self) -> float:
        """Expected profit of the best customer who is not contacted; nan where there is none."""
        return float(self.table.loc[~self.table["contacted"], "expected_profit"].max())

    @property
    def profitable_contacts_by_uplift(self) -> tuple[int, ...]:
        """How many contacts pay at the low, the expected and the high uplift, with an unlimited budget."""
        margins = (uplift * self.margin * self.table["expected_spend"] for uplift in self.campaign.uplift)
        return tuple(int((margin > self.campaign.cost).sum()) for margin in margins)

    @property
    def min_profitable_uplift(self) -> float | None:
        """The uplift from which on the best contact pays for itself; None where no uplift would do."""
        margin = self.margin * float(self.table["expected_spend"].max())
        return self.campaign.cost / margin if margin > 0 else None

    def split_by(self, column: str) -> pd.DataFrame:
        """Sum the plan by ``segment`` or ``country``: one row a group, most expected profit first.

        Columns: the group's name under ``column``, ``customers``, ``contacts``, ``cost``, ``share_of_cost`` (0 where
        nothing is spent), ``expected_spend`` of those contacted, ``expected_profit`` (currency).
        """
        table = self.table.assign(**{column: self.table[column].fillna(UNKNOWN)})
        contacted = table[table["contacted"]].groupby(column)
        groups = pd.DataFrame({"customers": table.groupby(column).size(), "contacts": contacted.size()})
        groups["cost"] = groups["contacts"] * self.campaign.cost
        groups["share_of_cost"] = groups["contacts"] / max(self.contacts, 1)
        groups = groups.join(contacted[["expected_spend", "expected_profit"]].sum()).fillna(0.0)
        order = groups.reset_index().sort_values(["expected_profit", column], ascending=[False, True])
        return order.astype({"contacts": int}).reset_index(drop=True)

    def unconstrained_profit_curve(self) -> pd.DataFrame:
        """Return the expected profit of contacting the best so many customers, without constraints.

        Columns: ``budget``, ``contacts`` and expected profit at the ``low_uplift``, ``expected_uplift``,
        ``high_uplift`` (currency).
        """
        contacts = contact_grid(self.campaign, self.table["expected_profit"].to_numpy())
        spend = np.concatenate([[0.0], np.cumsum(self.table["expected_spend"])])[contacts]
        cost = contacts * self.campaign.cost
        curves = {
            f"{case}_uplift": uplift * self.margin * spend - cost
            for case, uplift in zip(CASES, self.campaign.uplift, strict=True)
        }
        return pd.DataFrame({"budget": cost, "contacts": contacts, **curves})


def contact_profit(spend: Any, campaign: Campaign, margin: float) -> Any:
    """Return the profit of a contact: expected uplift x margin x spend without a contact - cost."""
    return campaign.expected_uplift * margin * spend - campaign.cost


def contact_grid(campaign: Campaign, expected_profit: Floats) -> NDArray[np.int64]:
    """Return the numbers of contacts that a curve shows: up to beyond what pays and what the budget allows."""
    customers, best = len(expected_profit), int((expected_profit > 0).sum())
    end = min(customers, max(10, int(1.5 * max(best, min(campaign.contacts, customers)))))
    steps = (end * np.linspace(0, 1, CURVE_POINTS) ** 1.5).round().astype(np.int64)  # closer where profit rises steeply
    return np.unique(np.concatenate([steps, [best, min(campaign.contacts, end)]]))


def plan_contacts(
    table: pd.DataFrame,
    campaign: Campaign,
    margin: float,
    segments: pd.Series | None = None,
    countries: pd.Series | None = None,
) -> ContactPlan:
    """Choose whom to contact so that the expected profit is highest.

    A contact costs the same for everybody, so without constraints a sort finds the best plan.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``customer_id``, column ``expected_spend`` (currency, coming period).
    segments, countries : pandas.Series, optional
        Of each customer, by id.

    Raises
    ------
    ClvError
        If the campaign names a segment or country that is not there, or its constraints cannot be met.
    """
    spend = table["expected_spend"].sort_index()
    ranked = pd.DataFrame({"expected_spend": spend, "expected_profit": contact_profit(spend, campaign, margin)})
    for name, groups in (("segment", segments), ("country", countries)):
        if groups is not None:
            ranked[name] = groups.reindex(ranked.index)
    ranked = ranked.sort_values("expected_profit", ascending=False, kind="stable")
    if campaign.has_group_limits:
        contacted = _optimise_contacts_under_constraints(ranked, campaign)
    else:
        contacted = (ranked["expected_profit"].to_numpy() > 0) & (np.arange(len(ranked)) < campaign.contacts)
    return ContactPlan(campaign, margin, ranked.assign(contacted=contacted))


def _optimise_contacts_under_constraints(ranked: pd.DataFrame, campaign: Campaign) -> NDArray[np.bool_]:
    """Choose the contacts by an integer programme (HiGHS); the error names the constraint that cannot be met."""
    customers = pd.DataFrame(
        {
            "profit": ranked["expected_profit"].to_numpy(),
            "segment": _limited_group_labels(ranked, "segment", campaign.min_by_segment, "least"),
            "country": _limited_group_labels(ranked, "country", campaign.max_by_country, "most"),
        }
    )
    required = sum(campaign.min_by_segment.values())
    if required > campaign.contacts:
        raise ClvError(
            f"decisions.contact.least asks for {required:,} contacts in all, and the budget of {campaign.budget:,g} "
            f"pays for {campaign.contacts:,} at {campaign.cost:,g} each: ask for fewer, or type "
            f"decisions.contact.budget={required * campaign.cost:g}"
        )
    contacted = _solve_integer_programme(customers, campaign, campaign.min_by_segment)
    if contacted is None:
        raise ClvError(_describe_infeasible_minimum(customers, campaign))
    return contacted


def _limited_group_labels(
    ranked: pd.DataFrame, column: str, limits: Mapping[str, int], setting: str
) -> NDArray[np.object_]:
    """Return each customer's segment or country where it has a limit, and "" elsewhere."""
    if not limits:
        return np.full(len(ranked), "", dtype=object)
    if column not in ranked:
        raise ClvError(f"decisions.contact.{setting} asks for a {column}, and the log tells none: type {{}} for it")
    names = sorted(ranked[column].dropna().unique())
    for name in limits:
        if name not in names:
            raise ClvError(f"decisions.contact.{setting} names the {column} '{name}': {suggest(name, names)}")
    return ranked[column].where(ranked[column].isin(list(limits)), "").to_numpy(dtype=object)


def _solve_integer_programme(
    customers: pd.DataFrame, campaign: Campaign, minima: Mapping[str, int]
) -> NDArray[np.bool_] | None:
    """Return the best choice, or None where there is none.

    Among customers who are alike to the constraints the first are chosen, so that ties fall the same way every time.
    """
    groups = customers.groupby(["segment", "country"], sort=False)
    # Of customers who are alike only the first can be chosen: so many as pay, or as must be.
    paying = customers["profit"].gt(0).groupby([customers["segment"], customers["country"]]).transform("sum")
    max_chosen = np.maximum(paying.clip(upper=campaign.contacts), customers["segment"].map(minima).fillna(0))
    candidates = customers[groups.cumcount() < max_chosen]
    if candidates.empty:
        return None if any(minima.values()) else np.zeros(len(customers), dtype=bool)
    rows = [np.ones(len(candidates))]
    rows += [np.where(candidates["segment"] == name, 1.0, 0.0) for name in minima]
    rows += [np.where(candidates["country"] == name, 1.0, 0.0) for name in campaign.max_by_country]
    low = [0, *minima.values(), *(0 for _ in campaign.max_by_country)]
    high = [campaign.contacts, *(np.inf for _ in minima), *campaign.max_by_country.values()]
    solution = milp(
        -candidates["profit"].to_numpy(),
        integrality=np.ones(len(candidates)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.array(rows), low, high),
        options={"mip_rel_gap": 0},
    )
    if solution.x is None:
        return None
    chosen = candidates[solution.x > 0.5].groupby(["segment", "country"]).size().rename("chosen")
    return (groups.cumcount() < customers.join(chosen, on=["segment", "country"])["chosen"].fillna(0)).to_numpy()


def _describe_infeasible_minimum(customers: pd.DataFrame, campaign: Campaign) -> str:
    """Say which minimum cannot be met together with those before it."""
    minima: dict[str, int] = {}
    for name, count in campaign.min_by_segment.items():
        size = int((customers["segment"] == name).sum())
        if size < count:
            return f"decisions.contact.least asks for {count:,} of '{name}', and there are {size:,}: ask for fewer"
        earlier, minima = minima, {**minima, name: count}
        if _solve_integer_programme(customers, campaign, minima) is None:
            break
    if _solve_integer_programme(customers, campaign, {name: count}) is None:
        together = ""
    else:
        together = f" beside what it asks for of {join_names([repr(other) for other in earlier])}"
    return (
        f"decisions.contact.least asks for {count:,} of '{name}', and decisions.contact.most does not leave so many"
        f"{together}: ask for fewer, or allow more in their countries"
    )
