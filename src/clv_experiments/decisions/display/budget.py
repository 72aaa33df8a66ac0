"""The report's section on the budget: whom to contact, what that earns, and what it would have earned before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.data.window import DAY
from clv_experiments.decisions.budget.outlook import Outlook, estimate_outlook
from clv_experiments.decisions.budget.plan import Plan, plan_contacts
from clv_experiments.decisions.budget.regret import Regret, Strategy, evaluate_regret, realised_curve
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.chart_style import (
    BAND,
    FAMILIES,
    GROUND,
    INK,
    QUIET,
    RULE,
    TEXT_SIZE,
    create_chart,
    draw_legend_above,
    format_amount,
    printable,
)
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import format_exact_percent, format_money
from clv_experiments.reporting.prose import sentences

TEMPLATE = "report/budget.jinja"
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

BLUE, ORANGE, GREY = (FAMILIES[family].colour for family in ("btyd", "ml", "baseline"))


def budget_section(
    now: Snapshot, past: Sequence[Snapshot], segments: pd.Series, shop: Shop, seed: int, replicates: int
) -> Section:
    """Show the plan of the coming period, and what one of the period before would have earned.

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
        As of ``plan_contacts``.
    """
    plan = plan_contacts(now.table, shop.campaign, shop.margin, segments, now.table.get("country"))
    outlook = estimate_outlook(plan, past, replicates, seed)
    regret = evaluate_regret(past[0].table, shop.campaign, shop.margin, replicates, seed)
    contacts, split = _contact_list_exhibit(plan, outlook, now, shop), _split(plan, "segment", "budget_segments", shop)
    exhibits = [contacts, _uplifts(plan, outlook, shop), split]
    if "country" in plan.table:
        exhibits.append(_split(plan, "country", "budget_countries", shop))
    comparison = _comparison(regret, past[0], shop)
    exhibits += [_curve(plan, now, shop), *comparison, _past_curve(past[0], shop)]
    summary = [*_recommendation(plan, outlook, now, shop), *split.sentences[:1], *comparison[0].sentences]
    (question,), method = sentences(TEMPLATE, "question"), sentences(TEMPLATE, "method")
    return Section("budget", question, summary, exhibits, method)


def _recommendation(plan: Plan, outlook: Outlook, now: Snapshot, shop: Shop) -> list[str]:
    start, end = now.period.cutoff + DAY, now.period.end
    return sentences(TEMPLATE, "recommendation", plan, outlook, start, end, shop.currency)


def _contact_list_exhibit(plan: Plan, outlook: Outlook, now: Snapshot, shop: Shop) -> Exhibit:
    table = plan.contacted.drop(columns="contacted").join(now.table[["p_alive", "p_purchase"]]).reset_index()
    text = _recommendation(plan, outlook, now, shop) + sentences(TEMPLATE, "budget_limit", plan, shop.currency)
    return Exhibit("budget_plan", "Whom to contact, the most profitable first", text, table, HEADINGS, KINDS)


def _uplifts(plan: Plan, outlook: Outlook, shop: Shop) -> Exhibit:
    text = sentences(TEMPLATE, "uplifts", plan, outlook, shop.currency)
    headings = HEADINGS | {"expected_profit": "expected profit (predictions as they are)"}
    table = pd.DataFrame(list(outlook.cases))
    return Exhibit("budget_uplift", "What the plan brings at each uplift", text, table, headings, KINDS)


def _split(plan: Plan, column: str, name: str, shop: Shop) -> Exhibit:
    groups = plan.split_by(column)
    rows = groups.rename(columns={column: "name"}).sort_values("contacts", ascending=False, kind="stable")
    spent, unspent = (list(part.itertuples()) for part in (rows[rows["contacts"] > 0], rows[rows["contacts"] == 0]))
    whole_budget = plan.cost >= plan.campaign.budget
    named = unspent if column == "segment" else []  # of countries there are too many
    text = sentences(TEMPLATE, "allocation", spent, named, whole_budget, shop.currency)
    return Exhibit(name, f"The budget by {column}", text, groups, HEADINGS, KINDS)


def _curve(plan: Plan, now: Snapshot, shop: Shop) -> Exhibit:
    curve = plan.profit_curve()
    figure = profit_curve(curve, plan.campaign, shop.currency, f"by {now.model_name} · {now.period}")
    text = sentences(TEMPLATE, "best_budget", plan, shop.currency)
    kinds = KINDS | dict.fromkeys(["low_uplift", "expected_uplift", "high_uplift"], "money")
    return Exhibit("budget_curve", "Expected profit by budget", text, curve, kinds=kinds, figure=figure, shown=0)


def _comparison(regret: Regret, previous: Snapshot, shop: Shop) -> list[Exhibit]:
    """Show what each strategy earned and missed, and how far the model is ahead of each."""
    model = previous.model_name
    table = regret.table
    table["plan"] = table["plan"].replace(str(Strategy.MODEL), f"model ({model})")
    ahead = [name for name in table.columns if name.startswith(("share_lost", "model_ahead"))]
    estimates: dict[str, Kind] = {"profit": "money", "regret": "money", "share_lost": "share", "model_ahead": "money"}
    kinds, headings = dict(KINDS), {"share_lost": "regret as a share", "model_ahead": "the model brought more"}
    for name, kind in estimates.items():
        kinds |= {name: kind, f"{name}_low": kind, f"{name}_high": kind}
        headings |= {f"{name}_low": "from (95% interval)", f"{name}_high": "to"}
    start, end = previous.period.cutoff + DAY, previous.period.end
    profits = sentences(TEMPLATE, "regret", regret, model, start, end, shop.currency)
    rivals = sentences(TEMPLATE, "rivals", regret, model, shop.currency)
    titles = "The same budget in the period before", "The model beside other ways of choosing"
    first, second = (f"{title}, {previous.period}" for title in titles)
    return [
        Exhibit("budget_regret", first, profits, table.drop(columns=ahead), headings, kinds),
        Exhibit("budget_ahead", second, rivals, table[["plan", *ahead]], headings, kinds),
    ]


def _past_curve(previous: Snapshot, shop: Shop) -> Exhibit:
    campaign, model = shop.campaign, previous.model_name
    curve = realised_curve(previous.table, campaign, shop.margin)
    uplift = format_exact_percent(campaign.expected_uplift)
    subtitle = f"{previous.period} · uplift {uplift} of what customers really spent"
    figure = realised_curves(curve, campaign.budget, model, shop.currency, subtitle)
    planned, best = (curve.iloc[int(curve[column].argmax())] for column in ("expected", "model"))
    text = sentences(TEMPLATE, "past_curve", planned, best, model, shop.currency)
    kinds, title = KINDS | dict.fromkeys(curve.columns[2:], "money"), "Profit by budget in the period before"
    return Exhibit("budget_past", title, text, curve, kinds=kinds, figure=figure, shown=0)


def profit_curve(curve: pd.DataFrame, campaign: Campaign, currency: str, subtitle: str) -> Figure:
    """Draw the expected profit of the coming period by budget at three uplifts, from ``Plan.profit_curve``."""
    figure, (axes,) = create_chart("Expected profit by budget", subtitle, 4.4)
    axes.fill_between(curve["budget"], curve["low_uplift"], curve["high_uplift"], color=BAND, linewidth=0)
    low, middle, high = (f"uplift {format_exact_percent(uplift)}" for uplift in campaign.uplift)
    lines = {
        "high_uplift": (high, QUIET, ":", 1.6),
        "low_uplift": (low, QUIET, "--", 1.6),
        "expected_uplift": (f"{middle} (expected)", BLUE, "-", 2.4),
    }
    _draw_lines(axes, curve, {column: line for column, line in lines.items() if line[0] != middle})
    _mark_best(axes, curve["budget"], curve["expected_uplift"], currency)
    _style_axes(axes, campaign.budget, currency, "expected profit")
    return figure


def realised_curves(curve: pd.DataFrame, budget: float, model: str, currency: str, subtitle: str) -> Figure:
    """Draw what contacts earned in the period before by budget and strategy, from ``regret.realised_curve``."""
    figure, (axes,) = create_chart("What the budget would have brought", subtitle, 4.6)
    lines = {
        "perfect_foresight": ("perfect foresight", INK, "-", 1.4),
        "model": (printable(model), BLUE, "-", 2.6),
        "expected": (f"what {printable(model)} expected", BLUE, ":", 1.8),
        "total_spend_so_far": ("total spend so far", ORANGE, "--", 1.8),
        "chance": ("chance", GREY, "-", 1.4),
    }
    _draw_lines(axes, curve, lines)
    _mark_best(axes, curve["budget"], curve["model"], currency)
    _style_axes(axes, budget, currency, "profit")
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, -0.5 * max(top, curve["model"].abs().max())), top)
    return figure


def _draw_lines(axes: Axes, curve: pd.DataFrame, lines: Mapping[str, tuple[str, str, str, float]]) -> None:
    """Draw columns by budget, each with its label, colour, style and width."""
    for column, (label, colour, style, width) in lines.items():
        axes.plot(curve["budget"], curve[column], style, color=colour, linewidth=width, label=label)


def _mark_best(axes: Axes, budget: pd.Series, profit: pd.Series, currency: str) -> None:
    """Mark the budget at which a curve is highest."""
    best = int(np.argmax(profit.to_numpy()))
    x, y = float(budget.iloc[best]), float(profit.iloc[best])
    axes.plot(x, y, "o", color=BLUE, markersize=8, markeredgecolor=GROUND, zorder=5)
    near_end = x > 0.75 * float(budget.iloc[-1])
    axes.annotate(
        printable(f"best: {format_money(x, currency)}"), (x, y), xytext=(-6 if near_end else 6, 8),
        textcoords="offset points", color=BLUE, fontsize=TEXT_SIZE, ha="right" if near_end else "left",
    )  # fmt: skip


def _style_axes(axes: Axes, budget: float, currency: str, measure: str) -> None:
    """Name the axes in currency, show the zero line and the given budget."""
    axes.axhline(0, color=INK, linewidth=1.0)
    axes.margins(x=0.02, y=0.12)
    left, right = axes.get_xlim()
    if left <= budget <= right:
        axes.axvline(budget, color=RULE, linewidth=2.0, zorder=1)
        axes.text(
            budget, 0.02, " the budget", transform=axes.get_xaxis_transform(), fontsize=TEXT_SIZE, color=QUIET,
            ha="left" if budget < 0.8 * right else "right",
        )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(format_amount)
    axes.set_xlabel(f"spent on contacts ({printable(currency)})")
    axes.set_ylabel(f"{measure} ({printable(currency)})")
    draw_legend_above(axes, handlelength=1.6, columnspacing=1.2)
