"""Figures of a budget: profit by what is spent, to come and in the period before, and the worth of new customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clv_experiments.decisions.shop import Campaign
from clv_experiments.reporting.chart_style import (
    BAND,
    FAMILIES,
    GROUND,
    INK,
    QUIET,
    RULE,
    TEXT_SIZE,
    create_chart,
    draw_legend_above,
    format_amount,
    printable,
)
from clv_experiments.reporting.formatting import format_exact_percent, format_money

BLUE, ORANGE, GREY = (FAMILIES[family].colour for family in ("btyd", "ml", "baseline"))


def profit_curve(curve: pd.DataFrame, campaign: Campaign, currency: str, subtitle: str) -> Figure:
    """Draw the expected profit of the coming period by budget at three uplifts, from ``Plan.profit_curve``."""
    figure, (axes,) = create_chart("Expected profit by budget", subtitle, 4.4)
    axes.fill_between(curve["budget"], curve["low_uplift"], curve["high_uplift"], color=BAND, linewidth=0)
    low, middle, high = (f"uplift {format_exact_percent(uplift)}" for uplift in campaign.uplift)
    lines = {
        "high_uplift": (high, QUIET, ":", 1.6),
        "low_uplift": (low, QUIET, "--", 1.6),
        "expected_uplift": (f"{middle} (expected)", BLUE, "-", 2.4),
    }
    _draw_lines(axes, curve, {column: line for column, line in lines.items() if line[0] != middle})
    _mark_best(axes, curve["budget"], curve["expected_uplift"], currency)
    _style_axes(axes, campaign.budget, currency, "expected profit")
    return figure


def realised_curves(curve: pd.DataFrame, budget: float, model: str, currency: str, subtitle: str) -> Figure:
    """Draw what contacts earned in the period before by budget and strategy, from ``regret.realised_curve``."""
    figure, (axes,) = create_chart("What the budget would have brought", subtitle, 4.6)
    lines = {
        "perfect_foresight": ("perfect foresight", INK, "-", 1.4),
        "model": (printable(model), BLUE, "-", 2.6),
        "expected": (f"what {printable(model)} expected", BLUE, ":", 1.8),
        "total_spend_so_far": ("total spend so far", ORANGE, "--", 1.8),
        "chance": ("chance", GREY, "-", 1.4),
    }
    _draw_lines(axes, curve, lines)
    _mark_best(axes, curve["budget"], curve["model"], currency)
    _style_axes(axes, budget, currency, "profit")
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, -0.5 * max(top, curve["model"].abs().max())), top)
    return figure


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


def _draw_lines(axes: Axes, curve: pd.DataFrame, lines: Mapping[str, tuple[str, str, str, float]]) -> None:
    """Draw columns by budget, each with its label, colour, style and width."""
    for column, (label, colour, style, width) in lines.items():
        axes.plot(curve["budget"], curve[column], style, color=colour, linewidth=width, label=label)


def _mark_best(axes: Axes, budget: pd.Series, profit: pd.Series, currency: str) -> None:
    """Mark the budget at which a curve is highest."""
    best = int(np.argmax(profit.to_numpy()))
    x, y = float(budget.iloc[best]), float(profit.iloc[best])
    axes.plot(x, y, "o", color=BLUE, markersize=8, markeredgecolor=GROUND, zorder=5)
    near_end = x > 0.75 * float(budget.iloc[-1])
    axes.annotate(
        printable(f"best: {format_money(x, currency)}"), (x, y), xytext=(-6 if near_end else 6, 8),
        textcoords="offset points", color=BLUE, fontsize=TEXT_SIZE, ha="right" if near_end else "left",
    )  # fmt: skip


def _style_axes(axes: Axes, budget: float, currency: str, measure: str) -> None:
    """Name the axes in currency, show the zero line and the given budget."""
    axes.axhline(0, color=INK, linewidth=1.0)
    axes.margins(x=0.02, y=0.12)
    left, right = axes.get_xlim()
    if left <= budget <= right:
        axes.axvline(budget, color=RULE, linewidth=2.0, zorder=1)
        axes.text(
            budget, 0.02, " the budget", transform=axes.get_xaxis_transform(), fontsize=TEXT_SIZE, color=QUIET,
            ha="left" if budget < 0.8 * right else "right",
        )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6))
        axis.set_major_formatter(format_amount)
    axes.set_xlabel(f"spent on contacts ({printable(currency)})")
    axes.set_ylabel(f"{measure} ({printable(currency)})")
    draw_legend_above(axes, handlelength=1.6, columnspacing=1.2)
