"""What a check is, and the three outcomes that it may have on a board: findings, none, or that it does not apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from clv_experiments.comparison.standings import Standings
from clv_experiments.errors import ClvError


@dataclass(frozen=True)
class Finding:
    """One thing that a check reports.

    Attributes
    ----------
    sentence : str
        Plain text without its full stop.
    model : str or None
        Label of the model that it is about; None where it is about the whole cell.
    kind : str
        Which of the check's findings it is; empty where there is one kind.
    values : mapping of name to value
        The numbers and names of the sentence, for programs.
    """

    sentence: str
    model: str | None = None
    kind: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NotApplicable:
    """What a check returns where its question means nothing of a board.

    Attributes
    ----------
    reason : str
        Plain text without its full stop.
    """

    reason: str


class Check(Protocol):
    """A question to a board: any object with these attributes is a check.

    Attributes
    ----------
    code : str
        Short and unique, such as ``M1``; those of this package begin with M.
    title : str
        The fault in a few words.
    question : str
        What is asked, with its thresholds.
    """

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def question(self) -> str: ...  # noqa: D102

    def find(self, standings: Standings) -> Iterable[Finding] | NotApplicable:
        """Answer the question: findings, none of them for a sound board, or why it does not apply."""
        ...


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check on one board.

    Attributes
    ----------
    check : Check
    findings : sequence of Finding
    not_applicable : str or None
        The reason.
    """

    check: Check
    findings: Sequence[Finding] = ()
    not_applicable: str | None = None

    @property
    def outcome(self) -> str:
        """``found``, ``nothing found`` or ``not applicable``."""
        if self.not_applicable is not None:
            return "not applicable"
        return "found" if self.findings else "nothing found"


def run_checks(standings: Standings, checks: Sequence[Check]) -> list[CheckResult]:
    """Ask each check of a board, in their order.

    Raises
    ------
    ClvError
        If a check fails, or returns something else than findings.
    """
    return [_run_check(standings, check) for check in checks]


def _run_check(standings: Standings, check: Check) -> CheckResult:
    try:
        answer = check.find(standings)
        if isinstance(answer, NotApplicable):
            return CheckResult(check, not_applicable=answer.reason)
        findings = tuple(answer)
    except Exception as error:
        message = " ".join(str(error).split())[:200]
        raise ClvError(f"check {check.code} ({check.title}) failed: {type(error).__name__}: {message}") from error
    for finding in findings:
        if not isinstance(finding, Finding):
            raise ClvError(
                f"check {check.code} ({check.title}) must return Finding objects or one NotApplicable, got "
                f"{type(finding).__name__}"
            )
    return CheckResult(check, findings)
