"""The most profitable contacts under demands: at least so many of a segment, at most so many in a country."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from clv_experiments.decisions.shop import Campaign
from clv_experiments.errors import ClvError, nearest
from clv_experiments.reporting.formatting import join_names


def chosen(ranked: pd.DataFrame, campaign: Campaign) -> NDArray[np.bool_]:
    """Choose the contacts by an integer programme (HiGHS).

    Parameters
    ----------
    ranked : pandas.DataFrame
        Best customer first; ``expected_profit`` and, where the campaign has demands on them, ``segment``, ``country``.
    campaign : Campaign

    Returns
    -------
    array of bool, shape (customers,)
        Among customers who are alike to the demands the first are chosen, so that ties fall the same way every time.

    Raises
    ------
    ClvError
        If a name is not known, or no choice meets the demands; says which demand stands in the way.
    """
    segments = _names(ranked, "segment", campaign.least, "least")
    countries = _names(ranked, "country", campaign.most, "most")
    _check_budget(campaign)
    picked = _solved(ranked["expected_profit"].to_numpy(), segments, countries, campaign, campaign.least)
    if picked is None:
        raise ClvError(_obstacle(ranked, segments, countries, campaign))
    return picked


def _names(ranked: pd.DataFrame, column: str, demands: Mapping[str, int], setting: str) -> NDArray[np.object_]:
    """Return each customer's name in a column where there is a demand on it, and "" elsewhere."""
    if not demands:
        return np.full(len(ranked), "", dtype=object)
    if column not in ranked:
        raise ClvError(f"decisions.contact.{setting} asks for a {column}, and the log tells none: type {{}} for it")
    known = sorted(ranked[column].dropna().unique())
    for name in demands:
        if name not in known:
            raise ClvError(f"decisions.contact.{setting} names the {column} '{name}': {nearest(name, known)}")
    return ranked[column].where(ranked[column].isin(list(demands)), "").to_numpy(dtype=object)


def _check_budget(campaign: Campaign) -> None:
    wanted = sum(campaign.least.values())
    if wanted > campaign.contacts:
        raise ClvError(
            f"decisions.contact.least asks for {wanted:,} contacts in all, and the budget of {campaign.budget:,g} pays "
            f"for {campaign.contacts:,} at {campaign.cost:,g} each: ask for fewer, or type "
            f"decisions.contact.budget={wanted * campaign.cost:g}"
        )


def _solved(
    profit: NDArray[np.float64],
    segments: NDArray[np.object_],
    countries: NDArray[np.object_],
    campaign: Campaign,
    least: Mapping[str, int],
) -> NDArray[np.bool_] | None:
    """Return the best choice, or None where there is none."""
    cells = pd.DataFrame({"segment": segments, "country": countries, "profit": profit})
    alike = cells.groupby(["segment", "country"], sort=False)
    # Of customers who are alike to the demands only the first can be chosen: so many as pay, or as must be.
    positive = cells["profit"].gt(0).groupby([segments, countries]).transform("sum").clip(upper=campaign.contacts)
    enough = np.maximum(positive, cells["segment"].map(least).fillna(0))
    candidates = cells[alike.cumcount() < enough]
    picked = np.zeros(len(cells), dtype=bool)
    if candidates.empty:
        return None if any(least.values()) else picked
    rows = [np.ones(len(candidates))]
    rows += [np.where(candidates["segment"] == name, 1.0, 0.0) for name in least]
    rows += [np.where(candidates["country"] == name, 1.0, 0.0) for name in campaign.most]
    low = [0, *least.values(), *(0 for _ in campaign.most)]
    high = [campaign.contacts, *(np.inf for _ in least), *campaign.most.values()]
    found = milp(
        -candidates["profit"].to_numpy(),
        integrality=np.ones(len(candidates)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.array(rows), low, high),
        options={"mip_rel_gap": 0},
    )
    if found.x is None:
        return None
    taken = candidates[found.x > 0.5].groupby(["segment", "country"]).size().rename("taken")
    counts = cells.join(taken, on=["segment", "country"])["taken"].fillna(0)
    return (alike.cumcount() < counts).to_numpy()


def _obstacle(
    ranked: pd.DataFrame, segments: NDArray[np.object_], countries: NDArray[np.object_], campaign: Campaign
) -> str:
    """Say which demand cannot be met beside those before it."""
    profit = ranked["expected_profit"].to_numpy()
    least: dict[str, int] = {}
    for name, count in campaign.least.items():
        size = int((segments == name).sum())
        if size < count:
            return f"decisions.contact.least asks for {count:,} of '{name}', and there are {size:,}: ask for fewer"
        before, least = least, {**least, name: count}
        if _solved(profit, segments, countries, campaign, least) is None:
            break
    alone = _solved(profit, segments, countries, campaign, {name: count}) is None
    beside = "" if alone else f" beside what it asks for of {join_names([repr(other) for other in before])}"
    return (
        f"decisions.contact.least asks for {count:,} of '{name}', and decisions.contact.most does not leave so many"
        f"{beside}: ask for fewer, or allow more in their countries"
    )
