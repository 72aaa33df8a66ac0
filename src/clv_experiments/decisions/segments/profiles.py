"""What groups of customers are like: how many, what they brought, what they are expected to bring, from where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.confidence_intervals import Estimate, bootstrap_counts, percentile_interval

TOP_PRODUCTS = 3
MAX_LETTERS = 40  # of a product's name
UNKNOWN = "unknown"


def profile_groups(
    groups: pd.Series, table: pd.DataFrame, products: pd.DataFrame | None, order: Sequence[str]
) -> pd.DataFrame:
    """Describe each group that has customers.

    Parameters
    ----------
    groups : pandas.Series
        Index ``customer_id`` as of the table.
    table : pandas.DataFrame
        A snapshot's.
    products : pandas.DataFrame or None
        ``customer_id, product, amount``, where the log has products.
    order : sequence of str
        Of the rows.

    Returns
    -------
    pandas.DataFrame
        ``group``, ``customers``, ``share_of_customers``, ``past_revenue``, ``share_of_past``, ``expected_revenue``,
        ``share_of_expected``, ``p_alive`` (mean) and, where known, ``country`` (of most customers of the group, the
        first by name among equals), ``country_share`` and ``top_products`` (those it spent most on).
    """
    by_group = table.groupby(groups.to_numpy())
    past, expected = by_group["total_spend"].sum(), by_group["expected_spend"].sum()
    rows = pd.DataFrame(
        {
            "customers": by_group.size(),
            "share_of_customers": by_group.size() / len(table),
            "past_revenue": past,
            "share_of_past": past / _nan_unless_positive(past.sum()),
            "expected_revenue": expected,
            "share_of_expected": expected / _nan_unless_positive(expected.sum()),
            "p_alive": by_group["p_alive"].mean(),
        }
    )
    if "country" in table:
        rows = rows.join(_find_main_countries(groups, table["country"]))
    if products is not None:
        rows["top_products"] = _list_top_products(groups, products).reindex(rows.index).fillna("")
    return rows.reindex([name for name in order if name in rows.index]).rename_axis("group").reset_index()


def revenue_shares(
    groups: ArrayLike, spend: ArrayLike, order: Sequence[str], replicates: int, seed: int
) -> pd.DataFrame:
    """Sum what each group brought and its share of all spend, with a 95 % bootstrap interval over customers.

    Parameters
    ----------
    groups, spend : array, shape (customers,)
        Each customer's group and spend (currency).
    order : sequence of str
        All groups; one without customers has no revenue.

    Returns
    -------
    pandas.DataFrame
        Index ``order``; ``revenue_that_came``, ``share_that_came``, ``share_that_came_low``, ``share_that_came_high``;
        shares are nan where nobody spent anything.
    """
    codes = pd.Index(order).get_indexer(pd.Index(np.asarray(groups, dtype=object)))
    amounts = np.asarray(spend, dtype=float)

    def revenue(weights: Floats) -> np.ndarray:
        return np.bincount(codes, weights=weights, minlength=len(order))

    resamples = [revenue(amounts * counts) for counts in bootstrap_counts(len(amounts), replicates, seed)]
    low, high = percentile_interval([sums / _nan_unless_positive(sums.sum()) for sums in resamples])
    came = revenue(amounts)
    shares = {
        "share_that_came": came / _nan_unless_positive(came.sum()),
        "share_that_came_low": low,
        "share_that_came_high": high,
    }
    return pd.DataFrame({"revenue_that_came": came, **shares}, index=pd.Index(order, name="group"))


def get_revenue_share(shares: pd.DataFrame, group: str) -> Estimate | None:
    """Return a group's share from ``revenue_shares``; None where nobody spent anything."""
    estimate = Estimate(*shares.loc[group].drop("revenue_that_came"))
    return None if np.isnan(estimate.value) else estimate


def _nan_unless_positive(total: float) -> float:
    return total if total > 0 else np.nan


def _find_main_countries(groups: pd.Series, countries: pd.Series) -> pd.DataFrame:
    """Name the most frequent country of each group and the share of its customers who live there."""
    members = pd.DataFrame({"group": groups, "country": countries.astype(object).fillna(UNKNOWN)})
    counts = members.value_counts().reset_index().sort_values(["count", "country"], ascending=[False, True])
    main = counts.drop_duplicates("group").set_index("group")
    return main[["country"]].assign(country_share=main["count"] / groups.value_counts())


def _list_top_products(groups: pd.Series, products: pd.DataFrame) -> pd.Series:
    grouped = products.assign(group=products["customer_id"].map(groups))
    spend = grouped.groupby(["group", "product"])["amount"].sum().reset_index()
    top = spend.sort_values(["amount", "product"], ascending=[False, True]).groupby("group").head(TOP_PRODUCTS)
    names = top["product"].astype(str)
    names = names.map(lambda name: name if len(name) <= MAX_LETTERS else name[: MAX_LETTERS - 1] + "…")
    return names.groupby(top["group"]).agg(", ".join)
