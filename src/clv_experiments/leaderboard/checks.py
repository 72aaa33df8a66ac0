"""Numbered checks of a board: what makes its numbers mean less than they seem to, in sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clv_experiments.evaluation.metrics import top_share
from clv_experiments.evaluation.score_records import PRIMARY
from clv_experiments.evaluation.validation import Floats
from clv_experiments.leaderboard.bootstrap import METRICS
from clv_experiments.leaderboard.standings import Standings
from clv_experiments.reporting.formatting import join_names

BIAS = 0.20  # share of the actual total
HANDFUL = 10  # customers, or a hundredth of them where that is fewer
HELD = 0.25  # share of the predicted total
TIMES = 2.0  # what the biggest spenders really held
DRIFT = 0.05
BUYERS = 30
ERRORS = ("rmse", "mae")  # in the currency of the log, lower is better
ROUNDING = 1e-9  # a value on a threshold is not beyond it, however its sum was rounded
CLEAN = re.compile(r"[^+]+\+[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Finding:
    """What one check found: of one model (its label), or of the whole cell (None)."""

    number: int
    model: str | None
    sentence: str


@dataclass(frozen=True)
class Check:
    """One numbered check: what it asks, and how it is answered."""

    number: int
    title: str
    asks: str
    find: Callable[[Standings], list[Finding]]


def findings(standings: Standings) -> list[Finding]:
    """Return what all checks find, in the order of their numbers; empty where there is nothing to say."""
    return [found for check in CHECKS for found in check.find(standings)]


def worse_than_a_baseline(standings: Standings) -> list[Finding]:
    """M1: models that a baseline beats; what is so of all of them is said once."""
    fitted = [model for model in standings.ranking if standings.cell.families[model] != "baseline"]
    beaten: dict[str, list[str]] = {model: [] for model in fitted}
    found = []
    for metric in PRIMARY:
        said = {model: sentence for model in fitted if (sentence := _beaten(standings, metric, model))}
        if len(said) == len(fitted) > 1:
            best, heading = (
                max(fitted, key=lambda model: standings.rows(metric)["score"][model]),
                METRICS[metric].heading,
            )
            said_of_best = f"{best}, which ranks best by it, is {said[best]}"
            found.append(Finding(1, None, f"on {heading} no model is ahead of the baselines: {said_of_best}"))
        else:
            for model, sentence in said.items():
                beaten[model].append(sentence)
    found += [Finding(1, model, f"{model} is {'; '.join(said)}") for model, said in beaten.items() if said]
    return found + _smaller_errors(standings, fitted)


def _smaller_errors(standings: Standings, fitted: list[str]) -> list[Finding]:
    """Say once for each error which baseline has the smallest, and of whom: zeros often wins MAE, and is of no use."""
    found = []
    for metric in ERRORS:
        score = standings.rows(metric)["score"]
        ladder = [name for name in score.index if standings.cell.families[name] == "baseline"]
        behind = [model for model in fitted if ladder and score[model] > score[ladder[0]]]
        if behind:
            how = METRICS[metric]
            best = f"{ladder[0]} ({how.form.format(score[ladder[0]])})"
            found.append(Finding(1, None, f"on {how.heading} the baseline {best} is ahead of {join_names(behind)}"))
    return found


def _beaten(standings: Standings, metric: str, model: str) -> str:
    """Say which baselines score higher than a model, best first, and whether by more than chance; empty if none."""
    score, how, good = standings.rows(metric)["score"], METRICS[metric], standings.oriented_scores[metric]
    labels, families = standings.cell.labels, standings.cell.families
    ladder = [name for name in score.index if families[name] == "baseline"]
    better = [name for name in ladder if good[labels.index(name)] > good[labels.index(model)]]
    if not better:
        return ""
    named = join_names([f"{name} ({how.form.format(score[name])})" for name in better])
    beyond = [name for name in better if _beyond_chance(standings, metric, name, model)]
    chance = "beyond chance" if beyond else "within chance"
    chance += f" by {join_names(beyond)}" if 0 < len(beyond) < len(better) else ""
    return f"beaten on {how.heading} ({how.form.format(score[model])}) by {named}, {chance}"


def biased(standings: Standings) -> list[Finding]:
    """M2: totals forecast far too high or too low; baselines, of whom little else is expected, share one line."""
    means, steps = standings.rows("aggregate_bias")["score"], standings.by_origin
    steps = steps[steps["metric"] == "aggregate_bias"]
    found, ladder = [], []
    for model, family in standings.cell.families.items():
        bias = means[model]
        own = steps[(steps["model"] == model) & (steps["score"].abs() > BIAS + ROUNDING)]
        single = join_names(
            [f"{score:+.1%} in {holdout}" for holdout, score in zip(own["holdout"], own["score"], strict=True)]
        )
        beyond = abs(bias) > BIAS + ROUNDING
        if family == "baseline":
            ladder += [f"{model} {bias:+.1%}"] if beyond else []
        elif beyond:
            way = "more" if bias > 0 else "less"
            over = f", mean of {len(standings.cell.holdouts)} origins" if standings.cell.holdouts[1:] else ""
            found.append(
                Finding(2, model, f"{model} forecasts {abs(bias):.1%} {way} than customers spent in all{over}")
            )
        elif single:
            found.append(Finding(2, model, f"{model} is off by {bias:+.1%} on average, which hides {single}"))
    if ladder:
        found.append(Finding(2, None, f"baselines whose totals are off by more than {BIAS:.0%}: {', '.join(ladder)}"))
    return found


def concentrated(standings: Standings) -> list[Finding]:
    """M3: forecasts of which a handful of customers holds far more than any handful really held."""
    cell = standings.cell
    found = []
    for i, model in enumerate(cell.labels):
        worst = (HELD, "")
        for panel, holdout in zip(cell.origins, cell.holdouts, strict=True):
            few = min(HANDFUL, max(1, len(panel.y_true) // 100))
            held, really = _held(panel.y_pred[:, i], few), _held(panel.y_true, few)
            if held > worst[0] + ROUNDING and held > TIMES * really + ROUNDING:
                who = "one customer" if few == 1 else f"{few} customers"
                worst = (
                    held,
                    f"{model} expects {held:.1%} of all spend in {holdout} from {who}; the biggest spenders, as many, "
                    f"held {really:.1%}",
                )
        if worst[1]:
            found.append(Finding(3, model, worst[1]))
    return found


def at_edge(standings: Standings) -> list[Finding]:
    """M4: settings chosen at the end of what was searched, where better ones may lie beyond."""
    return [
        Finding(4, entry.label, f"{entry.label} may do better with a wider search: {entry.at_edge}")
        for entry in standings.cell.entries
        if entry.at_edge
    ]


def drifted(standings: Standings) -> list[Finding]:
    """M5: scores that moved between validation and holdout; where most moved one way, the log did, and says so once."""
    how, of, each = METRICS[standings.metric], standings.rows(), standings.by_origin
    holdout = each[each["metric"] == standings.metric].set_index(["model", "step"])["score"]
    moved: dict[str, dict[str, str]] = {"worse": {}, "better": {}}
    judged = 0
    for entry in standings.cell.entries:
        earlier = {step: s[standings.metric] for step, s in entry.validation.items() if standings.metric in s}
        if not earlier:
            continue
        judged += 1
        # Only origins with a validation period are set beside it. Both scores are as uncertain as the holdout's.
        before, now = float(np.mean(list(earlier.values()))), float(holdout[entry.label].loc[list(earlier)].mean())
        own = of.loc[entry.label]
        below, above = np.sqrt(2.0) * (own["score"] - own["lower"]), np.sqrt(2.0) * (own["upper"] - own["score"])
        outside = now - before > below + ROUNDING or before - now > above + ROUNDING
        if outside and abs(now - before) > DRIFT + ROUNDING:
            moved["worse" if now < before else "better"][entry.label] = (
                f"{how.form.format(before)} to {how.form.format(now)}"
            )
    found = []
    for way, models in moved.items():
        if len(models) > max(1, judged / 2):
            named = join_names([f"{model} ({scores})" for model, scores in models.items()])
            said = f"the log changed: from validation to holdout {len(models)} of {judged} models got {way} on"
            found.append(Finding(5, None, f"{said} {how.heading}, beyond chance: {named}"))
        else:
            said = f"is {way} on the holdout than on validation, beyond chance: {how.heading}"
            found += [Finding(5, model, f"{model} {said} {scores}") for model, scores in models.items()]
    return found


def overlapping(standings: Standings) -> list[Finding]:
    """M6: models that learned from the period they are judged on."""
    overlaps = {e.label: -min(e.label_margin_days.values(), default=0.0) for e in standings.cell.entries}
    if standings.cell.protocol == "customer_split":
        learned = join_names([model for model, days in overlaps.items() if days > 0]) or "models that need labels"
        said = f"customers were split at random: {learned} learned from the very period that is judged"
        return [Finding(6, None, f"{said}, so that these scores, of the first split, say nothing about the future")]
    return [
        Finding(6, model, f"the last label that {model} learned from ends {days:.0f} day(s) inside the holdout")
        for model, days in overlaps.items()
        if days > 0
    ]


def few_buyers(standings: Standings) -> list[Finding]:
    """M7: scores, or captured shares, that hang on a handful of buyers; a constant prediction singles nobody out."""
    cell, found = standings.cell, []
    fewest: dict[float, dict[str, float]] = {0.1: {}, 0.2: {}}
    for panel, holdout in zip(cell.origins, cell.holdouts, strict=True):
        buyers = int(panel.bought.sum())
        if buyers < BUYERS:
            found.append(Finding(7, None, f"every score of {holdout} rests on {buyers} buyer(s), fewer than {BUYERS}"))
            continue
        for i, model in enumerate(cell.labels):
            for share, least in fewest.items():
                inside = top_share(panel.bought, panel.y_pred[:, i], share) * buyers
                if np.ptp(panel.y_pred[:, i]) > 0 and inside < BUYERS - ROUNDING:
                    least[model] = min(inside, least.get(model, np.inf))
    for share, models in fewest.items():
        if models:
            named = ", ".join(f"{model} {int(inside + ROUNDING)}" for model, inside in models.items())
            said = f"the spend captured by the top {share:.0%} rests on fewer than {BUYERS} buyers"
            found.append(Finding(7, None, f"{said}: {named}"))
    return found


def mixed_code(standings: Standings) -> list[Finding]:
    """M8: runs that were not all made by one recorded state of the code."""
    versions: dict[str, list[str]] = {}
    for entry in standings.cell.entries:
        versions.setdefault(entry.code_version, []).append(entry.label)
    of = {version: "all" if len(versions) == 1 else ", ".join(models) for version, models in versions.items()}
    found = []
    if len(versions) > 1:
        found.append(f"the runs were made by {len(versions)} versions of the code ({_by_version(of)})")
    unclean = {version: models for version, models in of.items() if not CLEAN.fullmatch(version)}
    if unclean:
        found.append(f"runs whose code is no commit, so that nobody can make them again ({_by_version(unclean)})")
    return [Finding(8, None, sentence) for sentence in found]


CHECKS = (
    Check(
        1,
        "Worse than a baseline",
        "Does any rule of thumb beat the model on D2, Gini, Spearman, RMSE or MAE?",
        worse_than_a_baseline,
    ),
    Check(2, "Biased", f"Is the forecast total more than {BIAS:.0%} above or below what was spent?", biased),
    Check(
        3,
        "Hangs on a handful of customers",
        f"Do the {HANDFUL} highest predictions (1 % of customers where that is fewer) hold more than {HELD:.0%} of the "
        f"forecast and more than {TIMES:g} times what as many biggest spenders held?",
        concentrated,
    ),
    Check(
        4,
        "At the edge of the search",
        "Where a range was searched, does the choice lie at its end?",
        at_edge,
    ),
    Check(
        5,
        "Drift since validation",
        f"Do validation and holdout score differ by more than {DRIFT:g}, and by more than chance?",
        drifted,
    ),
    Check(6, "Labels from the holdout", "Did a model learn from spend in the period it is judged on?", overlapping),
    Check(
        7,
        "Few buyers",
        f"Does a score, or the spend captured by a model's top 10 % or 20 %, rest on fewer than {BUYERS} buyers?",
        few_buyers,
    ),
    Check(
        8, "Mixed code", "Were runs made by different versions of the code, or with uncommitted changes?", mixed_code
    ),
)


def _held(spend: Floats, few: int) -> float:
    """Return the share of all spend that the ``few`` highest hold; nan where there is none."""
    total = spend.sum()
    return float(np.sort(spend)[-few:].sum() / total) if total > 0 else float("nan")


def _beyond_chance(standings: Standings, metric: str, better: str, worse: str) -> bool:
    """Say whether a difference is beyond its simultaneous interval."""
    one, other = (standings.cell.labels.index(name) for name in (better, worse))
    gap = standings.oriented_scores[metric][one] - standings.oriented_scores[metric][other]
    return bool(gap > standings.half_widths[metric][one, other])


def _by_version(models: dict[str, str]) -> str:
    return "; ".join(f"{version or 'unknown'}: {named}" for version, named in models.items())
