"""Boards as rows of text, for the terminal and for Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from clv_experiments.leaderboard.aggregate import Aggregate
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.checks import CHECKS, Finding
from clv_experiments.leaderboard.display.wording import verdict, verdict_across
from clv_experiments.leaderboard.standings import Standings

SHOWN = ("d2_tweedie", "normalised_gini", "spearman", "top_20_share", "aggregate_bias", "rmse", "mae")
NARROW = ("d2_tweedie", "normalised_gini", "aggregate_bias", "mae")  # what 120 characters have room for
TEXT = {"model", "family"}  # columns that are read from the left


def board(standings: Standings, shown: Sequence[str] = NARROW) -> tuple[list[str], list[list[str]]]:
    """Write a board as headings and rows, best first.

    Parameters
    ----------
    standings : Standings
    shown : sequence of str
        Scores beside the one that orders the board; MAE only where a model that predicts nothing for everybody stands
        beside it, since that one often wins it.

    Returns
    -------
    headings, rows
        ``*`` marks the best on a score and whoever ties with it; ``±`` reaches to the ends of a simultaneous interval.
    """
    how, own = METRICS[standings.metric], standings.rows()
    names = pd.Index(own.index)
    columns = {
        "#": with_ties(own["group"]),
        "model": list(names),
        "family": list(own["family"]),
        f"{how.heading} [{_percent(standings.confidence)}]": [
            _interval(row, how.form) for row in own[["score", "lower", "upper"]].itertuples(index=False, name=None)
        ],
        "behind the best": _differences(own, "best", how.form),
    }
    baseline = own["baseline"].iloc[0]
    if baseline is not None and baseline != own["best"].iloc[0]:
        columns[f"over {baseline}"] = _differences(own, "baseline", how.form)
    if len(standings.cell.holdouts) > 1:
        columns["spread"] = [_written(spread, how.form.replace("+", "")) for spread in own["spread"]]
    for metric in standings.displayed_metrics(shown)[1:]:
        of, score = standings.rows(metric).loc[names], METRICS[metric]
        columns[score.heading] = [
            _written(value, score.form) + "*" * (group == 1 and score.tells_ties)
            for value, group in zip(of["score"], of["group"], strict=True)
        ]
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def aggregate(across: Aggregate) -> tuple[list[str], list[list[str]]]:
    """Write the ranks over several cells as headings and rows, best mean rank first."""
    columns = {
        "place": with_ties(across.table["mean_rank"].rank(method="min").astype(int)),
        "model": list(across.table.index),
        "family": list(across.table["family"]),
        "mean rank": [f"{rank:.2f}" for rank in across.table["mean_rank"]],
        "win rate": [f"{share:.0%}" for share in across.table["win_rate"]],
        "leads": [f"{cells} of {len(across.cells)}" for cells in across.table["leading"]],
        f"skill over the best baseline [{_percent(across.confidence)}]": [
            _interval(row, "{:+.3f}")
            for row in across.table[["skill", "skill_lower", "skill_upper"]].itertuples(index=False, name=None)
        ],
    }
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def markdown(standings: Standings, findings: Sequence[Finding]) -> str:
    """Write a cell as Markdown: what was judged, the board, how to read it, what the checks found, what is left out."""
    cell = standings.cell
    return "\n".join(
        [
            f"## {_safe(_title(standings))}",
            "",
            _safe(" ".join(verdict(standings))),
            "",
            *_lines([f"Holdout {line}." for line in _judged(standings)]),
            *_grid(*board(standings, SHOWN)),
            "",
            *_lines(reading(standings).splitlines()),
            "Checks:",
            "",
            *_found(findings),
            *(["Not shown:", "", *_lines(cell.left_out)] if cell.left_out else []),
        ]
    )


def markdown_across(across: Aggregate) -> str:
    """Write the ranks over several cells as Markdown: the aggregate, each cell's scores and ranks, how to read them."""
    how, scores = METRICS[across.metric], across.scores
    rows = [
        [
            model,
            *(
                f"{_written(scores.loc[cell, model], how.form)}{'*' * bool(across.leads.loc[cell, model])} "
                f"({across.ranks.loc[cell, model]:g})"
                for cell in across.cells
            ),
        ]
        for model in across.table.index
    ]
    return "\n".join(
        [
            f"## {len(across.cells)} cells by {how.heading}",
            "",
            _safe(" ".join(verdict_across(across))),
            "",
            *_grid(*aggregate(across)),
            "",
            *_lines(
                [
                    *reading_across(across).splitlines(),
                    *(f"{_clique(across, clique)} cannot be told apart by their ranks." for clique in across.cliques),
                    *(f"{sentence}." for sentence in (*across.notes, *across.left_out)),
                ]
            ),
            f"{how.heading} in each cell, with its rank; * marks the best and whoever ties with it there:",
            "",
            *_grid(["model", *across.cells], rows),
            "",
        ]
    )


