"""Which customers will spend most as a section of the report."""

from __future__ import annotations

from collections.abc import Sequence

from clv_experiments.data.window import Horizon
from clv_experiments.decisions.best_customers import BestCustomers
from clv_experiments.decisions.shop import Shop
from clv_experiments.reporting.exhibit import Section, column_kinds
from clv_experiments.reporting.section_template import SectionTemplate

SPEND_COLUMNS = [
    "customer_id", "country", "expected_spend", "expected_spend_low", "expected_spend_high", "p_purchase", "clv",
    "total_spend", "segment", "recommended_action",
]  # fmt: skip
PROBABILITY_COLUMNS = [
    "customer_id", "country", "p_purchase", "p_alive", "next_purchase", "next_purchase_low", "next_purchase_high",
    "expected_purchases", "expected_spend", "last_purchase", "value_tier", "segment",
]  # fmt: skip
TEMPLATE = SectionTemplate(
    "report/best_customers.jinja",
    column_kinds(
        money=["expected_spend", "expected_spend_low", "expected_spend_high", "clv", "total_spend", "expected", "came"],
        share=["p_purchase", "p_alive"],
        date=["next_purchase", "next_purchase_low", "next_purchase_high", "last_purchase"],
    ),
)


def best_customers_section(best: BestCustomers, intervals: Sequence[str], shop: Shop, horizon: Horizon) -> Section:
    """Show the customers with the highest expected spend, and those with the highest probability of buying.

    Parameters
    ----------
    best : BestCustomers
    intervals : sequence of str
        What the intervals of spend rest on.
    shop : Shop
    horizon : Horizon
        Of the coming period.
    """
    tables = {
        "highest_expected_spend": best.by_spend.filter(
            [name for name in SPEND_COLUMNS if name != "clv" or best.has_clv]
        ),
        "most_likely_to_buy": best.by_probability.filter(PROBABILITY_COLUMNS),
        "past_totals": best.past,
    }
    paragraphs = {name: TEMPLATE.render(name, best, shop) for name in tables}
    paragraphs["highest_expected_spend"] += intervals
    exhibits = [TEMPLATE.exhibit(name, paragraphs[name], table) for name, table in tables.items()]
    summary, method = TEMPLATE.render("summary", best, shop), TEMPLATE.render("method", best, shop)
    return TEMPLATE.section("customers", summary, exhibits, method, horizon)
