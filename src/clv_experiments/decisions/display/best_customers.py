"""Which customers will spend most as a section of the report."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from clv_experiments.data.window import Horizon
from clv_experiments.decisions.best_customers import BestCustomers
from clv_experiments.decisions.shop import Shop
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import describe_horizon
from clv_experiments.reporting.prose import sentences

TEMPLATE = "report/best_customers.jinja"
SPEND_COLUMNS = [
    "customer_id", "country", "expected_spend", "expected_spend_low", "expected_spend_high", "p_purchase", "clv",
    "total_spend", "segment", "recommended_action",
]  # fmt: skip
CHANCE_COLUMNS = [
    "customer_id", "country", "p_purchase", "p_alive", "next_purchase", "next_purchase_low", "next_purchase_high",
    "expected_purchases", "expected_spend", "last_purchase", "value_tier", "segment",
]  # fmt: skip
MONEY = ["expected_spend", "expected_spend_low", "expected_spend_high", "clv", "total_spend", "expected", "came"]
KINDS: dict[str, Kind] = {
    **dict.fromkeys(MONEY, "money"),
    **dict.fromkeys(["p_purchase", "p_alive"], "share"),
    **dict.fromkeys(["next_purchase", "next_purchase_low", "next_purchase_high", "last_purchase"], "date"),
}
HEADINGS = {
    "customer_id": "customer", "expected_spend_low": "from", "expected_spend_high": "to", "p_purchase": "P(buys)",
    "p_alive": "P(alive)", "next_purchase": "next purchase, if any", "next_purchase_low": "between",
    "next_purchase_high": "and", "clv": "CLV", "total_spend": "spent so far", "came_to_expected": "came / expected",
}  # fmt: skip


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
    spend, chance = best.by_spend.filter(SPEND_COLUMNS), best.by_chance.filter(CHANCE_COLUMNS)
    exhibits = [
        _exhibit("highest_expected_spend", "Highest expected spend", best, spend, shop, intervals),
        _exhibit("most_likely_to_buy", "Highest probability of buying", best, chance, shop),
        _exhibit("past_totals", "What was expected, and what came", best, best.past, shop),
    ]
    return Section(
        "customers",
        f"Which customers will spend most in the {describe_horizon(horizon)}?",
        sentences(TEMPLATE, "summary", best, shop),
        exhibits,
        sentences(TEMPLATE, "method", best, shop),
    )


def _exhibit(
    name: str, title: str, best: BestCustomers, table: pd.DataFrame, shop: Shop, notes: Sequence[str] = ()
) -> Exhibit:
    """Build an exhibit whose sentences are the template's macro of its name, and further ones."""
    return Exhibit(name, title, [*sentences(TEMPLATE, name, best, shop), *notes], table, HEADINGS, KINDS)
