"""Totals of scored customers, summed up in batches."""

from __future__ import annotations

import pandas as pd

from clv_experiments.decisions.actions import ACTIONS
from clv_experiments.decisions.customer_scores import choose_ranking_column
from clv_experiments.decisions.segments.rfm import SEGMENTS
from clv_experiments.decisions.segments.tiers import TIERS

GROUP_NAMES_BY_COLUMN = {"value_tier": TIERS, "segment": SEGMENTS, "recommended_action": ACTIONS}
SUMS = ["customers", "expected_spend", "expected_purchases", "clv", "p_alive", "missed_opportunity"]


class ScoreTotalsByGroup:
    """Totals of customers by tier, segment and action, added up batch by batch."""

    def __init__(self) -> None:
        self._sums = pd.DataFrame()

    def add(self, scores: pd.DataFrame) -> None:
        """Add customers, with the columns of ``customer_scores.COLUMNS``."""
        rows = scores.assign(customers=1, everyone="all")
        columns = [column for column in SUMS if column in rows]
        groups = ["everyone", *(by for by in GROUP_NAMES_BY_COLUMN if by in rows)]
        sums = pd.concat({by: rows.groupby(by, observed=True)[columns].sum().astype(float) for by in groups})
        self._sums = sums if self._sums.empty else self._sums.add(sums, fill_value=0.0)

    def table(self) -> pd.DataFrame:
        """Return one row a group of customers, in the order of their names' lists; those without a customer left out.

        Columns: ``by``, ``group``, ``customers``, ``expected_spend``, ``share`` (of all expected spend),
        ``expected_purchases``, ``clv`` (sums), ``p_alive`` (mean), ``missed_opportunity`` (customers).
        Without amounts ``share`` is that of all expected purchases. Columns and groups that the
        customers lack are left out.
        """
        order = [("everyone", "all"), *((by, name) for by, names in GROUP_NAMES_BY_COLUMN.items() for name in names)]
        present = [key for key in order if key in self._sums.index]
        table = self._sums.loc[present].rename_axis(["by", "group"]).reset_index()
        value = table[choose_ranking_column(table)]
        total = value.iloc[0]
        table.insert(4, "share", value / total if total else 0.0)
        table["p_alive"] /= table["customers"]
        return table.astype({name: int for name in ("customers", "missed_opportunity") if name in table})

    def totals(self) -> dict[str, float]:
        """Name the sums over all customers as a run's metrics do."""
        everyone = self.table().iloc[0]
        return {name: float(everyone[name]) for name in SUMS if name in everyone and name != "p_alive"}
