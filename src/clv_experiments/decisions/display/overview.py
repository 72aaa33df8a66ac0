"""The business overview as a section of the report."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.data.horizon import DAY, Period
from clv_experiments.decisions.best_customers import AllCustomersTotalRange
from clv_experiments.decisions.overview.business import BusinessOverview
from clv_experiments.decisions.overview.months import YEAR
from clv_experiments.reporting.chart_style import (
    BLUE,
    ORANGE,
    create_chart,
    draw_heat_map,
    draw_legend_above,
    make_printable,
)
from clv_experiments.reporting.exhibit import WIDE, Exhibit, Section
from clv_experiments.reporting.section_template import SectionTemplate
from clv_experiments.reporting.symlog_scale import format_amount

MONTHS_LATER = {f"month_{later}": f"+{later}" for later in range(1, YEAR + 1)}  # columns of a cohort, and headings
TEMPLATE = SectionTemplate("report/overview.jinja")
MONTH_COLUMNS = [
    "revenue", "on_month_before", "on_year_before", "returning_revenue", "new_revenue", "customers", "new_customers",
    "orders", "revenue_per_order", "whole",
]  # fmt: skip
PARTS = {"returning_revenue": ("returning customers", BLUE), "new_revenue": ("new customers", ORANGE)}
MAX_COHORTS = 24  # on the page


def overview_section(overview: BusinessOverview, period: Period, total: AllCustomersTotalRange | None) -> Section:
    """Show how the business is doing, and the total that is forecast for the coming period, where it has a range."""
    concentration = overview.concentration
    exhibits = [
        _build_revenue_exhibit(overview, period, total),
        _build_retention_exhibit(overview),
        _build_exhibit("concentration", overview, concentration.deciles() if concentration else None),
    ]
    if overview.countries is not None:
        exhibits.append(_build_exhibit("countries", overview, overview.countries))
    return TEMPLATE.build_section(
        "overview", TEMPLATE.render_macro("summary", overview), exhibits, TEMPLATE.render_macro("method", overview)
    )


def _build_exhibit(name: str, overview: BusinessOverview, table: pd.DataFrame | None, **options: Any) -> Exhibit:
    """Build an exhibit whose sentences are the template's macro of its name."""
    (recent,) = TEMPLATE.render_macro("recent", overview.months)
    title = TEMPLATE.render_title(f"overview_{name}", recent=recent)
    return TEMPLATE.build_exhibit(
        f"overview_{name}", TEMPLATE.render_macro(name, overview), table, title=title, **options
    )


def _build_revenue_exhibit(overview: BusinessOverview, period: Period, total: AllCustomersTotalRange | None) -> Exhibit:
    order, months = overview.order_unit, overview.months.table[MONTH_COLUMNS].iloc[::-1].reset_index()
    return _build_exhibit(
        "revenue",
        overview,
        months.assign(month=months["month"].astype(str), whole=np.where(months["whole"], "yes", "no")),
        draw=partial(draw_revenue, overview, period, total),
        headings={"orders": f"{order}s", "revenue_per_order": f"revenue per {order}"},
        page_rows=YEAR,
        columns=[column for column in ["month", *MONTH_COLUMNS] if column not in ("on_month_before", "new_customers")],
    )


def _build_retention_exhibit(overview: BusinessOverview) -> Exhibit:
    cohorts = overview.retention.table
    shares = cohorts[[later for later in range(1, YEAR + 1) if cohorts[later].notna().any()]]
    table = shares.add_prefix("month_")
    table.insert(0, "customers", cohorts["customers"])
    table.insert(0, "cohort", cohorts.index.astype(str))
    draw = partial(draw_retention, cohorts.tail(MAX_COHORTS)) if len(shares.columns) else None
    table = table.reset_index(drop=True)
    return _build_exhibit("retention", overview, table, draw=draw, headings=MONTHS_LATER, page_rows=MAX_COHORTS)


def draw_revenue(
    overview: BusinessOverview, period: Period, total: AllCustomersTotalRange | None, width: float
) -> Figure:
    """Draw the revenue of each month, of returning and of new customers, and what known customers bring ahead.

    Months that are not whole are paler. The range of the coming period's total is drawn as a mean month of it.
    """
    months = overview.months.table
    complete, index = months["whole"].to_numpy(), pd.PeriodIndex(months.index)
    subtitle = f"{len(index)} months" if complete.all() else "paler: months that the log does not hold whole"
    figure, (panel,) = create_chart("Revenue by month, and the range ahead", subtitle, 3.6, width=width)
    x, bottom = np.arange(len(index)), np.zeros(len(index))
    for column, (name, colour) in PARTS.items():
        height = months[column].to_numpy(dtype=float)
        bars = panel.bar(x, height, 0.8, bottom=bottom, color=colour, linewidth=0, label=name)
        for bar, is_complete in zip(bars, complete, strict=True):
            bar.set_alpha(1.0 if is_complete else 0.4)
        bottom = bottom + height
    end = len(x) - 0.4
    if total:
        start, end = (_month_position(day, index) for day in (period.cutoff + DAY, period.end + DAY))
        month = (total.low / (end - start), total.high / (end - start))
        label = "range ahead, a month"
        panel.fill_between([start, end], *month, color=BLUE, alpha=0.35, hatch="//", linewidth=0, label=label)
    for patch in draw_legend_above(panel, ncols=3 if width == WIDE else 1).get_patches():
        if patch.get_hatch() is None:
            patch.set_alpha(1.0)  # a first month that is paler would make its whole entry so
    panel.set_ylabel(f"revenue ({make_printable(overview.currency, 6)})")
    panel.yaxis.set_major_formatter(format_amount)
    ticks = x[:: -max(1, -(-len(x) // (12 if width == WIDE else 6)))][::-1]
    panel.set_xticks(ticks, [index[tick].strftime("%b\n%Y") for tick in ticks])
    panel.set_xlim(-0.6, end + 0.1)
    panel.grid(visible=False, axis="x")
    return figure


def _month_position(day: date, months: pd.PeriodIndex) -> float:
    """Return where a day begins on an axis of months, the middle of the first of which is 0."""
    month = pd.Period(day, freq="M")
    return (month - months[0]).n + (day.day - 1) / month.days_in_month - 0.5


def draw_retention(retention: pd.DataFrame, width: float) -> Figure:
    """Draw the share of each cohort that bought in later months, the darker the more (``CohortRetention.table``)."""
    shares = retention.drop(columns="customers").to_numpy(dtype=float)
    shares = shares[:, : int(np.flatnonzero(~np.isnan(shares).all(axis=0))[-1]) + 1]
    rows, columns = shares.shape
    subtitle = "share of each cohort that bought, by months after the first purchase"
    figure, (panel,) = create_chart("Who comes back", subtitle, 1.5 + 0.27 * rows, width=width)
    texts = [[f"{100 * share:.0f}" for share in row] for row in shares]
    draw_heat_map(panel, shares / max(float(np.nanmax(shares)), 1e-9), texts, 10)
    names = pd.PeriodIndex(retention.index).strftime("%b %Y")
    panel.set_yticks(
        range(rows), [f"{name}  ({int(n):,})" for name, n in zip(names, retention["customers"], strict=True)]
    )
    panel.set_xlim(-0.5, max(columns, 6) - 0.5)
    ticks = range(0, columns, 1 if width == WIDE else 2)
    panel.set_xticks(ticks, [f"+{tick + 1}" for tick in ticks])
    panel.set_xlabel("months after the first; % of customers" + " (their number in brackets)" * (width == WIDE))
    return figure
