"""A board as the page's tables show it: what a reader sees in each place, and the number it is sorted by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clv_experiments.leaderboard.aggregate import Aggregate
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.display.cost import seconds_of
from clv_experiments.leaderboard.display.tables import SHOWN, with_ties
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.formatting import format_difference, format_score

LOWER_FIRST = ("rmse", "mae", "aggregate_bias")
TIED_HERE = "*"


@dataclass(frozen=True)
class Shown:
    """One place of a table.

    Attributes
    ----------
    text : str
    sort : str
        What the column is sorted by; empty stands last.
    note : str
        A quiet word beside the text.
    bar : tuple of float or None
        Start, point and end of an interval in per cent of the bar's width.
    """

    text: str
    sort: str = ""
    note: str = ""
    bar: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Column:
    """One column of a table: its heading, what it means, its values, and which way a first click sorts it."""

    heading: str
    meaning: str
    values: list[Shown]
    numeric: bool = True
    ascending: bool = False


@dataclass(frozen=True)
class PageTable:
    """A table with the models down the side."""

    caption: str
    models: list[str]
    families: list[str]
    columns: list[Column]


def board_table(standings: Standings) -> PageTable:
    """Lay out the board: the metric that orders it in full, the other scores and the cost beside it."""
    rows = standings.rows()
    columns = [*_differences(standings, standings.metric), *_others(standings, rows.index), _cost(standings)]
    caption = f"{standings.cell.title}, ordered by {METRICS[standings.metric].heading}"
    return PageTable(caption, list(rows.index), list(rows["family"]), columns)


def metric_table(standings: Standings, metric: str) -> PageTable:
    """Lay out one metric: scores and differences with their intervals."""
    rows, heading = standings.rows(metric), METRICS[metric].heading
    caption = f"{standings.cell.title} on {heading}"
    return PageTable(caption, list(rows.index), list(rows["family"]), list(_differences(standings, metric)))


def aggregate_table(across: Aggregate) -> PageTable:
    """Lay out the ranks over several cells."""
    table = across.table
    skills = [
        Shown(
            format_difference(s, "{:.3f}"),
            _key(s),
            f"[{format_difference(low, '{:.3f}')}, {format_difference(high, '{:.3f}')}]",
        )
        for s, low, high in zip(table["skill"], table["skill_lower"], table["skill_upper"], strict=True)
    ]
    cells = len(across.cells)
    columns = [
        Column("mean rank", "1 is best", _plain(table["mean_rank"], "{:.2f}"), ascending=True),
        Column("win rate", "share of opponents and cells it beats", _plain(table["win_rate"], "{:.0%}")),
        Column("leads", "cells it wins or shares", [Shown(f"{n} of {cells}", _key(n)) for n in table["leading"]]),
        Column("skill over the best baseline", "1 is perfect, 0 is as good as the best rule of thumb", skills),
    ]
    return PageTable(f"All {cells} cells together", list(table.index), list(table["family"]), columns)


def _differences(standings: Standings, metric: str) -> Iterator[Column]:
    rows, how = standings.rows(metric), METRICS[metric]
    groups = [Shown(text, _key(g)) for text, g in zip(with_ties(rows["group"]), rows["group"], strict=True)]
    yield Column("group", "models that share a number tie with the first of them", groups, ascending=True)
    bars = _bars(rows)
    scores = [
        Shown(
            format_score(s, how.form),
            _key(_sorted_by(metric, s)),
            f"[{format_score(low, how.form)}, {format_score(high, how.form)}]",
            bar,
        )
        for s, low, high, bar in zip(rows["score"], rows["lower"], rows["upper"], bars, strict=True)
    ]
    yield Column(how.heading, f"with its {standings.confidence:.0%} interval", scores, True, metric in LOWER_FIRST)
    yield _distance(rows, "best", "from the best", how.form)
    baseline = rows["baseline"].iloc[0]
    if pd.notna(baseline):
        yield _distance(rows, "baseline", f"from {baseline}, the best baseline", how.form)
    if len(standings.cell.holdouts) > 1:
        spread = _plain(rows["spread"], how.form.replace("+", ""))
        yield Column("between origins", "highest score less lowest", spread, ascending=True)


def _distance(rows: pd.DataFrame, reference: str, heading: str, form: str) -> Column:
    values = []
    columns = [f"from_{reference}{end}" for end in ("", "_lower", "_upper")]
    for model, (gap, low, high) in zip(rows.index, rows[columns].to_numpy(float), strict=True):
        if model == rows[reference].iloc[0]:
            values.append(Shown("itself" if reference == "baseline" else "the best", _key(gap)))
            continue
        chance = "unknown" if np.isnan(low) else "tied" if low <= 0 <= high else "worse" if gap < 0 else "better"
        interval = f"[{format_difference(low, form)}, {format_difference(high, form)}] {chance}"
        values.append(Shown(format_difference(gap, form), _key(gap), interval))
    return Column(heading, "positive is better; simultaneous interval; tied = within chance", values)


def _others(standings: Standings, models: pd.Index) -> Iterator[Column]:
    for metric in standings.displayed_metrics(SHOWN)[1:]:
        rows, how = standings.rows(metric).loc[models], METRICS[metric]
        values = [
            Shown(
                format_score(score, how.form) + TIED_HERE * (group == 1 and how.tells_ties),
                _key(_sorted_by(metric, score)),
            )
            for score, group in zip(rows["score"], rows["group"], strict=True)
        ]
        meaning = "sorted by distance from 0" if metric == "aggregate_bias" else f"{TIED_HERE} best or tied with it"
        yield Column(how.heading, meaning, values, ascending=metric in LOWER_FIRST)


def _cost(standings: Standings) -> Column:
    seconds = seconds_of(standings)[standings.ranking]
    return Column("fit + predict", "seconds, all origins", _plain(seconds, "{:,.2f} s"), ascending=True)


def _bars(rows: pd.DataFrame) -> list[tuple[float, float, float] | None]:
    """Place each interval between the board's ends; far outliers stop at the end."""
    middle = rows["score"].median()
    near = rows[(rows["score"] - middle).abs() <= 4 * (rows["score"] - middle).abs().median()]
    start, end = near["lower"].min(), near["upper"].max()
    if not end > start:
        return [None] * len(rows)
    shares = 100 * (rows[["lower", "score", "upper"]] - start) / (end - start)
    return [tuple(share.clip(0, 100).round(1)) if share.notna().all() else None for _, share in shares.iterrows()]


def _plain(values: pd.Series, form: str) -> list[Shown]:
    return [Shown(format_score(value, form), _key(value)) for value in values]


def _sorted_by(metric: str, score: float) -> float:
    return abs(score) if metric == "aggregate_bias" else score


def _key(value: float) -> str:
    return "" if np.isnan(value) else repr(float(value))
