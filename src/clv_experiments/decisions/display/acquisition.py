"""The report's section on acquisition: how much a new customer may cost, and what that rests on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.decisions.budget.acquisition import Acquisition, analyse_acquisition
from clv_experiments.decisions.overview.months import SETTLING
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.chart_style import (
    FAMILIES,
    GROUND,
    INK,
    create_chart,
    draw_legend_above,
    format_amount,
    printable,
)
from clv_experiments.reporting.exhibit import Exhibit, Kind, Section
from clv_experiments.reporting.prose import sentences

TEMPLATE = "report/acquisition.jinja"
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

BLUE, ORANGE, GREY = (FAMILIES[family].colour for family in ("btyd", "ml", "baseline"))


def acquisition_section(forecaster: Forecaster, now: Snapshot, shop: Shop, seed: int, replicates: int) -> Section:
    """Show what a new customer is worth in the first year, and how good its prediction was a year ago.

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
    acquisition = analyse_acquisition(forecaster, now, shop, replicates, seed)
    (question,), limit = sentences(TEMPLATE, "question"), sentences(TEMPLATE, "limit", acquisition, shop.currency)
    method = sentences(TEMPLATE, "method", shop.margin, shop.annual_discount_rate, now.btyd_name, SETTLING)
    exhibits = [_cohorts(acquisition, now, shop), _check(acquisition, now, shop)]
    return Section("acquisition", question, limit, exhibits, method)


def _cohorts(acquisition: Acquisition, now: Snapshot, shop: Shop) -> Exhibit:
    cohorts = acquisition.cohorts
    figure = cohort_bars(cohorts, shop.currency, f"mean margin by first purchase · up to {now.period.cutoff}")
    text = sentences(TEMPLATE, "cohorts", acquisition, shop.currency)
    title = "What a new customer leaves in the first year, by first purchase"
    return Exhibit("acquisition_cohorts", title, text, cohorts, HEADINGS, KINDS, figure, columns=COLUMNS)


def _check(acquisition: Acquisition, now: Snapshot, shop: Shop) -> Exhibit:
    """Show how the prediction of the rest of the year fared a year ago."""
    check = acquisition.check
    text = sentences(TEMPLATE, "check", check, now.btyd_name, shop.currency)
    title = "Was the predicted part of the first year right?"
    if check is None:
        return Exhibit("acquisition_check", title, text)
    kinds = KINDS | dict.fromkeys(["error", "low", "high"], "share")
    return Exhibit("acquisition_check", title, text, check.table, HEADINGS | {"predicted": "predicted"}, kinds)


def cohort_bars(cohorts: pd.DataFrame, currency: str, subtitle: str) -> Figure:
    """Draw what a new customer leaves in the first year, part by part, from ``acquisition.cohort_table``."""
    figure, (axes,) = create_chart("First-year value of a new customer", subtitle, 4.4)
    positions, base = np.arange(len(cohorts)), np.zeros(len(cohorts))
    styles: dict[str, tuple[str, dict[str, Any]]] = {
        "first_purchase": ("first purchase", {"color": GREY}),
        "repeat_purchases": ("repeats so far", {"color": BLUE}),
        "corrected": ("predicted rest of the year", {"facecolor": GROUND, "edgecolor": BLUE, "hatch": "///"}),
    }
    for column, (label, style) in styles.items():
        heights = cohorts[column].to_numpy(float)
        axes.bar(positions, heights, 0.7, bottom=base, label=label, linewidth=1.2, **style)
        base += heights
    value = cohorts["first_year_value"].to_numpy(float)
    spans = np.maximum(np.abs(cohorts[["low", "high"]].to_numpy(float).T - value), 0)
    axes.errorbar(positions, value, spans, fmt="none", color=INK, linewidth=1.6, capsize=3)
    every = -(-len(cohorts) // 7)
    axes.set_xticks(positions[::every], list(cohorts["cohort"])[::every])
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(format_amount)
    axes.set_ylabel(f"margin a customer ({printable(currency)})")
    axes.set_xlabel("first purchase; bars: 95 % intervals")
    draw_legend_above(axes, handlelength=1.6, columnspacing=1.2)
    return figure
