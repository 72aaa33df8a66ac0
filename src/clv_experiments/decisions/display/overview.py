"""The business overview as a section of the report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from clv_experiments.decisions.overview.months import YEAR
from clv_experiments.decisions.overview.overview import Overview
from clv_experiments.decisions.overview.revenue_sources import NO_COUNTRY, Concentration
from clv_experiments.reporting.chart_style import (
    BAND,
    BLUE,
    FAMILIES,
    INK,
    ORANGE,
    QUIET,
    REFERENCE_LINE,
    TEXT_SIZE,
    TEXT_STYLE,
    create_chart,
    draw_legend_above,
    format_amount,
    name_rows,
    printable,
    write_percents,
)
from clv_experiments.reporting.exhibit import Exhibit, Section, column_kinds
from clv_experiments.reporting.formatting import clean_name, format_count, format_difference
from clv_experiments.reporting.section_template import SectionTemplate

MONTHS_LATER = {f"month_{later}": f"+{later}" for later in range(1, YEAR + 1)}  # columns of a cohort, and headings
TEMPLATE = SectionTemplate(
    "report/overview.jinja",
    column_kinds(
        money=["revenue", "revenue_per_order", "new_revenue", "returning_revenue", "revenue_year_before"],
        share=[
            "on_month_before", "on_year_before", "returning_share", "revenue_share", "cumulative_share", "change",
            "effect", "lower_95", "upper_95", *MONTHS_LATER,
        ],
    ),
)  # fmt: skip
MAX_COHORTS = 24  # on the page
MAX_COUNTRIES = 8  # that a figure names
STYLES = [FAMILIES[family] for family in ("btyd", "ml", "hybrid")]
DARKEST = 0.6  # opacity of the fullest cell of a heat map, on which ink still reads


def overview_section(overview: Overview) -> Section:
    """Show how the business is doing."""
    exhibits = [_revenue(overview), _customers(overview), _returning(overview), _retention(overview)]
    exhibits.append(_concentration(overview))
    if overview.countries is not None:
        exhibits.append(_countries(overview, overview.countries.table))
    if overview.months_of_year is not None:
        exhibits.append(_months_of_year(overview, overview.months_of_year.table))
    return TEMPLATE.section("overview", TEMPLATE.say("summary", overview), exhibits, TEMPLATE.say("method"))


def _exhibit(
    name: str, overview: Overview, table: pd.DataFrame | None, figure: Figure | None = None,
    headings: Mapping[str, str] | None = None, page_rows: int = 20,
) -> Exhibit:  # fmt: skip
    """Build an exhibit whose sentences are the template's macro of its name."""
    paragraphs, title = TEMPLATE.say(name, overview), _title(name, overview)
    return TEMPLATE.exhibit(
        f"overview_{name}", paragraphs, table, figure, title=title, headings=headings, page_rows=page_rows
    )


def _title(name: str, overview: Overview) -> str:
    (recent,) = TEMPLATE.say("recent", overview.months)
    return TEMPLATE.title(f"overview_{name}", order=overview.order_unit, recent=recent)


def _by_month(overview: Overview, *columns: str) -> pd.DataFrame:
    """Build a table of one row a month."""
    table = overview.months.table[[*columns, "whole"]].reset_index()
    return table.assign(month=table["month"].astype(str), whole=np.where(table["whole"], "yes", "no"))


def _revenue(overview: Overview) -> Exhibit:
    table = _by_month(overview, "revenue", "on_month_before", "on_year_before")
    figure = draw_columns_by_month(_title("revenue", overview), {"revenue": "revenue"}, overview)
    return _exhibit("revenue", overview, table, figure, page_rows=YEAR)


def _customers(overview: Overview) -> Exhibit:
    order = overview.order_unit
    table = _by_month(overview, "customers", "new_customers", "orders", "revenue_per_order")
    names = {"customers": "active customers", "orders": f"{order}s", "revenue_per_order": f"revenue per {order}"}
    figure = draw_lines_by_month(_title("customers", overview), names, overview.months.table)
    return _exhibit("customers", overview, table, figure, names, YEAR)


def _returning(overview: Overview) -> Exhibit:
    table = _by_month(overview, "new_customers", "new_revenue", "returning_revenue", "returning_share")
    parts = {"returning_revenue": "returning customers", "new_revenue": "new customers"}
    figure = draw_columns_by_month(_title("returning", overview), parts, overview)
    return _exhibit("returning", overview, table, figure, page_rows=YEAR)


