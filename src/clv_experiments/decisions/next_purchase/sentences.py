"""What the board of next purchases says, in words: who tells best, how well calibrated, how near the dates are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd

from clv_experiments.decisions.next_purchase.backtest import Trial
from clv_experiments.decisions.next_purchase.board import CONFIDENCE, Board
from clv_experiments.reporting.formatting import format_count, format_day, format_interval, format_share, join_names


def winner(board: Board) -> list[str]:
    """Say who tells best when customers come, how certain that is, and whether it beats the rules of thumb."""
    rows = board.of()
    best, value = str(rows.index[0]), rows["value"].iloc[0]
    reach = format_interval(f"{rows['lower'].iloc[0]:.4f}", f"{rows['upper'].iloc[0]:.4f}", CONFIDENCE)
    error = f"the mean squared error of its probabilities is {value:.4f} {reach}"
    tied = [str(name) for name in rows.index[rows["group"] == 1]]
    if len(rows) == 1:
        return [f"{best} is alone in telling when customers buy next: {error}, and there is nothing to set it beside."]
    if len(tied) == len(rows):
        return [f"Nobody wins: all {len(rows)} contenders tie, {best} ahead by no more than chance; {error}."]
    if len(tied) > 1:
        said = [f"{join_names(tied)} tell best when customers buy next, {best} ahead by no more than chance; {error}."]
    else:
        said = [
            f"{best} tells best when customers buy next: {error}.",
            f"All others are behind it beyond chance; the next, {rows.index[1]}, by {_behind(rows.iloc[1])}.",
        ]
    return [*said, *_against_rules(rows)]


def _against_rules(rows: pd.DataFrame) -> Iterator[str]:
    """Say what the best contender is worth beside the best rule of thumb."""
    rules = rows[rows["family"] == "baseline"]
    if rules.empty or len(rules) == len(rows):
        return
    rule, rank = str(rules.index[0]), rules["group"].iloc[0]
    if rank == 1:
        yield f"The best rule of thumb, {rule}, is among them: no model is shown to tell more than it."
        return
    yield f"The best rule of thumb, {rule}, is behind by {_behind(rules.iloc[0])}."


def _behind(row: pd.Series) -> str:
    reach = format_interval(f"{-row['from_best_upper']:.4f}", f"{-row['from_best_lower']:.4f}", CONFIDENCE)
    return f"{-row['from_best']:.4f} {reach}"


def calibration(board: Board, name: str) -> list[str]:
    """Say for each number of days how many customers were expected to buy and how many did."""
    judged = board.trial
    told = judged.of(name)
    sentences = []
    for mark in judged.marks:
        row = board.row(f"bias_{mark}", name)
        n, came = len(judged.waited), int(judged.bought(mark).sum())
        expected = judged.within(told, mark).sum()
        low, high = n * row["lower"], n * row["upper"]
        start = (
            f"Within {mark} days {name} expected {expected:,.0f} of {format_count(n, 'customer')} to buy; {came:,} did"
        )
        if low <= 0 <= high or np.isnan(row["value"]):
            sentences.append(f"{start}, a difference within chance.")
            continue
        way, ends = ("too many", (low, high)) if row["value"] > 0 else ("too few", (-high, -low))
        reach = format_interval(f"{ends[0]:,.0f}", f"{ends[1]:,.0f}", CONFIDENCE)
        sentences.append(f"{start}: it expected {abs(expected - came):,.0f} {way} {reach}.")
    return sentences


def coming(judged: Trial, name: str, expected: float, customers: int, cutoff: date) -> str:
    """Say how many customers are expected to buy soon, and what came of that one period before."""
    mark = judged.marks[0]
    ahead, before = f"{expected:,.0f}", f"{judged.within(judged.of(name), mark).sum():,.0f}"
    return (
        f"{ahead} of {format_count(customers, 'customer')} {'is' if ahead == '1' else 'are'} expected to buy in the "
        f"{format_count(mark, 'day')} after {format_day(cutoff)}; one period before, {before} "
        f"{'was' if before == '1' else 'were'} "
        f"expected and {int(judged.bought(mark).sum()):,} came."
    )


def accuracy(board: Board, name: str) -> list[str]:
    """Say how well buyers are told from others, how near the expected days are, and what the intervals held."""
    judged = board.trial
    buyers, horizon = int(judged.waited.notna().sum()), int(judged.days[-1])
    if not buyers:
        return [f"Nobody bought within the {format_count(horizon, 'day')}, so no date can be judged."]
    sentences = []
    mark = judged.marks[0]
    ranked = board.row(f"auc_{mark}", name)
    if not np.isnan(ranked["value"]):
        sentences.append(
            f"Of a customer who bought within {mark} days and one who did not, {name} gave the buyer the higher "
            f"probability in {_share(ranked)} of the cases; 50% is chance."
        )
    error, held = board.row("date_error", name), board.row("coverage", name)
    reach = format_interval(f"{error['lower']:.0f}", f"{error['upper']:.0f}", CONFIDENCE)
    whom = f"Among the {buyers:,} who bought within {horizon} days" if buyers > 1 else "Of the one customer who bought"
    sentences.append(
        f"{whom}, the expected day was off by {format_count(round(error['value']), 'day')} in the median {reach}; "
        "intervals "
        f"given a purchase in that time are meant to hold {format_share(judged.level)} of the days, and held "
        f"{_share(held)}."
    )
    return sentences


def _share(row: pd.Series) -> str:
    return (
        f"{format_share(row['value'])} "
        f"{format_interval(format_share(row['lower']), format_share(row['upper']), CONFIDENCE)}"
    )
