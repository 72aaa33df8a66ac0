"""High-value customers who are slipping away: P(alive) has fallen since the previous cutoff."""

from __future__ import annotations

import pandas as pd

from clv_experiments.decisions.segments.tiers import TIERS, tier_names
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
from clv_experiments.reporting.exhibit import Exhibit, Kind
from clv_experiments.reporting.formatting import clean_name, format_count, format_day, format_money, format_share

FALL = 0.1  # of P(alive), from which on it is worth a call
KINDS: dict[str, Kind] = {
    **dict.fromkeys(["customer_id", "country"], "text"),
    **dict.fromkeys(["p_alive_before", "p_alive_now"], "share"),
    **dict.fromkeys(["expected_spend_before", "at_stake", "total_spend"], "money"),
    "days_since_last": "count",
}
HEADINGS = {
    "customer_id": "customer", "p_alive_before": "P(alive) before", "p_alive_now": "now",
    "expected_spend_before": "expected spend before", "at_stake": "at stake: expected spend now",
    "days_since_last": "days since last purchase", "total_spend": "spent so far",
}  # fmt: skip


def fallen(now: pd.DataFrame, previous: pd.DataFrame, tiers: tuple[float, float]) -> pd.DataFrame:
    """List the customers of tier High before whose P(alive) has fallen by ``FALL`` or more, most at stake first.

    At stake is what is expected of them in the coming period.

    Parameters
    ----------
    now, previous : pandas.DataFrame
        Tables of snapshots.
    tiers : tuple of two floats
        Shares of customers: High, Mid.

    Returns
    -------
    pandas.DataFrame
        Columns as of ``KINDS``, ``country`` where known.
    """
    before = previous[_high(previous, tiers)]
    before = before[before.index.isin(now.index)]
    today = now.loc[before.index]
    columns = {
        "p_alive_before": before["p_alive"],
        "p_alive_now": today["p_alive"],
        "expected_spend_before": before["expected_spend"],
        "at_stake": today["expected_spend"],
        "days_since_last": days_since_last(today),
        "total_spend": today["total_spend"],
    }
    table = pd.DataFrame(columns, index=before.index)
    if "country" in today:
        table.insert(0, "country", today["country"])
    table = table[table["p_alive_before"] - table["p_alive_now"] >= FALL]
    return table.sort_values("at_stake", ascending=False, kind="stable").reset_index(names="customer_id")


def at_risk_exhibit(now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """Show whose P(alive) fell among the customers of high value, and what hangs on them."""
    high = previous.table[_high(previous.table, shop.tiers)]
    table = fallen(now.table, previous.table, shop.tiers)
    sentences = _sentences(table, high, now, previous, shop)
    return Exhibit("at_risk", "Customers of high value who are slipping away", sentences, table, HEADINGS, KINDS)


def _high(table: pd.DataFrame, tiers: tuple[float, float]) -> pd.Series:
    return tier_names(table["expected_spend"], tiers) == TIERS[0]


def _sentences(table: pd.DataFrame, high: pd.DataFrame, now: Snapshot, previous: Snapshot, shop: Shop) -> list[str]:
    then = format_day(previous.period.cutoff)
    if high.empty:
        return [
            f"Nobody was of high value on {then}: {previous.model_name} expected the same of too many customers to "
            "part them, so nobody of high value can be at risk."
        ]
    of_all = f"the {format_count(len(high), 'customer')} who {'was' if len(high) == 1 else 'were'} High on {then}"
    if table.empty:
        change = high["p_alive"] - now.table["p_alive"].reindex(high.index)
        moved = f"at most by {max(float(change.max()), 0.0):.2f}" if change.max() > 0.005 else "not at all"
        return [
            f"None of {of_all} is slipping away: by {now.btyd_name}, P(alive) has fallen {moved} since then, less "
            f"than the {FALL:g} that would be listed here."
        ]
    (stake, before), first = table[["at_stake", "expected_spend_before"]].sum(), table.iloc[0]
    fell, today = (format_share(float(first[column])) for column in ("p_alive_before", "p_alive_now"))
    away = f"{high['p_purchase'].rsub(1).sum():,.0f}"
    return [
        f"By {now.btyd_name}, P(alive) has fallen by {FALL:g} or more for {len(table):,} of {of_all}; at stake is the "
        f"{format_money(float(stake), shop.currency)} that {now.model_name} expects of them in the coming period "
        f"({format_money(float(before), shop.currency)} in the one before).",
        f"P(alive) falls while a customer does not buy, so falls are to be expected: {away} of the "
        f"{len(high):,} {'was' if away == '1' else 'were'} expected not to buy since, and "
        f"{int((high['purchase_days'] == 0).sum()):,} did not.",
        f"Most is at stake with customer “{clean_name(first['customer_id'])}”: "
        f"{format_money(float(first['at_stake']), shop.currency)}, with P(alive) down from {fell} to {today} and "
        "no purchase "
        f"for {format_count(int(first['days_since_last']), 'day')}.",
    ]
