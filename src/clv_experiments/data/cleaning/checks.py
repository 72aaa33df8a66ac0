"""Checks of what the settings of cleaning steps may be."""

from __future__ import annotations

import re

from clv_experiments.errors import ClvError

HARMLESS_PATTERN = r"\\[^1-9]|\[\^?\]?(?:\\.|[^\]\\])*\]"  # escaped characters and sets of characters


def check_choice(value: object, options: tuple[object, ...], setting: str) -> None:
    """Refuse a setting that is none of the options."""
    if value not in options:
        names = ", ".join("null" if option is None else str(option) for option in options)
        raise ClvError(f"data.cleaning.{setting} must be one of {names}, got '{value}'")


def anchor_at_start(pattern: str | None, setting: str) -> str | None:
    """Anchor a regular expression at the start of a text, after a check that every engine can run it."""
    if not pattern:
        return None
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise ClvError(f"data.cleaning.{setting} must be a regular expression, got '{pattern}' ({error})") from error
    if re.search(r"\(\?(?!:)|\\[1-9]", re.sub(HARMLESS_PATTERN, "", str(pattern))):
        raise ClvError(
            f"data.cleaning.{setting} must do without look-around, back-references and flags, which not every engine "
            f"knows (of all that begins with (? only (?: is known), got '{pattern}'"
        )
    return f"^({pattern})"
