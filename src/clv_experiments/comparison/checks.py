"""Numbered checks of a board: faults of method that make its numbers mean less than they seem to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.standings import Standings
from clv_experiments.evaluation.metrics import top_share
from clv_experiments.evaluation.score_records import PRIMARY
from clv_experiments.evaluation.validation import Floats
from clv_experiments.reporting.prose import sentences

TEMPLATE = "leaderboard/checks.jinja"

MAX_BIAS = 0.20  # share of the actual total
HANDFUL = 10  # customers, or a hundredth of them where that is fewer
MAX_SHARE = 0.25  # share of the predicted total
MAX_RATIO = 2.0  # to the share of as many biggest spenders
MAX_DRIFT = 0.05
MIN_BUYERS = 30
ERRORS = ("rmse", "mae")  # in the currency of the log, lower is better
TOLERANCE = 1e-9  # a value on a threshold is not beyond it, however its sum was rounded
COMMIT = re.compile(r"[^+]+\+[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    number : int
        Of the check.
    model : str or None
        Label of the model that it is about; None where it is about the whole cell.
    kind : str
        Which of the check's findings it is; names its sentence in ``templates/leaderboard/checks.jinja``.
    values : mapping of name to value
        The numbers and names of that sentence.
    """

    number: int
    model: str | None
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The finding as a sentence without its full stop."""
        subject = {} if self.model is None else {"model": self.model}
        return " ".join(sentences(TEMPLATE, self.kind, **subject, **self.values))


@dataclass(frozen=True)
class Check:
    """One numbered check: its thresholds, and the function that answers its question for a board."""

    number: int
    title: str
    find: Callable[[Standings], list[Finding]]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    takes_losses: bool = True  # False of shares of a total, in which losses cancel spend

    @property
    def question(self) -> str:
        """What is asked, with its thresholds."""
        return " ".join(sentences(TEMPLATE, f"question_{self.number}", **self.thresholds))


@dataclass(frozen=True)
class ModelScore:
    """One model with one of its scores."""

    model: str
    score: float


@dataclass(frozen=True)
class Loss:
    """A model's score on one metric, the baselines that score higher, best first, and those beyond chance."""

    heading: str
    form: str
    score: float
    baselines: tuple[ModelScore, ...]
    beyond_chance: tuple[str, ...]


@dataclass(frozen=True)
class Drift:
    """A model's score on validation and on the holdout."""

    model: str
    before: float
    after: float


def findings(standings: Standings) -> list[Finding]:
    """Return the findings of all checks, in the order of their numbers; empty for a sound board."""
    return [finding for check in applicable_checks(standings) for finding in check.find(standings)]


def applicable_checks(standings: Standings) -> list[Check]:
    """Return the checks whose questions mean something of the board's log."""
    return [check for check in CHECKS if check.takes_losses or not standings.cell.has_losses]


def worse_than_a_baseline(standings: Standings) -> list[Finding]:
    """M1: models that a baseline beats; where all are beaten on a metric, one finding says so."""
    fitted_models = [model for model in standings.ranking if standings.cell.families[model] != "baseline"]
    losses: dict[str, list[Loss]] = {model: [] for model in fitted_models}
    result = []
    for metric in (metric for metric in PRIMARY if metric in standings.oriented_scores):
        by_model = {model: loss for model in fitted_models if (loss := _loss(standings, metric, model))}
        if len(by_model) == len(fitted_models) > 1:
            score = standings.rows(metric)["score"]
            best = max(fitted_models, key=lambda model: score[model])
            result.append(Finding(1, None, "all_beaten", {"best": best, "loss": by_model[best]}))
        else:
            for model, loss in by_model.items():
                losses[model].append(loss)
    result += [Finding(1, model, "beaten", {"losses": losses[model]}) for model in fitted_models if losses[model]]
    return result + _smaller_errors(standings, fitted_models)


def _smaller_errors(standings: Standings, fitted_models: list[str]) -> list[Finding]:
    """Find the baseline of the smallest error and whom it beats, once an error: zeros often wins MAE and is useless."""
    result = []
    for metric in ERRORS:
        score, how = standings.rows(metric)["score"], METRICS[metric]
        baselines = [name for name in score.index if standings.cell.families[name] == "baseline"]
        behind = [model for model in fitted_models if baselines and score[model] > score[baselines[0]]]
        if behind:
            best = ModelScore(baselines[0], score[baselines[0]])
            values = {"heading": how.heading, "form": how.form, "baseline": best, "behind": behind}
            result.append(Finding(1, None, "smaller_error", values))
    return result


