"""The missed opportunities as an exhibit: who, and how many were to be expected."""

from __future__ import annotations

from clv_experiments.decisions.missed import Absences, absences, is_missed
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
from clv_experiments.reporting.exhibit import Exhibit, Kind
from clv_experiments.reporting.formatting import (
    format_count,
    format_day,
    format_exact_percent,
    format_interval,
    format_money,
    format_share,
)

KINDS: dict[str, Kind] = {
    **dict.fromkeys(["customer_id", "country"], "text"),
    **dict.fromkeys(["expected_spend", "total_spend"], "money"),
    **dict.fromkeys(["p_purchase", "p_alive", "p_alive_now"], "share"),
    **dict.fromkeys(["days_since_last", "frequency"], "count"),
}
HEADINGS = {
    "customer_id": "customer", "expected_spend": "expected spend", "p_purchase": "P(buys)", "p_alive": "P(alive)",
    "p_alive_now": "P(alive) now", "days_since_last": "days since last purchase, then", "frequency": "repeat purchases",
    "total_spend": "spent before",
}  # fmt: skip


def missed_exhibit(now: Snapshot, previous: Snapshot, shop: Shop, seed: int, replicates: int) -> Exhibit:
    """List the missed opportunities, most money first, and say how many of them chance alone explains."""
    likely = previous.table[previous.table["p_purchase"] >= shop.likely]
    gone = likely[is_missed(likely["p_purchase"], likely["purchase_days"], shop.likely)]
    gone = gone.sort_values("expected_spend", ascending=False, kind="stable")
    table = gone.assign(days_since_last=days_since_last(gone), p_alive_now=now.table["p_alive"].reindex(gone.index))
    table = table.reset_index(names="customer_id")[[c for c in KINDS if c in table or c == "customer_id"]]
    counts = absences(likely["p_purchase"], likely["purchase_days"] > 0, seed, replicates)
    sentences = _who(counts, float(table["expected_spend"].sum()), previous, shop)
    return Exhibit("missed_opportunities", "Predicted to buy, did not", sentences, table, HEADINGS, KINDS)


def _who(counts: Absences, stake: float, previous: Snapshot, shop: Shop) -> list[str]:
    """Say how many likely customers stayed away beside how many chance explains, and what was expected of them."""
    one = counts.customers == 1
    start = (
        f"{format_count(counts.customers, 'customer')} {'was' if one else 'were'} likely to buy (P(buys) of "
        f"{format_exact_percent(shop.likely)} or more by {previous.btyd_name}) after "
        f"{format_day(previous.period.cutoff)} and by "
        f"{format_day(previous.period.end)}"
    )
    if not counts.missed:
        return [f"{start}, and {'did' if one else 'all did'}: there is no missed opportunity."]
    rate, least, most = (format_share(value) for value in counts.rate)
    low, high = counts.by_chance
    chance = f"{counts.expected:,.0f} (95% range {low:,.0f} to {high:,.0f})"
    beside = {
        "more": f"more than the {chance} that chance alone explains",
        "fewer": f"fewer than the {chance} that chance alone explains",
        "as expected": f"as many as chance alone explains, {chance}",
    }
    sentences = [
        f"{start}; {counts.missed:,} of them, {rate} {format_interval(least, most)}, did not: "
        f"{beside[counts.verdict]}.",
        f"{previous.model_name} had expected {format_money(stake, shop.currency)} of "
        f"{'that one' if counts.missed == 1 else 'those'}.",
    ]
    if counts.verdict == "more":
        beyond = f"{counts.missed - counts.expected:,.0f}"
        sentences.append(f"That is about {beyond} beyond chance, or {previous.btyd_name} was too hopeful.")
    if counts.verdict == "fewer":
        sentences.append(f"{previous.btyd_name} was too cautious about these customers: no absence asks for a reason.")
    return sentences
