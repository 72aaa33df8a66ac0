"""What a plan may really bring: its profit under the errors that the model made in the period before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from clv_experiments.decisions.budget.plan import Plan
from clv_experiments.evaluation.checks import Floats

LEAST_IN_GROUP = 50  # customers whose errors stand for one another
LEVEL = 0.95


def bounds(draws: Floats) -> tuple[float, float]:
    """Return the interval that holds the middle 95 % of some draws."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def drawn_spend(predicted: Floats, then: Floats, actual: Floats, replicates: int, seed: int) -> Floats:
    """Draw what the contacted customers may spend in all, from how predictions of their size erred before.

    Customers of the period before are put into groups of similar predictions, each half as large as that below it.
    A replicate draws them anew within their group, and then for each contacted customer one of the group's ratios of
    actual to predicted spend.

    Parameters
    ----------
    predicted : array, shape (contacted,)
        Expected spend in the coming period (currency).
    then, actual : arrays, shape (customers,)
        Expected and actual spend in the period before.
    replicates : int
    seed : int

    Returns
    -------
    array, shape (replicates,)
        Sum of spend; nan where nobody was predicted to spend before.
    """
    if not len(predicted):
        return np.zeros(replicates)
    known = then > 0
    if not known.any():
        return np.full(replicates, np.nan)
    rng = np.random.default_rng(seed)
    ratios, edges = actual[known] / then[known], _edges(then[known])
    group, mine = np.searchsorted(edges, then[known], side="right"), np.searchsorted(edges, predicted, side="right")
    total = np.zeros(replicates)
    for k in np.unique(mine):
        errors, sizes = ratios[group == k], predicted[mine == k]
        for replicate in range(replicates):
            resampled = errors[rng.integers(len(errors), size=len(errors))]
            total[replicate] += (sizes * resampled[rng.integers(len(errors), size=len(sizes))]).sum()
    return total


def _edges(then: Floats) -> Floats:
    """Return where the groups of predictions meet, ascending; every group between them holds somebody."""

    def shares() -> Iterator[float]:
        above = 0.5
        while above * len(then) >= LEAST_IN_GROUP:
            yield 1 - above
            above /= 2

    edges = np.unique(np.quantile(then, list(shares()))) if len(then) >= 2 * LEAST_IN_GROUP else np.array([])
    return edges[edges > then.min()]


def outlook(plan: Plan, spend: Floats) -> pd.DataFrame:
    """Return what the plan brings at each of the three uplifts.

    Parameters
    ----------
    plan : Plan
    spend : array, shape (replicates,)
        What the contacted may spend in all, from ``drawn_spend``.

    Returns
    -------
    pandas.DataFrame
        ``case``, ``uplift``, ``contacts``, ``cost``, ``expected_profit`` by the predictions as they are, and by the
        errors of the period before ``judged_profit`` (median), ``low`` and ``high`` (95 % interval), in currency.
    """
    rows = []
    for case, uplift in zip(("low", "expected", "high"), plan.campaign.uplift, strict=True):
        drawn = uplift * plan.margin * spend - plan.cost
        by_prediction = uplift * plan.margin * plan.contacted["expected_spend"].sum() - plan.cost
        rows.append((case, uplift, plan.contacts, plan.cost, by_prediction, float(np.median(drawn)), *bounds(drawn)))
    names = ["case", "uplift", "contacts", "cost", "expected_profit", "judged_profit", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def break_even(plan: Plan, spend: Floats) -> tuple[float, float, float]:
    """Return the uplift at which the plan brings nothing, and its 95 % interval.

    It is nan where nobody is contacted and without end where nothing is spent.
    """
    least, most = bounds(np.maximum(spend, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        uplifts = plan.cost / (plan.margin * np.array([plan.contacted["expected_spend"].sum(), most, least]))
    by_prediction, low, high = uplifts.tolist()
    return by_prediction, low, high


def profit_by_budget(plan: Plan, contacts: np.ndarray) -> pd.DataFrame:
    """Return the expected profit of contacting the best so many customers, without demands.

    Returns
    -------
    pandas.DataFrame
        ``budget``, ``contacts`` and expected profit at the ``low_uplift``, ``expected_uplift``, ``high_uplift``.
    """
    spend = np.concatenate([[0.0], np.cumsum(plan.table["expected_spend"])])[contacts]
    curves = {
        f"{case}_uplift": uplift * plan.margin * spend - contacts * plan.campaign.cost
        for case, uplift in zip(("low", "expected", "high"), plan.campaign.uplift, strict=True)
    }
    return pd.DataFrame({"budget": contacts * plan.campaign.cost, "contacts": contacts, **curves})
