"""The missed opportunities as exhibits: who, how many were to be expected, and what sets them apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.missed.differences import differences
from clv_experiments.decisions.missed.likely import Absences, absences, is_missed
from clv_experiments.decisions.missed.traits import TRAITS, main_country, traits
from clv_experiments.decisions.missed.tree import Tree, tree
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

CLAIMS = 3  # differences put into words
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
DIFFERENCE_HEADINGS = {
    "mean_group": "mean, stayed away", "mean_others": "mean, came", "low": "from", "high": "to",
    "apart": "beyond chance",
}  # fmt: skip
DIFFERENCE_KINDS: dict[str, Kind] = {
    **dict.fromkeys(["trait", "apart"], "text"),
    **dict.fromkeys(["mean_group", "mean_others", "difference", "low", "high"], "number"),
}
GROUP_HEADINGS = {"who": "customers who", "missed": "stayed away", "low": "from", "high": "to"}
GROUP_KINDS: dict[str, Kind] = {
    "who": "text",
    **dict.fromkeys(["customers", "missed"], "count"),
    **dict.fromkeys(["share", "low", "high"], "share"),
}


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


def difference_exhibit(previous: Snapshot, shop: Shop, seed: int, replicates: int) -> Exhibit:
    """Compare those who stayed away with those who were as likely to buy and did."""
    known, away = _likely(previous, shop)
    title = "How those who stayed away differed from those who came"
    if min(away.sum(), (~away).sum()) < 2:
        few = "stayed away" if away.sum() < 2 else "came"
        return Exhibit("missed_differences", title, [f"Too few of the likely customers {few} to compare the two."])
    table = differences(known, away, replicates, seed)
    from clv_experiments.decisions.missed.pictures import difference_plot

    figure = None
    if len(table):
        groups = f"{away.sum():,} who stayed away against {(~away).sum():,} who came, all likely to buy; 95% intervals"
        figure = difference_plot(table, groups)
    named = table.assign(
        trait=[TRAITS[name].heading for name in table["trait"]], apart=np.where(table["apart"], "yes", "no")
    )
    return Exhibit(
        "missed_differences", title, _apart(table, shop.currency), named, DIFFERENCE_HEADINGS, DIFFERENCE_KINDS, figure
    )


def tree_exhibit(previous: Snapshot, shop: Shop, seed: int, replicates: int) -> Exhibit:
    """Sort the likely customers into a few groups by how many stayed away, if that can be told at all."""
    known, away = _likely(previous, shop)
    grown = tree(known, away, shop.currency, replicates, seed)
    return Exhibit(
        "missed_groups",
        "Who of them stayed away most",
        groups_in_words(grown) if grown else ["Too few of them came or stayed away to tell groups of customers apart."],
        grown.leaves if grown and grown.tells else None,
        GROUP_HEADINGS,
        GROUP_KINDS,
    )


def _likely(previous: Snapshot, shop: Shop) -> tuple[pd.DataFrame, pd.Series]:
    """Return the traits of the likely customers, and whether each stayed away."""
    likely = previous.table[previous.table["p_purchase"] >= shop.likely]
    return traits(likely, main_country(previous.table)), likely["purchase_days"] == 0


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


def _apart(table: pd.DataFrame, currency: str) -> list[str]:
    """Put the largest differences beyond chance into words: those of history first, then what was foretold."""
    claims = {True: [], False: []}  # type: dict[bool, list[str]]
    for row in table[table["apart"]].to_dict("records"):
        trait, gap = TRAITS[row["trait"]], row["difference"]
        means = " against ".join(trait.written(row[mean], currency) for mean in ("mean_group", "mean_others"))
        size = f"{gap:+.2f} standard deviations, 95% interval {row['low']:+.2f} to {row['high']:+.2f}"
        claims[trait.foretold].append(f"{trait.more if gap > 0 else trait.less} ({means}; {size.replace('-', '−')})")
    known, foretold = claims[False][:CLAIMS], claims[True][:1]
    sentences = []
    if known:
        association = "This goes with staying away; it does not show why."
        sentences.append(f"On average, those who stayed away {'; '.join(known)}. {association}")
    else:
        sentences.append("Nothing in their history sets those who stayed away apart: every interval covers zero.")
    if foretold:
        sentences.append(f"Part of it was foreseen: on average, they {foretold[0]}.")
    return sentences


def groups_in_words(grown: Tree) -> list[str]:
    """Say which customers stayed away most, as far as that can be told, and how well it can."""
    auc, low, high = grown.auc
    score = f"AUC {auc:.2f}, 95% interval {low:.2f} to {high:.2f}; 0.5 is chance"
    if not grown.tells:
        return [
            "Their history does not tell who would stay away: a small tree sorts customers whom it has not seen no "
            f"better than chance ({score})."
        ]
    most = grown.leaves.iloc[0]
    whom = f"Of the {format_count(int(most['customers']), 'customer')} who {most['who']}"
    shares = (
        f"{format_share(most['share'])} "
        f"{format_interval(format_share(most['low']), format_share(most['high']))} stayed away"
    )
    beside = f"{whom}, {shares}, against {format_share(grown.share_of_rest)} of the rest"
    counts = "counted on the half of the customers that these groups were not made from"
    if not grown.stands_out:
        return [
            f"Their history tells who stays away better than chance ({score}), but no group stands out for certain.",
            f"{beside}, {counts}.",
        ]
    return [
        f"{beside}.",
        f"This was {counts}; the groups tell who stays away better than chance ({score}), but need not be why.",
    ]
