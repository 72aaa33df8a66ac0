"""The report's section on the budget: whom to contact, what that earns, and what it would have earned before."""

from __future__ import annotations

from collections.abc import Sequence

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
    BLUE,
    GREY,
    GROUND,
    INK,
    ORANGE,
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

SHARE_LOST, MODEL_AHEAD, PROFIT, REGRET = (
    [name, f"{name}_low", f"{name}_high"] for name in ("share_lost", "model_ahead", "profit", "regret")
)
TEMPLATE = SectionTemplate(
    "report/budget.jinja",
    column_kinds(
        money=[
            "expected_spend", "expected_profit", "cost", "budget", "judged_profit", "low", "high",
            *PROFIT, *REGRET, *MODEL_AHEAD,
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
    split = _split(plan, "segment", "budget_segments", shop)
    exhibits = [_contact_list_exhibit(plan, outlook, now, shop), _uplifts(plan, outlook, shop), split]
    if "country" in plan.table:
        exhibits.append(_split(plan, "country", "budget_countries", shop))
    comparison = _comparison(regret, past[0], shop)
    exhibits += [_curve(plan, now, shop), *comparison, _past_curve(past[0], shop)]
    summary = [*_recommendation(plan, outlook, now, shop), *split.sentences[:1], *comparison[0].sentences]
    return TEMPLATE.section("budget", summary, exhibits, TEMPLATE.say("method"))


def _recommendation(plan: Plan, outlook: Outlook, now: Snapshot, shop: Shop) -> list[str]:
    return TEMPLATE.say("recommendation", plan, outlook, now.period.cutoff + DAY, now.period.end, shop.currency)


def _contact_list_exhibit(plan: Plan, outlook: Outlook, now: Snapshot, shop: Shop) -> Exhibit:
    table = plan.contacted.drop(columns="contacted").join(now.table[["p_alive", "p_purchase"]]).reset_index()
    text = _recommendation(plan, outlook, now, shop) + TEMPLATE.say("budget_limit", plan, shop.currency)
    return TEMPLATE.exhibit("budget_plan", text, table)


def _uplifts(plan: Plan, outlook: Outlook, shop: Shop) -> Exhibit:
    text = TEMPLATE.say("uplifts", plan, outlook, shop.currency)
    return TEMPLATE.exhibit("budget_uplift", text, pd.DataFrame(list(outlook.cases)))


def _split(plan: Plan, column: str, name: str, shop: Shop) -> Exhibit:
    groups = plan.split_by(column)
    rows = groups.rename(columns={column: "name"}).sort_values("contacts", ascending=False, kind="stable")
    spent, unspent = (list(part.itertuples()) for part in (rows[rows["contacts"] > 0], rows[rows["contacts"] == 0]))
    whole_budget = plan.cost >= plan.campaign.budget
    named = unspent if column == "segment" else []  # of countries there are too many
    return TEMPLATE.exhibit(name, TEMPLATE.say("allocation", spent, named, whole_budget, shop.currency), groups)


def _curve(plan: Plan, now: Snapshot, shop: Shop) -> Exhibit:
    curve = plan.profit_curve()
    figure = profit_curve(curve, plan.campaign, shop.currency, f"by {now.model_name} · {now.period}")
    text = TEMPLATE.say("best_budget", plan, shop.currency)
    return TEMPLATE.exhibit("budget_curve", text, curve, figure, page_rows=0)


def _comparison(regret: Regret, previous: Snapshot, shop: Shop) -> list[Exhibit]:
    """Show what each strategy earned and missed, and how far the model is ahead of each."""
    period, model = previous.period, previous.model_name
    table = regret.table
    table["plan"] = table["plan"].replace(str(Strategy.MODEL), f"model ({model})")
    ahead = [*SHARE_LOST, *MODEL_AHEAD]
    tables = {"budget_regret": table.drop(columns=ahead), "budget_ahead": table[["plan", *ahead]]}
    texts = {
        "budget_regret": TEMPLATE.say("regret", regret, model, period.cutoff + DAY, period.end, shop.currency),
        "budget_ahead": TEMPLATE.say("rivals", regret, model, shop.currency),
    }
    titles = {name: TEMPLATE.title(name, period=period) for name in tables}
    return [TEMPLATE.exhibit(name, texts[name], tables[name], title=titles[name]) for name in tables]


def _past_curve(previous: Snapshot, shop: Shop) -> Exhibit:
    campaign, model = shop.campaign, previous.model_name
    curve = realised_curve(previous.table, campaign, shop.margin)
    uplift = format_exact_percent(campaign.expected_uplift)
    subtitle = f"{previous.period} · uplift {uplift} of what customers really spent"
    figure = realised_curves(curve, campaign.budget, model, shop.currency, subtitle)
    planned, best = (curve.iloc[int(curve[column].argmax())] for column in ("expected", "model"))
    text = TEMPLATE.say("past_curve", planned, best, model, shop.currency)
    return TEMPLATE.exhibit("budget_past", text, curve, figure, page_rows=0)


def profit_curve(curve: pd.DataFrame, campaign: Campaign, currency: str, subtitle: str) -> Figure:
    """Draw the expected profit of the coming period by budget at three uplifts, from ``Plan.profit_curve``."""
    figure, (panel,) = create_chart("Expected profit by budget", subtitle, 4.4)
    panel.fill_between(curve["budget"], curve["low_uplift"], curve["high_uplift"], color=BAND, linewidth=0)
    low, middle, high = (f"uplift {format_exact_percent(uplift)}" for uplift in campaign.uplift)
    if high != middle:
        _draw_line(panel, curve, "high_uplift", high, QUIET, ":", 1.6)
    if low != middle:
        _draw_line(panel, curve, "low_uplift", low, QUIET, "--", 1.6)
    _draw_line(panel, curve, "expected_uplift", f"{middle} (expected)", BLUE, "-", 2.4)
    _mark_best(panel, curve["budget"], curve["expected_uplift"], currency)
    _style_axes(panel, campaign.budget, currency, "expected profit")
    return figure


def realised_curves(curve: pd.DataFrame, budget: float, model: str, currency: str, subtitle: str) -> Figure:
    """Draw what contacts earned in the period before by budget and strategy, from ``regret.realised_curve``."""
    figure, (panel,) = create_chart("What the budget would have brought", subtitle, 4.6)
    name = printable(model)
    _draw_line(panel, curve, "perfect_foresight", "perfect foresight", INK, "-", 1.4)
    _draw_line(panel, curve, "model", name, BLUE, "-", 2.6)
    _draw_line(panel, curve, "expected", f"what {name} expected", BLUE, ":", 1.8)
    _draw_line(panel, curve, "total_spend_so_far", "total spend so far", ORANGE, "--", 1.8)
    _draw_line(panel, curve, "chance", "chance", GREY, "-", 1.4)
    _mark_best(panel, curve["budget"], curve["model"], currency)
    _style_axes(panel, budget, currency, "profit")
    bottom, top = panel.get_ylim()
    panel.set_ylim(max(bottom, -0.5 * max(top, curve["model"].abs().max())), top)
    return figure


def _draw_line(
    panel: Axes, curve: pd.DataFrame, column: str, label: str, colour: str, style: str, width: float
) -> None:
    panel.plot(curve["budget"], curve[column], style, color=colour, linewidth=width, label=label)


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


def _style_axes(panel: Axes, budget: float, currency: str, measure: str) -> None:
    """Name the axes in currency, show the zero line and the given budget."""
    panel.axhline(0, color=INK, linewidth=1.0)
    panel.margins(x=0.02, y=0.12)
    left, right = panel.get_xlim()
    if left <= budget <= right:
        panel.axvline(budget, color=RULE, linewidth=2.0, zorder=1)
        panel.text(
            budget, 0.02, " the budget", transform=panel.get_xaxis_transform(), fontsize=TEXT_SIZE, color=QUIET,
            ha="left" if budget < 0.8 * right else "right",
        )  # fmt: skip
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(format_amount)
    panel.set_xlabel(f"spent on contacts ({printable(currency)})")
    panel.set_ylabel(f"{measure} ({printable(currency)})")
    draw_legend_above(panel, handlelength=1.6, columnspacing=1.2)
