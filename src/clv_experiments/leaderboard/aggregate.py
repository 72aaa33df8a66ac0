"""Several cells at once: who ranks well everywhere, and how far apart mean ranks must lie to tell models apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, rankdata, studentized_range

from clv_experiments.errors import ClvError
from clv_experiments.evaluation.validation import Floats
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.standings import Standings

FEW_CELLS = 10  # below this the ranks' distribution under chance is but roughly known (Demsar 2006, section 3.2.2)
LEAST_ROOM = 1e-12  # above a perfect baseline there is none to gain


@dataclass(frozen=True, eq=False)
class Aggregate:
    """The models that stand in all of several cells, ranked over them.

    Attributes
    ----------
    cells : tuple of str
        Titles, in the order of the boards.
    metric : str
        The score by which they are ranked; higher is better.
    confidence : float
        Of the intervals, and of the critical difference.
    table : pandas.DataFrame
        Indexed by model, best mean rank first: ``family``, ``mean_rank`` (1 = best), ``win_rate`` (share of pairs of
        cell and opponent in which it scores higher; an equal score counts half), ``leading`` (cells in whose first
        group it stands), ``skill`` with ``skill_lower`` and ``skill_upper``: mean over cells of
        (score - best baseline's) / (1 - best baseline's); 1 is a score of 1, 0 is as good as the best baseline.
    scores, ranks, leads : pandas.DataFrame
        Cells by models: the score, its rank (equal scores share their mean rank), and whether the model is the best or
        tied with it.
    critical_difference : float
        Models whose mean ranks lie at least this far apart differ by more than chance (Nemenyi 1963; Demsar 2006).
    p_value : float
        How often chance alone would spread the mean ranks as far (Friedman 1937).
    cliques : tuple of tuples of str
        The largest groups of two or more models that lie closer together than the critical difference.
    left_out : tuple of str
        A sentence for each cell that lacks a required model, and for each model that does not stand in every cell.
    notes : tuple of str
        What a reader must know.
    """

    cells: tuple[str, ...]
    metric: str
    confidence: float
    table: pd.DataFrame
    scores: pd.DataFrame
    ranks: pd.DataFrame
    leads: pd.DataFrame
    critical_difference: float
    p_value: float
    cliques: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def across(boards: Sequence[Standings], required: Collection[str] = ()) -> Aggregate:
    """Rank the models that stand in every cell over all of them.

    Parameters
    ----------
    boards : sequence of Standings
        Of two or more different cells, by one metric, protocol and confidence.
    required : collection of str
        Models without which a cell is not complete. Incomplete cells are left out as long as two others remain.

    Raises
    ------
    ClvError
        If the boards cannot be set side by side, or fewer than two models stand in all of them.
    """
    _comparable(boards)
    named = dict(zip(_titles(boards), boards, strict=True))
    lacking = {title: sorted(set(required) - {e.model for e in board.cell.entries}) for title, board in named.items()}
    complete = [title for title, lacks in lacking.items() if not lacks]
    titles = tuple(complete if len(complete) > 1 else named)
    boards = [named[title] for title in titles]
    everywhere = _everywhere(boards, titles)
    scores = np.array([board.rows()["score"].loc[everywhere] for board in boards], dtype=float)
    ranks = rankdata(-scores, axis=1)
    table = _table(boards, everywhere, ranks)
    critical = critical_difference(len(everywhere), len(boards), boards[0].confidence)

    def by_cell(values: Sequence[object] | Floats) -> pd.DataFrame:
        return pd.DataFrame(values, index=pd.Index(titles, name="cell"), columns=everywhere)[list(table.index)]

    return Aggregate(
        cells=titles,
        metric=boards[0].metric,
        confidence=boards[0].confidence,
        table=table,
        scores=by_cell(scores),
        ranks=by_cell(ranks),
        leads=by_cell([board.rows()["group"].loc[everywhere].eq(1).to_list() for board in boards]),
        critical_difference=critical,
        p_value=friedman(ranks),
        cliques=_cliques(table["mean_rank"], critical),
        left_out=(
            *(
                f"{title} is left out: it has no {', '.join(lacks)}"
                for title, lacks in lacking.items()
                if title not in titles
            ),
            *_left_out(boards, titles, everywhere),
        ),
        notes=_notes(boards, len(everywhere), critical),
    )


def _everywhere(boards: Sequence[Standings], titles: Sequence[str]) -> list[str]:
    """Name the models that stand, with a score, in every cell."""
    models = sorted(set.intersection(*(set(board.cell.labels) for board in boards)))
    if len(models) < 2:
        raise ClvError(
            f"{len(models)} model(s) stand in all of {', '.join(titles)}; ranks over cells need two at the least: "
            "run what is missing first"
        )
    for title, board in zip(titles, boards, strict=True):
        without = [model for model in models if not np.isfinite(board.rows()["score"][model])]
        if without:
            raise ClvError(f"{without[0]} has no {METRICS[board.metric].heading} in {title}; leave that cell out")
    return models


def critical_difference(models: int, cells: int, confidence: float = 0.95) -> float:
    """Return how far apart two mean ranks must lie to differ by more than chance, over all pairs at once.

    Demsar (2006), Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, section 3.2.2.

    Examples
    --------
    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    q = studentized_range.ppf(confidence, models, np.inf) / np.sqrt(2.0)
    return float(q * np.sqrt(models * (models + 1) / (6.0 * cells)))


