"""Regret: what a plan would have earned in the past period, against perfect foresight, rules of thumb and chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_experiments.decisions.budget.plan import contact_profit
from clv_experiments.decisions.segments.rfm import RfmCutPoints
from clv_experiments.decisions.shop import Campaign
from clv_experiments.decisions.snapshot import days_since_last
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.confidence_intervals import Estimate, bootstrap_counts


class ContactStrategy(StrEnum):
    """A way of choosing whom to contact, by its name in tables."""

    ORACLE = "perfect foresight"
    MODEL = "model"
    TOTAL_SPEND = "total spend so far"
    RECENCY = "last purchase"
    RFM = "RFM score"
    TOTAL_SPEND_LIKE_MODEL = "total spend so far, as many contacts as the model"
    CHANCE = "chance"
    EVERYBODY = "everybody"


@dataclass(frozen=True)
class StrategyResult:
    """What a strategy would have earned, in currency."""

    strategy: ContactStrategy
    contacts: int
    profit: Estimate
    regret: Estimate  # how much more perfect foresight earns
    share_lost: Estimate  # that as a share of what perfect foresight earns; nan where that is nothing
    model_ahead: Estimate  # how much more the model earns

    @property
    def verdict(self) -> Literal["behind", "tied", "ahead"]:
        """Whether it falls behind the model, is ahead of it, or cannot be told apart from it."""
        return "behind" if self.model_ahead.low > 0 else "ahead" if self.model_ahead.high < 0 else "tied"


@dataclass(frozen=True)
class StrategyComparison:
    """Every strategy with the same budget in a period that is over."""

    results: Mapping[ContactStrategy, StrategyResult]

    @property
    def model(self) -> StrategyResult:
        """The plan by the model."""
        return self.results[ContactStrategy.MODEL]

    @property
    def oracle(self) -> StrategyResult:
        """The plan by perfect foresight."""
        return self.results[ContactStrategy.ORACLE]

    @property
    def comparison_status(self) -> Literal["no budget", "nothing pays", "model abstains", "all alike", "compared"]:
        """Whether strategies can be compared, or why they cannot."""
        if not any(result.contacts for result in self.baselines):
            return "no budget"
        if not self.oracle.profit.value > 0:
            return "nothing pays"
        if not self.model.contacts:
            return "model abstains"
        everybody = self.results.get(ContactStrategy.EVERYBODY)
        return "all alike" if everybody and everybody.contacts == self.model.contacts else "compared"

    @property
    def baselines(self) -> list[StrategyResult]:
        """What the model is to beat: rules of thumb, chance and everybody."""
        return [result for result in self.results.values() if result not in (self.oracle, self.model)]

    @property
    def table(self) -> pd.DataFrame:
        """One row a strategy: ``plan``, ``contacts``, and each estimate with its 95 % interval ``_low``, ``_high``."""
        rows = []
        for result in self.results.values():
            row: dict[str, object] = {"plan": str(result.strategy), "contacts": result.contacts}
            for name in ("profit", "regret", "share_lost", "model_ahead"):
                row |= getattr(result, name).to_columns(name)
            rows.append(row)
        return pd.DataFrame(rows)


def compare_strategies(
    table: pd.DataFrame, campaign: Campaign, margin: float, replicates: int, seed: int
) -> StrategyComparison:
    """Compare what each strategy would have earned at the expected uplift, the budget and not a contact more.

    The table is that of a snapshot whose period is over, sorted by customer_id. Customers are resampled with
    replacement, the same ones for all strategies (Efron 1979).
    """
    profit = contact_profit(table["y_true"].to_numpy(float), campaign, margin)
    rankings = rank_customers_by_strategy(table, campaign, margin)
    profits = strategy_profits(profit, rankings, np.ones(len(table)), campaign.contacts)
    resamples = bootstrap_counts(len(table), replicates, seed)
    samples = pd.DataFrame([strategy_profits(profit, rankings, counts, campaign.contacts) for counts in resamples])
    best, best_samples = profits[ContactStrategy.ORACLE], samples[ContactStrategy.ORACLE]
    results = {}
    for strategy, value in profits.items():
        regret, regret_samples = best - value, best_samples - samples[strategy]
        share_lost = regret / best if best > 0 else np.nan
        results[strategy] = StrategyResult(
            strategy,
            min(len(rankings.get(strategy, table)), campaign.contacts),
            Estimate.from_replicates(value, samples[strategy]),
            Estimate.from_replicates(regret, regret_samples),
            Estimate.from_replicates(share_lost, regret_samples / best_samples.where(best_samples > 0)),
            Estimate.from_replicates(
                profits[ContactStrategy.MODEL] - value, samples[ContactStrategy.MODEL] - samples[strategy]
            ),
        )
    return StrategyComparison(results)


def rank_customers_by_strategy(
    table: pd.DataFrame, campaign: Campaign, margin: float
) -> dict[ContactStrategy, NDArray[np.int64]]:
    """Return whom each strategy contacts, first to last, as row numbers of the table; equal customers in its order.

    Perfect foresight and the model stop where a contact would not pay; a rule of thumb knows no such end: where the
    budget is enough, all rules contact everybody. Where the model stops before the budget does, total spend is also
    taken with the model's end, which leaves the choice alone to tell them apart.
    """
    actual = contact_profit(table["y_true"].to_numpy(float), campaign, margin)
    predicted = contact_profit(table["expected_spend"].to_numpy(float), campaign, margin)
    total, days = table["total_spend"], days_since_last(table)
    score = RfmCutPoints.from_customers(table).assign_scores(table).sum(axis=1)
    model = _argsort_descending(predicted)[: (predicted > 0).sum()]
    rankings = {
        ContactStrategy.ORACLE: _argsort_descending(actual)[: (actual > 0).sum()],
        ContactStrategy.MODEL: model,
    }
    by_spend = _argsort_descending(total)
    if campaign.contacts >= len(table):
        rankings[ContactStrategy.EVERYBODY] = by_spend
    else:
        rankings |= {
            ContactStrategy.TOTAL_SPEND: by_spend,
            ContactStrategy.RECENCY: _argsort_descending(-days, total),
            ContactStrategy.RFM: _argsort_descending(score, total),
        }
    if len(model) < min(campaign.contacts, len(table)):
        rankings[ContactStrategy.TOTAL_SPEND_LIKE_MODEL] = by_spend[: len(model)]
    return rankings


def strategy_profits(
    profit: Floats, rankings: Mapping[ContactStrategy, NDArray[np.int64]], counts: Floats, contacts: int
) -> dict[ContactStrategy, float]:
    """Return the profit of each strategy where every customer is there as often as counted."""
    profits = {}
    for strategy, ranking in rankings.items():
        available = counts[ranking]
        contacted = np.clip(contacts - (np.cumsum(available) - available), 0, available)
        profits[strategy] = float((contacted * profit[ranking]).sum())  # a matrix product would wait for its threads
    if ContactStrategy.EVERYBODY not in rankings:
        profits[ContactStrategy.CHANCE] = float((counts * profit).sum()) / counts.sum() * min(contacts, counts.sum())
    return profits


def _argsort_descending(*keys: Floats | pd.Series) -> NDArray[np.int64]:
    """Return the row numbers of the highest values first; later keys decide among equal ones."""
    return np.lexsort([-np.asarray(key, dtype=float) for key in reversed(keys)])
