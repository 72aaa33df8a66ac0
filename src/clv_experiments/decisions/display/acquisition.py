"""The part of a report on acquisition: how much a new customer may cost, and what that rests on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.decisions.budget.acquisition import (
    cohort_table,
    first_year_values,
    pooled,
    recent,
    resampled_means,
    settled,
    trend,
)
from clv_experiments.decisions.budget.acquisition_check import Check, check
from clv_experiments.decisions.overview.months import SETTLING
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.formatting import (
    format_count,
    format_exact_percent,
    format_interval,
    format_money,
    format_percent,
    format_share,
    join_names,
)

MONEY = ["first_purchase", "repeat_purchases", "predicted", "corrected", "first_year_value", "low", "high", "realised"]
KINDS: dict[str, Kind] = dict.fromkeys(MONEY, "money")
KINDS |= {"customers": "count", "year_over": "share"}
COLUMNS = [  # on the page
    "cohort", "customers", "first_purchase", "repeat_purchases", "corrected", "first_year_value", "low", "high",
]  # fmt: skip
HEADINGS = {
    "first_year_value": "first-year value",
    "repeat_purchases": "repeat purchases so far",
    "predicted": "predicted for the rest of the year",
    "corrected": "rest of the year, predicted and corrected",
    "low": "from (95% interval)",
    "high": "to",
    "year_over": "customers whose year is over",
    "error": "predicted beyond realised",
}


def acquisition_section(forecaster: Forecaster, now: Snapshot, shop: Shop, seed: int, replicates: int) -> Section:
    """Say what a new customer leaves in the first year, its predicted part corrected by what came of it a year ago.

    Parameters
    ----------
    forecaster : Forecaster
        Of the snapshot's log.
    now : Snapshot
        At the log's end.
    shop : Shop
    seed : int
    replicates : int
        Of every bootstrap.
    """
    cutoff = now.period.cutoff
    values = first_year_values(forecaster.log, cutoff, now.btyd.X, now.btyd.estimator, shop)
    checked = check(forecaster, now, values, shop, replicates, seed)
    means = resampled_means(values, checked.ratios if checked else np.ones(replicates), seed)
    cohorts = cohort_table(values, checked.ratio if checked else 1.0, means)
    newest, sure = recent(values, cohorts), settled(values, cohorts)
    limit = _limit(newest, means, shop.currency)
    told = [limit, *_rests_on(newest, sure, checked), _trend(sure, checked, shop.currency)]
    exhibits = [_cohorts(cohorts, told, now, shop), _check_exhibit(checked, now, shop.currency)]
    return Section("acquisition", "How much may a new customer cost?", [limit], exhibits, _method(shop, now))


def _limit(newest: pd.DataFrame, means: pd.DataFrame, currency: str) -> str:
    """Say the most that a new customer may cost."""
    value, low, high = (format_money(amount, currency) for amount in pooled(newest, means))
    first, last = newest["cohort"].iloc[0], newest["cohort"].iloc[-1]
    span = f"in {first}" if first == last else f"from {first} to {last}"
    return (
        f"A new customer may cost at most {value} {format_interval(low, high)}, at which nothing is left after one "
        "year: the "
        f"mean of {format_count(int(newest['customers'].sum()), 'customer')} who first bought {span}."
    )


def _rests_on(newest: pd.DataFrame, sure: pd.DataFrame, checked: Check | None) -> list[str]:
    """Say what part of the limit is predicted, and whom it may wrongly take for new."""
    sums = newest[["corrected", "predicted", "first_year_value"]].mul(newest["customers"], axis=0).sum()
    found = ["All of it has come in."]
    if sums["predicted"] > 0.0005 * sums["first_year_value"]:
        corrected = f"times {checked.ratio:.2f}, as it came a year ago" if checked else "and not checked"
        found = [f"Of this, {format_share(sums['corrected'] / sums['first_year_value'])} is predicted ({corrected})."]
    unsure = newest.loc[~newest["cohort"].isin(sure["cohort"]), "cohort"].tolist()
    if unsure:
        found.append(
            f"Some customers of {join_names(unsure)} may have bought before the log starts and not be new at all."
        )
    return found


def _trend(sure: pd.DataFrame, checked: Check | None, currency: str) -> str:
    if checked is None:
        return "What is predicted is not checked, so nothing is said of a trend."
    slope = trend(sure, checked.ratios)
    if slope is None:
        return "There are too few cohorts of customers who are surely new to speak of a trend."
    value, low, high = slope
    if low <= 0 <= high:
        return "From one cohort to the next no trend can be told from chance."
    sizes = sorted(abs(bound) for bound in (low, high))
    between = format_interval(format_money(sizes[0], currency), format_money(sizes[1], currency))
    worth = "more" if value > 0 else "less"
    by = f"{format_money(abs(value), currency)} {between}"
    return f"Since {sure['cohort'].iloc[0]} every cohort is worth {by} {worth} than the one before it, in the mean."


def _check_exhibit(checked: Check | None, now: Snapshot, currency: str) -> Exhibit:
    """Say how the prediction of the rest of the year fared a year ago."""
    title = "Was the predicted part of the first year right?"
    if checked is None:
        told = ["The log does not reach back a year and a horizon more, so the predicted part is not checked here."]
        return Exhibit("acquisition_check", title, told)
    row = checked.table.iloc[-1]
    predicted, realised = (format_money(float(row[column]), currency) for column in ("predicted", "realised"))
    told = [
        f"A year before, {now.btyd_name} would have predicted {predicted} a customer for the rest of the first year of "
        f"{format_count(int(row['customers']), 'customer')}; {realised} came."
    ]
    error, low, high = (float(row[column]) for column in ("error", "low", "high"))
    if low > 0 or high < 0:
        sizes = sorted([abs(low), abs(high)])
        within = format_interval(format_percent(sizes[0]), format_percent(sizes[1]))
        told.append(f"That was {format_percent(abs(error))} {within} too {'much' if error > 0 else 'little'}.")
    elif low <= 0 <= high:
        told.append(
            f"Its error cannot be told from chance {format_interval(format_percent(low), format_percent(high))}."
        )
    kinds = KINDS | dict.fromkeys(["error", "low", "high"], "share")
    return Exhibit("acquisition_check", title, told, checked.table, HEADINGS | {"predicted": "predicted"}, kinds)


def _cohorts(cohorts: pd.DataFrame, told: list[str], now: Snapshot, shop: Shop) -> Exhibit:
    from clv_experiments.decisions.display.budget_figures import cohort_bars

    figure = cohort_bars(cohorts, shop.currency, f"mean margin by first purchase · up to {now.period.cutoff}")
    title = "What a new customer leaves in the first year, by first purchase"
    return Exhibit("acquisition_cohorts", title, told, cohorts, HEADINGS, KINDS, figure, columns=COLUMNS)


def _method(shop: Shop, now: Snapshot) -> list[str]:
    return [
        "The first year is the day of the first purchase and the 364 days after it. Its value is "
        f"{format_exact_percent(shop.margin)} "
        "margin on all spend in it, discounted to its first day at "
        f"{format_exact_percent(shop.annual_discount_rate)} a year.",
        f"Where the year is not over, {now.btyd_name} predicts the purchases of the days that are left and what is "
        "spent on them. The same model, fitted to what was known a year before, tells how much of such a prediction "
        "comes; today's predictions are multiplied by that.",
        "Intervals come from drawing the customers of each cohort, and those of the check, anew. A year that differs "
        "from the last is not in them. A trend is a line through the cohorts after the log's first "
        f"{SETTLING} months, in which customers of old look new; its interval comes from how far they lie off it.",
        "What customers bring after the first year is left out, and so are the costs of keeping them. The value is a "
        "mean: a few good customers make much of it.",
    ]
