"""The checks of a board: those numbered here, those of installed packages, and a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import Any

from clv_experiments.comparison.checks.evidence import (
    MIN_BUYERS,
    find_mixed_or_unrecorded_versions,
    find_models_trained_on_holdout,
    find_scores_of_few_buyers,
    find_settings_at_edge,
)
from clv_experiments.comparison.checks.method_check import MethodCheck
from clv_experiments.comparison.checks.protocol import Check
from clv_experiments.comparison.checks.scores import (
    HANDFUL,
    MAX_BIAS,
    MAX_DRIFT,
    MAX_RATIO,
    MAX_SHARE,
    find_biased_models,
    find_concentrated_forecasts,
    find_drift_since_validation,
    find_models_worse_than_baseline,
)
from clv_experiments.errors import ClvError

ENTRY_POINTS = "clv_experiments.checks"

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


def all_checks(user_checks: Sequence[Any] = ()) -> tuple[Check, ...]:
    """List the checks of a board: those of this package, of installed packages, and a user's own.

    Parameters
    ----------
    own : sequence of Check

    Raises
    ------
    ClvError
        If one is no check, or two have the same code.
    """
    by_code = {check.code: check for check in CHECKS}
    named_checks = [(check, getattr(check, "__name__", type(check).__name__)) for check in user_checks]
    for check, source in [*_load_installed_checks(), *named_checks]:
        _validate_check(check, source)
        if check.code in by_code:
            raise ClvError(f"two checks have the code {check.code}, one of them {source}; give it another")
        by_code[check.code] = check
    return tuple(by_code.values())


def _load_installed_checks() -> Iterator[tuple[Any, str]]:
    """Load the checks that installed packages declare, by name; each with where it comes from."""
    for entry_point in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry_point: entry_point.name):
        source = f"entry point {entry_point.name} = {entry_point.value}"
        try:
            loaded = entry_point.load()
            yield (loaded() if isinstance(loaded, type) else loaded), source
        except Exception as error:
            raise ClvError(f"a check of an installed package cannot be loaded ({source}): {error}") from error


def _validate_check(check: Any, source: str) -> None:
    """Refuse what lacks a part of the protocol, or says nothing in it."""
    texts = ("code", "title", "question")
    lacking = [name for name in texts if not (isinstance(text := getattr(check, name, None), str) and text.strip())]
    if not callable(getattr(check, "find", None)) or isinstance(check, type):
        lacking.append("find(standings)")
    if lacking:
        raise ClvError(
            f"{source} is no check, which has code, title, question and find(standings): it lacks {', '.join(lacking)}"
        )
