"""What drives value as a section of the report: each link with its interval."""

from __future__ import annotations

from functools import partial
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from clv_experiments.data.horizon import Horizon
from clv_experiments.decisions.drivers import TOP_SPENDER_SHARE, Drivers
from clv_experiments.reporting.chart_style import BLUE, QUIET, REFERENCE_LINE, create_chart, label_rows, make_printable
from clv_experiments.reporting.exhibit import WIDE, Section
from clv_experiments.reporting.formatting import format_count, format_day, format_difference
from clv_experiments.reporting.section_template import SectionTemplate

TEMPLATE = SectionTemplate("report/drivers.jinja")

# Factors of spend that an axis names, by the largest factor between its ends.
FACTORS = {
    2.0: tuple(round(0.5 + 0.1 * step, 1) for step in range(14)),
    20.0: (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0),
    np.inf: (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
}


def drivers_section(drivers: Drivers | None, horizon: Horizon) -> Section:
    """Show what in a customer's history goes with spend in the horizon that follows; None of a log too short to see."""
    length = str(horizon).removeprefix("1 ")
    summary = TEMPLATE.render_macro("summary", drivers, length)
    if drivers is None or not drivers.has_estimates:
        return TEMPLATE.build_section("drivers", summary, [], [])
    estimated, cutoffs = drivers.table[drivers.table["effect"].notna()], drivers.cutoffs
    sample = f"{format_count(drivers.customers, 'customer')} over {format_count(len(cutoffs), 'cutoff')}"
    subtitle = f"{sample}, {format_day(cutoffs[-1])} to {format_day(cutoffs[0])}"
    exhibit = TEMPLATE.build_exhibit(
        "drivers",
        TEMPLATE.render_macro("links", drivers, length),
        drivers.table.drop(columns="name"),
        partial(draw_effects, estimated, subtitle) if len(estimated) else None,
        title=TEMPLATE.render_title("drivers", horizon=length),
        headings={"effect_rest": f"without the top {TOP_SPENDER_SHARE:.0%}"},
    )
    return TEMPLATE.build_section("drivers", summary, [exhibit], TEMPLATE.render_macro("method", drivers))


def draw_effects(table: pd.DataFrame, subtitle: str, width: float) -> Figure:
    """Draw effects (``drivers.compare_effects``) of one more step of a feature on a log axis, filled where claimed."""
    figure, (panel,) = create_chart("What goes with spend", subtitle, 1.8 + 0.5 * len(table), width=width)
    panel.axvline(0, **REFERENCE_LINE)
    for y, row in zip(np.arange(len(table))[::-1], table.itertuples(), strict=True):
        effect, low, high = np.log1p(np.array([row.effect, row.lower_95, row.upper_95], dtype=float))
        colour, face = (BLUE, BLUE) if row.claim in ("more", "less") else (QUIET, "none")
        panel.hlines(y, low, high, color=colour, linewidth=3, alpha=0.5)
        panel.plot([effect], [y], "o", color=colour, markersize=9, markeredgewidth=1.8, markerfacecolor=face)
    letters = 42 if width == WIDE else 20
    label_rows(panel, [fill(make_printable(step, 42), letters) for step in table["customers_with"]])
    low, high = panel.get_xlim()
    factors = next(factors for max_factor, factors in FACTORS.items() if high - low <= np.log(max_factor))
    panel.xaxis.set_major_locator(FixedLocator([x for x in np.log(factors) if low <= x <= high]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(lambda value, _: format_difference(float(np.expm1(value)), "{:+.0%}"))
    panel.set_xlabel(
        "difference in spend, all else equal" + "; 95% interval; filled = claimed" * (width == WIDE), loc="right"
    )
    return figure
