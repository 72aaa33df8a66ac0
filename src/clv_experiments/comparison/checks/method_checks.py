"""The numbered checks of this package: functions with their thresholds, and templates that say what they found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from clv_experiments.comparison.bootstrap import METRICS
from clv_experiments.comparison.checks.protocol import Check, Finding, NotApplicable
from clv_experiments.comparison.standings import Standings
from clv_experiments.evaluation.array_checks import Floats
from clv_experiments.evaluation.metrics import top_share
from clv_experiments.evaluation.score_records import BASELINE_WARNING_METRICS
from clv_experiments.reporting.prose import render_paragraphs

TEMPLATE = "leaderboard/checks.jinja"
TOLERANCE = 1e-9  # a value on a threshold is not beyond it, however its sum was rounded
MAX_BIAS = 0.20  # share of the actual total
HANDFUL = 10  # customers, or a hundredth of them where that is fewer
MAX_SHARE = 0.25  # share of the predicted total
MAX_RATIO = 2.0  # to the share of as many biggest spenders
MAX_DRIFT = 0.05
ERROR_METRICS = ("rmse", "mae")  # in the currency of the log, lower is better
MIN_BUYERS = 30
COMMIT = re.compile(r"[^+]+\+[0-9a-f]{7,40}")


@dataclass(frozen=True)
class ModelScore:
    """One model with one of its scores."""

    model: str
    score: float


@dataclass(frozen=True)
class ScoreDeficit:
    """A model's score on one metric, the baselines that score higher, best first, and those beyond chance."""

    heading: str
    number_format: str
    score: float
    baselines: tuple[ModelScore, ...]
    beyond_chance: tuple[str, ...]


@dataclass(frozen=True)
class ScoreDrift:
    """A model's score on validation and on the holdout."""

    model: str
    before: float
    after: float


def create_finding(kind: str, model: str | None, values: Mapping[str, Any]) -> Finding:
    """Make a finding whose sentence is the macro of its kind in ``templates/leaderboard/checks.jinja``."""
    subject = {} if model is None else {"model": model}
    return Finding(" ".join(render_paragraphs(TEMPLATE, kind, **subject, **values)), model, kind, values)


def find_models_worse_than_baseline(standings: Standings) -> list[Finding] | NotApplicable:
    """M1: models that a baseline beats; where all are beaten on a metric, one finding says so."""
    families = set(standings.cell.families.values())
    if "baseline" not in families or families == {"baseline"}:
        return NotApplicable(
            "there is no model besides the baselines" if "baseline" in families else "there is no baseline on the board"
        )
    fitted_models = [model for model in standings.ranking if standings.cell.families[model] != "baseline"]
    losses: dict[str, list[ScoreDeficit]] = {model: [] for model in fitted_models}
    result = []
    for metric in (metric for metric in BASELINE_WARNING_METRICS if metric in standings.oriented_scores):
        by_model = {
            model: loss for model in fitted_models if (loss := _compare_with_better_baselines(standings, metric, model))
        }
        if len(by_model) == len(fitted_models) > 1:
            score = standings.rows(metric)["score"]
            best = max(fitted_models, key=lambda model: score[model])
            result.append(create_finding("all_beaten", None, {"best": best, "loss": by_model[best]}))
        else:
            for model, loss in by_model.items():
                losses[model].append(loss)
    result += [create_finding("beaten", model, {"losses": losses[model]}) for model in fitted_models if losses[model]]
    return result + _find_baselines_with_smaller_errors(standings, fitted_models)


def _find_baselines_with_smaller_errors(standings: Standings, fitted_models: list[str]) -> list[Finding]:
    """Find the baseline of the smallest error and whom it beats, once an error: zeros often wins MAE and is useless."""
    result = []
    for metric in ERROR_METRICS:
        score, spec = standings.rows(metric)["score"], METRICS[metric]
        baselines = [name for name in score.index if standings.cell.families[name] == "baseline"]
        worse = [model for model in fitted_models if baselines and score[model] > score[baselines[0]]]
        if worse:
            best = ModelScore(baselines[0], score[baselines[0]])
            values = {"heading": spec.heading, "form": spec.number_format, "baseline": best, "behind": worse}
            result.append(create_finding("smaller_error", None, values))
    return result


