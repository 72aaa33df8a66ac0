"""What the numbers of a budget say, in a manager's words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clv_experiments.data.window import DAY, Period
from clv_experiments.decisions.budget.plan import EXPECTED, Plan
from clv_experiments.decisions.budget.regret import AS_MANY, MODEL, ORACLE, RANDOM, RECENT, SCORE, TOTAL
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.formatting import (
    format_count,
    format_day,
    format_exact_percent,
    format_interval,
    format_money,
    format_percent,
    format_share,
    join_names,
)

YEAR = 360  # days that hold all seasons: four times 13 weeks, or twelve times 30 days
METHOD = [
    "The expected profit of contacting a customer is uplift × margin × expected spend in the coming period, less the "
    "cost of the contact. All contacts cost the same, so the best plan takes the highest expected profits for as long "
    "as they are above zero and the budget lasts; where segments or countries have demands, an integer programme finds "
    "it.",
    "Intervals come from the periods before: one of them is drawn, customers with similar predictions in it are drawn "
    "with replacement, and each contacted customer gets the ratio of actual to predicted spend of one of those. They "
    "hold how the model errs on single customers and, as far as so few periods tell, from one period to another; a "
    "coming period unlike them all may fall outside.",
    "The uplift is the shop's own assumption: no log without an experiment tells what a contact changes. Contact a "
    "random half of the chosen customers to measure it.",
    "In the period before, a contact is taken to have raised what the customer really spent by the expected uplift. "
    "Regret is what perfect foresight of that spend would have brought more. Rules of thumb spend the whole budget; "
    "demands on segments and countries are left out there.",
]
WAYS = {
    TOTAL: "choosing by total spend so far",
    AS_MANY: "choosing as many customers by total spend",
    RECENT: "choosing by the last purchase",
    SCORE: "choosing by an RFM score",
    RANDOM: "contacting at random",
}


def whom(plan: Plan, cases: pd.DataFrame, period: Period, past: Sequence[Snapshot], currency: str) -> list[str]:
    """Say how many to contact and what it brings, judged by the periods before, or that nobody is worth a contact."""
    if not plan.contacts:
        return [_nobody(plan, currency)]
    case, spent = cases.iloc[EXPECTED], plan.contacted["expected_spend"].sum()
    low, high = case["low"], case["high"]
    found = [
        f"Contact {format_count(plan.contacts, 'customer')} for {format_money(plan.cost, currency)}: they are "
        "predicted to spend "
        f"{format_money(float(spent), currency)} from {format_day(period.cutoff + DAY)} to "
        f"{format_day(period.end)}, and an uplift of "
        f"{format_exact_percent(case['uplift'])} makes that an expected profit of "
        f"{format_money(plan.expected_profit, currency)}."
    ]
    if np.isnan(low):
        return found
    end = ", and the campaign loses money" if high < 0 else ", so that a profit is not assured" if low <= 0 else ""
    seasons = sum(shot.period.days for shot in past) >= YEAR
    unknown = "" if seasons else "; what another season does is not in it"
    judged = f"Judged by how the model erred in {_before(len(past))}, it is {_case(case, currency)}{end}{unknown}."
    return [*found, judged]


def _before(periods: int) -> str:
    return "the one period before" if periods == 1 else f"the {periods} periods before"


def _nobody(plan: Plan, currency: str) -> str:
    cost = format_money(plan.campaign.cost, currency)
    if not plan.campaign.contacts:
        return (
            f"Contact nobody: the budget of {format_money(plan.campaign.budget, currency)} pays for no contact "
            f"of {cost}."
        )
    if plan.worthwhile:
        return "Contact nobody: what is asked for of segments and countries leaves no contact that pays."
    best = plan.table["expected_profit"].max() + plan.campaign.cost
    return (
        f"Contact nobody: a contact costs {cost} and is expected to bring {format_money(float(best), currency)} at "
        "the most, "
        f"at an uplift of {format_exact_percent(plan.campaign.uplift[EXPECTED])}."
    )


def budget_end(plan: Plan, currency: str) -> list[str]:
    """Say what part of the budget is not worth spending, or that more of it would pay."""
    campaign, found = plan.campaign, list[str]()
    if not plan.contacts:
        return found
    if campaign.least or campaign.most:
        free = plan.table["expected_profit"].clip(lower=0).head(campaign.contacts).sum() - plan.expected_profit
        if free > 0.005:
            lost = format_money(float(free), currency)
            found.append(f"What is asked for of segments and countries costs {lost} of expected profit.")
    spent, budget = format_money(plan.cost, currency), format_money(campaign.budget, currency)
    if plan.contacts == len(plan.table) < campaign.contacts:
        found.append(f"That is everybody: {spent} of the {budget} is enough.")
    elif plan.contacts < campaign.contacts:
        allowed = " that the demands allow" if campaign.least or campaign.most else ""
        found.append(f"Spend only {spent} of the {budget}: no other contact{allowed} is expected to pay.")
    elif plan.worthwhile > plan.contacts:
        following = plan.table.loc[~plan.table["contacted"], "expected_profit"].max()
        more = format_money(float(following), currency)
        found.append(
            f"The budget ends before the profit does: the next contact would still bring {more} above its cost."
        )
    return found


def best_budget(plan: Plan, currency: str) -> list[str]:
    """Say at which budget the expected profit is highest, at each uplift."""
    campaign, spend = plan.campaign, plan.table["expected_spend"]
    best = [int((uplift * plan.margin * spend > campaign.cost).sum()) for uplift in campaign.uplift]
    at = [format_money(float(contacts * campaign.cost), currency) for contacts in best]
    if not best[EXPECTED]:
        return ["The best budget is nothing at all."]
    top = plan.table["expected_profit"].clip(lower=0).sum()
    found = [f"Expected profit is highest, {format_money(float(top), currency)}, where {at[EXPECTED]} is spent."]
    if best[0] < best[-1]:
        found.append(
            f"Were the uplift {format_exact_percent(campaign.uplift[0])}, {at[0]} would be best, and {at[-1]} were it "
            f"{format_exact_percent(campaign.uplift[-1])}."
        )
    return found


def uplifts(
    plan: Plan, cases: pd.DataFrame, even: tuple[float, float, float], periods: int, currency: str
) -> list[str]:
    """Say what the plan brings at the low and the high uplift, and at which it brings nothing."""
    if not plan.contacts or np.isnan(even[1]):
        return []
    brings = [
        f"{_case(case, currency)} at an uplift of {format_exact_percent(case['uplift'])}"
        for _, case in cases.drop_duplicates("uplift").iterrows()
    ]
    found = [f"Judged by the errors of {_before(periods)}, the same contacts bring {join_names(brings)}."]
    if np.isfinite(even).all():
        value, low, high = (format_percent(uplift) if uplift >= 0.01 else f"{uplift:.2%}" for uplift in even)
        found.append(
            f"By the predictions they pay for themselves from an uplift of {value} on; with those errors, from one "
            f"between {low} and {high} (95% interval)."
        )
    return found


def regret(judged: pd.DataFrame, previous: Snapshot, currency: str) -> list[str]:
    """Say what a plan by the model would have brought in the period before, and whom it beats."""
    rows = {row["plan"]: row for _, row in judged.iterrows()}
    model, best = rows[MODEL], float(rows[ORACLE]["profit"])
    when = f"In the period before, {format_day(previous.period.cutoff + DAY)} to {format_day(previous.period.end)},"
    if not rows[RANDOM]["contacts"]:
        return []
    if not best > 0:
        return [f"{when} no contact would have paid, not even with perfect foresight."]
    foresight = f"perfect foresight would have brought {format_money(best, currency)}"
    if not model["contacts"]:
        return [f"{when} {previous.model_name} would have contacted nobody; {foresight}."]
    first = (
        f"{when} a plan by {previous.model_name} would have brought {_estimate(model, 'profit', currency)} with "
        f"{format_count(int(model['contacts']), 'contact')}; {foresight}, of which its regret, "
        f"{_estimate(model, 'regret', currency)}, is {format_share(model['share_lost'])}."
    )
    return [first, *_compared({way: rows[way] for way in WAYS if way in rows}, previous.model_name, currency)]


def _compared(others: dict[str, pd.Series], model: str, currency: str) -> list[str]:
    """Say which other ways of choosing the model beats or falls behind, and which it cannot be told from."""
    ahead = [way for way, row in others.items() if row["model_ahead_low"] > 0]
    behind = [way for way, row in others.items() if row["model_ahead_high"] < 0]
    found = []
    for ways, verb in ((ahead, "more than"), (behind, "less than")):
        parts = [f"{_estimate(others[way], 'model_ahead', currency, size=True)} {verb} {WAYS[way]}" for way in ways]
        found += [f"{model} would have brought {join_names(parts)}."] if parts else []
    equal = [WAYS[way] for way in others if way not in ahead and way not in behind]
    return [*found, f"{model} cannot be told apart from {join_names(equal)}."] if equal else found


def past_curve(curve: pd.DataFrame, previous: Snapshot, currency: str) -> list[str]:
    """Say which budget would have been best in the period before, as foreseen and as it came."""
    foreseen, came = (curve.iloc[int(np.argmax(curve[column]))] for column in ("expected", "model"))
    if not foreseen["budget"]:
        return [f"By its own predictions {previous.model_name} would have spent nothing."]
    at, expected, then = (format_money(float(foreseen[column]), currency) for column in ("budget", "expected", "model"))
    best, most = (format_money(float(came[column]), currency) for column in ("budget", "model"))
    return [
        f"By its own predictions {previous.model_name} would have spent {at}, expected {expected} of it and got "
        f"{then}; in its order of customers about {best} would have brought most, {most}."
    ]


def _case(case: pd.Series, currency: str) -> str:
    middle, low, high = (format_money(float(case[column]), currency) for column in ("judged_profit", "low", "high"))
    return f"{middle} {format_interval(low, high)}"


def _estimate(row: pd.Series, name: str, currency: str, size: bool = False) -> str:
    """Write an amount with its interval; its size alone where words say the sign."""
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if size and value < 0:
        value, low, high = -value, -high, -low
    return (
        f"{format_money(float(value), currency)} "
        f"{format_interval(format_money(float(low), currency), format_money(float(high), currency))}"
    )
