"""What the benchmarks beside other tools share: where tools are, and a page with its table and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.config.conf_folders import packaged_conf_folder
from clv_experiments.errors import ClvError
from clv_experiments.reporting.record_files import write_record
from clv_experiments.reporting.records import FigureRecord, Table, Text

EXAMPLES = packaged_conf_folder().parent / "examples"


def write_page(folder: str, records: Sequence[Text | Table | FigureRecord], terminal: Terminal) -> None:
    """Write a page, which is the first record, and what belongs to it.

    Raises
    ------
    ClvError
        If they cannot be written.
    """
    try:
        for record in records:
            write_record(record, Path(folder, record.name))
    except OSError as error:
        raise ClvError(f"the benchmark cannot be written to {folder}: {error}; type --output <a folder>") from error
    terminal.print_line(f"written to {Path(folder, records[0].name)}")
