"""Pictures of a budget: profit by what is spent, to come and in the period before, and the worth of new customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from clv_experiments.reporting.chart_style import BAND, FAMILIES, GROUND, INK, QUIET, RULE, create_chart, printable
from clv_experiments.reporting.figure_style import TEXT_SIZE, format_amount
from clv_experiments.reporting.formatting import format_exact_percent, format_money

BLUE, ORANGE, GREY = (FAMILIES[family].colour for family in ("btyd", "ml", "baseline"))
WORDS: dict[str, Any] = {"fontsize": TEXT_SIZE, "color": INK}


def profit_curve(
    curve: pd.DataFrame, uplift: tuple[float, float, float], budget: float, currency: str, subtitle: str
) -> Figure:
    """Draw the expected profit of the coming period by budget at three uplifts, the best budget marked.

    Parameters
    ----------
    curve : pandas.DataFrame
        From ``profit.profit_by_budget``.
    uplift : tuple of three floats
    budget : float
        The campaign's.
    currency, subtitle : str
    """
    figure, (panel,) = create_chart("Expected profit by budget", printable(subtitle, 90), 4.4)
    x, expected = curve["budget"], curve["expected_uplift"]
    panel.fill_between(x, curve["low_uplift"], curve["high_uplift"], color=BAND, linewidth=0)
    for place, case, style in ((2, "high", ":"), (0, "low", "--")):
        if uplift[place] != uplift[1]:
            label = f"uplift {format_exact_percent(uplift[place])}"
            panel.plot(x, curve[f"{case}_uplift"], style, color=QUIET, linewidth=1.6, label=label)
    panel.plot(
        x, expected, "-", color=BLUE, linewidth=2.4, label=f"uplift {format_exact_percent(uplift[1])} (expected)"
    )
    _best(panel, curve["budget"], expected, BLUE, currency)
    _dressed(panel, budget, currency, "expected profit")
    return figure


def realised_curves(curve: pd.DataFrame, budget: float, model: str, currency: str, subtitle: str) -> Figure:
    """Draw what contacts brought in the period before by budget: expected, by the model, by others, best possible.

    Parameters
    ----------
    curve : pandas.DataFrame
        From ``regret.curves``.
    budget : float
        The campaign's.
    model, currency, subtitle : str
    """
    figure, (panel,) = create_chart("What the budget would have brought", printable(subtitle, 90), 4.6)
    looks = {
        "perfect_foresight": ("perfect foresight", INK, "-", 1.4),
        "model": (printable(model), BLUE, "-", 2.6),
        "expected": (f"what {printable(model)} expected", BLUE, ":", 1.8),
        "total_spend_so_far": ("total spend so far", ORANGE, "--", 1.8),
        "chance": ("chance", GREY, "-", 1.4),
    }
    for column, (label, colour, style, width) in looks.items():
        panel.plot(curve["budget"], curve[column], style, color=colour, linewidth=width, label=label)
    _best(panel, curve["budget"], curve["model"], BLUE, currency)
    _dressed(panel, budget, currency, "profit")
    bottom, top = panel.get_ylim()
    panel.set_ylim(max(bottom, -0.5 * max(top, curve["model"].abs().max())), top)
    return figure


def cohort_bars(cohorts: pd.DataFrame, currency: str, subtitle: str) -> Figure:
    """Draw what a new customer leaves in the first year, by cohort: first purchase, repeat purchases, still to come.

    Parameters
    ----------
    cohorts : pandas.DataFrame
        From ``acquisition.cohort_table``.
    currency, subtitle : str
    """
    figure, (panel,) = create_chart("First-year value of a new customer", printable(subtitle, 90), 4.4)
    places, base = np.arange(len(cohorts)), np.zeros(len(cohorts))
    parts: list[tuple[str, str, dict[str, Any]]] = [
        ("first_purchase", "first purchase", {"color": GREY}),
        ("repeat_purchases", "repeats so far", {"color": BLUE}),
        ("corrected", "predicted rest of the year", {"facecolor": GROUND, "edgecolor": BLUE, "hatch": "///"}),
    ]
    for column, label, style in parts:
        heights = cohorts[column].to_numpy(float)
        panel.bar(places, heights, 0.7, bottom=base, label=label, linewidth=1.2, **style)
        base += heights
    value = cohorts["first_year_value"].to_numpy(float)
    spans = np.maximum(np.abs(cohorts[["low", "high"]].to_numpy(float).T - value), 0)
    panel.errorbar(places, value, spans, fmt="none", color=INK, linewidth=1.6, capsize=3)
    every = -(-len(cohorts) // 7)
    panel.set_xticks(places[::every], list(cohorts["cohort"])[::every])
    panel.grid(visible=False, axis="x")
    panel.yaxis.set_major_formatter(FuncFormatter(format_amount))
    panel.set_ylabel(f"margin a customer ({printable(currency)})", **WORDS)
    panel.set_xlabel("first purchase; bars: 95 % intervals", **WORDS)
    _legend(panel)
    return figure


def _best(panel: Axes, x: pd.Series, y: pd.Series, colour: str, currency: str) -> None:
    """Mark the budget at which a curve is highest, if any money is to be spent at all."""
    place = int(np.argmax(y.to_numpy()))
    at, top = float(x.iloc[place]), float(y.iloc[place])
    panel.plot(at, top, "o", color=colour, markersize=8, markeredgecolor=GROUND, zorder=5)
    words = printable(f"best: {format_money(at, currency)}")
    near_end = at > 0.75 * float(x.iloc[-1])
    panel.annotate(
        words, (at, top), xytext=(-6 if near_end else 6, 8), textcoords="offset points", color=colour,
        fontsize=TEXT_SIZE, ha="right" if near_end else "left",
    )  # fmt: skip


def _dressed(panel: Axes, budget: float, currency: str, what: str) -> None:
    """Name the axes in currency, show the zero line and the given budget."""
    panel.axhline(0, color=INK, linewidth=1.0)
    panel.margins(x=0.02, y=0.12)
    left, right = panel.get_xlim()
    if left <= budget <= right:
        panel.axvline(budget, color=RULE, linewidth=2.0, zorder=1)
        panel.text(
            budget, 0.02, " the budget", transform=panel.get_xaxis_transform(), fontsize=TEXT_SIZE, color=QUIET,
            ha="left" if budget < 0.8 * right else "right",
        )  # fmt: skip
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(FuncFormatter(format_amount))
    panel.set_xlabel(f"spent on contacts ({printable(currency)})", **WORDS)
    panel.set_ylabel(f"{what} ({printable(currency)})", **WORDS)
    _legend(panel)


def _legend(panel: Axes) -> None:
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "ncols": 3, "borderaxespad": 0.2}
    panel.legend(fontsize=TEXT_SIZE, frameon=False, labelcolor=INK, handlelength=1.6, columnspacing=1.2, **place)
