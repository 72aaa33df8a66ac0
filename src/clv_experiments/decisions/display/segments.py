"""The section on segments, clusters and value tiers."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.decisions.segments.clusters import REPEATS, cluster_customers
from clv_experiments.decisions.segments.profiles import profile_groups
from clv_experiments.decisions.segments.rfm import summarise_segments
from clv_experiments.decisions.segments.tiers import (
    NEW,
    TIERS,
    TierMovement,
    summarise_tiers,
    tier_movement,
)
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.chart_style import TEXT_SIZE, create_chart, draw_heat_map
from clv_experiments.reporting.exhibit import Exhibit, Section, column_kinds
from clv_experiments.reporting.formatting import format_day, format_share
from clv_experiments.reporting.section_template import SectionTemplate

TEMPLATE = SectionTemplate(
    "report/segments.jinja",
    column_kinds(
        count=["customers", *TIERS],
        money=["past_revenue", "expected_revenue", "revenue_that_came"],
        share=[
            "share_of_customers", "share_of_past", "share_of_expected", "country_share", "p_alive",
            "share_expected_before", "share_that_came", "share_that_came_low", "share_that_came_high",
        ],
    ),
)  # fmt: skip
# On the page; where customers are and what they buy is in the file.
COLUMNS = (
    "group", "customers", "share_of_customers", "past_revenue", "expected_revenue", "share_of_expected", "p_alive",
    "share_that_came", "share_that_came_low", "share_that_came_high",
)  # fmt: skip


def segments_section(
    now: Snapshot, previous: Snapshot, shop: Shop, products: pd.DataFrame | None, seed: int, replicates: int
) -> Section:
    """Put the customers into segments, clusters and value tiers.

    Parameters
    ----------
    now, previous : Snapshot
        Of the coming period, and of the one before it, which is over.
    shop : Shop
    products : pandas.DataFrame or None
        ``customer_id, product, amount`` up to the cutoff of ``now``, where the log has products.
    seed, replicates : int
        Of the bootstrap.
    """
    of_tiers = summarise_tiers(now, previous, shop.tiers, products, replicates, seed)
    of_segments = summarise_segments(now, previous, products, replicates, seed)
    tiers = group_exhibit("value_tiers", of_tiers.table, of_tiers, now, previous, shop.currency)
    moves = movement_exhibit(tier_movement(now, previous, shop.tiers), now, previous, shop)
    rfm = group_exhibit("rfm_segments", of_segments.table, of_segments, now, previous, shop.currency)
    summary = [*tiers.sentences[:2], moves.sentences[0]]
    exhibits = [tiers, moves, rfm, cluster_exhibit(now, products, seed)]
    return TEMPLATE.section("segments", summary, exhibits, TEMPLATE.render("method", now, shop))


def movement_exhibit(moves: TierMovement, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """Show who moved between tiers since the previous cutoff."""
    counts, figure = moves.counts, None
    if (counts.sum() > 0).sum() > 1:
        figure = movement_map(counts, f"{format_day(previous.period.cutoff)} against {format_day(now.period.cutoff)}")
    table = counts.assign(customers=counts.sum(axis=1)).reset_index()
    paragraphs = TEMPLATE.render("tier_movement", moves, previous, shop.currency)
    headings = {tier: f"{tier} now" for tier in TIERS}
    return TEMPLATE.exhibit("tier_movement", paragraphs, table, figure, headings=headings)


def cluster_exhibit(now: Snapshot, products: pd.DataFrame | None, seed: int) -> Exhibit:
    """Describe the clusters, how far they are separated, and how much of them is due to the seed."""
    clusters = cluster_customers(now.table, seed)
    table = profile_groups(clusters.labels, now.table, products, clusters.names)
    names = [name for _, row in table.iterrows() for name in TEMPLATE.render("cluster_name", row)]
    return group_exhibit("clusters", table, clusters, names, REPEATS)


def group_exhibit(name: str, table: pd.DataFrame, *values: object) -> Exhibit:
    """Show the numbers of groups of customers; the template's macro of that name takes the values."""
    columns = [column for column in COLUMNS if column in table]
    return TEMPLATE.exhibit(name, TEMPLATE.render(name, *values), table, columns=columns)


def movement_map(counts: pd.DataFrame, subtitle: str) -> Figure:
    """Draw ``count_moves``, tiers before (rows) against now (columns): customers, and their share of the row."""
    figure, (panel,) = create_chart("Where customers moved between value tiers", subtitle, 4.2)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    texts = [
        [f"{n:,} ({format_share(share)})" if row.any() else "–" for n, share in zip(row, of_row, strict=True)]
        for row, of_row in zip(counts.to_numpy(), shares.to_numpy(), strict=True)
    ]
    draw_heat_map(panel, shares.to_numpy(), texts, TEXT_SIZE)
    panel.set_xticks(range(len(counts.columns)), [f"{tier} now" for tier in counts.columns])
    panel.set_yticks(range(len(counts)), [row if row == NEW else f"{row} before" for row in counts.index])
    panel.xaxis.tick_top()
    return figure