def _loss(standings: Standings, metric: str, model: str) -> Loss | None:
    score, oriented, how = standings.rows(metric)["score"], standings.oriented_scores[metric], METRICS[metric]
    labels, families = standings.cell.labels, standings.cell.families
    baselines = [name for name in score.index if families[name] == "baseline"]
    better = [name for name in baselines if oriented[labels.index(name)] > oriented[labels.index(model)]]
    if not better:
        return None
    beyond = [name for name in better if _beyond_chance(standings, metric, name, model)]
    better_scores = tuple(ModelScore(name, score[name]) for name in better)
    return Loss(how.heading, how.form, score[model], better_scores, tuple(beyond))


def _beyond_chance(standings: Standings, metric: str, better: str, worse: str) -> bool:
    """Whether a difference is beyond its simultaneous interval."""
    i, j = (standings.cell.labels.index(name) for name in (better, worse))
    gap = standings.oriented_scores[metric][i] - standings.oriented_scores[metric][j]
    return bool(gap > standings.half_widths[metric][i, j])


def biased(standings: Standings) -> list[Finding]:
    """M2: totals forecast far too high or too low; baselines, of which little else is expected, share one finding."""
    means, steps = standings.rows("aggregate_bias")["score"], standings.by_origin
    steps = steps[(steps["metric"] == "aggregate_bias") & (steps["score"].abs() > MAX_BIAS + TOLERANCE)]
    result, baselines = [], []
    for model, family in standings.cell.families.items():
        bias, model_steps = means[model], steps[steps["model"] == model]
        beyond = abs(bias) > MAX_BIAS + TOLERANCE
        if family == "baseline":
            baselines += [ModelScore(model, bias)] if beyond else []
        elif beyond:
            values = {"bias": bias, "origins": len(standings.cell.holdouts)}
            result.append(Finding(2, model, "biased", values))
        elif len(model_steps):
            by_holdout = dict(zip(model_steps["holdout"], model_steps["score"], strict=True))
            result.append(Finding(2, model, "biased_origins", {"bias": bias, "by_holdout": by_holdout}))
    if baselines:
        result.append(Finding(2, None, "biased_baselines", {"limit": MAX_BIAS, "baselines": baselines}))
    return result


