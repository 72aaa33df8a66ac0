"""The generated part of a Markdown file, such as docs/results.md: a leaderboard between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clv_experiments.errors import ClvError
from clv_experiments.reporting.disk_errors import describe_full_disk, is_disk_full
from clv_experiments.reporting.record_files import write_atomically, write_record
from clv_experiments.reporting.records import FigureRecord, Record, Text

BEGIN, END = "<!-- leaderboard: begin, written by scripts/leaderboard.py -->", "<!-- leaderboard: end -->"
FIGURE = "leaderboard.png"


def update_markdown_file(file: str, records: Sequence[Record]) -> None:
    """Put a leaderboard between the marks of a Markdown file, and its first figure beside the file.

    Raises
    ------
    ClvError
        If the file does not exist, has no marks or cannot be written; it is then unchanged.
    """
    path, (before, after) = Path(file), split_at_leaderboard_marks(file)
    markdown = next(record.text for record in records if isinstance(record, Text) and record.name.endswith(".md"))
    figure = next(record for record in records if isinstance(record, FigureRecord))
    alternative = Path(figure.name).stem.replace("_", " ")
    try:
        with write_atomically(path.parent / FIGURE) as part:
            write_record(figure, part)
        with write_atomically(path) as part:
            part.write_text(
                f"{before}{BEGIN}\n{markdown}\n![{alternative}]({FIGURE})\n\n{END}{after}", encoding="utf-8"
            )
    except OSError as error:
        reason = describe_full_disk(error, path) if is_disk_full(error) else str(error)
        raise ClvError(f"the leaderboard cannot be written into '{file}' (markdown): {reason}") from error


def split_at_leaderboard_marks(file: str) -> tuple[str, str]:
    """Return the text before and after the marks in a Markdown file.

    Raises
    ------
    ClvError
        If the file does not exist or has no marks.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise ClvError(f"there is no '{file}' to write the leaderboard into (markdown): {error.strerror}") from error
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ClvError(f"'{file}' has no place for the leaderboard: write the lines '{BEGIN}' and '{END}' into it")
    return before, after
