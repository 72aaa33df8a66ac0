"""What the customers of a group are like: how many, what they brought, what they are expected to bring, from where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

TOP_PRODUCTS = 3
LETTERS = 40  # of a product's name
UNKNOWN = "unknown"


def profile(
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
    by = table.groupby(groups.to_numpy())
    rows = pd.DataFrame(
        {
            "customers": by.size(),
            "share_of_customers": by.size() / len(table),
            "past_revenue": by["total_spend"].sum(),
            "share_of_past": _shares(by["total_spend"].sum()),
            "expected_revenue": by["expected_spend"].sum(),
            "share_of_expected": _shares(by["expected_spend"].sum()),
            "p_alive": by["p_alive"].mean(),
        }
    )
    if "country" in table:
        rows = rows.join(_countries(groups, table["country"]))
    if products is not None:
        rows["top_products"] = _top_products(groups, products).reindex(rows.index).fillna("")
    return rows.reindex([name for name in order if name in rows.index]).rename_axis("group").reset_index()


def _shares(sums: pd.Series) -> pd.Series:
    total = sums.sum()
    return sums / (total if total > 0 else np.nan)


def _countries(groups: pd.Series, countries: pd.Series) -> pd.DataFrame:
    """Name the most frequent country of each group and the share of its customers who live there."""
    named = pd.DataFrame({"group": groups, "country": countries.astype(object).fillna(UNKNOWN)})
    counts = named.value_counts().rename("customers").reset_index()
    counts = counts.sort_values(["customers", "country"], ascending=[False, True])
    most = counts.drop_duplicates("group").set_index("group")
    share = most["customers"] / groups.value_counts().reindex(most.index)
    return pd.DataFrame({"country": most["country"], "country_share": share})


def _top_products(groups: pd.Series, products: pd.DataFrame) -> pd.Series:
    """List the products that each group spent most on."""
    place = groups.index.get_indexer(pd.Index(products["customer_id"]))
    known = products[place >= 0].assign(group=groups.to_numpy()[place[place >= 0]])
    spent = known.groupby(["group", "product"])["amount"].sum().reset_index()
    spent = spent.sort_values(["amount", "product"], ascending=[False, True])
    top = spent.groupby("group").head(TOP_PRODUCTS)
    names = top["product"].astype(str).map(lambda name: name if len(name) <= LETTERS else name[: LETTERS - 1] + "…")
    return names.groupby(top["group"]).agg(", ".join)
