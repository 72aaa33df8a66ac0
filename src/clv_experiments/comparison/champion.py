"""Which model of a board to use: the simplest of those that are shown to be about as good as the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.cell import Entry
from clv_experiments.comparison.standings import Standings
from clv_experiments.errors import ClvError
from clv_experiments.reporting.prose import render_paragraphs

FAMILIES = ("baseline", "btyd", "ml", "hybrid")  # simplest first; predictions made elsewhere cannot be fitted here
MARGIN = 0.02  # of a score whose best is 1: a simpler model may be this much worse, and no more with confidence
ZERO_FOR_MEAN = ("d2_tweedie", "r2")  # scores that are 0 for the mean of everybody

# It has no rivals; none ties with it; none that ties is both simpler and shown to be as good; it is.
Basis = Literal["alone", "sole_winner", "leader", "simpler"]


@dataclass(frozen=True, eq=False)
class ChampionChoice:
    """The model of a board to use, and what it was chosen by.

    Attributes
    ----------
    entry, leader : Entry
        The chosen model, and the one that scores highest of those that can be fitted here.
    basis : {'alone', 'sole_winner', 'leader', 'simpler'}
    tied : tuple of str
        Other models that cannot be told apart from the best.
    rivals : int
        Number of other models on the board.
    metric : str
    score, leader_score : float
    largest_loss : float
        How much worse than the leader the chosen model may be, by the lower end of their difference's interval; 0
        where it is the leader.
    no_model_worth_fitting : bool
        Whether a baseline was chosen although fitted models stand on the board.
    """

    entry: Entry
    leader: Entry
    basis: Basis
    tied: tuple[str, ...]
    rivals: int
    metric: str
    score: float
    leader_score: float
    largest_loss: float = 0.0
    no_model_worth_fitting: bool = False

    @property
    def reasons(self) -> list[str]:
        """The reasons in sentences."""
        return render_paragraphs("leaderboard/champion.jinja", "why", self, METRICS[self.metric], MARGIN)


def choose_champion(standings: Standings) -> ChampionChoice:
    """Choose the simplest of the models that are as good as the leader.

    A tie is no licence: where intervals are wide, a poor model ties too. So a simpler model takes the leader's place
    only if it ties with it (rank group 1), if the interval of their difference reaches no further than ``MARGIN`` below
    it (non-inferiority: Schuirmann 1987's one-sided test, on the board's simultaneous intervals), and if it is neither
    worse than the mean for everybody nor a baseline behind the best baseline. Simpler is the family that comes first in
    baseline, btyd, ml, hybrid; within a family the one that scores higher.

    Parameters
    ----------
    standings : Standings

    Raises
    ------
    ClvError
        If no model has a score, or the winner was made elsewhere and none that can be fitted here ties with it.
    """
    rows, entries = standings.rows(), {entry.label: entry for entry in standings.cell.entries}
    if np.isnan(rows["score"].iloc[0]):
        heading = METRICS[standings.metric].heading
        raise ClvError(f"nobody wins {standings.cell.title}, since {heading} has no value there; type another metric=")
    sharing = rows[rows["group"] == 1]
    fitted_here = sharing[sharing["family"].isin(FAMILIES)]
    if fitted_here.empty:
        raise ClvError(
            f"{rows.index[0]} wins {standings.cell.title}, and was made elsewhere: what cannot be fitted here cannot "
            "be the champion"
        )
    leader = entries[fitted_here.index[0]]
    losses = _max_losses_against(standings, leader.label)
    candidates = [
        entries[label] for label in fitted_here.index if _can_replace_leader(label, leader.label, losses, standings)
    ]
    winner = min(candidates, key=lambda entry: FAMILIES.index(entry.family))  # the first, and so the best, of a family
    basis: Basis = "leader" if winner is leader else "simpler"
    if len(sharing) == 1:
        basis = "alone" if len(rows) == 1 else "sole_winner"
    return ChampionChoice(
        entry=winner,
        leader=leader,
        basis=basis,
        tied=tuple(label for label in sharing.index if label != winner.label),
        rivals=len(rows) - 1,
        metric=standings.metric,
        score=float(rows["score"][winner.label]),
        leader_score=float(rows["score"][leader.label]),
        largest_loss=0.0 if winner is leader else float(losses[winner.label]),
        no_model_worth_fitting=winner.family == "baseline"
        and any(entry.family != "baseline" for entry in entries.values()),
    )


def _max_losses_against(standings: Standings, leader: str) -> pd.Series:
    """How much worse than the leader each model may be: the lower end of the interval of their difference, negated."""
    labels, oriented = list(standings.cell.labels), standings.oriented_scores[standings.metric]
    position = labels.index(leader)
    return pd.Series(oriented[position] - oriented + standings.half_widths[standings.metric][position], index=labels)


def _can_replace_leader(label: str, leader: str, losses: pd.Series, standings: Standings) -> bool:
    """Whether a model that ties with the leader may take its place."""
    if label == leader:
        return True
    row = standings.rows().loc[label]
    is_above_mean = standings.metric not in ZERO_FOR_MEAN or row["score"] > 0
    is_best_of_baselines = row["family"] != "baseline" or label == row["baseline"]
    return bool(losses[label] <= MARGIN and is_above_mean and is_best_of_baselines)
