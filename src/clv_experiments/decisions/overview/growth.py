"""Is the shop growing: revenue by month, and whether customers, orders or the size of orders make the change."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from clv_experiments.decisions.display.overview_figures import columns_by_month, lines_by_month
from clv_experiments.decisions.overview.comparison import comparisons
from clv_experiments.decisions.overview.months import YEAR, Months, name, span
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import format_change, format_count, format_money, join_names


def revenue_exhibit(months: Months, currency: str) -> Exhibit:
    """Show monthly revenue with its growth."""
    table = months.table
    amount = partial(format_money, currency=currency)
    whole = months.whole["revenue"]
    sentences = [found.sentence("Revenue", amount) for found in comparisons(whole)]
    if not sentences:
        held = format_count(len(months.whole), "whole month") if len(months.whole) else "no whole month"
        sentences.append(f"The log holds {held}: too little to compare revenue with an earlier time.")
    if len(whole) > 1:
        best, worst = whole.index[int(whole.argmax())], whole.index[int(whole.argmin())]
        sentences.append(
            f"The strongest of {len(whole)} whole months was {name(best)} "
            f"({amount(float(whole.max()))}), the weakest {name(worst)} ({amount(float(whole.min()))})."
        )
    revenue = table["revenue"].where(table["whole"] & (table["revenue"] > 0))
    shown = pd.DataFrame(
        {
            "month": table.index.astype(str),
            "revenue": table["revenue"].to_numpy(),
            "on_month_before": revenue.pct_change(fill_method=None).to_numpy(),
            "on_year_before": revenue.pct_change(YEAR, fill_method=None).to_numpy(),
            "whole": np.where(table["whole"], "yes", "no"),
        }
    )
    return Exhibit(
        name="overview_revenue",
        title="Revenue by month",
        sentences=[*sentences, *months.unfinished()],
        table=shown,
        headings={"whole": "whole month in the log"},
        kinds={"revenue": "money", "on_month_before": "share", "on_year_before": "share"},
        figure=columns_by_month("Revenue by month", {"revenue": table["revenue"]}, table["whole"], currency),
        shown=YEAR,
    )


def customers_exhibit(months: Months, currency: str, order: str) -> Exhibit:
    """Show active customers, orders and revenue per order, and which of them moves revenue.

    Parameters
    ----------
    order : str
        What is counted: order, or purchase day where the log has no order ids.
    """
    table = months.table
    each = (table["revenue"] / table["orders"].where(table["orders"] > 0)).rename("revenue_per_order")
    recent = months.recent
    orders, customers = int(recent["orders"].sum()), float(recent["customers"].mean())
    mean = format_money(float(recent["revenue"].sum()) / orders, currency) if orders else "–"
    mostly = "" if len(recent) == 1 else " in a month on average"
    sentences = [
        f"In {months.recent_name}, {format_count(round(customers), 'customer')} bought{mostly}; "
        f"{format_count(orders, order)} in all brought {mean} each on average."
    ]
    for what, column in (("Active customers", "customers"), (f"Number of {order}s", "orders")):
        total = column == "orders"  # the same customer is active in many months
        longest = comparisons(months.whole[column])[-1:]
        sentences += [found.sentence(what, "{:,.0f}".format, total=total) for found in longest]
    sentences += _what_moved(months, order)
    shown = pd.DataFrame(
        {
            "month": table.index.astype(str),
            **{column: table[column].to_numpy() for column in ("customers", "new_customers", "orders")},
            "revenue_per_order": each.to_numpy(),
            "whole": np.where(table["whole"], "yes", "no"),
        }
    )
    headings = {
        "customers": "active customers",
        "new_customers": "of these new",
        "orders": f"{order}s",
        "revenue_per_order": f"revenue per {order}",
        "whole": "whole month in the log",
    }
    measures = {"active customers": table["customers"], f"{order}s": table["orders"], f"revenue per {order}": each}
    return Exhibit(
        name="overview_customers",
        title=f"Active customers, {order}s and revenue per {order}",
        sentences=sentences,
        table=shown,
        headings=headings,
        kinds={"revenue_per_order": "money", "customers": "count", "new_customers": "count", "orders": "count"},
        figure=lines_by_month(f"Customers, {order}s and revenue per {order}", measures, table["whole"]),
        shown=YEAR,
    )


def _what_moved(months: Months, order: str) -> list[str]:
    """Split the longest change of revenue that is beyond the usual into more orders and larger ones."""
    moved = [found for found in comparisons(months.whole["revenue"]) if found.verdict in ("higher", "lower")]
    if not moved or moved[-1].value <= 0:
        return []
    longest, orders = moved[-1], months.table["orders"]
    number = orders[longest.now].sum() / orders[longest.before].sum() - 1
    size = (1 + longest.change) / (1 + number) - 1
    by_number = np.log1p(number) / np.log1p(longest.change)
    told = [f"the number of {order}s ({format_change(number)})", f"revenue per {order} ({format_change(size)})"]
    what = f"{'fall' if longest.verdict == 'lower' else 'rise'} of revenue in {span(longest.now)}"
    if 1 / 3 <= by_number <= 2 / 3:
        return [f"The {what} comes from both {join_names(told)}."]
    main, rest = told if by_number > 0.5 else told[::-1]
    return [f"The {what} comes mostly from {main}; beside it stands {rest}."]
