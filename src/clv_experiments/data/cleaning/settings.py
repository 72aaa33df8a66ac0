"""Checks of what the user typed under ``data.cleaning``, each named as it was typed."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from clv_experiments.errors import ClvError

HARMLESS = r"\\[^1-9]|\[\^?\]?(?:\\.|[^\]\\])*\]"  # escaped characters and sets of characters


def one_of(value: object, known: tuple[object, ...], setting: str) -> None:
    """Raise ClvError unless the value is one of those known."""
    if value not in known:
        either = ", ".join("null" if option is None else str(option) for option in known)
        raise ClvError(f"data.cleaning.{setting} must be one of {either}, got '{value}'")


def beginning(pattern: str | None, setting: str) -> str | None:
    """Tie a regular expression, if there is any, to where a text begins, or raise ClvError if some engine lacks it."""
    if not pattern:
        return None
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise ClvError(f"data.cleaning.{setting} must be a regular expression, got '{pattern}' ({error})") from error
    if re.search(r"\(\?(?!:)|\\[1-9]", re.sub(HARMLESS, "", str(pattern))):
        raise ClvError(
            f"data.cleaning.{setting} must do without look-around, back-references and flags, which not every engine "
            f"knows (of all that begins with (? only (?: is known), got '{pattern}'"
        )
    return f"^({pattern})"


def day(text: str, setting: str) -> date:
    """Read a day, or raise ClvError."""
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise ClvError(f"data.cleaning.{setting} must be a day like 2010-12-01, got '{text}'") from error


def positive(number: float, setting: str) -> Decimal:
    """Read a positive number exactly as typed, or raise ClvError."""
    try:
        exact = Decimal(str(number))
    except InvalidOperation:
        exact = Decimal("nan")
    if not exact.is_finite() or exact <= 0:
        raise ClvError(f"data.cleaning.{setting} must be a positive number, got '{number}'")
    return exact
