"""A leaderboard's numbers in words: differences with their sign, lists of names, and who won."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clv_experiments.leaderboard.aggregate import Aggregate
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.formatting import format_score, join_names


def verdict(standings: Standings) -> list[str]:
    """Say who won by the board's metric, how certain that is, and whether it beats a rule of thumb."""
    rows, how = standings.rows(), METRICS[standings.metric]
    leader = rows.iloc[0]
    if np.isnan(leader["score"]):
        return [f"Nobody wins: {how.heading} has no value here."]
    sentences = [
        *_first(rows, how.heading, how.form),
        *_by_period(standings),
        *_against_baselines(rows, how.form),
    ]
    if leader["score"] <= 0:
        known_nothing = "the mean for everybody" if standings.metric in ("d2_tweedie", "r2") else "a ranking by chance"
        sentences.append(f"Even the best of them is no better than {known_nothing}.")
    return sentences


def verdict_across(across: Aggregate) -> list[str]:
    """Say who ranks best over all cells, and whom chance alone could have put there."""
    table, best = across.table, str(across.table.index[0])
    near = list(table.index[table["mean_rank"] - table["mean_rank"].iloc[0] < across.critical_difference])
    heading = METRICS[across.metric].heading
    sentences = [f"{best} has the best mean rank on {heading} over {len(across.cells)} cells."]
    if len(near) > 1:
        whom = "any of the models" if len(near) == len(table) else join_names(near)
        sentences.append(f"The ranks alone cannot tell apart {whom}.")
    else:
        sentences.append("All others rank behind it by more than the critical difference.")
    leading = table["leading"].max()
    winners = list(table.index[table["leading"] == leading])
    sentences.append(
        f"First or tied for first in most cells ({leading} of {len(across.cells)}): {join_names(winners)}."
    )
    return sentences


def _first(rows: pd.DataFrame, heading: str, form: str) -> list[str]:
    """Say who stands first."""
    leader, tied = str(rows.index[0]), list(rows.index[rows["group"] == 1])
    score = format_score(rows["score"].iloc[0], form)
    if len(rows) == 1:
        return [f"{leader} is alone on this board ({heading} {score}), so there is nothing to set it beside."]
    if len(tied) == len(rows):
        return [
            f"Nobody wins: all {len(rows)} models tie on {heading}, since their distances from {leader}, which scores "
            f"highest ({score}), are within chance."
        ]
    if len(tied) == 1:
        gap = form.replace("+", "").format(abs(rows["from_best"].iloc[1]))
        return [
            f"{leader} wins on {heading} ({score}): all others are behind it beyond chance. The next, {rows.index[1]}, "
            f"is {gap} behind."
        ]
    distance = f"the distance of {tied[1]} from it is" if len(tied) == 2 else "the others' distances from it are"
    sentences = [
        f"{join_names(tied)} share first place on {heading}: {leader} scores highest ({score}), and {distance} within "
        "chance."
    ]
    between = [str(m) for m in rows.index[: list(rows.index).index(tied[-1])] if m not in tied]
    if between:
        sentences.append(
            f"{join_names(between)} scored higher than some of these and are behind {leader} beyond chance all the "
            "same: "
            "they err on much the same customers, so that even a small distance counts."
        )
    return sentences


def _by_period(standings: Standings) -> list[str]:
    """Say in how many origins a sole winner is ahead of the next: intervals speak of customers, not of periods."""
    rows, periods = standings.rows(), len(standings.cell.holdouts)
    if periods == 1 or len(rows) == 1 or (rows["group"] == 1).sum() > 1:
        return []
    steps = standings.by_origin[standings.by_origin["metric"] == standings.metric]
    first, second = (steps[steps["model"] == model].set_index("step")["score"] for model in rows.index[:2])
    ahead = int((first > second).sum())
    return [
        f"That speaks of other customers in the same periods; by period, {rows.index[0]} is ahead of {rows.index[1]} "
        f"in {ahead} of {periods}."
    ]


def _against_baselines(rows: pd.DataFrame, form: str) -> list[str]:
    """Say what the best model is worth beside the best rule of thumb."""
    best, baseline = rows.iloc[0], rows["baseline"].iloc[0]
    ladder = rows["family"] == "baseline"
    if pd.isna(baseline):
        return ["No rule of thumb stands on this board, so it does not say what a model is worth."]
    if ladder.all():
        return ["Only rules of thumb stand on this board."] if len(rows) > 1 else []
    if best["family"] == "baseline":
        rivals = list(rows.index[(rows["group"] == 1) & ~ladder])
        beaten = "No fitted model beats it" if rivals else "Every fitted model is behind it"
        return [f"{baseline} is a rule of thumb. {beaten} beyond chance: nothing here pays for the fitting of a model."]
    if rows["group"][baseline] == 1:
        return [f"The best rule of thumb, {baseline}, is among them: no model is shown to be better than it."]
    gap = form.replace("+", "").format(abs(rows["from_best"][baseline]))
    return [f"The best rule of thumb, {baseline}, is {gap} behind the best, beyond chance."]
