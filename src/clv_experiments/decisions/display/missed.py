"""The section on customers who were predicted to buy and did not, and on those who are slipping away."""

from __future__ import annotations

from clv_experiments.decisions.missed import P_ALIVE_FALL, AtRisk, MissedOpportunities, find_at_risk, find_missed
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.exhibit import Exhibit, Section, column_kinds
from clv_experiments.reporting.section_template import SectionTemplate

TEMPLATE = SectionTemplate(
    "report/missed.jinja",
    column_kinds(
        money=["expected_spend", "expected_spend_before", "at_stake", "total_spend"],
        share=["p_purchase", "p_alive", "p_alive_before", "p_alive_now"],
        count=["days_since_last", "frequency"],
    ),
)


def missed_section(now: Snapshot, previous: Snapshot, shop: Shop, seed: int, replicates: int) -> Section:
    """Say who was likely to buy and did not, and whose P(alive) fell among the customers of high value.

    Parameters
    ----------
    now, previous : Snapshot
        Of the coming period, and of the one before it, which is over.
    shop : Shop
    seed, replicates : int
        Of the simulated counts.
    """
    missed = missed_exhibit(find_missed(now, previous, shop.likely, replicates, seed), previous, shop)
    at_risk = at_risk_exhibit(find_at_risk(now, previous, shop.tiers), now, previous, shop)
    method = TEMPLATE.render("method", previous, shop, P_ALIVE_FALL)
    return TEMPLATE.section("missed", [missed.sentences[0], at_risk.sentences[0]], [missed, at_risk], method)


def missed_exhibit(missed: MissedOpportunities, previous: Snapshot, shop: Shop) -> Exhibit:
    """List the missed opportunities; there is no list where nobody was likely to buy."""
    paragraphs = TEMPLATE.render("missed_opportunities", missed, previous, shop)
    return TEMPLATE.exhibit("missed_opportunities", paragraphs, missed.table if missed.absences else None)


def at_risk_exhibit(at_risk: AtRisk, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """List the customers at risk, and what is at stake with them."""
    paragraphs = TEMPLATE.render("customers_at_risk", at_risk, now, previous, shop.currency, P_ALIVE_FALL)
    return TEMPLATE.exhibit("at_risk", paragraphs, at_risk.table)
