"""Checks of the evidence: M4 the edge of a search, M6 labels from the holdout, M7 few buyers, M8 mixed code."""

from __future__ import annotations

import re

import numpy as np

from clv_experiments.comparison.checks.method_check import TOLERANCE, create_finding
from clv_experiments.comparison.checks.protocol import Finding, NotApplicable
from clv_experiments.comparison.standings import Standings
from clv_experiments.evaluation.metrics import top_share

MIN_BUYERS = 30
COMMIT = re.compile(r"[^+]+\+[0-9a-f]{7,40}")


def find_settings_at_edge(standings: Standings) -> list[Finding]:
    """M4: settings chosen at the end of what was searched, where better ones may lie beyond."""
    return [
        create_finding("at_edge", entry.label, {"settings": entry.at_edge})
        for entry in standings.cell.entries
        if entry.at_edge
    ]


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
