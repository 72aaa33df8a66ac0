"""Which customers will spend most as a section of the report."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from clv_experiments.data.horizon import DAY
from clv_experiments.decisions.best_customers import RankedCustomers
from clv_experiments.decisions.display.segments import TIER_COLOURS
from clv_experiments.decisions.segments.tiers import TIERS
from clv_experiments.decisions.shop import Shop
from clv_experiments.reporting.chart_style import BLUE, GREY, INK, create_chart, draw_legend_above, make_printable
from clv_experiments.reporting.exhibit import WIDE, Section
from clv_experiments.reporting.formatting import format_dates
from clv_experiments.reporting.section_template import SectionTemplate
from clv_experiments.reporting.symlog_scale import format_amount

SPEND_COLUMNS = [
    "customer_id", "country", "expected_spend", "expected_spend_low", "expected_spend_high", "p_purchase", "clv",
    "segment", "recommended_action",
]  # fmt: skip
PROBABILITY_COLUMNS = [
    "customer_id", "country", "p_purchase", "next_purchase", "next_purchase_low", "next_purchase_high",
    "expected_purchases", "expected_spend", "last_purchase", "value_tier", "segment",
]  # fmt: skip
SCORES = "scores.csv"
TEMPLATE = SectionTemplate("report/best_customers.jinja")
BINS = 24


def best_customers_section(best: RankedCustomers, intervals: Sequence[str], shop: Shop) -> Section:
    """Show the customers with the highest expected spend, and those with the highest probability of buying.

    The sentences ``intervals`` say what the intervals of spend rest on.
    """
    scores, subtitle = best.by_spend[["expected_spend", "value_tier"]], format_dates(best.now.period)
    exhibits = [
        TEMPLATE.build_exhibit(
            "highest_expected_spend",
            TEMPLATE.render_macro("highest_expected_spend", best, shop),
            best.by_spend.filter([name for name in SPEND_COLUMNS if name != "clv" or best.has_single_model]),
            partial(draw_expected_spend_distribution, scores, shop.currency, subtitle),
            file=SCORES,
        ),
        TEMPLATE.build_exhibit(
            "most_likely_to_buy",
            TEMPLATE.render_macro("most_likely_to_buy", best, shop),
            best.by_probability.filter(PROBABILITY_COLUMNS),
            file=SCORES,
        ),
        TEMPLATE.build_exhibit(
            "past_totals",
            TEMPLATE.render_macro("past_totals", best, shop),
            best.past,
            partial(draw_past_totals, best, shop.currency),
        ),
    ]
    summary, method = TEMPLATE.render_macro("top", best, shop), TEMPLATE.render_macro("method", best, shop)
    return TEMPLATE.build_section("customers", summary, exhibits, [*intervals, *method])


def draw_expected_spend_distribution(scores: pd.DataFrame, currency: str, subtitle: str, width: float) -> Figure:
    """Draw how many customers are expected to spend how much, by value tier, on a log axis.

    ``scores`` has ``expected_spend`` and ``value_tier``; who is expected to spend next to nothing stands at the left.
    """
    figure, (panel,) = create_chart("Customers by expected spend", subtitle, 3.8, width=width)
    spend = scores["expected_spend"].to_numpy(float)
    top = float(spend.max()) if (spend > 0).any() else 1.0
    low = float(np.clip(np.quantile(spend, 0.02), top / 1e5, top / 10))
    edges = np.geomspace(low, top * 1.0001, BINS + 1)
    groups = [np.clip(spend[scores["value_tier"] == tier], low, None) for tier in TIERS]
    labels = [f"{tier}: {len(group):,}" for tier, group in zip(TIERS, groups, strict=True)]
    colours = [TIER_COLOURS[tier] for tier in TIERS]
    panel.hist(groups, list(edges), stacked=True, color=colours, label=labels, linewidth=0)
    panel.set_xscale("log")
    marks = np.array([step * 10.0**power for power in range(-3, 9) for step in (1, 3)])
    marks = marks[(marks >= low) & (marks <= top)]
    panel.xaxis.set_major_locator(FixedLocator(list(marks[:: -(-len(marks) // (8 if width == WIDE else 5))])))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(format_amount)
    panel.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    panel.yaxis.set_major_formatter(format_amount)
    panel.grid(visible=False, axis="x")
    panel.set(xlabel=f"expected spend of a customer ({make_printable(currency)})", ylabel="customers")
    draw_legend_above(panel, ncols=3 if width == WIDE else 1)
    return figure


def draw_past_totals(best: RankedCustomers, currency: str, width: float) -> Figure:
    """Draw what was expected of each period that is over beside what came, and the range of the coming one."""
    figure, (panel,) = create_chart("What was expected, and what came", "of all customers known", 3.6, width=width)
    past = best.past.iloc[::-1]
    x = np.arange(len(past) + 1)
    panel.bar(x[:-1], past["came"], 0.6, color=GREY, linewidth=0, label="came")
    coming = best.total_range
    ends = [*past[["low", "high"]].to_numpy(float).tolist(), [coming.low, coming.high] if coming else [np.nan] * 2]
    panel.vlines(x, *np.transpose(ends), color=BLUE, linewidth=3, alpha=0.55)
    expected = [*past["expected"], best.expected_total]
    panel.plot(x, expected, "o", color=BLUE, markersize=8, label="expected")
    if best.year_before:
        last, spend = float(x[-1]), best.year_before.spend
        panel.hlines(spend, last - 0.3, last + 0.3, color=INK, linewidth=2, label="same days last year")
    first = [*past["first_day"], pd.Timestamp(best.now.period.cutoff + DAY)]
    panel.set_xticks(x, [f"from {day.day}\n{day:%b %Y}" for day in first])
    panel.set_xlim(-0.5, len(past) + 0.5)
    panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter(format_amount)
    panel.grid(visible=False, axis="x")
    panel.set_ylabel(f"spend ({make_printable(currency)})")
    draw_legend_above(panel, ncols=3 if width == WIDE else 1)
    return figure
