"""Which model of a board to use: the simplest of those that tie for first place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.cell import Entry
from clv_experiments.comparison.standings import Standings
from clv_experiments.errors import ClvError
from clv_experiments.reporting.prose import sentences

FAMILIES = ("baseline", "btyd", "ml", "hybrid")  # simplest first; predictions made elsewhere cannot be fitted here

# It has no rivals; none ties with it; none that ties is simpler; it ties with the leader and is simpler.
Basis = Literal["alone", "sole_winner", "leader", "simpler"]


@dataclass(frozen=True, eq=False)
class Choice:
    """The model of a board to use, and what it was chosen by.

    Attributes
    ----------
    entry, leader : Entry
        The chosen model, and the one that scores highest.
    basis : {'alone', 'sole_winner', 'leader', 'simpler'}
    tied : tuple of str
        Other models that share first place.
    rivals : int
        Number of other models on the board.
    metric : str
    score, leader_score : float
    model_bytes : mapping of label to int
        Sizes of the fitted estimators, where they were compared.
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
    model_bytes: Mapping[str, int] = field(default_factory=dict)
    no_model_worth_fitting: bool = False

    @property
    def why(self) -> list[str]:
        """The reasons in sentences."""
        return sentences("leaderboard/champion.jinja", "why", self, METRICS[self.metric])


def choose(standings: Standings, size: Callable[[str], int]) -> Choice:
    """Choose the simplest of the models that share first place.

    First place is shared by the leader and all models whose difference from it covers zero (rank group 1). Simpler is
    the family that comes first in baseline, btyd, ml, hybrid; within a family the fitted estimator that takes fewer
    digits to count its bytes, which is an order of magnitude; within that the one that ranks higher on the board.

    Parameters
    ----------
    standings : Standings
    size : callable
        Takes a run id and returns the bytes of its fitted estimator; called only where the family does not decide.

    Raises
    ------
    ClvError
        If no model has a score, or the winner was made elsewhere.
    """
    rows, entries = standings.rows(), {entry.label: entry for entry in standings.cell.entries}
    if np.isnan(rows["score"].iloc[0]):
        heading = METRICS[standings.metric].heading
        raise ClvError(f"nobody wins {standings.cell.title}, since {heading} has no value there; type another metric=")
    leader = entries[rows.index[0]]
    sharing = [entries[label] for label in rows.index[rows["group"] == 1]]
    tied = [entry for entry in sharing if entry.family in FAMILIES]
    if not tied:
        raise ClvError(
            f"{leader.label} wins {standings.cell.title}, and was made elsewhere: what cannot be fitted here cannot be "
            "the champion"
        )
    family = min((entry.family for entry in tied), key=FAMILIES.index)
    simplest = [entry for entry in tied if entry.family == family]
    model_bytes = {entry.label: size(entry.run_id) for entry in simplest} if len(simplest) > 1 else {}
    winner = min(simplest, key=lambda entry: _magnitude(model_bytes.get(entry.label, 0)))  # the first of the smallest
    basis: Basis = "leader" if winner is leader else "simpler"
    if len(sharing) == 1:
        basis = "alone" if len(rows) == 1 else "sole_winner"
    return Choice(
        entry=winner,
        leader=leader,
        basis=basis,
        tied=tuple(entry.label for entry in sharing if entry is not winner),
        rivals=len(rows) - 1,
        metric=standings.metric,
        score=float(rows["score"][winner.label]),
        leader_score=float(rows["score"][leader.label]),
        model_bytes=model_bytes,
        no_model_worth_fitting=family == "baseline" and any(entry.family != "baseline" for entry in entries.values()),
    )


def _magnitude(size: int) -> int:
    return math.floor(math.log10(max(size, 1)))
