"""The RFM segments and the clusters as exhibits, with the sentences that read them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.segments.clusters import SEEDS, clusters
from clv_experiments.decisions.segments.profiles import profile
from clv_experiments.decisions.segments.revenue import revenue_shares
from clv_experiments.decisions.segments.rfm import SEGMENTS, RfmScores
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
from clv_experiments.reporting.exhibit import Exhibit, Kind
from clv_experiments.reporting.formatting import (
    format_count,
    format_day,
    format_interval,
    format_money,
    format_share,
    join_names,
)

KINDS: dict[str, Kind] = {
    **dict.fromkeys(["customers"], "count"),
    **dict.fromkeys(["past_revenue", "expected_revenue", "revenue_that_came"], "money"),
    **dict.fromkeys(
        ["share_of_customers", "share_of_past", "share_of_expected", "country_share", "p_alive",
         "share_expected_before", "share_that_came", "share_that_came_low", "share_that_came_high"],
        "share",
    ),
    **dict.fromkeys(["group", "country", "top_products"], "text"),
}  # fmt: skip
HEADINGS = {
    "share_of_customers": "share of customers", "past_revenue": "revenue so far", "share_of_past": "share of that",
    "expected_revenue": "expected revenue", "share_of_expected": "share of that", "p_alive": "mean P(alive)",
    "country": "main country", "country_share": "customers there", "top_products": "spent most on",
    "revenue_that_came": "revenue of the last period", "share_expected_before": "share expected then",
    "share_that_came": "share that came", "share_that_came_low": "from", "share_that_came_high": "to",
}  # fmt: skip
# On the page; the file has more, and who they are and what they buy stands in a table of its own.
SHOWN = (
    "group", "customers", "share_of_customers", "past_revenue", "expected_revenue", "share_of_expected", "p_alive",
    "share_that_came", "share_that_came_low", "share_that_came_high",
)  # fmt: skip
PLACES = ("group", "customers", "country", "country_share", "top_products")
SLIPPING = ["Cannot lose", "At risk"]
# Kaufman and Rousseeuw (1990), Finding Groups in Data, table 4.
STRUCTURE = ((0.7, "they stand well apart"), (0.5, "they stand reasonably apart"), (0.25, "they pass into one another"))


def rfm_exhibit(
    now: Snapshot, previous: Snapshot, shop: Shop, products: pd.DataFrame | None, seed: int, replicates: int
) -> Exhibit:
    """Describe the RFM segments, with what those of the previous cutoff brought since."""
    groups = rfm_segments(now.table)
    table = profile(groups, now.table, products, SEGMENTS)
    earlier, spent = rfm_segments(previous.table), previous.table["y_true"]
    came = revenue_shares(earlier, spent, SEGMENTS, replicates, seed)
    slipped = np.where(earlier.isin(SLIPPING), "slipping", "others")
    table = with_what_came(table, came)
    most = "share_of_expected" if table["share_of_expected"].notna().all() else "share_of_past"
    best = table.iloc[int(table[most].argmax())]
    before = came.loc[best["group"]]
    sentences = [
        f"{_they(best)} brought {format_share(best['share_of_past'])} of all revenue so far; "
        f"{_expected(best, now, shop)}.",
        f"Whoever was in {best['group']} on {format_day(previous.period.cutoff)} brought {_with_interval(before)} "
        "of the "
        "revenue since.",
        *_slipping(table, revenue_shares(slipped, spent, ["slipping", "others"], replicates, seed), previous),
    ]
    return groups_exhibit("rfm_segments", "Segments by recency, frequency and spend", sentences, table, "segment")


def groups_exhibit(name: str, title: str, sentences: list[str], table: pd.DataFrame, kind: str) -> Exhibit:
    """Show the numbers of groups of customers; ``kind`` is what a group is called."""
    shown = [column for column in SHOWN if column in table]
    return Exhibit(name, title, sentences, table, HEADINGS | {"group": kind}, KINDS, columns=shown)


def places_exhibit(groups: Exhibit) -> Exhibit | None:
    """Show where the customers of each group are and what they buy; None where the log tells neither."""
    assert groups.table is not None
    shown = [column for column in PLACES if column in groups.table]
    if shown == ["group", "customers"]:
        return None
    title = f"{groups.title}: where they are, what they buy"
    return Exhibit(f"{groups.name}_places", title, (), groups.table[shown], groups.headings, KINDS)


def rfm_segments(table: pd.DataFrame) -> pd.Series:
    """Name the segment of each customer of a snapshot's table, among themselves."""
    learnt = RfmScores.of(days_since_last(table), table["frequency"], table["total_spend"])
    return learnt.segments(table)


