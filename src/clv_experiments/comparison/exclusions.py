"""Why runs are left out of a leaderboard, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clv_experiments.reporting.prose import render_paragraphs

TEMPLATE = "leaderboard/selection.jinja"

ExclusionKind = Literal[
    "not_finished",
    "foreign",
    "other_settings",
    "failed",
    "older_version",
    "other_cell",
    "superseded",
    "beyond_limit",
    "lost_predictions",
]


@dataclass(frozen=True)
class Exclusion:
    """Why a run is not compared.

    Attributes
    ----------
    kind : str
    detail : str
        The failure of a failed run, the cell of one of another cell, the model of one that lost its predictions.
    replaced : bool
        Whether another run of the model is compared.
    """

    kind: ExclusionKind
    detail: str = ""
    replaced: bool = False

    @property
    def reason(self) -> str:
        """The reason in words."""
        return " ".join(render_paragraphs(TEMPLATE, "reason", self))


def describe_exclusions(impossible: Mapping[str, str], exclusions: Mapping[str, Exclusion]) -> list[str]:
    """Return a sentence for each reason why models cannot be evaluated, and for each reason why runs are left out."""
    models_by_reason: dict[str, list[str]] = {}
    for model, failure in impossible.items():
        models_by_reason.setdefault(failure.split("; ")[0], []).append(model)  # what follows is advice
    runs_by_reason: dict[Exclusion, list[str]] = {}
    for run_id, exclusion in exclusions.items():
        runs_by_reason.setdefault(exclusion, []).append(run_id[:8])
    result = []
    for failure, models in models_by_reason.items():
        result += render_paragraphs(TEMPLATE, "impossible", models, failure)
    for exclusion, runs in runs_by_reason.items():
        result += render_paragraphs(TEMPLATE, "left_out", runs, exclusion.reason)
    return result
