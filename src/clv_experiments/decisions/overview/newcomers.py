"""Who brings the revenue: customers in the month of their first purchase, or those who came back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.display.overview_figures import columns_by_month
from clv_experiments.decisions.overview.comparison import comparisons
from clv_experiments.decisions.overview.months import SETTLING, YEAR, Months, span
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import format_count, format_money, format_share

CLEARLY = 0.6  # share of revenue from which on one group is said to carry the shop


def returning_share(months: Months) -> tuple[pd.DataFrame, float]:
    """Return the recent months that are told of and the share of their revenue that returning customers bring.

    The first months of a log, in which everybody looks new, are left out as long as others remain. The share is nan
    where there is no revenue.
    """
    recent = months.recent
    settled = recent[months.is_settled(recent.index)]
    told = settled if len(settled) else recent
    revenue = told["revenue"].sum()
    return told, 1 - told["new_revenue"].sum() / revenue if revenue > 0 else np.nan


def returning_sentence(months: Months, currency: str) -> str:
    """Say in one sentence whether the shop lives on new or on returning customers."""
    told, returning = returning_share(months)
    when = span(told.index) if len(months.whole) else months.recent_name
    if np.isnan(returning):
        return f"There was no revenue in {when} to split between new and returning customers."
    amount = format_money(float(told["revenue"].sum() - told["new_revenue"].sum()), currency)
    part = "all revenue" if returning == 1 else f"{format_share(returning)} of revenue"
    split = f"{part} ({amount}) in {when} came from customers who had first bought in an earlier month, "
    split += "nothing from new ones" if returning == 1 else f"{format_share(1 - returning)} from new ones"
    if returning >= CLEARLY:
        return f"The shop lives on returning customers: {split}."
    if returning <= 1 - CLEARLY:
        return f"The shop lives on new customers: {split}."
    return f"New and returning customers both carry the shop: {split}."


def newcomers_exhibit(months: Months, currency: str) -> Exhibit:
    """Show new against returning customers' revenue."""
    told, _ = returning_share(months)
    sentences = [returning_sentence(months, currency)]
    first = int(told["new_customers"].sum())
    if first and len(months.whole):
        each = format_money(float(told["new_revenue"].sum()) / first, currency)
        sentences.append(
            f"{format_count(first, 'customer')} bought for the first time in {span(told.index)} and spent {each} "
            "each in "
            "the month of the first purchase."
        )
    settled = months.whole.loc[months.is_settled(months.whole.index), "new_customers"]
    if settled.sum() > 0:
        sentences += [found.sentence("New customers", "{:,.0f}".format) for found in comparisons(settled)[-1:]]
    elif len(settled):
        sentences.append(f"No new customer came in {span(settled.index)}.")
    if not months.is_settled(told.index).all():
        sentences.append(
            f"The log is too young to tell well: in its first {SETTLING} months customers of old look new as well."
        )
    table = months.table
    revenue = table["revenue"]
    parts = {"returning customers": revenue - table["new_revenue"], "new customers": table["new_revenue"]}
    shown = pd.DataFrame(
        {
            "month": table.index.astype(str),
            "new_customers": table["new_customers"].to_numpy(),
            "new_revenue": table["new_revenue"].to_numpy(),
            "returning_revenue": parts["returning customers"].to_numpy(),
            "returning_share": (parts["returning customers"] / revenue.where(revenue > 0)).to_numpy(),
            "whole": np.where(table["whole"], "yes", "no"),
        }
    )
    kinds = {"new_revenue": "money", "returning_revenue": "money", "returning_share": "share", "new_customers": "count"}
    return Exhibit(
        name="overview_returning",
        title="Revenue of new and of returning customers",
        sentences=sentences,
        table=shown,
        headings={"returning_share": "share of returning", "whole": "whole month in the log"},
        kinds=kinds,  # type: ignore[arg-type]
        figure=columns_by_month("Revenue of new and returning customers", parts, table["whole"], currency),
        shown=YEAR,
    )