def with_what_came(table: pd.DataFrame, came: pd.DataFrame) -> pd.DataFrame:
    """Set beside each group what its members of the previous cutoff brought since then."""
    rows = came.reindex(table["group"])
    return table.assign(
        revenue_that_came=rows["revenue"].to_numpy(),
        share_that_came=rows["share"].to_numpy(),
        share_that_came_low=rows["low"].to_numpy(),
        share_that_came_high=rows["high"].to_numpy(),
    )


def cluster_exhibit(now: Snapshot, products: pd.DataFrame | None, seed: int) -> Exhibit:
    """Describe the clusters, how far they stand apart, and how much of them is the seed's doing."""
    found = clusters(now.table, seed)
    table = profile(found.names, now.table, products, found.order)
    title, headings = "Clusters of customers who are alike", HEADINGS | {"group": "cluster"}
    if found.silhouettes.empty:
        sentences = ["There are no clusters: the customers hardly differ in history and expected spend."]
        return Exhibit("clusters", title, sentences, table, headings, KINDS)
    from clv_experiments.decisions.display.segments_figures import silhouette_curve

    best = float(found.silhouettes.max())
    structure = next((words for least, words in STRUCTURE if best > least), "they hardly stand apart")
    agree, samples = found.agreement, found.agreement_of_samples
    sentences = [
        f"{len(table)} clusters part the customers best (silhouette {best:.2f} of at most 1: {structure}): "
        f"{join_names([_cluster(row) for _, row in table.iterrows()])}.",
        f"{SEEDS} runs from other starting points give nearly the same clusters: adjusted Rand index "
        f"{agree.mean():.3f} on average and {agree.min():.3f} at least, where 1 is the same and 0 is chance; over "
        f"{SEEDS} samples of customers drawn anew it is {samples.mean():.3f} and {samples.min():.3f}."
        if agree.min() >= 0.9
        else f"The clusters depend on the starting point: between {SEEDS} runs the adjusted Rand index is "
        f"{agree.mean():.3f} on average and {agree.min():.3f} at least, where 1 is the same and 0 is chance. Read "
        "them as a sketch.",
    ]
    figure = silhouette_curve(
        found.silhouettes, f"k-means on {len(now.table):,} customers, {format_day(now.period.cutoff)}"
    )
    return Exhibit(
        "clusters", title, sentences, table, headings, KINDS, figure, columns=[c for c in SHOWN if c in table]
    )


def _they(row: pd.Series) -> str:
    whom = format_count(row["customers"], "customer")
    return f"{row['group']}, {whom} ({format_share(row['share_of_customers'])} of all),"


def _expected(row: pd.Series, now: Snapshot, shop: Shop) -> str:
    total = float(now.table["expected_spend"].sum())
    if not total > 0:
        return f"{now.model_name} expects nothing of anybody"
    what = f"{format_money(total, shop.currency)} that {now.model_name} expects by {format_day(now.period.end)}"
    return f"{format_share(row['share_of_expected'])} of the {what} is theirs"


def _with_interval(came: pd.Series) -> str:
    if pd.isna(came["share"]):
        return "nothing, as everyone,"
    return f"{format_share(came['share'])} {format_interval(format_share(came['low']), format_share(came['high']))}"


def _slipping(table: pd.DataFrame, came: pd.DataFrame, previous: Snapshot) -> list[str]:
    """Say what hangs on good customers who have not bought for long."""
    rows = table[table["group"].isin(SLIPPING)]
    if rows.empty:
        return []
    customers, names = int(rows["customers"].sum()), join_names(list(rows["group"]))
    return [
        f"{format_count(customers, 'customer')} in {names} {'has' if customers == 1 else 'have'} not bought for "
        "longer than "
        f"most, after bringing {format_share(rows['share_of_past'].sum())} of all revenue so far. Those who stood "
        "there on "
        f"{format_day(previous.period.cutoff)} brought {_with_interval(came.iloc[0])} of the revenue since."
    ]


def _cluster(row: pd.Series) -> str:
    expected = row["share_of_expected"]
    worth = "" if pd.isna(expected) else f", {format_share(expected)} of expected revenue"
    return f"“{row['group']}” ({format_count(row['customers'], 'customer')}{worth})"
