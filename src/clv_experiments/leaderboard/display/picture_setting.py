"""What a leaderboard's picture is of."""

from __future__ import annotations

from clv_experiments.leaderboard.cell import Cell
from clv_experiments.reporting.chart_style import printable


def setting(cell: Cell) -> str:
    """Say in a few words what a picture is of: the log, the horizon and the holdout periods."""
    periods = cell.holdouts[-1] if len(cell.holdouts) == 1 else f"mean of {len(cell.holdouts)} origins"
    return printable(f"{cell.title} · {periods}", 70)
