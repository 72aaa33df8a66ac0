"""How customers moved between value tiers from one cutoff to the next."""

from __future__ import annotations

import pandas as pd

from clv_experiments.decisions.segments.tiers import TIERS

NEW = "New customers"


def movement(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    """Count the customers by their tier before and after.

    Parameters
    ----------
    before, after : pandas.Series
        Tiers, indexed by ``customer_id``; who is only in ``after`` is new.

    Returns
    -------
    pandas.DataFrame
        Index ``before`` (``TIERS`` and ``NEW``), columns ``TIERS``: counts of customers.
    """
    start = before.reindex(after.index).astype(object).fillna(NEW)
    counts = pd.crosstab(start.to_numpy(), after.to_numpy())
    counts = counts.reindex(index=[*TIERS, NEW], columns=list(TIERS), fill_value=0)
    return counts.rename_axis(index="before", columns=None)
