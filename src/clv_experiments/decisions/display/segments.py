"""Which groups of customers there are, what each is worth, and who moved."""

from __future__ import annotations

import pandas as pd

from clv_experiments.decisions.display.group_exhibits import cluster_exhibit, places_exhibit, rfm_exhibit
from clv_experiments.decisions.display.tier_exhibits import movement_exhibit, tier_exhibit
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.exhibit import Section
from clv_experiments.reporting.formatting import format_share

METHOD = (
    "RFM: each customer gets a score from 1 to 5 for days since the last purchase, purchases after the first, and "
    "total spend, by fifths of all customers; customers who are equal in something score the same. The segment follows "
    "from the first score and the mean of the other two.",
    "Clusters: k-means on the logarithms of days since the last purchase, frequency, total spend and expected spend, "
    "each put on the same scale. The number of clusters from 2 to 8 is the one with the highest silhouette. They "
    "describe; nothing says that a customer's cluster causes what he spends.",
    "Intervals say how far a share could move with other customers like these in the same period; they do not cover "
    "another season or a change of the shop. “P(alive)” is by {btyd}; of customers who bought "
    "once it knows little, so that theirs can be high although the purchase is long ago.",
    "Segments and tiers are relative: at each cutoff customers are compared with one another, so that someone can "
    "fall because others rose. Tiers: High is the {high} of customers with the highest expected spend, Mid the next "
    "{mid}; customers of equal expected spend share a tier.",
)


def segments_section(
    now: Snapshot, previous: Snapshot, shop: Shop, products: pd.DataFrame | None, seed: int, replicates: int
) -> Section:
    """Put the customers into segments, clusters and value tiers.

    Parameters
    ----------
    now : Snapshot
        Of the period to come.
    previous : Snapshot
        Of the period before it, which is over.
    shop : Shop
    products : pandas.DataFrame or None
        ``customer_id, product, amount`` up to the cutoff of ``now``, where the log has products.
    seed : int
    replicates : int
        Of the bootstrap.
    """
    rfm = rfm_exhibit(now, previous, shop, products, seed, replicates)
    tiers = tier_exhibit(now, previous, shop, products, seed, replicates)
    moves = movement_exhibit(now, previous, shop)
    clusters = cluster_exhibit(now, products, seed)
    words = {"btyd": now.btyd_name, "high": format_share(shop.tiers[0]), "mid": format_share(shop.tiers[1])}
    return Section(
        "segments",
        "Which groups of customers are there, and what is each worth?",
        [*tiers.sentences[:2], moves.sentences[0]],
        [*filter(None, [tiers, places_exhibit(tiers), moves, rfm, places_exhibit(rfm)]), clusters],
        [paragraph.format(**words) for paragraph in METHOD],
    )
