"""The section on customers who were predicted to buy and did not, and on those who are slipping away."""

from __future__ import annotations

from clv_experiments.decisions.missed import P_ALIVE_FALL, AtRisk, MissedOpportunities, find_at_risk, find_missed
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.prose import sentences

TEMPLATE = "report/missed.jinja"
KINDS: dict[str, Kind] = {
    **dict.fromkeys(["customer_id", "country"], "text"),
    **dict.fromkeys(["expected_spend", "expected_spend_before", "at_stake", "total_spend"], "money"),
    **dict.fromkeys(["p_purchase", "p_alive", "p_alive_before", "p_alive_now"], "share"),
    **dict.fromkeys(["days_since_last", "frequency"], "count"),
}
MISSED_HEADINGS = {
    "customer_id": "customer", "expected_spend": "expected spend", "p_purchase": "P(buys)", "p_alive": "P(alive)",
    "p_alive_now": "P(alive) now", "days_since_last": "days since last purchase, then", "frequency": "repeat purchases",
    "total_spend": "spent before",
}  # fmt: skip
AT_RISK_HEADINGS = {
    "customer_id": "customer", "p_alive_before": "P(alive) before", "p_alive_now": "now",
    "expected_spend_before": "expected spend before", "at_stake": "at stake: expected spend now",
    "days_since_last": "days since last purchase", "total_spend": "spent so far",
}  # fmt: skip


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
    (question,) = sentences(TEMPLATE, "question")
    method = sentences(TEMPLATE, "method", previous, shop, P_ALIVE_FALL)
    return Section("missed", question, [missed.sentences[0], at_risk.sentences[0]], [missed, at_risk], method)


def missed_exhibit(missed: MissedOpportunities, previous: Snapshot, shop: Shop) -> Exhibit:
    """List the missed opportunities; there is no list where nobody was likely to buy."""
    paragraphs = sentences(TEMPLATE, "missed_opportunities", missed, previous, shop)
    table = missed.table if missed.absences else None
    return Exhibit("missed_opportunities", "Predicted to buy, did not", paragraphs, table, MISSED_HEADINGS, KINDS)


def at_risk_exhibit(at_risk: AtRisk, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """List the customers at risk, and what is at stake with them."""
    paragraphs = sentences(TEMPLATE, "customers_at_risk", at_risk, now, previous, shop.currency, P_ALIVE_FALL)
    title = "Customers of high value who are slipping away"
    return Exhibit("at_risk", title, paragraphs, at_risk.table, AT_RISK_HEADINGS, KINDS)