def concentrated(standings: Standings) -> list[Finding]:
    """M3: forecasts in which a handful of customers holds far more than any handful actually did."""
    cell, result = standings.cell, []
    for i, model in enumerate(cell.labels):
        worst: dict[str, Any] = {"share": MAX_SHARE}
        for origin in cell.origins:
            count = min(HANDFUL, max(1, origin.customers // 100))
            share, actual = _share_of_largest(origin.y_pred[:, i], count), _share_of_largest(origin.y_true, count)
            if share > worst["share"] + TOLERANCE and share > MAX_RATIO * actual + TOLERANCE:
                worst = {"share": share, "actual_share": actual, "holdout": origin.holdout, "customers": count}
        if "holdout" in worst:
            result.append(Finding(3, model, "concentrated", worst))
    return result


def _share_of_largest(spend: Floats, count: int) -> float:
    """Return the share of the total held by the ``count`` largest; nan where the total is zero."""
    total = spend.sum()
    return float(np.sort(spend)[-count:].sum() / total) if total > 0 else float("nan")


def at_edge(standings: Standings) -> list[Finding]:
    """M4: settings chosen at the end of what was searched, where better ones may lie beyond."""
    return [
        Finding(4, entry.label, "at_edge", {"settings": entry.at_edge})
        for entry in standings.cell.entries
        if entry.at_edge
    ]


def drifted(standings: Standings) -> list[Finding]:
    """M5: scores that moved between validation and holdout; where most moved one way, the log did: one finding."""
    how, rows, steps = METRICS[standings.metric], standings.rows(), standings.by_origin
    holdout = steps[steps["metric"] == standings.metric].set_index(["model", "step"])["score"]
    drifts: dict[str, list[Drift]] = {"worse": [], "better": []}
    models = 0
    for entry in standings.cell.entries:
        validation = {step: s[standings.metric] for step, s in entry.validation.items() if standings.metric in s}
        if not validation:
            continue
        models += 1
        # Only origins with a validation period are compared. Both scores are as uncertain as the holdout's.
        before = float(np.mean(list(validation.values())))
        after = float(holdout[entry.label].loc[list(validation)].mean())
        row = rows.loc[entry.label]
        below, above = np.sqrt(2.0) * (row["score"] - row["lower"]), np.sqrt(2.0) * (row["upper"] - row["score"])
        outside = after - before > below + TOLERANCE or before - after > above + TOLERANCE
        if outside and abs(after - before) > MAX_DRIFT + TOLERANCE:
            drifts["worse" if after < before else "better"].append(Drift(entry.label, before, after))
    result = []
    for direction, direction_drifts in drifts.items():
        values = {"direction": direction, "heading": how.heading, "form": how.form}
        if len(direction_drifts) > max(1, models / 2):
            result.append(Finding(5, None, "log_drifted", {**values, "drifts": direction_drifts, "models": models}))
        else:
            result += [Finding(5, drift.model, "drifted", {**values, "drift": drift}) for drift in direction_drifts]
    return result


def overlapping(standings: Standings) -> list[Finding]:
    """M6: models that learned from the period they are evaluated on."""
    overlaps = {e.label: -min(e.label_margin_days.values(), default=0.0) for e in standings.cell.entries}
    if standings.cell.protocol == "customer_split":
        return [Finding(6, None, "customer_split", {"models": [m for m, days in overlaps.items() if days > 0]})]
    return [Finding(6, model, "overlapping", {"days": days}) for model, days in overlaps.items() if days > 0]


def few_buyers(standings: Standings) -> list[Finding]:
    """M7: scores, or captured shares, that rest on a handful of buyers; a constant prediction has no top customers."""
    cell, result = standings.cell, []
    fewest: dict[float, dict[str, float]] = {} if cell.has_losses else {0.1: {}, 0.2: {}}
    for origin in cell.origins:
        if origin.buyers < MIN_BUYERS:
            values = {"holdout": origin.holdout, "buyers": origin.buyers, "limit": MIN_BUYERS}
            result.append(Finding(7, None, "few_buyers", values))
            continue
        for i, model in enumerate(cell.labels):
            for share, least in fewest.items():
                inside = top_share(origin.bought, origin.y_pred[:, i], share) * origin.buyers
                if np.ptp(origin.y_pred[:, i]) > 0 and inside < MIN_BUYERS - TOLERANCE:
                    least[model] = min(inside, least.get(model, np.inf))
    for share, least in fewest.items():
        if least:
            counts = {model: int(inside + TOLERANCE) for model, inside in least.items()}
            values = {"share": share, "limit": MIN_BUYERS, "buyers": counts}
            result.append(Finding(7, None, "few_top_buyers", values))
    return result


def mixed_code(standings: Standings) -> list[Finding]:
    """M8: runs that were not all made by one recorded state of the code."""
    versions: dict[str, list[str]] = {}
    for entry in standings.cell.entries:
        versions.setdefault(entry.code_version, []).append(entry.label)
    several = len(versions) > 1
    result = [Finding(8, None, "mixed_versions", {"versions": versions})] if several else []
    unclean = {version: models for version, models in versions.items() if not COMMIT.fullmatch(version)}
    if unclean:
        result.append(Finding(8, None, "no_commit", {"versions": unclean, "all_models": not several}))
    return result


CHECKS = (
    Check(1, "Worse than a baseline", worse_than_a_baseline),
    Check(2, "Biased", biased, {"limit": MAX_BIAS}),
    Check(
        3,
        "Hangs on a handful of customers",
        concentrated,
        {"customers": HANDFUL, "share": MAX_SHARE, "ratio": MAX_RATIO},
        takes_losses=False,
    ),
    Check(4, "At the edge of the search", at_edge),
    Check(5, "Drift since validation", drifted, {"limit": MAX_DRIFT}),
    Check(6, "Labels from the holdout", overlapping),
    Check(7, "Few buyers", few_buyers, {"limit": MIN_BUYERS}),
    Check(8, "Mixed code", mixed_code),
)
