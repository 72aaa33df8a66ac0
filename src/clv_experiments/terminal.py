"""What a person sees while an experiment runs and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clv_experiments.data.cleaning_report import CleaningReport
from clv_experiments.evaluation.report import Ladder, summary_rows


class Terminal:
    """Shows the step under way, and remembers how long each took.

    Attributes
    ----------
    seconds : dict
        Wall time by step, in the order the steps were first entered.
    """

    def __init__(self) -> None:
        self.console = Console(highlight=False, markup=False, emoji=False)
        self.seconds: dict[str, float] = {}
        self.started = perf_counter()

    def say(self, line: str) -> None:
        """Print one line."""
        self.console.print(line, soft_wrap=True)

    @contextmanager
    def step(self, what: str, part: str | None = None) -> Iterator[Callable[[int, int], None]]:
        """Show ``what`` while the block runs; add its time to ``part``, unless its parts are timed elsewhere.

        Yields
        ------
        callable
            Takes (done, total) and shows how far a long loop is.
        """
        started = perf_counter()
        if not self.console.is_terminal:
            self.say(what)
        with self.console.status(Text(what)) as status:
            yield lambda done, total: status.update(Text(f"{what}: {done} of {total}"))
        if part is not None:
            self.took({part: perf_counter() - started})

    def receipt(self, report: CleaningReport) -> None:
        """Print what cleaning removed: rows, customers and money of each step that did anything."""
        self.say(
            f"{report.rows_read:,} rows read, {report.rows_kept:,} kept; removed:" + " nothing" * report.changes.empty
        )
        for rule, rows, customers, amount in report.changes.itertuples(index=False, name=None):
            self.say(f"  {rule}: {rows:,} rows, {customers:,} customers, amount {amount:,.2f}")

    def took(self, seconds: Mapping[str, float]) -> None:
        """Add the times of parts that were measured elsewhere."""
        for name, value in seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + value

    def summary(self, ladder: Ladder, title: str) -> None:
        """Print this model beside the best baseline and all-zeros, and which baselines beat it."""
        table = Table(title=Text(title, style="bold"), title_justify="left", caption_justify="left")
        table.caption = f"best baseline by {ladder.objective}" if ladder.best_baseline else None
        table.add_column("model")
        for heading, _ in ladder.headline.values():
            table.add_column(heading, justify="right")
        for name, cells in summary_rows(ladder).items():
            table.add_row(Text(name), *cells)
        self.console.print(table)
        for sentence in ladder.beaten_by:
            self.say(f"note: {sentence}")

    def timing(self) -> None:
        """Print how long each step took."""
        parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items())
        self.say(f"time: {parts}; total {perf_counter() - self.started:.1f} s")