def heading(standings: Standings) -> str:
    """Say in one line what was judged: log and horizon, holdouts, customers, buyers."""
    holdouts, counts = standings.cell.holdouts, [len(panel.y_true) for panel in standings.cell.origins]
    if len(holdouts) == 1:
        return f"{_title(standings)}, holdout {_judged(standings)[0]}"
    customers = " to ".join(f"{count:,}" for count in sorted({min(counts), max(counts)}))
    first, last = holdouts[0].split(" to ")[0], holdouts[-1].split(" to ")[-1]
    return f"{_title(standings)}, {len(holdouts)} origins, holdouts from {first} to {last}, {customers} customers each"


def reading(standings: Standings) -> str:
    """Say how to read a board, in three lines."""
    own, level = standings.rows(), _percent(standings.confidence)
    best, baseline = own["best"].iloc[0], own["baseline"].iloc[0]
    against = f"{_one_line(best)}, the best"
    if baseline == best:
        against += ", which is a baseline"
    elif baseline:
        against += f", and from {_one_line(baseline)}, the best baseline"
    origins = len(standings.cell.holdouts)
    over = f" Scores are means over {origins} origins, the spread is the highest less the lowest." * (origins > 1)
    lines = [
        f"Ordered by {METRICS[standings.metric].heading}, higher is better; models that share a number in # cannot "
        f"be told apart from the first of them. [ ] is the {level} interval of a score when customers are drawn anew."
        f"{over}",
        f"Differences are from {against}, positive is better; ± is their {level} interval, widened so that it "
        "holds for all pairs of models at once, since the best is chosen by looking.",
        "* marks the best on a score and whoever ties with it; RMSE cannot tell. Bias is best at 0, RMSE and MAE when "
        "low; predicting nothing for everybody often wins MAE, which is why it is never shown without that baseline.",
    ]
    return "\n".join(lines)


def reading_across(across: Aggregate) -> str:
    """Say how to read ranks over several cells, in three lines."""
    lines = [
        f"Mean ranks differ by more than chance where they lie {across.critical_difference:.2f} or more apart "
        f"(Nemenyi's critical difference, {_percent(across.confidence)}, for all pairs at once); chance alone would "
        f"spread them as far with probability {_probability(across.p_value)} (Friedman).",
        "The win rate counts every opponent in every cell; a model leads where it is the best or tied with the best.",
        "Skill is the share of what the cell's best baseline leaves to be gained: 1 is a perfect score, 0 is no better "
        f"than that baseline; [ ] is its {_percent(across.confidence)} interval, customers drawn anew log by log.",
    ]
    return "\n".join(lines)


def _title(standings: Standings) -> str:
    cell = standings.cell
    return cell.title if cell.protocol == "forecast" else f"{cell.title} ({cell.protocol})"


def _judged(standings: Standings) -> list[str]:
    cell = standings.cell
    return [
        f"{holdout}: {len(panel.y_true):,} customers, of whom {panel.bought.sum():,} bought"
        for holdout, panel in zip(cell.holdouts, cell.origins, strict=True)
    ]


def _found(findings: Sequence[Finding]) -> list[str]:
    """Say what each check found, under its title, and which checks found nothing."""
    lines, silent = [], []
    for check in CHECKS:
        said = [f"  - {_safe(found.sentence)}" for found in findings if found.number == check.number]
        name = f"M{check.number} {check.title}"
        lines += [f"- {name}", *said] if said else []
        silent += [] if said else [name]
    return [*lines, *([f"- nothing found by {', '.join(silent)}"] if silent else []), ""]


def _clique(across: Aggregate, models: Sequence[str]) -> str:
    return ", ".join(models) if len(models) < len(across.table) else f"All {len(models)} models"


def with_ties(numbers: pd.Series) -> list[str]:
    """Write places or groups, with = behind those that several models share."""
    shared = numbers.duplicated(keep=False)
    return [f"{number}{'=' * tied}" for number, tied in zip(numbers, shared, strict=True)]


def _differences(own: pd.DataFrame, reference: str, form: str) -> list[str]:
    signed, plain = form.replace("{:", "{:+"), form
    half_widths = (own[f"from_{reference}_upper"] - own[f"from_{reference}_lower"]) / 2.0
    return [
        "" if model == own[reference].iloc[0] else f"{_written(gap, signed)} ±{_written(half, plain)}"
        for model, gap, half in zip(own.index, own[f"from_{reference}"], half_widths, strict=True)
    ]


def _interval(row: tuple[float, ...], form: str) -> str:
    score, lower, upper = (_written(value, form) for value in row)
    return f"{score} [{lower}, {upper}]"


def _written(value: float, form: str) -> str:
    """Write a number without a minus where it rounds to zero, or a dash where there is none."""
    return "–" if pd.isna(value) else re.sub(r"{:(\+?)", r"{:\1z", form).format(value)


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "below 0.001"


def _grid(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---" if heading in TEXT else "---:" for heading in headings]
    return [f"| {' | '.join(map(_safe, row))} |" for row in (headings, rule, *rows)]


def _lines(sentences: Sequence[str]) -> list[str]:
    return [*(f"- {_safe(sentence)}" for sentence in sentences), ""] if sentences else []


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _safe(text: str) -> str:
    """Keep a name from breaking out of its cell or becoming markup."""
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
