"""The section on customers who were predicted to buy and did not, and on those who are slipping away."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from clv_experiments.decisions.missed import (
    P_ALIVE_FALL,
    AtRisk,
    MissedOpportunities,
    NonBuyerCount,
    find_at_risk,
    find_missed,
)
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.chart_style import INK, ORANGE, RULE, TEXT_KWARGS, create_chart
from clv_experiments.reporting.exhibit import Exhibit, Section
from clv_experiments.reporting.formatting import format_dates
from clv_experiments.reporting.section_template import SectionTemplate
from clv_experiments.reporting.symlog_scale import format_amount

TEMPLATE = SectionTemplate("report/missed.jinja")


def missed_and_at_risk_section(now: Snapshot, previous: Snapshot, shop: Shop, seed: int, replicates: int) -> Section:
    """Say who was likely to buy and did not, and whose P(alive) fell among the customers of high value.

    The period of ``previous`` is over; ``replicates`` counts are simulated.
    """
    missed = missed_exhibit(find_missed(now, previous, shop.likely, replicates, seed), previous, shop)
    at_risk = at_risk_exhibit(find_at_risk(now, previous, shop.tiers), now, previous, shop)
    method = TEMPLATE.render_macro("method", now, previous, shop, P_ALIVE_FALL)
    return TEMPLATE.build_section("missed", [missed.sentences[0], at_risk.sentences[0]], [missed, at_risk], method)


def missed_exhibit(missed: MissedOpportunities, previous: Snapshot, shop: Shop) -> Exhibit:
    """List the missed opportunities; there is no list where nobody was likely to buy."""
    paragraphs = TEMPLATE.render_macro("missed_opportunities", missed, previous, shop)
    if not missed.non_buyers:
        return TEMPLATE.build_exhibit("missed_opportunities", paragraphs)
    draw = partial(draw_likely_non_buyers, missed.non_buyers, format_dates(previous.period))
    return TEMPLATE.build_exhibit("missed_opportunities", paragraphs, missed.table, draw)


def draw_likely_non_buyers(non_buyers: NonBuyerCount, subtitle: str, width: float) -> Figure:
    """Draw how many of the likely customers stayed away, beside the number that chance alone explains."""
    figure, (panel,) = create_chart("Likely to buy, and stayed away", subtitle, 2.2, width=width)
    panel.barh(0, non_buyers.missed, 0.5, color=ORANGE, linewidth=0)
    panel.barh(0, non_buyers.customers - non_buyers.missed, 0.5, left=non_buyers.missed, color=RULE, linewidth=0)
    panel.hlines(0.42, non_buyers.expected_low, non_buyers.expected_high, color=INK, linewidth=3)
    panel.plot(non_buyers.expected, 0.42, "o", color=INK, markersize=7)
    is_left = non_buyers.expected_high < 0.6 * non_buyers.customers
    panel.annotate(
        f"{non_buyers.expected:,.0f} by chance",
        (non_buyers.expected_high if is_left else non_buyers.expected_low, 0.42),
        (8 if is_left else -8, 0), textcoords="offset points", ha="left" if is_left else "right", va="center",
        **TEXT_KWARGS,
    )  # fmt: skip
    panel.text(0, -0.42, f"{non_buyers.missed:,} stayed away", va="center", **TEXT_KWARGS)
    came = f"{non_buyers.customers - non_buyers.missed:,} bought"
    panel.text(non_buyers.customers, -0.42, came, va="center", ha="right", **TEXT_KWARGS)
    panel.set(ylim=(-0.65, 0.65), yticks=[], xlim=(0, non_buyers.customers * 1.01))
    panel.xaxis.set_major_formatter(format_amount)
    panel.grid(visible=False)
    panel.spines["left"].set_visible(False)
    return figure


def at_risk_exhibit(at_risk: AtRisk, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """List the customers at risk, and what is at stake with them."""
    paragraphs = TEMPLATE.render_macro("customers_at_risk", at_risk, now, previous, shop.currency, P_ALIVE_FALL)
    return TEMPLATE.build_exhibit("at_risk", paragraphs, at_risk.table)
