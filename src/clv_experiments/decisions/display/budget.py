"""The report's section on the budget: whom to contact, what that earns, and what it would have earned before."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.data.horizon import DAY
from clv_experiments.decisions.budget.outlook import ProfitOutlook
from clv_experiments.decisions.budget.plan import ContactPlan
from clv_experiments.decisions.budget.regret import ContactStrategy, StrategyComparison, compare_strategies
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
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
    make_printable,
)
from clv_experiments.reporting.exhibit import WIDE, Exhibit, Section
from clv_experiments.reporting.formatting import format_dates, format_exact_percent, format_money
from clv_experiments.reporting.prose import render_paragraphs
from clv_experiments.reporting.section_template import SectionTemplate
from clv_experiments.reporting.symlog_scale import format_amount

CONTACTS = "contacts.csv"
FILE_COLUMNS = [  # documented in templates/scores/readme.jinja
    "customer_id", "country", "expected_spend", "expected_profit", "last_purchase", "value_tier", "segment",
    "recommended_action", "reason",
]  # fmt: skip
PAGE_COLUMNS = ["customer_id", "country", "expected_spend", "expected_profit", "recommended_action", "reason"]
PROFIT, AHEAD = ([name, f"{name}_low", f"{name}_high"] for name in ("profit", "model_ahead"))
TEMPLATE = SectionTemplate("report/budget.jinja")


def list_contacts(plan: ContactPlan, scored: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """List the contacted customers, the most profitable first, in ``FILE_COLUMNS``.

    ``scored``, indexed by ``customer_id``, has ``last_purchase``, ``value_tier``, ``segment``, ``recommended_action``;
    ``customers`` is a snapshot's table of the same. ``country`` is empty where the log has none.
    """
    contacted = plan.contacted
    history = customers.loc[contacted.index]
    facts = zip(history["frequency"].astype(int) + 1, days_since_last(history).astype(int), strict=True)
    reasons = [" ".join(render_paragraphs("report/answers.jinja", "reason", *fact)) for fact in facts]
    advice = scored.loc[contacted.index, ["last_purchase", "value_tier", "segment", "recommended_action"]]
    table = contacted[["expected_spend", "expected_profit"]].join(advice).assign(reason=reasons)
    return table.assign(country=history.get("country")).rename_axis("customer_id").reset_index()[FILE_COLUMNS]


def budget_section(
    plan: ContactPlan,
    outlook: ProfitOutlook,
    contacts: pd.DataFrame,
    now: Snapshot,
    previous: Snapshot,
    shop: Shop,
    seed: int,
    replicates: int,
) -> Section:
    """Show the plan of the coming period, and what one of the period before would have earned.

    ``contacts`` is from ``list_contacts``, ``outlook`` of the plan; the period of ``previous`` is over.
    """
    regret = compare_strategies(previous.table, shop.campaign, shop.margin, replicates, seed)
    currency = shop.currency
    recommendation = TEMPLATE.render_macro(
        "recommendation", plan, outlook, now.period.cutoff + DAY, now.period.end, currency
    )
    uplifts = TEMPLATE.render_macro("uplifts", plan, outlook, currency)
    split = _build_split_exhibit(plan, "segment", "budget_segments", shop)
    comparison = _build_strategy_exhibit(regret, previous, shop)
    exhibits = [_build_profit_curve_exhibit(plan, now, shop)]
    if plan.contacts:
        columns = [column for column in PAGE_COLUMNS if column != "country" or contacts["country"].notna().any()]
        limit = TEMPLATE.render_macro("budget_limit", plan, currency)
        exhibits += [
            TEMPLATE.build_exhibit("contacts", recommendation + limit, contacts, columns=columns, file=CONTACTS),
            TEMPLATE.build_exhibit("budget_uplift", uplifts, pd.DataFrame(list(outlook.cases))),
            split,
            *([_build_split_exhibit(plan, "country", "budget_countries", shop)] if "country" in plan.table else []),
        ]
    summary = [*recommendation, *split.sentences[:1], *comparison.sentences[:1]]
    return TEMPLATE.build_section("budget", summary, exhibits, TEMPLATE.render_macro("method"), [comparison])


def _build_split_exhibit(plan: ContactPlan, column: str, name: str, shop: Shop) -> Exhibit:
    groups = plan.split_by(column)
    rows = groups.rename(columns={column: "name"}).sort_values("contacts", ascending=False, kind="stable")
    spent, unspent = (list(part.itertuples()) for part in (rows[rows["contacts"] > 0], rows[rows["contacts"] == 0]))
    whole_budget = plan.cost >= plan.campaign.budget
    named = unspent if column == "segment" else []  # of countries there are too many
    return TEMPLATE.build_exhibit(
        name, TEMPLATE.render_macro("allocation", spent, named, whole_budget, shop.currency), groups
    )


def _build_profit_curve_exhibit(plan: ContactPlan, now: Snapshot, shop: Shop) -> Exhibit:
    curve = plan.unconstrained_profit_curve()
    draw = partial(draw_profit_curve, curve, plan, shop.currency, format_dates(now.period))
    text = TEMPLATE.render_macro("best_budget", plan, shop.currency)
    return TEMPLATE.build_exhibit("budget_curve", text, curve, draw, page_rows=0)


def _build_strategy_exhibit(regret: StrategyComparison, previous: Snapshot, shop: Shop) -> Exhibit:
    period, model = previous.period, previous.model_name
    table = regret.table
    table["plan"] = table["plan"].replace(str(ContactStrategy.MODEL), f"model ({model})")
    text = TEMPLATE.render_macro("regret", regret, model, period.cutoff + DAY, period.end, shop.currency)
    text += TEMPLATE.render_macro("baselines", regret, model, shop.currency)
    title = TEMPLATE.render_title("budget_regret", period=format_dates(period))
    return TEMPLATE.build_exhibit(
        "budget_regret", text, table, title=title, columns=["plan", "contacts", *PROFIT, *AHEAD]
    )


def draw_profit_curve(curve: pd.DataFrame, plan: ContactPlan, currency: str, subtitle: str, width: float) -> Figure:
    """Draw the expected profit of the coming period by budget at three uplifts, without a limit of the plan.

    It ends beyond what pays at any of them, and beyond what is spent.
    """
    figure, (panel,) = create_chart("Expected profit by budget", subtitle, 4.4, width=width)
    curve = curve[curve["contacts"] <= max(10, 1.5 * max(*plan.profitable_contacts_by_uplift, plan.contacts))]
    budget, low, middle, high = curve["budget"], *plan.campaign.uplift
    panel.fill_between(budget, curve["low_uplift"], curve["high_uplift"], color=BAND, linewidth=0)
    for case, uplift, style in (("high", high, ":"), ("low", low, "--")):
        if uplift != middle:
            label = f"uplift {format_exact_percent(uplift)}"
            panel.plot(budget, curve[f"{case}_uplift"], style, color=QUIET, linewidth=1.6, label=label)
    label = f"uplift {format_exact_percent(middle)} (expected)"
    panel.plot(budget, curve["expected_uplift"], color=BLUE, linewidth=2.4, label=label)
    _mark_points(panel, budget, curve["expected_uplift"], plan, currency)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(6 if width == WIDE else 4))
        axis.set_major_formatter(format_amount)
    panel.set(
        xlabel=f"spent on contacts ({make_printable(currency)})", ylabel=f"expected profit ({make_printable(currency)})"
    )
    draw_legend_above(panel, handlelength=1.6, columnspacing=1.2, ncols=3 if width == WIDE else 1)
    return figure


def _mark_points(panel: Axes, budget: pd.Series, profit: pd.Series, plan: ContactPlan, currency: str) -> None:
    """Mark zero, what the plan spends, and the budget at which a curve is highest where that is another."""
    panel.axhline(0, color=INK, linewidth=1.0)
    panel.margins(x=0.02, y=0.14)
    best, chosen = int(np.argmax(profit.to_numpy())), int(np.abs(budget.to_numpy() - plan.cost).argmin())
    panel.axvline(plan.cost, color=RULE, linewidth=2.0, zorder=1)
    marks = {best: ("o", "best"), chosen: ("D", "chosen")}  # the choice stands where both are one
    for point, (marker, name) in marks.items():
        x, y = float(budget.iloc[point]), float(profit.iloc[point])
        panel.plot(x, y, marker, color=BLUE, markersize=8, markeredgecolor=GROUND, zorder=5)
        near_end, above = x > 0.6 * float(budget.iloc[-1]), name == "best" or best == chosen
        panel.annotate(
            make_printable(f"{name}: {format_money(x, currency)}"), (x, y),
            xytext=(-6 if near_end else 8, 9 if above else -18), textcoords="offset points", color=BLUE,
            fontsize=TEXT_SIZE, ha="right" if near_end else "left",
        )  # fmt: skip
