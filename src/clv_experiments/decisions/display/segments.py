"""The section on segments, clusters and value tiers."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from clv_experiments.decisions.segments.clusters import REPEATS, cluster_customers
from clv_experiments.decisions.segments.profiles import profile_groups
from clv_experiments.decisions.segments.rfm import SegmentSummary, summarise_segments
from clv_experiments.decisions.segments.tiers import TIERS, TierMovement, TierSummary, summarise_tiers, tier_movement
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.chart_style import BLUE, INK, ORANGE, QUIET, TEXT_STYLE, create_chart
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
# On the page; the file has more, and where customers are and what they buy has a table of its own.
COLUMNS = (
    "group", "customers", "share_of_customers", "past_revenue", "expected_revenue", "share_of_expected", "p_alive",
    "share_that_came", "share_that_came_low", "share_that_came_high",
)  # fmt: skip
LOCATION_COLUMNS = ("country", "country_share", "top_products")
MAX_ALPHA = 0.55  # of a cell's colour, so that its text stays readable


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
    tiers = tier_exhibit(summarise_tiers(now, previous, shop.tiers, products, replicates, seed), now, previous, shop)
    moves = movement_exhibit(tier_movement(now, previous, shop.tiers), now, previous, shop)
    rfm = rfm_exhibit(summarise_segments(now, previous, products, replicates, seed), now, previous, shop)
    exhibits = [tiers, location_exhibit(tiers), moves, rfm, location_exhibit(rfm), cluster_exhibit(now, products, seed)]
    return TEMPLATE.section(
        "segments",
        [*tiers.sentences[:2], moves.sentences[0]],
        [exhibit for exhibit in exhibits if exhibit],
        TEMPLATE.say("method", now, shop),
    )


def tier_exhibit(summary: TierSummary, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """Describe the tiers, beside what those of the previous cutoff brought."""
    return _group_exhibit("value_tiers", summary.table, summary, now, previous, shop.currency)


def movement_exhibit(moves: TierMovement, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """Show who moved between tiers since the previous cutoff."""
    counts, figure = moves.counts, None
    if (counts.sum() > 0).sum() > 1:
        figure = movement_map(counts, f"{format_day(previous.period.cutoff)} against {format_day(now.period.cutoff)}")
    table = counts.assign(customers=counts.sum(axis=1)).reset_index()
    paragraphs = TEMPLATE.say("tier_movement", moves, previous, shop.currency)
    headings = {tier: f"{tier} now" for tier in TIERS}
    return TEMPLATE.exhibit("tier_movement", paragraphs, table, figure, headings=headings)


def rfm_exhibit(summary: SegmentSummary, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """Describe the RFM segments, beside what those of the previous cutoff brought."""
    return _group_exhibit("rfm_segments", summary.table, summary, now, previous, shop.currency)


def cluster_exhibit(now: Snapshot, products: pd.DataFrame | None, seed: int) -> Exhibit:
    """Describe the clusters, how far they are separated, and how much of them is due to the seed."""
    clusters = cluster_customers(now.table, seed)
    table = profile_groups(clusters.labels, now.table, products, clusters.names)
    names = [name for _, row in table.iterrows() for name in TEMPLATE.say("cluster_name", row)]
    figure = None
    if not clusters.silhouettes.empty:
        subtitle = f"k-means on {len(now.table):,} customers, {format_day(now.period.cutoff)}"
        figure = silhouette_curve(clusters.silhouettes, subtitle)
    return _group_exhibit("clusters", table, clusters, names, REPEATS, figure=figure)


def location_exhibit(groups: Exhibit) -> Exhibit | None:
    """Show where the customers of each group are and what they buy; None where the log knows neither."""
    assert groups.table is not None
    columns = [column for column in LOCATION_COLUMNS if column in groups.table]
    if not columns:
        return None
    return TEMPLATE.exhibit(f"{groups.name}_places", (), groups.table[["group", "customers", *columns]])


def _group_exhibit(name: str, table: pd.DataFrame, *values: object, figure: Figure | None = None) -> Exhibit:
    """Show the numbers of groups of customers; the template's macro of that name takes the values."""
    columns = [column for column in COLUMNS if column in table]
    return TEMPLATE.exhibit(name, TEMPLATE.say(name, *values), table, figure, columns=columns)


def silhouette_curve(silhouettes: pd.Series, subtitle: str) -> Figure:
    """Draw the mean silhouette by the number of clusters, the best one marked.

    Parameters
    ----------
    silhouettes : pandas.Series
        Index k, at least one.
    subtitle : str
    """
    figure, (panel,) = create_chart("How many clusters stand apart best", subtitle, 3.4)
    best, highest = int(silhouettes.index.to_numpy()[silhouettes.argmax()]), float(silhouettes.max())
    panel.plot(silhouettes.index, silhouettes, "o-", color=QUIET, linewidth=1.8, markersize=6)
    panel.plot(best, highest, "o", color=ORANGE, markersize=10)
    panel.annotate(
        f"{best} clusters: {highest:.2f}", (best, highest), (10, 6), textcoords="offset points",
        **TEXT_STYLE,
    )  # fmt: skip
    panel.set_xticks(list(silhouettes.index))
    panel.set_xlim(silhouettes.index[0] - 0.5, silhouettes.index[-1] + 1.0)
    panel.set_ylim(min(0.0, float(silhouettes.min())), highest * 1.2 + 0.02)
    panel.set(xlabel="clusters", ylabel="mean silhouette")
    return figure


def movement_map(counts: pd.DataFrame, subtitle: str) -> Figure:
    """Draw tiers before (rows) against now (columns): customers, and the share of the row that a cell's colour shows.

    Parameters
    ----------
    counts : pandas.DataFrame
        From ``count_moves``.
    subtitle : str
    """
    figure, (panel,) = create_chart("Where customers moved between value tiers", subtitle, 4.2)
    rows, columns = counts.shape
    for i, (_, row) in enumerate(counts.iterrows()):
        total = max(int(row.sum()), 1)
        for j, count in enumerate(row):
            share = count / total
            tile = Rectangle((j - 0.47, i - 0.44), 0.94, 0.88, color=BLUE, alpha=MAX_ALPHA * share, linewidth=0)
            panel.add_patch(tile)
            text = f"{count:,} ({format_share(share)})" if row.sum() else "–"
            panel.text(j, i, text, ha="center", va="center", **TEXT_STYLE)
    panel.set_xlim(-0.5, columns - 0.5)
    panel.set_ylim(rows - 0.5, -0.5)
    panel.set_xticks(range(columns), [f"{tier} now" for tier in counts.columns])
    panel.set_yticks(range(rows), [row if row.startswith("New") else f"{row} before" for row in counts.index])
    panel.xaxis.tick_top()
    panel.grid(visible=False)
    panel.spines[["left", "bottom"]].set_visible(False)
    panel.tick_params(colors=INK)
    return figure
