"""What a plan may really bring: its profit under the errors that the model made in the periods before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from clv_experiments.decisions.budget.plan import Plan
from clv_experiments.decisions.segments.resampling import bounds
from clv_experiments.evaluation.checks import Floats

LEAST_IN_GROUP = 50  # customers whose errors stand for one another


def drawn_spend(predicted: Floats, past: Sequence[tuple[Floats, Floats]], replicates: int, seed: int) -> Floats:
    """Draw what the contacted customers may spend in all, from how predictions of their size erred before.

    Customers of each past period are put into groups of similar predictions, each half as large as that below it.
    A replicate draws one of the periods, its customers anew within their group, and then for each contacted customer
    one of the group's ratios of actual to predicted spend.

    Parameters
    ----------
    predicted : array, shape (contacted,)
        Expected spend in the coming period (currency).
    past : sequence of two arrays, shape (customers,)
        Expected and actual spend in each of the periods before; in each somebody was expected to spend.
    replicates : int
    seed : int

    Returns
    -------
    array, shape (replicates,)
        Sum of spend; nan where there is no period before.
    """
    if not len(predicted):
        return np.zeros(replicates)
    if not past:
        return np.full(replicates, np.nan)
    rng = np.random.default_rng(seed)
    period = rng.integers(len(past), size=replicates)
    total = np.empty(replicates)
    for k, (then, actual) in enumerate(past):
        total[period == k] = _as_then(predicted, then, actual, int((period == k).sum()), rng)
    return total


def _as_then(predicted: Floats, then: Floats, actual: Floats, replicates: int, rng: np.random.Generator) -> Floats:
    """Draw the sum of spend by the errors of one period."""
    known = then > 0
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
        errors of the periods before ``judged_profit`` (median), ``low`` and ``high`` (95 % interval), in currency.
    """
    uplift = np.array(plan.campaign.uplift)
    drawn = uplift * plan.margin * spend[:, None] - plan.cost
    low, high = bounds(drawn)
    cases = {
        "case": ["low", "expected", "high"],
        "uplift": uplift,
        "contacts": plan.contacts,
        "cost": plan.cost,
        "expected_profit": uplift * plan.margin * plan.contacted["expected_spend"].sum() - plan.cost,
        "judged_profit": np.median(drawn, axis=0),
    }
    return pd.DataFrame(cases | {"low": low, "high": high})


def break_even(plan: Plan, spend: Floats) -> tuple[float, float, float]:
    """Return the uplift at which the plan brings nothing, and its 95 % interval.

    It is nan where nobody is contacted and without end where nothing is spent.
    """
    least, most = bounds(np.maximum(spend, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        uplifts = plan.cost / (plan.margin * np.concatenate([[plan.contacted["expected_spend"].sum()], most, least]))
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
