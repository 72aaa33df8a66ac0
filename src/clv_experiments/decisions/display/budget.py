"""The report's section on the budget: whom to contact, what that earns, and what it would have earned before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.data.window import DAY
from clv_experiments.decisions.budget.outlook import estimate_outlook
from clv_experiments.decisions.budget.plan import Plan, plan_contacts
from clv_experiments.decisions.budget.regret import Regret, Strategy, evaluate_regret
from clv_experiments.decisions.shop import Campaign, Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.chart_style import (
    BAND,
    BLUE,
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
from clv_experiments.reporting.exhibit import Exhibit, Section, column_kinds
from clv_experiments.reporting.formatting import format_exact_percent, format_money
from clv_experiments.reporting.section_template import SectionTemplate

PROFIT, REGRET, SHARE_LOST, AHEAD = (
    [name, f"{name}_low", f"{name}_high"] for name in ("profit", "regret", "share_lost", "model_ahead")
)
TEMPLATE = SectionTemplate(
    "report/budget.jinja",
    column_kinds(
        money=[
            "expected_spend", "expected_profit", "cost", "budget", "judged_profit", "low", "high",
            *PROFIT, *REGRET, *AHEAD,
        ],
        share=["uplift", "p_alive", "p_purchase", "share_of_cost", *SHARE_LOST],
        count=["contacts", "customers"],
    ),
)  # fmt: skip


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
    currency = shop.currency
    recommendation = TEMPLATE.render("recommendation", plan, outlook, now.period.cutoff + DAY, now.period.end, currency)
    contacts = plan.contacted.drop(columns="contacted").join(now.table[["p_alive", "p_purchase"]]).reset_index()
    uplifts = TEMPLATE.render("uplifts", plan, outlook, currency)
    split, comparison = _split(plan, "segment", "budget_segments", shop), _comparison(regret, past[0], shop)
    exhibits = [
        TEMPLATE.exhibit("budget_plan", recommendation + TEMPLATE.render("budget_limit", plan, currency), contacts),
        TEMPLATE.exhibit("budget_uplift", uplifts, pd.DataFrame(list(outlook.cases))),
        split,
        *([_split(plan, "country", "budget_countries", shop)] if "country" in plan.table else []),
        _curve(plan, now, shop),
        comparison,
    ]
    summary = [*recommendation, *split.sentences[:1], *comparison.sentences[:1]]
    return TEMPLATE.section("budget", summary, exhibits, TEMPLATE.render("method"))


def _split(plan: Plan, column: str, name: str, shop: Shop) -> Exhibit:
    groups = plan.split_by(column)
    rows = groups.rename(columns={column: "name"}).sort_values("contacts", ascending=False, kind="stable")
    spent, unspent = (list(part.itertuples()) for part in (rows[rows["contacts"] > 0], rows[rows["contacts"] == 0]))
    whole_budget = plan.cost >= plan.campaign.budget
    named = unspent if column == "segment" else []  # of countries there are too many
    return TEMPLATE.exhibit(name, TEMPLATE.render("allocation", spent, named, whole_budget, shop.currency), groups)


def _curve(plan: Plan, now: Snapshot, shop: Shop) -> Exhibit:
    curve = plan.profit_curve()
    figure = profit_curve(curve, plan.campaign, shop.currency, f"by {now.model_name} · {now.period}")
    text = TEMPLATE.render("best_budget", plan, shop.currency)
    return TEMPLATE.exhibit("budget_curve", text, curve, figure, page_rows=0)


def _comparison(regret: Regret, previous: Snapshot, shop: Shop) -> Exhibit:
    """Show what each strategy earned, and how far the model is ahead of it."""
    period, model = previous.period, previous.model_name
    table = regret.table
    table["plan"] = table["plan"].replace(str(Strategy.MODEL), f"model ({model})")
    text = TEMPLATE.render("regret", regret, model, period.cutoff + DAY, period.end, shop.currency)
    text += TEMPLATE.render("rivals", regret, model, shop.currency)
    title = TEMPLATE.title("budget_regret", period=period)
    return TEMPLATE.exhibit("budget_regret", text, table, title=title, columns=["plan", "contacts", *PROFIT, *AHEAD])


def profit_curve(curve: pd.DataFrame, campaign: Campaign, currency: str, subtitle: str) -> Figure:
    """Draw the expected profit of the coming period by budget at three uplifts, from ``Plan.profit_curve``."""
    figure, (panel,) = create_chart("Expected profit by budget", subtitle, 4.4)
    budget, low, middle, high = curve["budget"], *campaign.uplift
    panel.fill_between(budget, curve["low_uplift"], curve["high_uplift"], color=BAND, linewidth=0)
    for case, uplift, style in (("high", high, ":"), ("low", low, "--")):
        if uplift != middle:
            label = f"uplift {format_exact_percent(uplift)}"
            panel.plot(budget, curve[f"{case}_uplift"], style, color=QUIET, linewidth=1.6, label=label)
    label = f"uplift {format_exact_percent(middle)} (expected)"
    panel.plot(budget, curve["expected_uplift"], color=BLUE, linewidth=2.4, label=label)
    _mark_best(panel, budget, curve["expected_uplift"], currency)
    _mark_budget(panel, campaign.budget)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(format_amount)
    panel.set(xlabel=f"spent on contacts ({printable(currency)})", ylabel=f"expected profit ({printable(currency)})")
    draw_legend_above(panel, handlelength=1.6, columnspacing=1.2)
    return figure


def _mark_best(panel: Axes, budget: pd.Series, profit: pd.Series, currency: str) -> None:
    """Mark the budget at which a curve is highest."""
    best = int(np.argmax(profit.to_numpy()))
    x, y = float(budget.iloc[best]), float(profit.iloc[best])
    panel.plot(x, y, "o", color=BLUE, markersize=8, markeredgecolor=GROUND, zorder=5)
    near_end = x > 0.75 * float(budget.iloc[-1])
    panel.annotate(
        printable(f"best: {format_money(x, currency)}"), (x, y), xytext=(-6 if near_end else 6, 8),
        textcoords="offset points", color=BLUE, fontsize=TEXT_SIZE, ha="right" if near_end else "left",
    )  # fmt: skip


def _mark_budget(panel: Axes, budget: float) -> None:
    """Show the zero line, and the budget where it is in sight."""
    panel.axhline(0, color=INK, linewidth=1.0)
    panel.margins(x=0.02, y=0.12)
    left, right = panel.get_xlim()
    if left <= budget <= right:
        panel.axvline(budget, color=RULE, linewidth=2.0, zorder=1)
        panel.text(
            budget, 0.02, " the budget", transform=panel.get_xaxis_transform(), fontsize=TEXT_SIZE, color=QUIET,
            ha="left" if budget < 0.8 * right else "right",
        )  # fmt: skip
