"""The part of a report on the budget: whom to contact, what that brings, what it would have brought before."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clv_experiments.decisions.budget import sentences
from clv_experiments.decisions.budget.plan import Plan, plan
from clv_experiments.decisions.budget.profit import break_even, drawn_spend, outlook, profit_by_budget
from clv_experiments.decisions.budget.regret import MODEL, contacts_of, curves, profits, regret_table
from clv_experiments.decisions.budget.split import split, split_sentences
from clv_experiments.decisions.exhibit import Exhibit, Kind, Section
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.evaluation.checks import Floats

STEPS = 100  # points of a curve
KINDS: dict[str, Kind] = {
    "expected_spend": "money", "expected_profit": "money", "cost": "money", "budget": "money", "uplift": "share",
    "judged_profit": "money", "low": "money", "high": "money", "p_alive": "share", "p_purchase": "share",
    "share_of_budget": "share", "contacts": "count", "customers": "count",
}  # fmt: skip


def budget_section(
    now: Snapshot, previous: Snapshot, segments: pd.Series, shop: Shop, seed: int, replicates: int
) -> Section:
    """Plan the campaign of the coming period and judge the plan of the period before by what happened.

    Parameters
    ----------
    now, previous : Snapshot
        Of the period to come, and of the one before it, which is over.
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
    then, actual = (previous.table[column].to_numpy(float) for column in ("expected_spend", "y_true"))
    spend = drawn_spend(chosen.contacted["expected_spend"].to_numpy(), then, actual, replicates, seed)
    cases = outlook(chosen, spend)
    by_segment = split(chosen, "segment")
    found, resampled = profits(previous.table, shop.campaign, shop.margin, replicates, seed)
    judged = regret_table(found, resampled, contacts_of(previous.table, shop.campaign, shop.margin))
    told = sentences.whom(chosen, cases, now.period, shop.currency)
    divided = split_sentences(by_segment, "segment", shop.currency)
    exhibits = [
        _whom(chosen, now, [*told, *sentences.budget_end(chosen, shop.currency)]),
        _uplifts(cases, sentences.uplifts(chosen, cases, break_even(chosen, spend), shop.currency)),
        Exhibit("budget_segments", "The budget by segment", divided, by_segment, kinds=KINDS),
    ]
    if "country" in chosen.table:
        by_country = split(chosen, "country")
        words = split_sentences(by_country, "country", shop.currency)
        exhibits.append(Exhibit("budget_countries", "The budget by country", words, by_country, kinds=KINDS))
    regret = sentences.regret(judged, previous, shop.currency)
    exhibits += [_curve(chosen, now, shop), _regret(judged, previous, shop, regret), _past_curve(previous, shop)]
    summary = [*told, *divided[:1], *regret[:1]]
    return Section("budget", "How should the budget be split?", summary, exhibits, sentences.METHOD)


def _whom(chosen: Plan, now: Snapshot, told: list[str]) -> Exhibit:
    table = chosen.contacted.drop(columns="contacted").join(now.table[["p_alive", "p_purchase"]]).reset_index()
    return Exhibit("budget_plan", "Whom to contact, the most profitable first", told, table, kinds=KINDS)


def _uplifts(cases: pd.DataFrame, told: list[str]) -> Exhibit:
    headings = {
        "expected_profit": "expected profit (predictions as they are)",
        "judged_profit": "profit with the errors of the period before (median)",
        "low": "from (95% interval)",
        "high": "to",
    }
    return Exhibit("budget_uplift", "What the plan brings at each uplift", told, cases, headings, KINDS)


def _curve(chosen: Plan, now: Snapshot, shop: Shop) -> Exhibit:
    from clv_experiments.decisions.budget.pictures import profit_curve

    curve = profit_by_budget(chosen, _grid(chosen.campaign, chosen.table["expected_profit"].to_numpy()))
    figure = profit_curve(
        curve, chosen.campaign.uplift, chosen.campaign.budget, shop.currency, f"by {now.model_name} · {now.period}"
    )
    told = [*sentences.best_budget(chosen, shop.currency)]
    kinds = KINDS | dict.fromkeys(["low_uplift", "expected_uplift", "high_uplift"], "money")
    return Exhibit("budget_curve", "Expected profit by budget", told, curve, kinds=kinds, figure=figure, shown=0)


def _regret(judged: pd.DataFrame, previous: Snapshot, shop: Shop, told: list[str]) -> Exhibit:
    table = judged.assign(plan=judged["plan"].replace(MODEL, f"model ({previous.model_name})"))
    names = [name for name in table.columns if name.startswith(("profit", "regret", "model_ahead"))]
    kinds = KINDS | dict.fromkeys(names, "money")
    kinds |= dict.fromkeys(["share_lost", "share_lost_low", "share_lost_high"], "share")
    title = f"The same budget in the period before, {previous.period}"
    return Exhibit("budget_regret", title, told, table, kinds=kinds)


def _past_curve(previous: Snapshot, shop: Shop) -> Exhibit:
    from clv_experiments.decisions.budget.pictures import realised_curves
    from clv_experiments.decisions.budget.plan import profit

    campaign = shop.campaign
    expected = profit(previous.table["expected_spend"].to_numpy(float), campaign, shop.margin)
    curve = curves(previous.table, campaign, shop.margin, _grid(campaign, expected))
    subtitle = f"{previous.period} · uplift {campaign.uplift[1]:.1%} of what customers really spent"
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
