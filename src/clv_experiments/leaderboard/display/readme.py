"""The part of a README that no hand writes: a leaderboard between its marks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from clv_experiments.errors import ClvError
from clv_experiments.reporting.record_files import write_record
from clv_experiments.reporting.records import FigureRecord, Record, Text

BEGIN, END = "<!-- leaderboard: begin, written by scripts/leaderboard.py -->", "<!-- leaderboard: end -->"
PICTURE = "docs/leaderboard.png"


def write_readme(readme: str, records: Sequence[Record]) -> None:
    """Put a leaderboard's words between the marks of a Markdown file, and its first picture beside it.

    Raises
    ------
    ClvError
        If the file is not there, has no marks or cannot be written; it is left as it was then.
    """
    path, (before, after) = Path(readme), check_readme(readme)
    words = next(record.text for record in records if isinstance(record, Text) and record.name.endswith(".md"))
    words = re.sub(r"^#", "##", words, flags=re.MULTILINE)  # a part of a page that has headings of its own
    picture = next(record for record in records if isinstance(record, FigureRecord))
    shows = Path(picture.name).stem.replace("_", " ")
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write_record(picture, path.parent / PICTURE)
        part.write_text(f"{before}{BEGIN}\n{words}\n![{shows}]({PICTURE})\n\n{END}{after}", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ClvError(f"the leaderboard cannot be written into '{readme}' (readme): {error}") from error


def check_readme(readme: str) -> tuple[str, str]:
    """Return what stands before and after the place of the leaderboard in a Markdown file.

    Raises
    ------
    ClvError
        If the file is not there or has no marks.
    """
    try:
        text = Path(readme).read_text(encoding="utf-8")
    except OSError as error:
        raise ClvError(f"there is no '{readme}' to write the leaderboard into (readme): {error.strerror}") from error
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ClvError(f"'{readme}' has no place for the leaderboard: write the lines '{BEGIN}' and '{END}' into it")
    return before, after
