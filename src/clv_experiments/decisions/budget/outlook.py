"""What a plan may really earn: its profit under the errors that the model made in past periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.decisions.budget.plan import CASES, ContactPlan
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.confidence_intervals import Estimate, percentile_interval

ALL_SEASONS = 360  # days that hold all seasons: four times 13 weeks, or twelve times 30 days
MIN_GROUP = 50  # customers whose errors stand for one another


@dataclass(frozen=True)
class ProfitCase:
    """What the plan earns at one uplift, in currency.

    ``judged_profit`` (median) and its 95 % interval apply past errors to the predictions; nan without a past period.
    """

    case: str
    uplift: float
    contacts: int
    cost: float
    expected_profit: float  # by the predictions as they are
    judged_profit: float
    low: float
    high: float


@dataclass(frozen=True)
class ProfitOutlook:
    """What a plan may earn in the coming period."""

    cases: tuple[ProfitCase, ...]  # at the low, the expected and the high uplift
    break_even_uplift: Estimate | None  # see ``break_even_uplift``
    periods: int  # past ones that errors are taken from
    days: int  # of these together

    @property
    def expected(self) -> ProfitCase:
        """The case of the expected uplift."""
        return self.cases[CASES.index("expected")]

    @property
    def verdict(self) -> Literal["profit", "uncertain", "loss"]:
        """Whether the interval at the expected uplift is above zero, holds it, or is below."""
        return "loss" if self.expected.high < 0 else "uncertain" if self.expected.low <= 0 else "profit"

    @property
    def spans_all_seasons(self) -> bool:
        """Whether the past periods cover every season of a year."""
        return self.days >= ALL_SEASONS


def estimate_outlook(plan: ContactPlan, past: Sequence[Snapshot], replicates: int, seed: int) -> ProfitOutlook:
    """Simulate a plan by the errors of past periods; those in which nobody was expected to spend are left out."""
    usable = [snapshot for snapshot in past if (snapshot.table["expected_spend"] > 0).any()]
    predicted = plan.contacted["expected_spend"].to_numpy()
    spend = simulate_spend(predicted, [snapshot.table for snapshot in usable], replicates, seed)
    days = sum(snapshot.period.days for snapshot in usable)
    return ProfitOutlook(summarise_simulated_profit(plan, spend), break_even_uplift(plan, spend), len(usable), days)


def summarise_simulated_profit(plan: ContactPlan, spend: Floats) -> tuple[ProfitCase, ...]:
    """Return what the plan earns at each uplift if its customers spend as ``simulate_spend`` says."""
    cases = []
    for case, uplift in zip(CASES, plan.campaign.uplift, strict=True):
        expected = uplift * plan.margin * plan.spend_without_contact - plan.cost
        profit = uplift * plan.margin * spend - plan.cost
        estimate = Estimate.from_replicates(np.median(profit), profit)
        cases.append(ProfitCase(case, uplift, plan.contacts, plan.cost, expected, *astuple(estimate)))
    return tuple(cases)


def break_even_uplift(plan: ContactPlan, spend: Floats) -> Estimate | None:
    """Return the uplift at which the plan earns nothing, by the predictions, with the interval by past errors.

    None where nobody is contacted or no uplift pays.
    """
    low, high = percentile_interval(np.maximum(spend, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        uplifts = plan.cost / (plan.margin * np.array([plan.spend_without_contact, high.item(), low.item()]))
    return Estimate(*uplifts.tolist()) if np.isfinite(uplifts).all() else None


def simulate_spend(predicted: Floats, past: Sequence[pd.DataFrame], replicates: int, seed: int) -> Floats:
    """Simulate what the contacted customers may spend in all, by how predictions of that size erred in past periods.

    Customers of each past period are put into groups of similar predictions, each half as large as that below it.
    A replicate draws one of the periods, resamples its customers within their group, and then draws for each contacted
    customer one of the group's ratios of actual to predicted spend.

    Parameters
    ----------
    predicted : array, shape (contacted,)
        Expected spend in the coming period (currency).
    past : sequence of pandas.DataFrame
        ``expected_spend`` and ``y_true`` in each past period, in which somebody was expected to spend.

    Returns
    -------
    array, shape (replicates,)
        Sum of spend; nan where there is no past period.
    """
    if not len(predicted):
        return np.zeros(replicates)
    if not past:
        return np.full(replicates, np.nan)
    rng = np.random.default_rng(seed)
    period = rng.integers(len(past), size=replicates)
    total = np.empty(replicates)
    for k, table in enumerate(past):
        total[period == k] = _simulate_one_period(predicted, table, int((period == k).sum()), rng)
    return total


def _simulate_one_period(predicted: Floats, table: pd.DataFrame, replicates: int, rng: np.random.Generator) -> Floats:
    table = table[table["expected_spend"] > 0]
    past = table["expected_spend"].to_numpy(float)
    ratios, edges = table["y_true"].to_numpy(float) / past, _compute_prediction_group_edges(past)
    past_group, group = np.searchsorted(edges, past, side="right"), np.searchsorted(edges, predicted, side="right")
    total = np.zeros(replicates)
    for k in np.unique(group):
        errors, sizes = ratios[past_group == k], predicted[group == k]
        for replicate in range(replicates):
            resampled = errors[rng.integers(len(errors), size=len(errors))]
            total[replicate] += (sizes * resampled[rng.integers(len(errors), size=len(sizes))]).sum()
    return total


def _compute_prediction_group_edges(past: Floats) -> Floats:
    """Return where the groups of predictions meet, ascending; every group between them holds somebody."""
    halvings = int(np.log2(max(len(past) / MIN_GROUP, 1)))
    edges = np.unique(np.quantile(past, 1 - 0.5 ** np.arange(1, halvings + 1)))
    return edges[edges > past.min()]
