"""A table as a terminal prints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextTable:
    """Headings, rows of written cells and, below them, a caption."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str | None = None

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[str]]) -> TextTable:
        """Make a table from its columns by heading."""
        return cls(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])
