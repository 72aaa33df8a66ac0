"""Totals of a scored customer list by tier, segment and action, added up part by part."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from clv_experiments.decisions.actions import ACTIONS
from clv_experiments.decisions.segments.rfm import SEGMENTS
from clv_experiments.decisions.segments.tiers import TIERS
from clv_experiments.reporting.formatting import format_money, format_share

GROUPS = {"value_tier": TIERS, "segment": SEGMENTS, "recommended_action": ACTIONS}
SUMS = ["customers", "expected_spend", "expected_purchases", "clv", "p_alive", "missed_opportunity"]


class Summary:
    """Sums over groups of customers."""

    def __init__(self) -> None:
        self._sums = pd.DataFrame(columns=SUMS, dtype=float)

    def add(self, part: pd.DataFrame) -> None:
        """Add the rows of a part, which has the columns of ``scored.COLUMNS``."""
        rows = part.assign(customers=1, everyone="all")
        for by in ("everyone", *GROUPS):
            sums = rows.groupby(by, observed=True)[SUMS].sum().astype(float)
            sums.index = pd.MultiIndex.from_product([[by], sums.index]).to_flat_index()
            self._sums = self._sums.add(sums, fill_value=0.0)

    def table(self) -> pd.DataFrame:
        """Give one row a group of customers.

        Returns
        -------
        pandas.DataFrame
            ``by``, ``group``, ``customers``, ``expected_spend``, ``format_share`` (of all expected spend),
            ``expected_purchases``, ``clv`` (sums), ``p_alive`` (mean), ``missed_opportunity`` (customers); groups in
            the order of their names' lists, those without a customer left out.
        """
        order = [("everyone", "all"), *((by, name) for by, names in GROUPS.items() for name in names)]
        kept = [key for key in order if key in self._sums.index]
        table = self._sums.loc[kept].reset_index(drop=True)
        table.insert(0, "by", [by for by, _ in kept])
        table.insert(1, "group", [name for _, name in kept])
        total = table["expected_spend"].iloc[0]
        table.insert(4, "share", table["expected_spend"] / total if total else 0.0)
        table["p_alive"] /= table["customers"]
        return table.astype({"customers": int, "missed_opportunity": int})

    def totals(self) -> dict[str, float]:
        """Name the sums over all customers as a run's metrics do."""
        every = self.table().iloc[0]
        return {name: float(every[name]) for name in SUMS if name != "p_alive"}


def headline(summary: Summary, currency: str) -> tuple[list[str], list[list[str]]]:
    """Lay out the tiers for a terminal: headings, and one row of cells a tier and for all."""
    headings = ["tier", "customers", "expected spend", "share", "CLV", "P(alive)", "missed"]
    table = summary.table()
    written: dict[str, Callable[[Any], str]] = {
        "group": str,
        "customers": "{:,}".format,
        "expected_spend": partial(format_money, currency=currency),
        "share": format_share,
        "clv": partial(format_money, currency=currency),
        "p_alive": "{:.2f}".format,
        "missed_opportunity": "{:,}".format,
    }
    shown = table[table["by"].isin(("value_tier", "everyone"))].sort_values("by", ascending=False, kind="stable")
    cells = [[write(value) for value in shown[name]] for name, write in written.items()]
    return headings, [list(row) for row in zip(*cells, strict=True)]