def _compare_with_better_baselines(standings: Standings, metric: str, model: str) -> ScoreDeficit | None:
    score, oriented, spec = standings.rows(metric)["score"], standings.oriented_scores[metric], METRICS[metric]
    labels, families = standings.cell.labels, standings.cell.families
    position = labels.index(model)
    gaps = pd.Series(oriented - oriented[position], labels)
    half_widths = pd.Series(standings.half_widths[metric][position], labels)
    better = [name for name in score.index if families[name] == "baseline" and gaps[name] > 0]
    if not better:
        return None
    better_scores = tuple(ModelScore(name, score[name]) for name in better)
    significant = tuple(name for name in better if gaps[name] > half_widths[name])
    return ScoreDeficit(spec.heading, spec.number_format, score[model], better_scores, significant)


def find_biased_models(standings: Standings) -> list[Finding] | NotApplicable:
    """M2: totals forecast far too high or too low; baselines, of which little else is expected, share one finding."""
    means, steps = standings.rows("aggregate_bias")["score"], standings.by_origin
    if means.isna().all():
        return NotApplicable("the actual total is not above 0")
    steps = steps[(steps["metric"] == "aggregate_bias") & (steps["score"].abs() > MAX_BIAS + TOLERANCE)]
    result, baselines = [], []
    for model, family in standings.cell.families.items():
        bias, model_steps = means[model], steps[steps["model"] == model]
        exceeds_limit = abs(bias) > MAX_BIAS + TOLERANCE
        if family == "baseline":
            baselines += [ModelScore(model, bias)] if exceeds_limit else []
        elif exceeds_limit:
            values = {"bias": bias, "origins": len(standings.cell.holdouts)}
            result.append(create_finding("biased", model, values))
        elif len(model_steps):
            by_holdout = dict(zip(model_steps["holdout"], model_steps["score"], strict=True))
            result.append(create_finding("biased_origins", model, {"bias": bias, "by_holdout": by_holdout}))
    if baselines:
        result.append(create_finding("biased_baselines", None, {"limit": MAX_BIAS, "baselines": baselines}))
    return result


