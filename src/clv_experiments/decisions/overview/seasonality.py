"""When customers buy: the months of the year, where the log holds two years of them, and the days of the week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f as fisher
from scipy.stats import t as student

from clv_experiments.decisions.display.overview_figures import months_of_year, weekdays
from clv_experiments.decisions.overview.months import YEAR, Months
from clv_experiments.reporting.exhibit import Exhibit
from clv_experiments.reporting.formatting import format_count, format_interval, format_percent, join_names

LEAST_MONTHS = 2 * YEAR
LEAST_WEEKS = 4
MONTHS = [pd.Timestamp(2000, month, 1).strftime("%B") for month in range(1, YEAR + 1)]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@dataclass(frozen=True, eq=False)
class Season:
    """What the month of the year makes of revenue, a steady growth taken out.

    Attributes
    ----------
    table : pandas.DataFrame
        ``month_of_year`` (name), ``effect``, ``lower_95``, ``upper_95``: relative to the mean month, such as 0.2.
    p_value : float
        Of months that are all alike.
    """

    table: pd.DataFrame
    p_value: float


def season_of(revenue: pd.Series) -> Season | None:
    """Fit the logarithm of monthly revenue by least squares on twelve months of the year and a straight line.

    Parameters
    ----------
    revenue : pandas.Series
        Of successive whole months.

    Returns
    -------
    Season or None
        None with less than two years, or where a month has no revenue.
    """
    rows = len(revenue)
    if rows < LEAST_MONTHS or not (revenue > 0).all():
        return None
    y, line = np.log(revenue.to_numpy(dtype=float)), np.arange(rows) - (rows - 1) / 2
    month = np.eye(YEAR)[pd.PeriodIndex(revenue.index).month - 1]
    design = np.column_stack([month, line])
    bread = np.linalg.inv(design.T @ design)
    fitted = bread @ (design.T @ y)
    freedom = rows - YEAR - 1
    noise = float(((y - design @ fitted) ** 2).sum()) / freedom
    plain = np.column_stack([np.ones(rows), line])
    left = y - plain @ np.linalg.lstsq(plain, y, rcond=None)[0]
    contrast = np.eye(YEAR, YEAR + 1) - np.append(np.full(YEAR, 1 / YEAR), 0.0)
    effect = contrast @ fitted
    noise = max(noise, 1e-20)  # months that repeat to the last penny leave none
    reach = student.ppf(0.975, freedom) * np.sqrt(noise * np.diag(contrast @ bread @ contrast.T))
    explained = max(float((left**2).sum()) - noise * freedom, 0.0) / (YEAR - 1)
    bounds = {"effect": effect, "lower_95": effect - reach, "upper_95": effect + reach}
    table = pd.DataFrame({"month_of_year": MONTHS, **{column: np.expm1(value) for column, value in bounds.items()}})
    return Season(table, float(fisher.sf(explained / noise, YEAR - 1, freedom)))


def season_sentences(season: Season, years: int) -> list[str]:
    """Say which months of the year stand out, if any does."""
    table = season.table
    strong = table[table["lower_95"] > 0].sort_values("effect", ascending=False)
    weak = table[table["upper_95"] < 0].sort_values("effect")
    if season.p_value >= 0.05 or (strong.empty and weak.empty):
        return [
            f"No month of the year stands out: over {format_count(years, 'year')} the months differ no more than their "
            "usual ups and downs."
        ]
    sentences = []
    for rows, word in ((strong, "above"), (weak, "below")):
        told = [
            f"{row['month_of_year']}, {format_percent(abs(row['effect']))} {word} the mean month "
            f"{format_interval(format_percent(row['lower_95'], sign=True), format_percent(row['upper_95'], sign=True))}"
            for row in rows.head(2).to_dict("records")
        ]
        if told:
            which = "strongest" if word == "above" else "weakest"
            sentences.append(f"The {which} time of the year: {'; '.join(told)}.")
    if years < 3:
        sentences.append("That rests on two years only.")
    return sentences


def season_exhibit(months: Months) -> Exhibit | None:
    """Show the months of the year; None where the log holds less than two years of them."""
    revenue = months.whole["revenue"]
    season = season_of(revenue)
    if season is None:
        return None
    return Exhibit(
        name="overview_months_of_year",
        title="Revenue by month of the year",
        sentences=season_sentences(season, len(revenue) // YEAR),
        table=season.table,
        headings={"effect": "against the mean month", "lower_95": "95% from", "upper_95": "95% to"},
        kinds={"effect": "share", "lower_95": "share", "upper_95": "share"},
        figure=months_of_year(season.table),
    )


def week_of(daily: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Share orders out over the days of the week.

    Intervals are those of a ratio over weeks as they come, 95 % for all seven days together (Bonferroni).

    Parameters
    ----------
    daily : pandas.DataFrame
        From ``data.activity.daily_activity``.

    Returns
    -------
    pandas.DataFrame
        ``weekday`` (name), ``revenue``, ``orders``, ``order_share``, ``lower``, ``upper`` of whole weeks; of all days
        and without bounds where there are fewer than four whole weeks.
    int
        Whole weeks.
    """
    first = int((pd.DatetimeIndex(daily.index).day_of_week == 0).argmax())
    weeks = (len(daily) - first) // 7
    enough = weeks >= LEAST_WEEKS
    days = daily.iloc[first : first + 7 * weeks] if enough else daily
    table = (
        days.groupby(pd.DatetimeIndex(days.index).day_of_week)[["revenue", "orders"]]
        .sum()
        .reindex(range(7), fill_value=0)
    )
    total = float(table["orders"].sum())
    table = table.assign(order_share=table["orders"] / total, lower=np.nan, upper=np.nan)
    if enough:
        counts = days["orders"].to_numpy(dtype=float).reshape(weeks, 7)
        residuals = counts - counts.sum(axis=1, keepdims=True) * table["order_share"].to_numpy()
        error = np.sqrt((residuals**2).sum(axis=0) * weeks / (weeks - 1)) / total
        reach = student.ppf(1 - 0.025 / 7, weeks - 1) * error
        table["lower"] = (table["order_share"] - reach).clip(lower=0.0)
        table["upper"] = (table["order_share"] + reach).clip(upper=1.0)
    table.insert(0, "weekday", WEEKDAYS)
    return table.reset_index(drop=True), weeks


