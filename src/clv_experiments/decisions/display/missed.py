"""Who was predicted to buy and did not, and who of high value is slipping away."""

from __future__ import annotations

from clv_experiments.decisions.display.at_risk import at_risk_exhibit
from clv_experiments.decisions.display.missed_exhibits import missed_exhibit
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.exhibit import Exhibit, Section
from clv_experiments.reporting.formatting import format_day, format_exact_percent, format_share

METHOD = (
    "Missed opportunities are customers whose P(buys), as {btyd} put it on {cutoff}, was {likely} or more, and who did "
    "not buy in the period that followed. They are ranked by what {model} expected them to spend.",
    "How many absences chance alone explains is simulated from the probabilities, as if customers decided "
    "independently of one another.",
    "The list says who stayed away, not why, nor what would have brought them back.",
    "At risk are customers of tier High on {cutoff} whose P(alive) has since fallen by 0.1 or more; at stake is what "
    "is expected of them in the coming period. The recommended action of such a customer may differ, because it looks "
    "at the level of P(alive), not at its fall.",
)


def missed_section(now: Snapshot, previous: Snapshot, shop: Shop, seed: int, replicates: int) -> Section:
    """Find who was likely to buy and stayed away, and whose P(alive) fell among the customers of high value.

    Parameters
    ----------
    now : Snapshot
        Of the period to come.
    previous : Snapshot
        Of the period before it, which is over.
    shop : Shop
    seed : int
    replicates : int
        Of the bootstrap.
    """
    at_risk = at_risk_exhibit(now, previous, shop)
    highest = float(previous.table["p_purchase"].max())
    words = {"btyd": previous.btyd_name, "model": previous.model_name}
    words |= {"cutoff": format_day(previous.period.cutoff), "likely": format_exact_percent(shop.likely)}
    if highest < shop.likely:
        reason = (
            f"Nobody was likely to buy in the last period: the highest P(buys) that {previous.btyd_name} gave was "
            f"{format_share(highest)}, and {format_exact_percent(shop.likely)} is asked for. So nobody counts as a "
            "missed opportunity."
        )
        exhibits, summary = [Exhibit("missed_opportunities", "Predicted to buy, did not", [reason])], [reason]
    else:
        who = missed_exhibit(now, previous, shop, seed, replicates)
        exhibits, summary = [who], [who.sentences[0]]
    return Section(
        "missed",
        "Who was predicted to buy and did not, and who is slipping away?",
        [*summary, at_risk.sentences[0]],
        [*exhibits, at_risk],
        [paragraph.format(**words) for paragraph in METHOD],
    )
