"""Checks of method: what makes the numbers of a board mean less than they seem to."""

from clv_experiments.comparison.checks.protocol import Check, CheckResult, Finding, NotApplicable

__all__ = ["Check", "CheckResult", "Finding", "NotApplicable"]
