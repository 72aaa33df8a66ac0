"""Where revenue comes from, country by country."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.display.overview_figures import bars_by_name
from clv_experiments.decisions.overview.months import Months
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import clean_name, format_count, format_money, format_share

NAMED = 8  # countries that a picture names
HOME = 0.5  # share from which on one country is said to carry the shop


def country_name(country: str | float | None) -> str:
    """Write a country as a sentence bears it, or that none is given."""
    known = country is not None and not pd.isna(country)
    return (clean_name(country) if known else "") or "no country given"


def country_sentences(table: pd.DataFrame, when: str, currency: str) -> list[str]:
    """Say which countries carry the shop.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``data.activity.country_activity``.
    """
    total = table["revenue"].sum()
    if not total > 0:
        return [f"No country brought revenue in {when}."]
    first, amount = country_name(table["country"].iloc[0]), format_money(float(table["revenue"].iloc[0]), currency)
    if len(table) == 1:
        return [f"All revenue in {when} came from one country: {first} ({amount})."]
    shares = table["revenue"].to_numpy() / total
    rest = format_count(len(table) - 1, "other country", "other countries")
    verb = "brings" if len(table) == 2 else "bring"
    told = (
        f"{first} brings {format_share(shares[0])} of revenue in {when} ({amount}); the {rest} {verb} "
        f"{format_share(1 - shares[0])}"
    )
    if shares[0] >= HOME:
        second = (
            f", led by {country_name(table['country'].iloc[1])} ({format_share(shares[1])})" if len(table) > 2 else ""
        )
        return [f"One country carries the shop: {told}{second}."]
    most = int(np.searchsorted(np.cumsum(shares), 0.8)) + 1
    return [
        f"Revenue comes from many places: {told}.",
        f"It takes {format_count(most, 'country', 'countries')} to reach 80%.",
    ]


def countries_exhibit(recent: pd.DataFrame, before: pd.DataFrame | None, months: Months, currency: str) -> Exhibit:
    """Show revenue by country.

    Parameters
    ----------
    recent : pandas.DataFrame
        Of ``months.recent_period``, from ``data.activity.country_activity``.
    before : pandas.DataFrame, optional
        The same of the year before, where the log reaches.
    """
    total = recent["revenue"].sum()
    table = recent.assign(revenue_share=recent["revenue"] / total if total > 0 else np.nan)
    if before is not None:
        table = table.merge(before[["country", "revenue"]], on="country", how="left", suffixes=("", "_year_before"))
        earlier = table["revenue_year_before"]
        table["change"] = table["revenue"] / earlier.where(earlier > 0) - 1
    drawn = table.head(NAMED)
    names, values = [country_name(country) for country in drawn["country"]], list(drawn["revenue"])
    if len(table) > NAMED:
        names.append(format_count(len(table) - NAMED, "other country", "other countries"))
        values.append(float(table["revenue"].iloc[NAMED:].sum()))
    title = f"Revenue by country, {months.recent_name}"
    table["country"] = table["country"].fillna("no country given").astype(str)
    money_columns = [column for column in ("revenue", "revenue_year_before") if column in table]
    return Exhibit(
        name="overview_countries",
        title=title,
        sentences=country_sentences(recent, months.recent_name, currency),
        table=table,
        headings={"change": "on the year before"},
        kinds={
            "customers": "count",
            "revenue_share": "share",
            "change": "share",
            **dict.fromkeys(money_columns, "money"),
        },
        figure=bars_by_name(title, names, values, currency),
    )