def _retention(overview: Overview) -> Exhibit:
    cohorts = overview.retention.table
    shares = cohorts[[later for later in range(1, YEAR + 1) if cohorts[later].notna().any()]]
    table = shares.add_prefix("month_")
    table.insert(0, "customers", cohorts["customers"])
    table.insert(0, "cohort", cohorts.index.astype(str))
    figure = draw_retention(cohorts.tail(MAX_COHORTS)) if len(shares.columns) else None
    return _exhibit("retention", overview, table.reset_index(drop=True), figure, MONTHS_LATER, MAX_COHORTS)


def _concentration(overview: Overview) -> Exhibit:
    lorenz = overview.concentration
    if lorenz is None:
        return _exhibit("concentration", overview, None)
    return _exhibit("concentration", overview, lorenz.deciles(), draw_lorenz_curve(lorenz))


def _countries(overview: Overview, table: pd.DataFrame) -> Exhibit:
    largest = (
        table.head(MAX_COUNTRIES).set_index("country")["revenue"].rename(lambda name: clean_name(name) or NO_COUNTRY)
    )
    if (others := len(table) - len(largest)) > 0:
        largest[format_count(others, "other country", "other countries")] = table["revenue"].iloc[MAX_COUNTRIES:].sum()
    figure = draw_bars(_title("countries", overview), largest, overview.currency)
    return _exhibit("countries", overview, table, figure)


def _months_of_year(overview: Overview, table: pd.DataFrame) -> Exhibit:
    figure = draw_months_of_year(_title("months_of_year", overview), table)
    return _exhibit("months_of_year", overview, table, figure)


def draw_columns_by_month(title: str, parts: Mapping[str, str], overview: Overview) -> Figure:
    """Draw columns of ``Months.table``, by their names, on top of each other; months that are not whole are paler."""
    months = overview.months.table
    complete = months["whole"].to_numpy()
    subtitle = f"{len(complete)} months" if complete.all() else "paler: months that the log does not hold whole"
    figure, (panel,) = create_chart(title, subtitle, 3.6)
    x, bottom = np.arange(len(complete)), np.zeros(len(complete))
    for (column, name), style in zip(parts.items(), STYLES, strict=False):
        height = months[column].to_numpy(dtype=float)
        bars = panel.bar(x, height, 0.8, bottom=bottom, color=style.colour, linewidth=0, label=name)
        for bar, is_complete in zip(bars, complete, strict=True):
            bar.set_alpha(1.0 if is_complete else 0.4)
        bottom = bottom + height
    if len(parts) > 1:
        _draw_legend(panel)
    panel.set_ylabel(f"revenue ({printable(overview.currency, 6)})")
    panel.yaxis.set_major_formatter(format_amount)
    _name_months(panel, pd.PeriodIndex(months.index))
    return figure


def draw_lines_by_month(title: str, measures: Mapping[str, str], months: pd.DataFrame) -> Figure:
    """Draw up to three columns of ``Months.table``, by their names, relative to their mean over the whole months."""
    figure, (panel,) = create_chart(title, "each relative to its mean month", 3.6)
    x = np.flatnonzero(months["whole"]) if months["whole"].any() else np.arange(len(months))
    panel.axhline(1, **REFERENCE_LINE)
    for (column, name), style in zip(measures.items(), STYLES, strict=False):
        height = months[column].to_numpy(dtype=float)[x]
        mean = np.nansum(height) / max(np.isfinite(height).sum(), 1)
        panel.plot(
            x, height / mean if mean > 0 else height, color=style.colour, marker=style.marker, markersize=5,
            linewidth=1.8, label=printable(name),
        )  # fmt: skip
    _draw_legend(panel)
    write_percents(panel.yaxis)
    _name_months(panel, pd.PeriodIndex(months.index))
    return figure


def draw_retention(retention: pd.DataFrame) -> Figure:
    """Draw the share of each cohort that bought in later months, the darker the more (``Retention.table``)."""
    shares = retention.drop(columns="customers").to_numpy(dtype=float)
    width = int(np.flatnonzero(~np.isnan(shares).all(axis=0))[-1]) + 1
    most = max(float(np.nanmax(shares)), 1e-9)
    subtitle = "share of each cohort that bought, by months after the first purchase"
    figure, (panel,) = create_chart("Who comes back", subtitle, 1.5 + 0.27 * len(shares))
    for row, column in np.argwhere(~np.isnan(shares)):
        x, y, share = column + 1, len(shares) - 1 - row, shares[row, column]
        panel.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=BLUE, alpha=DARKEST * share / most))
        panel.text(x, y, f"{100 * share:.0f}", ha="center", va="center", fontsize=10, color=INK)
    name_rows(panel, [f"{cohort}  ({int(n):,})" for cohort, n in retention["customers"].items()])
    panel.grid(visible=False)
    panel.set_xlim(0.5, max(width, 6) + 0.5)
    panel.set_xticks(range(1, width + 1), [f"+{later}" for later in range(1, width + 1)])
    panel.set_xlabel("months after the first; % of the cohort's customers (their number in brackets)")
    return figure