def find_concentrated_forecasts(standings: Standings) -> list[Finding] | NotApplicable:
    """M3: forecasts in which a handful of customers holds far more than any handful actually did."""
    if standings.cell.has_losses:
        return NotApplicable("losses cancel spend in a total, so that shares of it mean nothing")
    cell, result = standings.cell, []
    for i, model in enumerate(cell.labels):
        worst: dict[str, Any] = {"share": MAX_SHARE}
        for origin in cell.origins:
            count = min(HANDFUL, max(1, origin.n_customers // 100))
            share, actual = _share_of_largest(origin.y_pred[:, i], count), _share_of_largest(origin.y_true, count)
            if share > worst["share"] + TOLERANCE and share > MAX_RATIO * actual + TOLERANCE:
                worst = {"share": share, "actual_share": actual, "holdout": origin.holdout, "customers": count}
        if "holdout" in worst:
            result.append(create_finding("concentrated", model, worst))
    return result


def _share_of_largest(spend: Floats, count: int) -> float:
    """Return the share of the total held by the ``count`` largest; nan where the total is zero."""
    total = spend.sum()
    return float(np.sort(spend)[-count:].sum() / total) if total > 0 else float("nan")


def find_settings_at_edge(standings: Standings) -> list[Finding]:
    """M4: settings chosen at the end of what was searched, where better ones may lie beyond."""
    return [
        create_finding("at_edge", entry.label, {"settings": entry.at_edge})
        for entry in standings.cell.entries
        if entry.at_edge
    ]


def find_drift_since_validation(standings: Standings) -> list[Finding] | NotApplicable:
    """M5: scores that moved between validation and holdout; where most moved one way, the log did: one finding."""
    spec, rows, steps = METRICS[standings.metric], standings.rows(), standings.by_origin
    holdout = steps[steps["metric"] == standings.metric].set_index(["model", "step"])["score"]
    drifts: dict[str, list[ScoreDrift]] = {"worse": [], "better": []}
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
            drifts["worse" if after < before else "better"].append(ScoreDrift(entry.label, before, after))
    if not models:
        return NotApplicable("no run was scored on a validation period")
    result = []
    for direction, direction_drifts in drifts.items():
        values = {"direction": direction, "heading": spec.heading, "form": spec.number_format}
        if len(direction_drifts) > max(1, models / 2):
            result.append(create_finding("log_drifted", None, {**values, "drifts": direction_drifts, "models": models}))
        else:
            result += [create_finding("drifted", drift.model, {**values, "drift": drift}) for drift in direction_drifts]
    return result


def find_models_trained_on_holdout(standings: Standings) -> list[Finding] | NotApplicable:
    """M6: models that learned from the period they are evaluated on."""
    overlaps = {e.label: -min(e.label_margin_days.values(), default=0.0) for e in standings.cell.entries}
    if standings.cell.protocol == "customer_split":
        return [create_finding("customer_split", None, {"models": [m for m, days in overlaps.items() if days > 0]})]
    if not any(entry.label_margin_days for entry in standings.cell.entries):
        return NotApplicable("no model on the board learned from labels here")
    return [create_finding("overlapping", model, {"days": days}) for model, days in overlaps.items() if days > 0]


def find_scores_of_few_buyers(standings: Standings) -> list[Finding]:
    """M7: scores, or captured shares, that rest on a handful of buyers; a constant prediction has no top customers."""
    cell, result = standings.cell, []
    fewest_buyers: dict[float, dict[str, float]] = {} if cell.has_losses else {0.1: {}, 0.2: {}}
    for origin in cell.origins:
        if origin.n_buyers < MIN_BUYERS:
            values = {"holdout": origin.holdout, "buyers": origin.n_buyers, "limit": MIN_BUYERS}
            result.append(create_finding("few_buyers", None, values))
            continue
        for i, model in enumerate(cell.labels):
            for share, by_model in fewest_buyers.items():
                inside = top_share(origin.bought, origin.y_pred[:, i], share) * origin.n_buyers
                if np.ptp(origin.y_pred[:, i]) > 0 and inside < MIN_BUYERS - TOLERANCE:
                    by_model[model] = min(inside, by_model.get(model, np.inf))
    for share, by_model in fewest_buyers.items():
        if by_model:
            counts = {model: int(inside + TOLERANCE) for model, inside in by_model.items()}
            values = {"share": share, "limit": MIN_BUYERS, "buyers": counts}
            result.append(create_finding("few_top_buyers", None, values))
    return result


def find_mixed_or_unrecorded_versions(standings: Standings) -> list[Finding]:
    """M8: runs that were not all made by one recorded state of the code."""
    versions: dict[str, list[str]] = {}
    for entry in standings.cell.entries:
        versions.setdefault(entry.code_version, []).append(entry.label)
    several = len(versions) > 1
    result = [create_finding("mixed_versions", None, {"versions": versions})] if several else []
    unclean = {version: models for version, models in versions.items() if not COMMIT.fullmatch(version)}
    if unclean:
        result.append(create_finding("no_commit", None, {"versions": unclean, "all_models": not several}))
    return result


@dataclass(frozen=True)
class MethodCheck:
    """One numbered check: its thresholds, and the function that answers its question for a board."""

    code: str
    title: str
    find: Callable[[Standings], list[Finding] | NotApplicable]
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """What is asked, with its thresholds."""
        return " ".join(render_paragraphs(TEMPLATE, f"question_{self.code}", **self.thresholds))


CHECKS: tuple[Check, ...] = (
    MethodCheck("M1", "Worse than a baseline", find_models_worse_than_baseline),
    MethodCheck("M2", "Biased", find_biased_models, {"limit": MAX_BIAS}),
    MethodCheck(
        "M3",
        "Hangs on a handful of customers",
        find_concentrated_forecasts,
        {"customers": HANDFUL, "share": MAX_SHARE, "ratio": MAX_RATIO},
    ),
    MethodCheck("M4", "At the edge of the search", find_settings_at_edge),
    MethodCheck("M5", "Drift since validation", find_drift_since_validation, {"limit": MAX_DRIFT}),
    MethodCheck("M6", "Labels from the holdout", find_models_trained_on_holdout),
    MethodCheck("M7", "Few buyers", find_scores_of_few_buyers, {"limit": MIN_BUYERS}),
    MethodCheck("M8", "Mixed code", find_mixed_or_unrecorded_versions),
)
