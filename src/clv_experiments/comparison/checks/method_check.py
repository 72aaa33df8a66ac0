"""A numbered check of this package: a function, its thresholds, and a template that says what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clv_experiments.comparison.checks.protocol import Finding, NotApplicable
from clv_experiments.comparison.standings import Standings
from clv_experiments.reporting.prose import render_paragraphs

TEMPLATE = "leaderboard/checks.jinja"
TOLERANCE = 1e-9  # a value on a threshold is not beyond it, however its sum was rounded


@dataclass(frozen=True)
class MethodCheck:
    """One numbered check: its thresholds, and the function that answers its question for a board."""

    code: str
    title: str
    find_issues: Callable[[Standings], list[Finding] | NotApplicable]
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """What is asked, with its thresholds."""
        return " ".join(render_paragraphs(TEMPLATE, f"question_{self.code}", **self.thresholds))

    def find(self, standings: Standings) -> list[Finding] | NotApplicable:
        """Answer the question for a board."""
        return self.find_issues(standings)


def create_finding(kind: str, model: str | None, values: Mapping[str, Any]) -> Finding:
    """Make a finding whose sentence is the macro of its kind in ``templates/leaderboard/checks.jinja``."""
    subject = {} if model is None else {"model": model}
    return Finding(" ".join(render_paragraphs(TEMPLATE, kind, **subject, **values)), model, kind, values)
