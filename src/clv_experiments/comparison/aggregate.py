"""Ranks over several cells: mean ranks, the critical difference between them, and skill over the best baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, rankdata, studentized_range

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.standings import Standings
from clv_experiments.errors import ClvError
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.reporting.prose import render_paragraphs

TEMPLATE = "leaderboard/aggregate.jinja"
MIN_CELLS = 10  # below this the chi-square approximation of Friedman's test is rough (Demsar 2006, section 3.2.2)
MIN_ROOM = 1e-12  # a perfect baseline leaves no room for improvement


@dataclass(frozen=True, eq=False)
class MultiCellRanking:
    """The models that have a run in all of several cells, ranked over them.

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
        rank group it is), ``skill`` with ``skill_lower`` and ``skill_upper``: mean over cells of
        (score - best baseline's) / (1 - best baseline's); 1 is a score of 1, 0 is as good as the best baseline.
    scores, ranks, ties_with_best : pandas.DataFrame
        Cells by models: the score, its rank (equal scores share their mean rank), and whether the model is the best or
        tied with it.
    critical_difference : float
        Models whose mean ranks lie at least this far apart differ by more than chance (Nemenyi 1963; Demsar 2006).
    p_value : float
        How often chance alone would spread the mean ranks as far (Friedman 1937).
    cliques : tuple of tuples of str
        The largest groups of two or more models that lie closer together than the critical difference.
    incomplete_cells : mapping of title to models
        Cells that are left out, with the required models that they lack.
    unranked_models : mapping of model to titles
        Models that are left out, with the cells that they are missing from.
    cells_by_log : mapping of log to int
        How many of the cells are of each log.
    fingerprints : mapping of cell to str
        Equal where runs may be compared: same log, window, customers and protocol.
    code_versions : tuple of str
        Of the runs, sorted.
    """

    cells: tuple[str, ...]
    metric: str
    confidence: float
    table: pd.DataFrame
    scores: pd.DataFrame
    ranks: pd.DataFrame
    ties_with_best: pd.DataFrame
    critical_difference: float
    p_value: float
    cliques: tuple[tuple[str, ...], ...]
    incomplete_cells: Mapping[str, Sequence[str]]
    unranked_models: Mapping[str, Sequence[str]]
    cells_by_log: Mapping[str, int]
    fingerprints: Mapping[str, str]
    code_versions: tuple[str, ...]

    @property
    def can_separate_models(self) -> bool:
        """Whether mean ranks of so many cells can differ by the critical difference at all."""
        return self.critical_difference <= len(self.table) - 1

    @property
    def has_few_cells(self) -> bool:
        """Whether the cells are too few for an accurate p-value."""
        return len(self.cells) < MIN_CELLS

    @property
    def exclusion_notes(self) -> list[str]:
        """One sentence for each cell and each model that is left out, without its full stop."""
        return render_paragraphs(TEMPLATE, "left_out", self)

    @property
    def notes(self) -> list[str]:
        """Caveats, in sentences without their full stop."""
        return render_paragraphs(TEMPLATE, "notes", self)


def rank_over_cells(boards: Sequence[Standings], required: Collection[str] = ()) -> MultiCellRanking:
    """Rank the models that have a run in every cell over all of them.

    Parameters
    ----------
    boards : sequence of Standings
        Of two or more different cells, by one metric, protocol and confidence.
    required : collection of str
        Models without which a cell is not complete. Incomplete cells are left out as long as two others remain.

    Raises
    ------
    ClvError
        If the boards cannot be compared, or fewer than two models have a run in all of them.
    """
    _check_boards_comparable(boards)
    by_title = dict(zip(_unique_cell_titles(boards), boards, strict=True))
    lacking = {t: sorted(set(required) - {e.model for e in board.cell.entries}) for t, board in by_title.items()}
    complete = [title for title, models in lacking.items() if not models]
    titles = tuple(complete if len(complete) > 1 else by_title)
    boards = [by_title[title] for title in titles]
    models = _find_common_models(boards, titles)
    scores = np.array([board.rows()["score"].loc[models] for board in boards], dtype=float)
    ranks = rankdata(-scores, axis=1)
    table = _build_ranking_table(boards, models, ranks)
    critical = critical_difference(len(models), len(boards), boards[0].confidence)

    def frame_by_cell(values: Sequence[object] | Floats) -> pd.DataFrame:
        return pd.DataFrame(values, index=pd.Index(titles, name="cell"), columns=models)[list(table.index)]

    return MultiCellRanking(
        cells=titles,
        metric=boards[0].metric,
        confidence=boards[0].confidence,
        table=table,
        scores=frame_by_cell(scores),
        ranks=frame_by_cell(ranks),
        ties_with_best=frame_by_cell([board.rows()["group"].loc[models].eq(1).to_list() for board in boards]),
        critical_difference=critical,
        p_value=friedman_p_value(ranks),
        cliques=_group_tied_models(table["mean_rank"], critical),
        incomplete_cells={title: lacks for title, lacks in lacking.items() if title not in titles},
        unranked_models=_unranked_models(boards, titles, models),
        cells_by_log=Counter(board.cell.data for board in boards),
        fingerprints={title: board.cell.identity for title, board in zip(titles, boards, strict=True)},
        code_versions=tuple(sorted({entry.code_version for board in boards for entry in board.cell.entries} - {""})),
    )


def _find_common_models(boards: Sequence[Standings], titles: Sequence[str]) -> list[str]:
    models = sorted(set.intersection(*(set(board.cell.labels) for board in boards)))
    if len(models) < 2:
        raise ClvError(
            f"{len(models)} model(s) have a run in all of {', '.join(titles)}; ranks over cells need at least two: "
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


def friedman_p_value(ranks: Floats) -> float:
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


def _check_boards_comparable(boards: Sequence[Standings]) -> None:
    if len(boards) < 2:
        raise ClvError(f"ranks over cells need at least two cells, got {len(boards)}")
    settings: dict[str, list[object]] = {
        "metric": [board.metric for board in boards],
        "protocol": [board.cell.protocol for board in boards],
        "confidence": [board.confidence for board in boards],
    }
    for what, values in settings.items():
        if len(set(values)) > 1:
            cells = ", ".join(f"{board.cell.title} by {value}" for board, value in zip(boards, values, strict=True))
            raise ClvError(f"boards of different {what} cannot be ranked together ({cells}); give all the same {what}")
    for identity, count in Counter(board.cell.identity for board in boards).items():
        if count > 1:
            title = next(board.cell.title for board in boards if board.cell.identity == identity)
            raise ClvError(f"cell {title} ({identity}) is given {count} times; give each cell once")
    for board in boards:
        if "baseline" not in board.cell.families.values():
            raise ClvError(f"cell {board.cell.title} holds no baseline to measure skill against; run one first")


def _unique_cell_titles(boards: Sequence[Standings]) -> tuple[str, ...]:
    """Name each cell by log and horizon; where that is not enough, by its holdouts and its fingerprint too."""
    titles = [board.cell.title for board in boards]
    for join in ("; ".join, None):
        counts = Counter(titles)
        titles = [
            title if counts[title] == 1 else f"{title} ({join(board.cell.holdouts) if join else board.cell.identity})"
            for title, board in zip(titles, boards, strict=True)
        ]
    return tuple(titles)


def _build_ranking_table(boards: Sequence[Standings], models: list[str], ranks: Floats) -> pd.DataFrame:
    skills, resampled = zip(*(_compute_skill(board, models) for board in boards), strict=True)
    replicates = np.mean([skill[: min(map(len, resampled))] for skill in resampled], axis=0)
    outside = (1.0 - boards[0].confidence) / 2.0
    lower, upper = np.nanquantile(replicates, [outside, 1.0 - outside], axis=0)
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


def _compute_skill(board: Standings, models: list[str]) -> tuple[Floats, Floats]:
    """Return the skill of each model in one cell, (models,), and of each replicate, (replicates, models)."""
    labels, families = board.cell.labels, board.cell.families
    columns = [labels.index(model) for model in models]
    scores, replicates = board.oriented_scores[board.metric], board.replicates[board.metric]
    best = max((i for i, label in enumerate(labels) if families[label] == "baseline"), key=lambda i: scores[i])
    skill = (scores[columns] - scores[best]) / max(1.0 - scores[best], MIN_ROOM)
    resampled = (replicates[:, columns] - replicates[:, [best]]) / np.maximum(1.0 - replicates[:, [best]], MIN_ROOM)
    return skill, resampled


def _group_tied_models(mean_rank: pd.Series, critical: float) -> tuple[tuple[str, ...], ...]:
    cliques: list[tuple[str, ...]] = []
    last = 0
    for start, rank in enumerate(mean_rank):
        end = int((mean_rank < rank + critical).sum())
        if end > max(last, start + 1):
            cliques.append(tuple(mean_rank.index[start:end]))
            last = end
    return tuple(cliques)


def _unranked_models(boards: Sequence[Standings], titles: Sequence[str], models: Sequence[str]) -> dict[str, list[str]]:
    unranked = sorted({label for board in boards for label in board.cell.labels} - set(models))
    return {
        model: [title for title, board in zip(titles, boards, strict=True) if model not in board.cell.labels]
        for model in unranked
    }
