"""The report's section on acquisition: how much a new customer may cost, and what that rests on."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from clv_experiments.decisions.budget.acquisition import analyse_acquisition
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.forecasting.forecaster import Forecaster
from clv_experiments.reporting.chart_style import (
    BLUE,
    GREY,
    GROUND,
    INK,
    create_chart,
    draw_legend_above,
    make_printable,
)
from clv_experiments.reporting.exhibit import WIDE, Section
from clv_experiments.reporting.formatting import format_day, format_month
from clv_experiments.reporting.section_template import SectionTemplate
from clv_experiments.reporting.symlog_scale import format_amount

PARTS = ["first_purchase", "repeat_purchases", "corrected"]
VALUE = ["first_year_value", "low", "high"]
TEMPLATE = SectionTemplate("report/acquisition.jinja")


def acquisition_section(forecaster: Forecaster, now: Snapshot, shop: Shop, seed: int, replicates: int) -> Section:
    """Show what a new customer is worth in the first year, and how good its prediction was a year ago.

    ``now`` is at the end of the forecaster's log.
    """
    acquisition = analyse_acquisition(forecaster, now, shop, replicates, seed)
    cohorts = acquisition.cohorts
    exhibit = TEMPLATE.build_exhibit(
        "acquisition_cohorts",
        TEMPLATE.render_macro("cohorts", acquisition, shop.currency),
        cohorts,
        partial(
            draw_first_year_value,
            cohorts,
            shop.currency,
            f"mean margin by first purchase · up to {format_day(now.period.cutoff)}",
        ),
        columns=["cohort", "customers", *PARTS, *VALUE],
    )
    summary = TEMPLATE.render_macro("limit", acquisition, shop.currency)
    method = TEMPLATE.render_macro("method", shop.margin, shop.annual_discount_rate, now.btyd_name)
    return TEMPLATE.build_section("acquisition", summary, [exhibit], method)


def draw_first_year_value(cohorts: pd.DataFrame, currency: str, subtitle: str, width: float) -> Figure:
    """Draw what a new customer leaves in the first year, part by part, from ``acquisition.summarise_cohort_values``."""
    figure, (panel,) = create_chart("First-year value of a new customer", subtitle, 4.4, width=width)
    positions, base = np.arange(len(cohorts)), np.zeros(len(cohorts))
    labels = "first purchase", "repeats so far", "predicted rest of the year"
    looks: list[dict[str, Any]] = [
        {"color": GREY}, {"color": BLUE}, {"facecolor": GROUND, "edgecolor": BLUE, "hatch": "///"},
    ]  # fmt: skip
    for column, label, look in zip(PARTS, labels, looks, strict=True):
        heights = cohorts[column].to_numpy(float)
        panel.bar(positions, heights, 0.7, bottom=base, label=label, linewidth=1.2, **look)
        base += heights
    value = cohorts["first_year_value"].to_numpy(float)
    spans = np.maximum(np.abs(cohorts[["low", "high"]].to_numpy(float).T - value), 0)
    panel.errorbar(positions, value, spans, fmt="none", color=INK, linewidth=1.6, capsize=3)
    every = -(-len(cohorts) // (7 if width == WIDE else 4))
    panel.set_xticks(positions[::every], [format_month(name).replace(" ", "\n") for name in cohorts["cohort"][::every]])
    panel.grid(visible=False, axis="x")
    panel.yaxis.set_major_formatter(format_amount)
    panel.set_xlabel("first purchase; bars: 95 % intervals")
    panel.set_ylabel(f"margin a customer ({make_printable(currency)})")
    draw_legend_above(panel, handlelength=1.6, columnspacing=1.2, ncols=3 if width == WIDE else 1)
    return figure
