"""Which customers are worth most in the coming period: expected spend with its interval, P(buys), next date, CLV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.evidence import Evidence
from clv_experiments.decisions.exhibit import Exhibit, Kind, Section
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.decisions.wording import counted, day, interval, money, share
from clv_experiments.evaluation.checks import Floats

TOP = 0.1
SPENDING = [
    "customer_id", "country", "expected_spend", "expected_spend_low", "expected_spend_high", "p_purchase", "clv",
    "total_spend", "segment", "recommended_action",
]  # fmt: skip
BUYING = [
    "customer_id", "country", "p_purchase", "p_alive", "next_purchase", "next_purchase_low", "next_purchase_high",
    "expected_purchases", "expected_spend", "last_purchase", "value_tier", "segment",
]  # fmt: skip
KINDS: dict[str, Kind] = {
    **dict.fromkeys(["expected_spend", "expected_spend_low", "expected_spend_high", "clv", "total_spend"], "money"),
    **dict.fromkeys(["p_purchase", "p_alive"], "share"),
    **dict.fromkeys(["next_purchase", "next_purchase_low", "next_purchase_high", "last_purchase"], "date"),
}
HEADINGS = {
    "customer_id": "customer", "expected_spend_low": "from", "expected_spend_high": "to", "p_purchase": "P(buys)",
    "p_alive": "P(alive)", "next_purchase": "next purchase, if any", "next_purchase_low": "between",
    "next_purchase_high": "and", "clv": "CLV", "total_spend": "spent so far",
}  # fmt: skip


def best_section(
    scored: pd.DataFrame,
    now: Snapshot,
    previous: Snapshot,
    found: Evidence,
    shop: Shop,
    horizon: str,
    seed: int,
    replicates: int,
) -> Section:
    """Name the customers with the highest expected spend, and those with the highest probability of buying.

    Parameters
    ----------
    scored : pandas.DataFrame
        One row a customer of ``now``: the columns of ``decisions.scored``, and ``total_spend``.
    now, previous : Snapshot
        The coming period, and the one before it, which is over.
    found : Evidence
        What the intervals rest on.
    shop : Shop
    horizon : str
        In words, such as ``3 months``.
    seed, replicates : int
        Of the bootstrap.
    """
    spend = scored.sort_values(["expected_spend", "customer_id"], ascending=[False, True], kind="stable")
    likely = scored.sort_values(["p_purchase", "expected_spend"], ascending=False, kind="stable")
    best, first = spend.iloc[0], likely.iloc[0]
    count = max(1, int(np.ceil(TOP * len(spend))))
    held = spend["expected_spend"].head(count).sum() / max(spend["expected_spend"].sum(), np.finfo(float).tiny)
    low, high = _total(now, previous, seed, replicates)
    total = float(spend["expected_spend"].sum())
    summary = [
        f"All {counted(len(spend), 'customer')} together are expected to spend {money(total, shop.currency)} in the "
        f"next {horizon} {interval(money(low, shop.currency), money(high, shop.currency))}; the {count:,} with the "
        f"highest expected spend make up {share(held)} of it.",
        f"Most is expected of customer {best['customer_id']}: {_spend_of(best, shop)}. Most likely to buy is customer "
        f"{first['customer_id']}, with a probability of {share(first['p_purchase'])}.",
    ]
    return Section(
        "customers",
        f"Which customers will spend most in the next {horizon}?",
        summary,
        [
            Exhibit(
                "highest_expected_spend",
                "Highest expected spend",
                [f"Expected spend is {now.model_name}'s; P(buys) and CLV are {now.btyd_name}'s.", found.said],
                _columns(spend, SPENDING),
                HEADINGS,
                KINDS,
            ),
            Exhibit(
                "most_likely_to_buy",
                "Highest probability of buying",
                [
                    f"{int((likely['p_purchase'] >= shop.likely).sum()):,} of {counted(len(likely), 'customer')} will "
                    f"buy with a probability of {share(shop.likely)} or more, by {now.btyd_name}."
                ],
                _columns(likely, BUYING),
                HEADINGS,
                KINDS,
            ),
        ],
        _method(now, previous, shop),
    )


def _columns(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    return table[[column for column in wanted if column in table]]


def _spend_of(row: pd.Series, shop: Shop) -> str:
    expected = money(row["expected_spend"], shop.currency)
    if np.isnan(row["expected_spend_low"]):
        return f"{expected} (no interval: the log is too short for one)"
    low, high = (money(row[f"expected_spend_{end}"], shop.currency) for end in ("low", "high"))
    return f"{expected} {interval(low, high, shop.interval)}"


def _total(now: Snapshot, previous: Snapshot, seed: int, replicates: int) -> tuple[float, float]:
    """Return where the total of the coming period may lie, from how far that of the period before was off.

    The ratio of what came to what was predicted, over customers drawn with replacement; widened to hold the prediction.
    """
    rng = np.random.default_rng(seed)
    y, p = (previous.table[column].to_numpy(float) for column in ("y_true", "expected_spend"))
    drawn: Floats = np.empty(replicates)
    for place in range(replicates):
        rows = rng.integers(len(y), size=len(y))
        drawn[place] = y[rows].sum() / max(p[rows].sum(), np.finfo(float).tiny)
    total, (low, high) = float(now.table["expected_spend"].sum()), np.quantile(drawn, [0.025, 0.975])
    return total * min(1.0, low), total * max(1.0, high)


def _total_before(previous: Snapshot, shop: Shop) -> str:
    came, expected = (float(previous.table[column].sum()) for column in ("y_true", "expected_spend"))
    off = expected / came - 1 if came else np.nan
    return (
        f"Made the same way for {previous.period}, the total was {money(expected, shop.currency)} where "
        f"{money(came, shop.currency)} came: {share(abs(off))} too {'high' if off > 0 else 'low'}."
    )


def _method(now: Snapshot, previous: Snapshot, shop: Shop) -> list[str]:
    return [
        f"Expected spend is the mean over all that may happen to a customer: most customers spend nothing in a period, "
        f"a few spend much. The {share(shop.interval)} intervals are as wide as predictions of the same size were off "
        f"in the period that ended on {day(previous.period.end)}; they speak of single customers.",
        f"{_total_before(previous, shop)} The interval of the total is as wide as that may have been with other "
        "customers of the same kind; it does not know what another season will do.",
        "The next purchase date is the middle of where it may fall, given that the customer comes at all within "
        f"{shop.next_purchase_within}; the dates beside it hold it in {share(shop.interval)} of such cases.",
        f"CLV is the margin of {share(shop.margin)} on what a customer is expected to spend in the next "
        f"{shop.clv_horizon}, discounted by {share(shop.annual_discount_rate)} a year, by {now.btyd_name}.",
    ]
