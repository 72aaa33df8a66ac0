"""A table as a terminal prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextTable:
    """Headings, rows of written cells and, below them, a caption."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str | None = None
