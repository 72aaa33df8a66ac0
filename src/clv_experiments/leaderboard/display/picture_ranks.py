"""The critical-difference picture: mean ranks over several cells, and which of them chance could have made."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from clv_experiments.leaderboard.aggregate import Aggregate
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.reporting.chart_style import (
    INK,
    QUIET,
    RULE,
    TEXT_STYLE,
    create_chart,
    draw_family_legend,
    family_style,
    printable,
)

CLIQUE, ROW = 0.55, 1.0  # heights, in rows of names


def mean_ranks(across: Aggregate) -> Figure:
    """Draw the models on the axis of mean ranks, bars over those closer than the critical difference (Demsar 2006)."""
    ranks = across.table["mean_rank"]
    models, half = len(ranks), (len(ranks) + 1) // 2
    depth = CLIQUE * (len(across.cliques) + 1)
    title = f"Mean ranks on {METRICS[across.metric].heading} over {len(across.cells)} cells"
    figure, (panel,) = create_chart(title, printable(", ".join(across.cells), 80), 2.1 + 0.26 * (half + depth))
    panel.set_axis_off()
    panel.set_xlim(0.8, models + 0.2)
    panel.set_ylim(-depth - half * ROW, 3.0)
    _axis(panel, models, across.critical_difference)
    families = list(across.table["family"])
    for place, (model, rank) in enumerate(ranks.items()):
        best_half = place < half
        row = -depth - ROW * ((place if best_half else models - 1 - place) + 0.5)
        side = 0.8 if best_half else models + 0.2
        style = family_style(families[place])
        panel.plot([rank, rank, side], [0, row, row], color=style.colour, linewidth=1.2, clip_on=False)
        panel.plot(rank, 0, style.marker, color=style.colour, markersize=8, clip_on=False)
        panel.annotate(
            f"{printable(model)} {rank:.2f}", (side, row), (-5 if best_half else 5, 0), textcoords="offset points",
            ha="right" if best_half else "left", va="center", annotation_clip=False, **TEXT_STYLE,
        )  # fmt: skip
    for place, clique in enumerate(across.cliques):
        ends = [ranks[clique[0]], ranks[clique[-1]]]
        panel.plot(ends, [-CLIQUE * (place + 1)] * 2, color=INK, linewidth=5, solid_capstyle="round")
    draw_family_legend(panel, families)
    return figure


def _axis(panel: Axes, models: int, critical: float) -> None:
    """Draw the axis of ranks with the critical difference as a measure above it."""
    panel.plot([1, models], [0, 0], color=QUIET, linewidth=1.5)
    for rank in range(1, models + 1):
        panel.plot([rank, rank], [0, 0.25], color=QUIET, linewidth=1.2)
        panel.text(rank, 0.35, str(rank), ha="center", va="bottom", **TEXT_STYLE)
    reach = min(critical, models - 1)
    panel.plot([1, 1 + reach], [1.9, 1.9], color=INK, linewidth=2)
    if critical <= models - 1:
        panel.plot([1, 1], [1.75, 2.05], color=INK, linewidth=2)
        panel.plot([1 + reach] * 2, [1.75, 2.05], color=INK, linewidth=2)
    beyond = "" if critical <= models - 1 else ", more than the axis is long"
    panel.text(1, 2.1, f"critical difference {critical:.2f}{beyond}", va="bottom", **TEXT_STYLE)
    panel.plot([1, models], [-0.01, -0.01], color=RULE, linewidth=0)