def even_share(table: pd.DataFrame) -> float:
    """Return the share that each day of the week would have if all with any order were alike."""
    return 1.0 / int((table["orders"] > 0).sum())


def week_sentences(table: pd.DataFrame, weeks: int, order: str) -> list[str]:
    """Say which days of the week stand out, if any does."""
    if weeks < LEAST_WEEKS:
        return [f"The log holds {format_count(weeks, 'whole week')}: too few to say which days of the week are strong."]
    even, over = even_share(table), f"over {weeks:,} weeks"
    strong = table[table["lower"] > even].sort_values("order_share", ascending=False)
    weak = table[(table["upper"] < even) & (table["orders"] > 0)].sort_values("order_share")
    none = list(table.loc[table["orders"] == 0, "weekday"])
    sentences = []
    for rows, word in ((strong, "strongest"), (weak, "weakest")):
        for row in rows.head(1).to_dict("records"):
            held, low, high = (f"{row[column]:.1%}" for column in ("order_share", "lower", "upper"))
            which = f"{word} day of the week" if word == "strongest" or not none else f"{word} day with any {order}"
            sentences.append(
                f"{row['weekday']} is the {which}: {held} of {order}s {over} {format_interval(low, high)}, where "
                "an even "
                f"week would give it {even:.1%}."
            )
    if none:
        sentences.append(f"There was no {order} on a {join_names(none)} {over}.")
    return sentences or [f"No day of the week stands out: {over} all are within their usual ups and downs."]


def week_exhibit(daily: pd.DataFrame, order: str) -> Exhibit:
    """Show the days of the week."""
    table, weeks = week_of(daily)
    return Exhibit(
        name="overview_weekdays",
        title=f"{order.capitalize()}s by day of the week",
        sentences=week_sentences(table, weeks, order),
        table=table,
        headings={"orders": f"{order}s", "order_share": f"share of {order}s", "lower": "95% from", "upper": "95% to"},
        kinds={"revenue": "money", "orders": "count", **dict.fromkeys(("order_share", "lower", "upper"), "share")},
        figure=weekdays(table, order, even_share(table)),
    )
