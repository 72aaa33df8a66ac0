"""Records that are files: how a table, a picture or a text is written to disk."""

from __future__ import annotations

from pathlib import Path

from clv_experiments.evaluation.records import Picture, Table, Text
from clv_experiments.exports import write_csv


def write_record(record: Table | Picture | Text, path: Path) -> None:
    """Write one record in the format of its name, into a folder that is made where it is missing.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(record, Text):
        path.write_text(record.text, encoding="utf-8")
    elif isinstance(record, Picture):
        record.figure.savefig(path)
    elif record.format == "parquet":
        record.frame.to_parquet(path, index=False)
    else:
        write_csv(record.frame, path)
