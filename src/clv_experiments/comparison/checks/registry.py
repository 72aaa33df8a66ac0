"""The checks of a board: those numbered here, those of installed packages, and a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import Any

from clv_experiments.comparison.checks.method_checks import CHECKS
from clv_experiments.comparison.checks.protocol import Check
from clv_experiments.errors import ClvError

ENTRY_POINTS = "clv_experiments.checks"


def all_checks(user_checks: Sequence[Any] = ()) -> tuple[Check, ...]:
    """List the checks of a board: those of this package, of installed packages, and a user's own.

    Parameters
    ----------
    user_checks : sequence of Check

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
