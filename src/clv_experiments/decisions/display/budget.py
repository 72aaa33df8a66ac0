"""The part of a report on the budget: whom to contact, what that brings, what it would have brought before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_experiments.decisions.budget import sentences
from clv_experiments.decisions.budget.plan import Plan, plan
from clv_experiments.decisions.budget.profit import break_even, drawn_spend, outlook, profit_by_budget
from clv_experiments.decisions.budget.regret import MODEL, contacts_of, curves, profits, regret_table
from clv_experiments.decisions.budget.split import split, split_sentences
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.checks import Floats
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import format_exact_percent

STEPS = 100  # points of a curve
KINDS: dict[str, Kind] = {
    "expected_spend": "money", "expected_profit": "money", "cost": "money", "budget": "money", "uplift": "share",
    "judged_profit": "money", "low": "money", "high": "money", "p_alive": "share", "p_purchase": "share",
    "share_of_cost": "share", "contacts": "count", "customers": "count",
}  # fmt: skip
HEADINGS = {
    "customer_id": "customer", "p_alive": "P(alive)", "p_purchase": "P(buys)",
    "share_of_cost": "share of what is spent", "low": "from (95% interval)", "high": "to",
    "judged_profit": "profit with the errors of the periods before (median)",
}  # fmt: skip


def budget_section(
    now: Snapshot, past: Sequence[Snapshot], segments: pd.Series, shop: Shop, seed: int, replicates: int
) -> Section:
    """Plan the campaign of the coming period and judge the plan of the period before by what happened.

    Parameters
    ----------
    now : Snapshot
        Of the period to come.
    past : sequence of Snapshot
        Of the periods before it, which are over, latest first; at least one.
    segments : pandas.Series
        Customer to the name of a segment, now.
    shop : Shop
    seed : int
    replicates : int
        Of every bootstrap.

    Raises
    ------
    ClvError
        As of ``plan``.
    """
    chosen = plan(now.table, shop.campaign, shop.margin, segments, now.table.get("country"))
    previous, telling = past[0], [shot for shot in past if (shot.table["expected_spend"] > 0).any()]
    spend = drawn_spend(chosen.contacted["expected_spend"].to_numpy(), _errors(telling), replicates, seed)
    cases = outlook(chosen, spend)
    found, resampled = profits(previous.table, shop.campaign, shop.margin, replicates, seed)
    judged = regret_table(found, resampled, contacts_of(previous.table, shop.campaign, shop.margin))
    told = sentences.whom(chosen, cases, now.period, telling, shop.currency)
    divided = _divided("budget_segments", "The budget by segment", chosen, "segment", shop.currency)
    exhibits = [
        _whom(chosen, now, [*told, *sentences.budget_end(chosen, shop.currency)]),
        _uplifts(cases, sentences.uplifts(chosen, cases, break_even(chosen, spend), len(telling), shop.currency)),
        divided,
    ]
    if "country" in chosen.table:
        exhibits.append(_divided("budget_countries", "The budget by country", chosen, "country", shop.currency))
    regret = sentences.regret(judged, previous, shop.currency)
    exhibits += [_curve(chosen, now, shop), *_regret(judged, previous, regret), _past_curve(previous, shop)]
    summary = [*told, *divided.sentences[:1], *regret[:1]]
    return Section("budget", "How should the budget be split?", summary, exhibits, sentences.METHOD)


def _errors(past: Sequence[Snapshot]) -> list[tuple[Floats, Floats]]:
    """Return expected and actual spend of each period."""
    return [(shot.table["expected_spend"].to_numpy(float), shot.table["y_true"].to_numpy(float)) for shot in past]


def _whom(chosen: Plan, now: Snapshot, told: list[str]) -> Exhibit:
    table = chosen.contacted.drop(columns="contacted").join(now.table[["p_alive", "p_purchase"]]).reset_index()
    return Exhibit("budget_plan", "Whom to contact, the most profitable first", told, table, HEADINGS, KINDS)


def _divided(name: str, title: str, chosen: Plan, column: str, currency: str) -> Exhibit:
    groups = split(chosen, column)
    told = split_sentences(groups, column, chosen.campaign.budget, currency)
    return Exhibit(name, title, told, groups, HEADINGS, KINDS)


def _uplifts(cases: pd.DataFrame, told: list[str]) -> Exhibit:
    headings = HEADINGS | {"expected_profit": "expected profit (predictions as they are)"}
    return Exhibit("budget_uplift", "What the plan brings at each uplift", told, cases, headings, KINDS)


def _curve(chosen: Plan, now: Snapshot, shop: Shop) -> Exhibit:
    from clv_experiments.decisions.display.budget_figures import profit_curve

    curve = profit_by_budget(chosen, _grid(chosen.campaign, chosen.table["expected_profit"].to_numpy()))
    figure = profit_curve(
        curve, chosen.campaign.uplift, chosen.campaign.budget, shop.currency, f"by {now.model_name} · {now.period}"
    )
    told = [*sentences.best_budget(chosen, shop.currency)]
    kinds = KINDS | dict.fromkeys(["low_uplift", "expected_uplift", "high_uplift"], "money")
    return Exhibit("budget_curve", "Expected profit by budget", told, curve, kinds=kinds, figure=figure, shown=0)


def _regret(judged: pd.DataFrame, previous: Snapshot, told: list[str]) -> list[Exhibit]:
    """Show what each way of choosing brought and missed, and beside it how far the model is ahead of each."""
    table = judged.assign(plan=judged["plan"].replace(MODEL, f"model ({previous.model_name})"))
    ahead = ["plan", *(name for name in table.columns if name.startswith(("share_lost", "model_ahead")))]
    estimates: dict[str, Kind] = {"profit": "money", "regret": "money", "share_lost": "share", "model_ahead": "money"}
    kinds, headings = dict(KINDS), {"share_lost": "regret as a share", "model_ahead": "the model brought more"}
    for name, kind in estimates.items():
        kinds |= {name: kind, f"{name}_low": kind, f"{name}_high": kind}
        headings |= {f"{name}_low": "from (95% interval)", f"{name}_high": "to"}
    title, model = f"The same budget in the period before, {previous.period}", "The model beside other ways of choosing"
    return [
        Exhibit("budget_regret", title, told[:1], table.drop(columns=ahead[1:]), headings, kinds),
        Exhibit("budget_ahead", f"{model}, {previous.period}", told[1:], table[ahead], headings, kinds),
    ]


def _past_curve(previous: Snapshot, shop: Shop) -> Exhibit:
    from clv_experiments.decisions.budget.plan import profit
    from clv_experiments.decisions.display.budget_figures import realised_curves

    campaign = shop.campaign
    expected = profit(previous.table["expected_spend"].to_numpy(float), campaign, shop.margin)
    curve = curves(previous.table, campaign, shop.margin, _grid(campaign, expected))
    subtitle = f"{previous.period} · uplift {format_exact_percent(campaign.uplift[1])} of what customers really spent"
    figure = realised_curves(curve, campaign.budget, previous.model_name, shop.currency, subtitle)
    told = sentences.past_curve(curve, previous, shop.currency)
    kinds = KINDS | dict.fromkeys(curve.columns[2:], "money")
    title = "Profit by budget in the period before"
    return Exhibit("budget_past", title, told, curve, kinds=kinds, figure=figure, shown=0)


def _grid(campaign: Campaign, expected_profit: Floats) -> NDArray[np.int64]:
    """Return the numbers of contacts that a curve shows: to beyond what pays and what the budget allows."""
    customers, best = len(expected_profit), int((expected_profit > 0).sum())
    end = min(customers, max(10, int(1.5 * max(best, min(campaign.contacts, customers)))))
    steps = (end * np.linspace(0, 1, STEPS) ** 1.5).round().astype(np.int64)  # closer where profit rises steeply
    return np.unique(np.concatenate([steps, [best, min(campaign.contacts, end)]]))
