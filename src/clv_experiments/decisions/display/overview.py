"""The business overview as a section of the report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.decisions.display import overview_figures as figures
from clv_experiments.decisions.overview.months import YEAR
from clv_experiments.decisions.overview.overview import Overview
from clv_experiments.decisions.overview.revenue_sources import NO_COUNTRY
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import clean_name, format_count
from clv_experiments.reporting.prose import sentences

TEMPLATE = "report/overview.jinja"
MAX_COHORTS = 24  # that are shown
MAX_COUNTRIES = 8  # that a figure names
MONEY = ["revenue", "revenue_per_order", "new_revenue", "returning_revenue", "revenue_year_before"]
SHARES = ["on_month_before", "on_year_before", "returning_share", "revenue_share", "cumulative_share", "change"]
SHARES += ["effect", "lower_95", "upper_95"]
SHARES += [f"month_{later}" for later in range(1, YEAR + 1)]
KINDS: dict[str, Kind] = {**dict.fromkeys(MONEY, "money"), **dict.fromkeys(SHARES, "share")}
HEADINGS = {
    "whole": "whole month in the log", "returning_share": "share of returning", "change": "on the year before",
    "decile": "tenth of customers (1 = best)", "effect": "against the mean month",
    "lower_95": "95% from", "upper_95": "95% to",
    **{f"month_{later}": f"+{later}" for later in range(1, YEAR + 1)},
}  # fmt: skip


def overview_section(overview: Overview) -> Section:
    """Show how the business is doing."""
    show = (_revenue, _customers, _returning, _retention, _concentration, _countries, _months_of_year)
    exhibits = [exhibit for exhibit in (function(overview) for function in show) if exhibit is not None]
    summary, method = sentences(TEMPLATE, "summary", overview), sentences(TEMPLATE, "method")
    return Section("overview", "How is the business doing?", summary, exhibits, method)


def _exhibit(
    name: str, title: str, overview: Overview, table: pd.DataFrame | None, figure: Figure | None = None,
    headings: Mapping[str, str] | None = None, shown: int = 20,
) -> Exhibit:  # fmt: skip
    """Build an exhibit whose sentences are the template's macro of its name."""
    prose = sentences(TEMPLATE, name, overview)
    return Exhibit(f"overview_{name}", title, prose, table, HEADINGS | dict(headings or {}), KINDS, figure, shown)


def _by_month(overview: Overview, *columns: str) -> pd.DataFrame:
    """Build a table of one row a month."""
    table = overview.months.table[[*columns, "whole"]].reset_index()
    return table.assign(month=table["month"].astype(str), whole=np.where(table["whole"], "yes", "no"))


def _recent(overview: Overview) -> str:
    return sentences(TEMPLATE, "recent", overview.months)[0]


def _revenue(overview: Overview) -> Exhibit:
    table, title = _by_month(overview, "revenue", "on_month_before", "on_year_before"), "Revenue by month"
    figure = figures.draw_columns_by_month(title, {"revenue": "revenue"}, overview.months.table, overview.currency)
    return _exhibit("revenue", title, overview, table, figure, shown=YEAR)


def _customers(overview: Overview) -> Exhibit:
    order = overview.order_unit
    table = _by_month(overview, "customers", "new_customers", "orders", "revenue_per_order")
    names = {"customers": "active customers", "orders": f"{order}s", "revenue_per_order": f"revenue per {order}"}
    title = f"Active customers, {order}s and revenue per {order}"
    figure = figures.draw_lines_by_month(title, names, overview.months.table)
    return _exhibit("customers", title, overview, table, figure, names | {"new_customers": "of these new"}, YEAR)


def _returning(overview: Overview) -> Exhibit:
    table = _by_month(overview, "new_customers", "new_revenue", "returning_revenue", "returning_share")
    title = "Revenue of new and of returning customers"
    parts = {"returning_revenue": "returning customers", "new_revenue": "new customers"}
    figure = figures.draw_columns_by_month(title, parts, overview.months.table, overview.currency)
    return _exhibit("returning", title, overview, table, figure, shown=YEAR)


def _retention(overview: Overview) -> Exhibit:
    cohorts = overview.retention.table
    shares = cohorts[[later for later in range(1, YEAR + 1) if cohorts[later].notna().any()]]
    table = shares.add_prefix("month_")
    table.insert(0, "customers", cohorts["customers"])
    table.insert(0, "cohort", cohorts.index.astype(str))
    figure = figures.draw_retention(cohorts.tail(MAX_COHORTS)) if len(shares.columns) else None
    title = "Who comes back, by month of the first purchase"
    headings = {"customers": "new customers"}
    return _exhibit("retention", title, overview, table.reset_index(drop=True), figure, headings, MAX_COHORTS)


def _concentration(overview: Overview) -> Exhibit:
    lorenz, title = overview.concentration, f"Share of revenue by customers, {_recent(overview)}"
    if lorenz is None:
        return _exhibit("concentration", title, overview, None)
    return _exhibit("concentration", title, overview, lorenz.deciles(), figures.draw_lorenz_curve(lorenz))


def _countries(overview: Overview) -> Exhibit | None:
    if overview.countries is None:
        return None
    table, title = overview.countries.table, f"Revenue by country, {_recent(overview)}"
    bars = table.head(MAX_COUNTRIES).set_index("country")["revenue"].rename(lambda name: clean_name(name) or NO_COUNTRY)
    if (rest := len(table) - len(bars)) > 0:
        bars[format_count(rest, "other country", "other countries")] = table["revenue"].iloc[MAX_COUNTRIES:].sum()
    return _exhibit("countries", title, overview, table, figures.draw_bars(title, bars, overview.currency))


def _months_of_year(overview: Overview) -> Exhibit | None:
    if overview.months_of_year is None:
        return None
    table, title = overview.months_of_year.table, "Revenue by month of the year"
    return _exhibit("months_of_year", title, overview, table, figures.draw_months_of_year(title, table))
