"""Who wins a board, how certain that is, and whether any model is worth more than a rule of thumb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.comparison.aggregate import MultiCellRanking
from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.standings import Standings
from clv_experiments.reporting.prose import render_paragraphs

TEMPLATE = "leaderboard/verdict.jinja"

# No score; one model only; all tie with the leader; nobody does; some do.
Outcome = Literal["undefined", "alone", "all_tied", "sole_winner", "shared"]
# The best baseline: there is none; there is nothing else; it leads; it ties with the leader; it is behind.
BaselineStanding = Literal["none", "only", "first", "tied", "behind"]


@dataclass(frozen=True)
class Verdict:
    """The result of one cell by the metric that orders its board.

    Attributes
    ----------
    metric : str
    outcome : {'undefined', 'alone', 'all_tied', 'sole_winner', 'shared'}
    ranking : tuple of str
        All models, best first.
    score : float
        Of the first.
    tied : tuple of str
        Models of rank group 1, the leader first.
    outscoring_tied : tuple of str
        Models that score higher than one of the tied and are nevertheless behind the leader beyond chance.
    gap : float
        Distance of the second model from the leader; nan where there is none.
    origins, origins_ahead : int
        Number of origins, and at how many of them the leader is ahead of the second model.
    baseline : str or None
        The best baseline.
    baseline_standing : {'none', 'only', 'first', 'tied', 'behind'}
    baseline_gap : float
        Its distance from the leader; nan where there is none.
    fitted_tied : bool
        Whether a fitted model is among the tied.
    poor_tied : tuple of str
        The tied that score no better than a constant prediction or a random ranking, where the leader does.
    """

    metric: str
    outcome: Outcome
    ranking: tuple[str, ...]
    score: float
    tied: tuple[str, ...]
    outscoring_tied: tuple[str, ...]
    gap: float
    origins: int
    origins_ahead: int
    baseline: str | None
    baseline_standing: BaselineStanding
    baseline_gap: float
    fitted_tied: bool
    poor_tied: tuple[str, ...]

    @property
    def has_no_skill(self) -> bool:
        """Whether even the best score is no better than a constant prediction or a random ranking."""
        return self.score <= 0

    @property
    def sentences(self) -> list[str]:
        """The verdict in sentences."""
        return render_paragraphs(TEMPLATE, "verdict", self, METRICS[self.metric])


def decide_verdict(standings: Standings) -> Verdict:
    """Decide who wins a board by the metric that orders it."""
    rows, labels = standings.rows(), standings.ranking
    leader, tied = rows.iloc[0], [label for label in labels if rows["group"][label] == 1]
    last_tied = max((labels.index(label) for label in tied), default=0)
    baseline = leader["baseline"]
    outcome: Outcome = "shared"
    if np.isnan(leader["score"]):
        outcome = "undefined"
    elif len(rows) == 1:
        outcome = "alone"
    elif len(tied) == len(rows):
        outcome = "all_tied"
    elif len(tied) == 1:
        outcome = "sole_winner"
    return Verdict(
        metric=standings.metric,
        outcome=outcome,
        ranking=tuple(labels),
        score=float(leader["score"]),
        tied=tuple(tied),
        outscoring_tied=tuple(label for label in labels[:last_tied] if label not in tied),
        gap=abs(float(rows["from_best"].iloc[1])) if len(rows) > 1 else float("nan"),
        origins=len(standings.cell.holdouts),
        origins_ahead=_count_origins_ahead(standings, labels),
        baseline=None if pd.isna(baseline) else str(baseline),
        baseline_standing=_classify_baseline_standing(rows, baseline),
        baseline_gap=float("nan") if pd.isna(baseline) else abs(float(rows["from_best"][baseline])),
        fitted_tied=bool((rows["family"][tied] != "baseline").any()),
        poor_tied=tuple(label for label in tied if rows["score"][label] <= 0 < leader["score"]),
    )


def _count_origins_ahead(standings: Standings, labels: list[str]) -> int:
    """Count the origins at which the first model is ahead of the second: intervals cover customers, not periods."""
    if len(labels) == 1:
        return 0
    steps = standings.by_origin[standings.by_origin["metric"] == standings.metric]
    first, second = (steps[steps["model"] == label].set_index("step")["score"] for label in labels[:2])
    return int((first > second).sum())


def _classify_baseline_standing(rows: pd.DataFrame, baseline: str | None) -> BaselineStanding:
    if pd.isna(baseline):
        return "none"
    if (rows["family"] == "baseline").all():
        return "only"
    if rows["family"].iloc[0] == "baseline":
        return "first"
    return "tied" if rows["group"][baseline] == 1 else "behind"


@dataclass(frozen=True)
class MultiCellVerdict:
    """The result of several cells together.

    Attributes
    ----------
    metric : str
    cells, models : int
    best : str
        The model of the best mean rank.
    tied : tuple of str
        Models closer to it than the critical difference, itself included.
    leading : tuple of str
        Models that lead, or tie for the lead, in most cells.
    cells_led : int
        In how many.
    """

    metric: str
    cells: int
    models: int
    best: str
    tied: tuple[str, ...]
    leading: tuple[str, ...]
    cells_led: int

    @property
    def sentences(self) -> list[str]:
        """The verdict in sentences."""
        return render_paragraphs(TEMPLATE, "aggregate_verdict", self, METRICS[self.metric])


def decide_multi_cell_verdict(aggregate: MultiCellRanking) -> MultiCellVerdict:
    """Decide who ranks best over all cells, and which models could rank there by chance."""
    table = aggregate.table
    max_led = int(table["leading"].max())
    return MultiCellVerdict(
        metric=aggregate.metric,
        cells=len(aggregate.cells),
        models=len(table),
        best=str(table.index[0]),
        tied=tuple(table.index[table["mean_rank"] - table["mean_rank"].iloc[0] < aggregate.critical_difference]),
        leading=tuple(table.index[table["leading"] == max_led]),
        cells_led=max_led,
    )