def draw_lorenz_curve(lorenz: Concentration) -> Figure:
    """Draw the Lorenz curve below the diagonal of equal spend, thinned to what can be seen."""
    figure, (panel,) = create_chart(
        "Share of revenue by share of customers", f"Gini coefficient {lorenz.gini:.2f}", 4.2
    )
    points = np.unique(np.linspace(0, lorenz.count, 300).astype(int))
    customers, revenue = lorenz.customers[points], lorenz.revenue[points]
    panel.fill_between(customers, revenue, customers, color=BAND, linewidth=0)
    panel.plot([0, 1], [0, 1], **REFERENCE_LINE)
    panel.plot(customers, revenue, color=BLUE, linewidth=2.2)
    panel.text(0.42, 0.47, "all spend the same", ha="right", fontsize=TEXT_SIZE, color=QUIET)
    top = lorenz.top(0.1)
    panel.plot([0.9], [1 - top], "o", color=ORANGE, markersize=8)
    panel.annotate(
        f"top 10%: {top:.0%}", (0.9, 1 - top), xytext=(-12, 0), textcoords="offset points", ha="right", va="center",
        **TEXT_STYLE,
    )  # fmt: skip
    panel.set(xlim=(-0.03, 1.01), ylim=(-0.03, 1.01))  # room between the two zeros
    write_percents(panel.xaxis, panel.yaxis)
    panel.set(xlabel="customers, those who spend least first", ylabel="share of revenue")
    return figure


def draw_bars(title: str, revenue: pd.Series, currency: str) -> Figure:
    """Draw the revenue of each name as a bar with its share."""
    figure, (panel,) = create_chart(title, "share of revenue beside each bar", 1.6 + 0.3 * len(revenue))
    total = revenue.sum()
    for y, value in zip(np.arange(len(revenue))[::-1], revenue, strict=True):
        panel.barh(y, value, 0.7, color=BLUE, linewidth=0)
        panel.annotate(
            f"{value / total:.1%}" if total > 0 else "–", (max(value, 0.0), y), xytext=(5, 0),
            textcoords="offset points", va="center", **TEXT_STYLE,
        )  # fmt: skip
    name_rows(panel, [printable(name) for name in revenue.index])
    panel.set_xlim(min(0.0, revenue.min()), 1.14 * max(revenue.max(), 1e-9))
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.xaxis.set_major_formatter(format_amount)
    panel.set_xlabel(f"revenue ({printable(currency, 6)})")
    return figure


def draw_months_of_year(title: str, table: pd.DataFrame) -> Figure:
    """Draw the effect of each month of the year with its interval; filled where the interval excludes zero."""
    figure, (panel,) = create_chart(title, "against the mean month, growth taken out; 95% intervals", 3.6)
    panel.axhline(0, **REFERENCE_LINE)
    for x, (_, effect, low, high) in enumerate(table.itertuples(index=False)):
        face = BLUE if low > 0 or high < 0 else "none"
        panel.vlines(x, low, high, color=BLUE, linewidth=3, alpha=0.4)
        panel.plot([x], [effect], "o", color=BLUE, markersize=8, markeredgewidth=1.8, markerfacecolor=face)
    panel.set_xticks(range(len(table)), table["month_of_year"].str[:3].tolist())
    panel.grid(visible=False, axis="x")
    panel.yaxis.set_major_formatter(lambda value, _: format_difference(value, "{:+.0%}"))
    return figure


def _draw_legend(panel: Axes) -> None:
    """Draw the legend above a panel."""
    for patch in draw_legend_above(panel).get_patches():
        patch.set_alpha(1.0)  # a first month that is paler would make its whole entry so


def _name_months(panel: Axes, months: pd.PeriodIndex) -> None:
    """Write at most twelve months below a panel."""
    step = max(1, -(-len(months) // 12))
    ticks = np.arange(len(months))[::-step][::-1]
    panel.set_xticks(ticks, [months[tick].strftime("%b\n%Y") for tick in ticks])
    panel.set_xlim(-0.6, len(months) - 0.4)
    panel.grid(visible=False, axis="x")
