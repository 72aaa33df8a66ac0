"""Who is due: the customers most likely to buy soon, with the day they are expected on and what they are worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.clv import days_after
from clv_experiments.decisions.next_purchase.board import Board
from clv_experiments.decisions.next_purchase.candidates import Contender
from clv_experiments.decisions.next_purchase.dates import next_purchase_dates
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot, days_since_last
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import format_count, format_money, format_share

LISTED = 20


def due_customers(now: Snapshot, due: Contender, shop: Shop, within_days: int) -> pd.DataFrame:
    """List the customers most likely to buy soon.

    Parameters
    ----------
    now : Snapshot
        Of the coming period.
    due : Contender
        Fitted at its cutoff; tells the dates.
    shop : Shop
    within_days : int
        What soon means.

    Returns
    -------
    pandas.DataFrame
        At most 20 rows, most probable first, equal ones by expected spend: ``customer_id``, ``country`` (where known),
        ``p_within`` (probability), ``next_purchase`` with its interval (days, of the purchases that come within the
        shop's limit, or within the period where the contender tells of no more), ``expected_spend`` in the period
        (currency), ``days_since_last``.
    """
    limit = days_after(now.period.cutoff, shop.next_purchase_within) if due.reaches_on else now.period.days
    table = now.table.assign(
        p_within=due.estimator.purchase_probabilities(due.X, np.array([within_days]))[:, 0],
        days_since_last=days_since_last(now.table),
    )
    order = ["p_within", "expected_spend", "customer_id"]
    first = table.reset_index().sort_values(order, ascending=[False, False, True], kind="stable").head(LISTED)
    X = due.X.loc[first["customer_id"]]
    dates = next_purchase_dates(due.estimator, X, now.period.cutoff, limit, shop.interval).drop(
        columns="p_next_purchase"
    )
    country = ["country"] if "country" in first else []
    listing = first.merge(dates, left_on="customer_id", right_index=True).reset_index(drop=True)
    listing["days_since_last"] = listing["days_since_last"].astype(int)
    return listing[["customer_id", *country, "p_within", *dates.columns, "expected_spend", "days_since_last"]].rename(
        columns={"p_within": f"p_within_{within_days}_days"}
    )


def due_exhibit(listing: pd.DataFrame, ranking: Board, due: Contender, shop: Shop) -> Exhibit:
    """Show who is due, and what came of those who were named in the same way one period before."""
    judged, rows = ranking.trial, len(listing)
    mark = judged.marks[0]
    chance, spend = listing[f"p_within_{mark}_days"], listing["expected_spend"]
    earlier = pd.Series(judged.within(judged.of(due.name), mark)).nlargest(LISTED)
    bought = int(judged.bought(mark)[earlier.index].sum())
    tried = format_count(int(judged.days[-1]), "day")
    limit = str(shop.next_purchase_within) if due.reaches_on else "the period"
    sentences = [
        f"Of these {format_count(rows, 'customer')}, {chance.sum():.0f} are expected to buy within {mark} days "
        f"(probabilities from {format_share(chance.min())} to {format_share(chance.max())}); in the whole period "
        "they are expected "
        f"to spend {format_money(float(spend.sum()), shop.currency)}.",
        f"Of the {format_count(len(earlier), 'customer')} who would have been named in the same way one period before, "
        f"{bought:,} bought within {mark} days; {earlier.sum():.0f} were expected to.",
        f"Dates are given a purchase within {limit}, and their ranges are meant to hold "
        f"{format_share(shop.interval)} of "
        f"such dates; the trial is of dates within {tried}.",
        f"Probabilities and dates are told by {due.name}, {_why(ranking, due.name)}.",
    ]
    return Exhibit(
        "next_purchase_due",
        f"Most likely to buy within {mark} days",
        sentences,
        listing,
        {
            "customer_id": "customer",
            f"p_within_{mark}_days": f"P(buys within {mark} days)",
            "next_purchase": "expected on",
            "next_purchase_low": "from",
            "next_purchase_high": "to",
            "expected_spend": "expected spend in the period",
            "days_since_last": "days since the last purchase",
        },
        {f"p_within_{mark}_days": "share", "expected_spend": "money", "days_since_last": "count"},
        shown=LISTED,
    )


def _why(ranking: Board, name: str) -> str:
    first = ranking.of()
    if len(first) == 1:
        return "which has no rival here"
    if first["group"][name] > 1:
        return f"as all dates of this report are; {first.index[0]} tells better"
    return (
        "which shares first place in the comparison" if (first["group"] == 1).sum() > 1 else "which wins the comparison"
    )
