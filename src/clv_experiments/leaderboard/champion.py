"""Which model of a board is worth using: the simplest of those that chance alone keeps from first place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clv_experiments.errors import ClvError
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.cell import Entry
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.formatting import format_score, join_names

# Simplest first, and what makes each simpler than those after it.
FAMILIES = {
    "baseline": "a rule of thumb",
    "btyd": "a story of purchase and dropout with a handful of parameters",
    "ml": "one model that learns from features",
    "hybrid": "models put on top of each other",
}


@dataclass(frozen=True, eq=False)
class Choice:
    """The model of a board to use, and why in sentences."""

    entry: Entry
    tied: tuple[str, ...]
    why: tuple[str, ...]


def choose(standings: Standings, size: Callable[[str], int]) -> Choice:
    """Choose the simplest of the models that share first place.

    First place is shared by the leader and all whose difference from it covers zero (rank group 1). Simpler is the
    family that comes first in baseline, btyd, ml, hybrid; within a family the fitted estimator that takes fewer
    digits to count its bytes, which is an order of magnitude; within that the one that stands higher on the board.

    Parameters
    ----------
    standings : Standings
    size : callable
        Takes a run id and gives the bytes of its fitted estimator; asked only where a family alone does not decide.

    Raises
    ------
    ClvError
        If nobody has a score.
    """
    rows, entries = standings.rows(), {entry.label: entry for entry in standings.cell.entries}
    if np.isnan(rows["score"].iloc[0]):
        heading = METRICS[standings.metric].heading
        raise ClvError(f"nobody wins {standings.cell.title}, since {heading} has no value there; type another metric=")
    tied = [entries[label] for label in rows.index[rows["group"] == 1]]
    family = min((entry.family for entry in tied), key=list(FAMILIES).index)
    left = [entry for entry in tied if entry.family == family]
    bytes_of = {entry.label: size(entry.run_id) for entry in left} if len(left) > 1 else {}
    chosen = min(left, key=lambda entry: _magnitude(bytes_of.get(entry.label, 0)))  # the first of the smallest
    others = tuple(entry.label for entry in tied if entry is not chosen)
    return Choice(chosen, others, tuple(_why(standings, chosen, entries[rows.index[0]], others, bytes_of)))


def _magnitude(size: int) -> int:
    return math.floor(math.log10(max(size, 1)))


def _why(
    standings: Standings, chosen: Entry, leader: Entry, tied: tuple[str, ...], bytes_of: dict[str, int]
) -> list[str]:
    """Say why this one, from the numbers of the board."""
    how, rows = METRICS[standings.metric], standings.rows()
    score = f"{how.heading} {format_score(rows['score'][chosen.label], how.form)}"
    rivals = len(rows) - 1
    if not rivals:
        sentences = [f"{chosen.label} is alone on its board ({score})."]
    elif not tied:
        others = f"the other {rivals} are" if rivals > 1 else "the other is"
        sentences = [f"{chosen.label} wins ({score}): {others} behind it beyond chance."]
    elif chosen is leader:
        named = f"{join_names(tied)} {'tie' if len(tied) > 1 else 'ties'} with it"
        none = "none is simpler" if len(tied) > 1 else "is no simpler"
        sentences = [f"{chosen.label} scores highest ({score}); {named}, but {none}."]
    else:
        best = format_score(rows["score"][leader.label], how.form)
        sentences = [
            f"{leader.label} scores highest ({how.heading} {best}), but {chosen.label} ({score}) ties with it and is "
            f"simpler: {_simpler(chosen, leader, bytes_of)}."
        ]
    if chosen.family == "baseline" and any(entry.family != "baseline" for entry in standings.cell.entries):
        sentences.append("It is a rule of thumb: no model on this board is shown to be worth its fitting.")
    return sentences


def _simpler(chosen: Entry, leader: Entry, bytes_of: dict[str, int]) -> str:
    if chosen.family != leader.family:
        return f"{FAMILIES[chosen.family]}, not {FAMILIES[leader.family]}"
    sizes = (f"{bytes_of[entry.label] / 1000:,.1f} kB" for entry in (chosen, leader))
    return f"its fitted estimator takes {', not '.join(sizes)}"
