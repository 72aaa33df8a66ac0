"""The value tiers and the moves between them as exhibits, with the sentences that read them."""

from __future__ import annotations

import pandas as pd

from clv_experiments.decisions.display.group_exhibits import groups_exhibit, with_what_came
from clv_experiments.decisions.segments.movement import NEW, movement
from clv_experiments.decisions.segments.profiles import profile
from clv_experiments.decisions.segments.revenue import revenue_shares
from clv_experiments.decisions.segments.tiers import TIERS, tier_names
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import (
    format_count,
    format_day,
    format_interval,
    format_money,
    format_share,
    join_names,
)


def tier_exhibit(
    now: Snapshot, previous: Snapshot, shop: Shop, products: pd.DataFrame | None, seed: int, replicates: int
) -> Exhibit:
    """Describe the tiers; beside what is expected of them stands what the tiers of the previous cutoff brought."""
    tiers, before = (tier_names(at.table["expected_spend"], shop.tiers) for at in (now, previous))
    came = revenue_shares(before, previous.table["y_true"], TIERS, replicates, seed)
    expected = previous.table["expected_spend"].groupby(before.to_numpy()).sum()
    table = profile(tiers, now.table, products, TIERS)
    total = expected.sum()
    table["share_expected_before"] = (expected.reindex(table["group"]).fillna(0.0) / total).to_numpy()
    table = with_what_came(table, came)
    sentences = [*_highest(table, now, tiers, shop), *_kept(came, expected, previous)]
    return groups_exhibit("value_tiers", "Value tiers by expected spend", sentences, table, "tier")


def movement_exhibit(now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """Show who moved between tiers since the previous cutoff, and what that does to expected spend."""
    before, after = (tier_names(at.table["expected_spend"], shop.tiers) for at in (previous, now))
    counts = movement(before, after)
    figure = None
    if (counts.sum() > 0).sum() > 1:
        from clv_experiments.decisions.display.segments_figures import movement_map

        figure = movement_map(counts, f"{format_day(previous.period.cutoff)} against {format_day(now.period.cutoff)}")
    return Exhibit(
        "tier_movement",
        "Who moved between the tiers",
        _moves(counts, before, after, now, previous, shop),
        counts.assign(customers=counts.sum(axis=1)).reset_index(),
        {"before": "tier before", **{tier: f"{tier} now" for tier in TIERS}},
        {"before": "text", **dict.fromkeys([*TIERS, "customers"], "count")},
        figure,
    )


def _highest(table: pd.DataFrame, now: Snapshot, tiers: pd.Series, shop: Shop) -> list[str]:
    """Say what the tier High holds of what is expected."""
    high = table[table["group"] == TIERS[0]]
    if high.empty or len(table) == 1:
        return [
            f"The tiers hardly part the customers: {now.model_name} expects the same of so many of them that "
            f"{'all are' if len(table) == 1 else 'none is High, and they are'} in {join_names(list(table['group']))}."
        ]
    row, spend = high.iloc[0], now.table["expected_spend"]
    least, total = (
        format_money(float(value), shop.currency) for value in (spend[tiers == TIERS[0]].min(), spend.sum())
    )
    whom = f"The {row['customers']:,} customers in High are" if row["customers"] > 1 else "The 1 customer in High is"
    return [
        f"{whom} {format_share(row['share_of_customers'])} of all, with an expected spend from {least} on; "
        f"{format_share(row['share_of_expected'])} of the {total} that {now.model_name} expects by "
        f"{format_day(now.period.end)} is "
        "theirs."
    ]


def _kept(came: pd.DataFrame, expected: pd.Series, previous: Snapshot) -> list[str]:
    """Set what tiers brought in the last period beside what was expected of them then: High, and who surprised."""
    if not expected.get(TIERS[0], 0.0) > 0 or came["share"].isna().any():
        return []
    sentences = []
    for tier, row in came.iterrows():
        promised = expected.get(tier, 0.0) / expected.sum()
        surprise = "more" if promised < row["low"] else "less" if promised > row["high"] else ""
        if surprise or tier == TIERS[0]:
            verdict = f"{surprise} than expected" if surprise else "no more or less than the interval allows"
            sentences.append(
                f"The customers who were {tier} on {format_day(previous.period.cutoff)} brought "
                f"{format_share(row['share'])} "
                f"{format_interval(format_share(row['low']), format_share(row['high']))} of the revenue of the "
                "period since; "
                f"{format_share(promised)} was expected of them then: {verdict}."
            )
    return sentences


def _moves(
    counts: pd.DataFrame, before: pd.Series, after: pd.Series, now: Snapshot, previous: Snapshot, shop: Shop
) -> list[str]:
    """Say who stayed High, who fell and what that costs, who rose and who is new."""
    high = TIERS[0]
    rows = {name: [int(count) for count in row] for name, row in zip(counts.index, counts.to_numpy(), strict=True)}
    (stayed, *_), (entered, *_) = rows[high], rows[NEW]
    was, new = sum(rows[high]), sum(rows[NEW])
    rose = int(counts[high].sum()) - stayed - entered
    sentences = []
    if was:
        fallen = before.index[(before == high)].intersection(after.index[after != high])
        then, today = (float(s.table["expected_spend"].reindex(fallen).sum()) for s in (previous, now))
        sentences.append(
            f"Of the {format_count(was, 'customer')} who {_was(was)} High on {format_day(previous.period.cutoff)}, "
            f"{stayed:,} "
            f"({format_share(stayed / was)}) still {_is(stayed)} and {len(fallen):,} {_is(len(fallen))} not"
            + (
                f"; the spend expected of {'that one' if len(fallen) == 1 else 'those'} went from "
                f"{format_money(then, shop.currency)} to {format_money(today, shop.currency)}."
                if len(fallen)
                else "."
            )
        )
    if was or counts[high].sum():
        sentences.append(
            f"{format_count(rose, 'customer')} rose to High from below, and of the {format_count(new, 'customer')} "
            "new since "
            f"then {entered:,} {'is' if entered == 1 else 'are'} High."
        )
    return sentences or ["Nobody is in the tier High, neither then nor now, so there are no moves to tell."]


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
