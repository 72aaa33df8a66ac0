"""Which customers are worth most in the coming period: expected spend with its interval, P(buys), next date, CLV."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clv_experiments.data.window import DAY, Horizon
from clv_experiments.decisions.evidence import Evidence
from clv_experiments.decisions.segments.tiers import TIERS
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import (
    clean_name,
    describe_horizon,
    format_count,
    format_day,
    format_exact_percent,
    format_interval,
    format_money,
    format_share,
)

A_YEAR, A_FEW = 365, 4  # days
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
    scored: pd.DataFrame, now: Snapshot, past: Sequence[Snapshot], found: Evidence, shop: Shop, horizon: Horizon
) -> Section:
    """Name the customers with the highest expected spend, and those with the highest probability of buying.

    Parameters
    ----------
    scored : pandas.DataFrame
        One row a customer of ``now``: the columns of ``decisions.scored``, and ``total_spend``.
    now : Snapshot
        Of the coming period.
    past : sequence of Snapshot
        Of periods that are over, latest first.
    found : Evidence
        What the intervals rest on.
    shop : Shop
    horizon : Horizon
        Of the coming period.
    """
    spend = scored.sort_values(["expected_spend", "customer_id"], ascending=[False, True], kind="stable")
    likely = scored.sort_values(["p_purchase", "expected_spend"], ascending=False, kind="stable")
    above = int((likely["p_purchase"] >= shop.likely).sum())
    return Section(
        "customers",
        f"Which customers will spend most in the {describe_horizon(horizon)}?",
        [*_totals(now, past, shop), _most(spend, likely, shop)],
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
                    f"{above:,} of {format_count(len(likely), 'customer')} will buy with a probability of at least "
                    f"{format_exact_percent(shop.likely)}, by {now.btyd_name}."
                ],
                _columns(likely, BUYING),
                HEADINGS,
                KINDS,
            ),
            _past_exhibit(past),
        ],
        _method(now, past, shop),
    )


def _columns(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    return table[[column for column in wanted if column in table]]


def _totals(now: Snapshot, past: Sequence[Snapshot], shop: Shop) -> list[str]:
    """Say what all customers together are expected to spend, and how far such totals were off."""
    expected, who = now.table["expected_spend"], format_count(len(now.table), "customer")
    said = f"{who} together are expected to spend {format_money(expected.sum(), shop.currency)}"
    ratios = past_totals(past)["came_to_expected"].dropna()
    if ratios.empty:
        return [f"{said}; the model expected nothing in the past, where something came."]
    a_year_ago = [shot for shot in past if abs((now.period.cutoff - shot.period.cutoff).days - A_YEAR) <= A_FEW]
    same = [
        f"A year before, {shot.period} brought {format_money(shot.table['y_true'].sum(), shop.currency)} from the "
        f"{format_count(len(shot.table), 'customer')} known then."
        for shot in a_year_ago
    ]
    low, high = (format_money(expected.sum() * ratio, shop.currency) for ratio in (ratios.min(), ratios.max()))
    if len(ratios) == 1:
        once = f"{said}; in the period before {ratios.iloc[0]:.2f} times as much came, which would make it {low}."
        return [once, *same]
    return [
        f"{said}; in the {len(ratios)} periods before {ratios.min():.2f} to {ratios.max():.2f} times what was expected "
        f"came, which would make it {low} to {high}.",
        *same,
    ]


def _most(spend: pd.DataFrame, likely: pd.DataFrame, shop: Shop) -> str:
    """Name the customers on top, where there is a top."""
    best, first = spend.iloc[0], likely.iloc[0]
    chance = format_share(first["p_purchase"])
    buys = f"most likely to buy is customer {clean_name(first['customer_id'])}, with a probability of {chance}"
    if spend["expected_spend"].iloc[-1] == best["expected_spend"]:
        return f"The same is expected of everybody, {format_money(best['expected_spend'], shop.currency)}; {buys}."
    high = spend["value_tier"] == TIERS[0]
    part = spend.loc[high, "expected_spend"].sum() / spend["expected_spend"].sum()
    tier = (
        f", and {format_share(part)} of the total is expected of the "
        f"{format_count(int(high.sum()), 'customer')} in the tier High"
    )
    most = f"Most is expected of customer {clean_name(best['customer_id'])}, {_spend_of(best, shop)}"
    return f"{most}{tier * bool(high.any())}; {buys}."


def _spend_of(row: pd.Series, shop: Shop) -> str:
    expected = format_money(row["expected_spend"], shop.currency)
    if np.isnan(row["expected_spend_low"]):
        return f"{expected} (no interval: the log is too short for one)"
    low, high = (format_money(row[f"expected_spend_{end}"], shop.currency) for end in ("low", "high"))
    return f"{expected} {format_interval(low, high, shop.interval)}"


def past_totals(past: Sequence[Snapshot]) -> pd.DataFrame:
    """Set what all customers spent in each period that is over beside what was expected of them then.

    Returns
    -------
    pandas.DataFrame
        ``first_day``, ``last_day``, ``customers``, ``expected``, ``came`` (currency), ``came_to_expected`` (NaN where
        nothing was expected); latest first.
    """
    rows = [
        {
            "first_day": pd.Timestamp(shot.period.cutoff + DAY),
            "last_day": pd.Timestamp(shot.period.end),
            "customers": len(shot.table),
            "expected": shot.table["expected_spend"].sum(),
            "came": shot.table["y_true"].sum(),
        }
        for shot in past
    ]
    table = pd.DataFrame(rows)
    return table.assign(came_to_expected=table["came"] / table["expected"].where(table["expected"] > 0))


def _past_exhibit(past: Sequence[Snapshot]) -> Exhibit:
    table = past_totals(past)
    kinds: dict[str, Kind] = {"expected": "money", "came": "money"}
    title = "What was expected, and what came"
    said = f"Predicted in the same way at {format_count(len(past), 'earlier cutoff')}, from what was known then."
    return Exhibit("past_totals", title, [said], table, {"came_to_expected": "came / expected"}, kinds)


def _method(now: Snapshot, past: Sequence[Snapshot], shop: Shop) -> list[str]:
    return [
        f"Expected spend is the mean over all that may happen to a customer: most customers spend nothing in a period, "
        f"a few spend much. The {format_share(shop.interval)} intervals are as wide as predictions of the same "
        "size were off "
        f"in the period that ended on {format_day(past[0].period.end)}; they speak of single customers.",
        "How far the total was off in earlier periods is told as it was and not as an interval: a few periods are too "
        "few for one, and no model here knows the season.",
        "The next purchase date is the middle of where it may fall, given that the customer comes at all within "
        f"{shop.next_purchase_within}; the dates beside it are meant to hold it in {format_share(shop.interval)} "
        "of such "
        "cases.",
        f"CLV is the margin of {format_share(shop.margin)} on what a customer is expected to spend in the next "
        f"{shop.clv_horizon}, discounted by {format_share(shop.annual_discount_rate)} a year, by {now.btyd_name}. "
        "Where that "
        f"is another model than {now.model_name}, the two may disagree about a customer.",
    ]
