"""What a person sees while an experiment runs and when it is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from clv_experiments.data.log import TransactionLog
from clv_experiments.evaluation.score_records import BaselineComparison, format_headline_scores
from clv_experiments.reporting.plain_text import strip_control_characters
from clv_experiments.reporting.text_table import TextTable

FILE_WIDTH = 160  # columns of output that goes to a file or a pipe
WORDS = {"model", "family", "parameter"}  # columns that are read from the left
MAX_NOTE_LINES = 20  # lines in a file that a bar leaves because its note changed, besides those for every tenth
RESERVED_WIDTH = 36  # columns of a bar that are neither its name, its count nor its note
SPEED_PERIOD = 3600.0  # seconds whose progress tells how long the rest will take


class Terminal:
    """Shows the step under way, and remembers how long each took.

    Parameters
    ----------
    quiet : bool
        Say nothing.

    Attributes
    ----------
    timings : dict
        Wall time by step, in the order the steps were first entered.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(highlight=False, markup=False, emoji=False, quiet=quiet)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = FILE_WIDTH
        self.timings: dict[str, float] = {}
        self.started = perf_counter()

    def print_line(self, line: str) -> None:
        """Print one line."""
        self.console.print(strip_control_characters(line), soft_wrap=True)

    @contextmanager
    def show_step(self, title: str, part: str) -> Iterator[Callable[[int, int], None]]:
        """Show ``title`` while the block runs; add its time to ``part``.

        Yields
        ------
        callable
            Takes (done, total) and shows how far a long loop is.
        """
        started = perf_counter()
        if not self.console.is_terminal:
            self.print_line(title)
        with self.console.status(Text(title)) as status:
            yield lambda done, total: status.update(Text(f"{title}: {done} of {total}"))
        self.add_timings({part: perf_counter() - started})

    @contextmanager
    def show_progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """Show each step that is announced while the block runs.

        Yields
        ------
        callable
            Takes (title, done, total); a total of 0 means that nothing is counted.
        """
        announced = ""
        with self.console.status("") as status:

            def update(title: str, done: int, total: int) -> None:
                nonlocal announced
                if title != announced and not self.console.is_terminal:
                    self.print_line(title)
                announced = title
                status.update(Text(f"{title}: {done} of {total}" if total else title))

            yield update

    @contextmanager
    def show_bar(self, title: str) -> Iterator[Callable[[int, int | None, str], None]]:
        """Show how far a long search is while the block runs, and at the end leave a line that says so.

        Where output is no terminal, a line for every tenth and for most new notes.

        Yields
        ------
        callable
            Takes (done, total or None where it is open, a note such as the best so far).
        """
        if not self.console.is_terminal:
            yield from _print_progress_lines(self.print_line, title)
            return
        bar, last_line = _create_progress_bar(self.console), ""
        task = bar.add_task(title, total=None, count="", left="", note="")

        def update(done: int, total: int | None, note: str) -> None:
            nonlocal last_line
            last_line = _format_progress_line(title, done, total, note)
            count, remaining_label = _format_progress_count(done, total), "" if total is None else "left"
            room = max(0, self.console.width - len(title) - len(count) - RESERVED_WIDTH)
            cut = note if len(note) <= room else f"{note[: room - 1]}…" * bool(room)
            bar.update(task, completed=done, total=total, count=count, left=remaining_label, note=cut)

        try:
            with bar:
                yield update
        finally:
            if last_line:
                self.print_line(last_line)

    def print_cleaning_report(self, log: TransactionLog) -> None:
        """Print what was guessed of a log, and what cleaning removed: rows, customers and money by step."""
        for note in log.notes:
            self.print_line(f"note: {note}")
        report = log.report
        self.print_line(
            f"{report.rows_read:,} rows read, {report.rows_kept:,} kept; removed:" + " nothing" * report.changes.empty
        )
        for change in report.changes.to_dict("records"):
            amount = f", amount {change['amount']:,.2f}" if "amount" in change else ""
            self.print_line(f"  {change['rule']}: {change['rows']:,} rows, {change['customers']:,} customers{amount}")

    def add_timings(self, seconds: Mapping[str, float]) -> None:
        """Add the times of parts that were measured elsewhere."""
        for name, value in seconds.items():
            self.timings[name] = self.timings.get(name, 0.0) + value

    def print_summary(self, comparison: BaselineComparison, title: str) -> None:
        """Print this model beside the best baseline and all-zeros, and which baselines beat it."""
        headings = ["model", *(heading for heading, _ in comparison.headline_metrics.values())]
        rows = [[name, *cells] for name, cells in format_headline_scores(comparison).items()]
        caption = f"best baseline by {comparison.objective}" if comparison.best_baseline else None
        self.print_table(title, TextTable(headings, rows, caption))
        for sentence in comparison.warnings:
            self.print_line(f"note: {sentence}")

    def print_table(self, title: str, table: TextTable) -> None:
        """Print a table between a title and its caption; a narrow terminal loses its last columns, and says so."""
        headings, rows, caption = table.headings, table.rows, table.caption
        visible, unbounded = len(headings), self.console.options.update(max_width=10_000)
        while (columns := _build_table(headings[:visible], rows)).columns[1:]:
            if self.console.measure(columns, options=unbounded).maximum <= self.console.width:
                break
            visible -= 1
        self.console.print(Text(strip_control_characters(title), style="bold"))
        self.console.print(columns)
        if visible < len(headings):
            self.print_line(f"a wider terminal shows {', '.join(headings[visible:])} too")
        if caption:
            self.console.print(Text(strip_control_characters(caption), style="dim"))

    def print_timings(self) -> None:
        """Print how long each step took."""
        parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.timings.items())
        self.print_line(f"time: {parts}; total {perf_counter() - self.started:.1f} s")


def _create_progress_bar(console: Console) -> Progress:
    """Make a bar with a name, a count, the time it took and will take, and a note."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=10),
        TextColumn("{task.fields[count]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        transient=True,
        refresh_per_second=4,
        speed_estimate_period=SPEED_PERIOD,
    )


def _print_progress_lines(
    print_line: Callable[[str], None], title: str
) -> Iterator[Callable[[int, int | None, str], None]]:
    """Give what shows progress as lines: at every tenth, or where the total is open at each doubling, and news."""
    last_line, line, last_note, note_lines, last_tenth = "", "", "", 0, 0

    def update(done: int, total: int | None, note: str) -> None:
        nonlocal last_line, line, last_note, note_lines, last_tenth
        line = _format_progress_line(title, done, total, note)
        tenth = 10 * done // total if total else done.bit_length()
        is_new_note = note != last_note and note_lines < MAX_NOTE_LINES
        if tenth > last_tenth or is_new_note:
            print_line(line)
            last_line, last_note, note_lines, last_tenth = line, note, note_lines + is_new_note, max(last_tenth, tenth)

    try:
        yield update
    finally:
        if line != last_line:
            print_line(line)


def _format_progress_line(title: str, done: int, total: int | None, note: str) -> str:
    return f"{title} {_format_progress_count(done, total)}" + f", {note}" * bool(note)


def _format_progress_count(done: int, total: int | None) -> str:
    return str(done) if total is None else f"{done} of {total}"


def _build_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Lay out a table without wrapping; columns of words are read from the left, numbers from the right."""
    table = Table(box=box.SIMPLE_HEAVY, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(
            Text(strip_control_characters(heading)), justify="left" if heading in WORDS else "right", no_wrap=True
        )
    for row in rows:
        table.add_row(*(Text(strip_control_characters(cell)) for cell in row[: len(headings)]))
    return table
