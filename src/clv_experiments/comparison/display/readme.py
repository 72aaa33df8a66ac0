"""The generated part of a README: a leaderboard between two marks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from clv_experiments.errors import ClvError
from clv_experiments.reporting.record_files import write_record
from clv_experiments.reporting.records import FigureRecord, Record, Text

BEGIN, END = "<!-- leaderboard: begin, written by scripts/leaderboard.py -->", "<!-- leaderboard: end -->"
FIGURE = "docs/leaderboard.png"


def write_readme(readme: str, records: Sequence[Record]) -> None:
    """Put a leaderboard between the marks of a Markdown file, and its first figure beside the file.

    Raises
    ------
    ClvError
        If the file does not exist, has no marks or cannot be written; it is then unchanged.
    """
    path, (before, after) = Path(readme), check_readme(readme)
    markdown = next(record.text for record in records if isinstance(record, Text) and record.name.endswith(".md"))
    markdown = re.sub(r"^#", "##", markdown, flags=re.MULTILINE)  # the file has headings of its own
    figure = next(record for record in records if isinstance(record, FigureRecord))
    alternative = Path(figure.name).stem.replace("_", " ")
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write_record(figure, path.parent / FIGURE)
        part.write_text(f"{before}{BEGIN}\n{markdown}\n![{alternative}]({FIGURE})\n\n{END}{after}", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ClvError(f"the leaderboard cannot be written into '{readme}' (readme): {error}") from error


def check_readme(readme: str) -> tuple[str, str]:
    """Return the text before and after the marks in a Markdown file.

    Raises
    ------
    ClvError
        If the file does not exist or has no marks.
    """
    try:
        text = Path(readme).read_text(encoding="utf-8")
    except OSError as error:
        raise ClvError(f"there is no '{readme}' to write the leaderboard into (readme): {error.strerror}") from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ClvError(f"'{readme}' has no place for the leaderboard: write the lines '{BEGIN}' and '{END}' into it")
    return before, after
