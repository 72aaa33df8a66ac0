"""The section on segments and value tiers."""

from __future__ import annotations

from functools import partial
from itertools import product

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from clv_experiments.decisions.segments.rfm import summarise_segments
from clv_experiments.decisions.segments.tiers import (
    NEW,
    TIERS,
    TierMovement,
    measure_tier_movement,
    summarise_tiers,
)
from clv_experiments.decisions.shop import Shop
from clv_experiments.decisions.snapshot import Snapshot
from clv_experiments.reporting.chart_style import BLUE, GREY, ORANGE, RULE, TEXT_KWARGS, create_chart
from clv_experiments.reporting.exhibit import WIDE, Exhibit, Section
from clv_experiments.reporting.formatting import format_day
from clv_experiments.reporting.section_template import SectionTemplate

TEMPLATE = SectionTemplate("report/segments.jinja")
TIER_COLOURS = dict(zip((*TIERS, NEW), (BLUE, GREY, RULE, ORANGE), strict=True))
GAP, LABELLED = 0.04, 0.05  # shares of all customers: between groups, and from which on a band has its number
# On the page; where customers are and what they buy is in the file.
COLUMNS = (
    "group", "customers", "share_of_customers", "past_revenue", "expected_revenue", "share_of_expected", "p_alive",
    "share_that_came", "share_that_came_low", "share_that_came_high",
)  # fmt: skip


def segments_section(
    now: Snapshot, previous: Snapshot, shop: Shop, products: pd.DataFrame | None, seed: int, replicates: int
) -> Section:
    """Put the customers into segments and value tiers.

    The period of ``previous`` is over; ``products`` has ``customer_id, product, amount`` up to the cutoff of ``now``,
    where the log tells.
    """
    of_tiers = summarise_tiers(now, previous, shop.tiers, products, replicates, seed)
    of_segments = summarise_segments(now, previous, products, replicates, seed)
    tiers = group_exhibit("value_tiers", of_tiers.table, of_tiers, now, previous, shop.currency)
    moves = movement_exhibit(measure_tier_movement(now, previous, shop.tiers), now, previous, shop)
    rfm = group_exhibit("rfm_segments", of_segments.table, of_segments, now, previous, shop.currency)
    summary = [*tiers.sentences[:2], moves.sentences[0]]
    return TEMPLATE.build_section("segments", summary, [moves, tiers, rfm], TEMPLATE.render_macro("method", now, shop))


def movement_exhibit(moves: TierMovement, now: Snapshot, previous: Snapshot, shop: Shop) -> Exhibit:
    """Show who moved between tiers since the previous cutoff."""
    counts, draw = moves.counts, None
    if (counts.sum() > 0).sum() > 1:
        subtitle = f"{format_day(previous.period.cutoff)} to {format_day(now.period.cutoff)}"
        draw = partial(draw_tier_moves, counts, subtitle)
    table = counts.assign(customers=counts.sum(axis=1)).reset_index()
    paragraphs = TEMPLATE.render_macro("tier_movement", moves, previous, shop.currency)
    headings = {tier: f"{tier} now" for tier in TIERS}
    return TEMPLATE.build_exhibit("tier_movement", paragraphs, table, draw, headings=headings)


def group_exhibit(name: str, table: pd.DataFrame, *values: object) -> Exhibit:
    """Show the numbers of groups of customers; the template's macro of that name takes the values."""
    columns = [column for column in COLUMNS if column in table]
    return TEMPLATE.build_exhibit(name, TEMPLATE.render_macro(name, *values), table, columns=columns)


def draw_tier_moves(counts: pd.DataFrame, subtitle: str, width: float) -> Figure:
    """Draw ``count_tier_moves`` as bands from the tiers before to those now, as wide as they have customers."""
    figure, (panel,) = create_chart("Who moved between the tiers", subtitle, 4.4, width=width)
    customers = float(counts.to_numpy().sum())
    left, right = (_place_group_tops(counts.sum(axis=axis)) for axis in (1, 0))
    for before, after in product(counts.index, counts.columns):
        count = int(counts.loc[before, after])
        if not count:
            continue
        panel.add_patch(_create_band(left[before], right[after], count, TIER_COLOURS[before]))
        if count > LABELLED * customers:
            panel.text(0.04, left[before] - count / 2, f"{count:,}", **TEXT_KWARGS, va="center")
        left[before] -= count
        right[after] -= count
    for x, sums, word, side in ((0.0, counts.sum(axis=1), "before", "right"), (1.0, counts.sum(axis=0), "now", "left")):
        for tier, top in _place_group_tops(sums).items():
            if sums[tier]:
                name = tier if tier == NEW else f"{tier} {word}"
                panel.text(
                    x + (-0.02 if side == "right" else 0.02), top - sums[tier] / 2, f"{name}\n{sums[tier]:,}",
                    **TEXT_KWARGS, ha=side, va="center",
                )  # fmt: skip
    margin = 0.28 if width == WIDE else 0.5
    panel.set(xlim=(-margin, 1 + margin), ylim=(-(1 + 3 * GAP) * customers, 0.02 * customers))
    panel.set_axis_off()
    return figure


def _place_group_tops(sums: pd.Series) -> dict[str, float]:
    """Return the upper end of each group on a line that goes down, with gaps between the groups."""
    ends = (sums + GAP * sums.sum()).cumsum().shift(fill_value=0)
    return {str(name): -float(end) for name, end in ends.items()}


def _create_band(left: float, right: float, height: float, colour: str) -> PathPatch:
    """Return a band between two upper ends at 0 and 1."""
    edge = [(0.0, left), (0.5, left), (0.5, right), (1.0, right)]
    back = [(x, y - height) for x, y in reversed(edge)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path([*edge, *back, edge[0]], codes), facecolor=colour, alpha=0.55, linewidth=0)