def friedman(ranks: Floats) -> float:
    """Return the p-value of ranks (cells, models) that only chance spread, by the chi-square corrected for ties.

    1 where all models tie in all cells. Two models are allowed, which makes it a sign test without its exact tail.
    """
    cells, models = ranks.shape
    middle = (models + 1) / 2.0
    within = np.sum((ranks - middle) ** 2)
    if within == 0:
        return 1.0
    statistic = (models - 1) * np.sum((ranks.sum(axis=0) - cells * middle) ** 2) / within
    return float(chi2.sf(statistic, models - 1))


def _comparable(boards: Sequence[Standings]) -> None:
    if len(boards) < 2:
        raise ClvError(f"ranks over cells need two cells at the least, got {len(boards)}")
    settings: dict[str, list[object]] = {
        "metric": [board.metric for board in boards],
        "protocol": [board.cell.protocol for board in boards],
        "confidence": [board.confidence for board in boards],
    }
    for what, values in settings.items():
        if len(set(values)) > 1:
            named = ", ".join(f"{board.cell.title} by {value}" for board, value in zip(boards, values, strict=True))
            raise ClvError(f"boards of different {what} cannot be ranked together ({named}); give all the same {what}")
    for identity, count in Counter(board.cell.identity for board in boards).items():
        if count > 1:
            title = next(board.cell.title for board in boards if board.cell.identity == identity)
            raise ClvError(f"cell {title} ({identity}) stands {count} times among the boards; name each cell once")
    for board in boards:
        if "baseline" not in board.cell.families.values():
            raise ClvError(f"cell {board.cell.title} holds no baseline to measure skill against; run one first")


def _titles(boards: Sequence[Standings]) -> tuple[str, ...]:
    """Name each cell by log and horizon; where that is not enough, by its holdouts and its fingerprint too."""
    titles = [board.cell.title for board in boards]
    for more in ("; ".join, None):
        seen = Counter(titles)
        titles = [
            title if seen[title] == 1 else f"{title} ({more(board.cell.holdouts) if more else board.cell.identity})"
            for title, board in zip(titles, boards, strict=True)
        ]
    return tuple(titles)


def _table(boards: Sequence[Standings], models: list[str], ranks: Floats) -> pd.DataFrame:
    skills, resampled = zip(*(_skill(board, models) for board in boards), strict=True)
    drawn = np.mean([skill[: min(map(len, resampled))] for skill in resampled], axis=0)
    outside = (1.0 - boards[0].confidence) / 2.0
    lower, upper = np.nanquantile(drawn, [outside, 1.0 - outside], axis=0)
    table = pd.DataFrame(
        {
            "family": [boards[0].cell.families[model] for model in models],
            "mean_rank": ranks.mean(axis=0),
            "win_rate": (len(models) - ranks).mean(axis=0) / (len(models) - 1),
            "leading": [sum(board.rows()["group"].loc[model] == 1 for board in boards) for model in models],
            "skill": np.mean(skills, axis=0),
            "skill_lower": lower,
            "skill_upper": upper,
        },
        index=pd.Index(models, name="model"),
    )
    return table.sort_values("mean_rank", kind="stable")  # equal ranks by name


def _skill(board: Standings, models: list[str]) -> tuple[Floats, Floats]:
    """Return the skill of each model in one cell, (models,), and of each replicate, (replicates, models)."""
    labels, families = board.cell.labels, board.cell.families
    places = [labels.index(model) for model in models]
    good, replicates = board.oriented_scores[board.metric], board.replicates[board.metric]
    best = max((i for i, label in enumerate(labels) if families[label] == "baseline"), key=lambda i: good[i])
    # Boards of different logs, drawn with one seed, would move together without a reason, so they are shuffled apart.
    order = np.random.default_rng(list(board.cell.data.encode())).permutation(len(replicates))
    drawn = replicates[order]
    now = (good[places] - good[best]) / max(1.0 - good[best], LEAST_ROOM)
    then = (drawn[:, places] - drawn[:, [best]]) / np.maximum(1.0 - drawn[:, [best]], LEAST_ROOM)
    return now, then


def _cliques(mean_rank: pd.Series, critical: float) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    reached = 0
    for start, rank in enumerate(mean_rank):
        end = int((mean_rank < rank + critical).sum())
        if end > max(reached, start + 1):
            found.append(tuple(mean_rank.index[start:end]))
            reached = end
    return tuple(found)


def _left_out(boards: Sequence[Standings], titles: Sequence[str], everywhere: list[str]) -> tuple[str, ...]:
    sentences = []
    for model in sorted({label for board in boards for label in board.cell.labels} - set(everywhere)):
        without = [title for title, board in zip(titles, boards, strict=True) if model not in board.cell.labels]
        sentences.append(f"{model} is not ranked: it is missing from {', '.join(without)}")
    return tuple(sentences)


def _notes(boards: Sequence[Standings], models: int, critical: float) -> tuple[str, ...]:
    notes = [
        "Cells of one log, or of logs that contain one another, are not independent: they count for less than as many",
    ]
    several = [f"{data} {n}" for data, n in Counter(board.cell.data for board in boards).items() if n > 1]
    if several:
        notes.append(f"of the {len(boards)} cells several are of one log: {', '.join(several)}")
    if critical > models - 1:
        notes.append(
            f"{len(boards)} cells cannot tell {models} models apart by their ranks: mean ranks differ by at most "
            f"{models - 1}, and the critical difference is {critical:.2f}"
        )
    if len(boards) < FEW_CELLS:
        notes.append(f"{len(boards)} cells are few: the critical difference is wide, and the p-value is approximate")
    return tuple(notes)
