"""A cleaning step, what it leaves, and the report of the rows, customers and money that each step removes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeAlias

import pandas as pd
from ibis.expr.types import BooleanValue, Table

RAW_PREFIX = "source: "  # of the raw columns, which steps that compare whole rows need
RETURNED = "is_return"  # column of rows that give money back by their status

Size: TypeAlias = dict[str, int | Decimal]  # rows, customers, amount


@dataclass(frozen=True, eq=False)
class StepResult:
    """What a step leaves of the lines, and what the user should know of it."""

    lines: Table
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One named change of the log.

    Attributes
    ----------
    name : str
        As the cleaning report calls it.
    apply : callable, optional
        Takes the lines and returns those that are left, possibly changed, or a StepResult. Lines have ``customer_id``,
        ``date`` and ``amount`` and, where the log has them, ``order_id, product, quantity, unit_price, discount,
        country, channel, currency, status, refunded, email``. By default all are left as they are.
    needs_raw_columns : bool
        Whether the step needs the raw columns too.
    needs_raw_columns_if_repeated : bool
        Whether the step needs them where more rows repeat another than chance gives.
    takes_learning_end : bool
        Whether ``apply`` also takes the last day that it may learn from. Such a step removes no rows.
    takes_customer_ids : bool
        Whether ``apply`` also takes a table of the distinct customers of the lines, in a column ``customer_id``.
    is_removed : callable, optional
        In place of ``apply``, of a step that only removes rows, each for itself: takes the lines and returns which;
        null counts as false. What several such steps remove is counted in one query.
    counted_conditions : callable, optional
        Of such a step: takes the lines and returns named conditions, whose rows are counted in that query too.
    check : callable, optional
        Of such a step: takes the lines that earlier steps left and how many of them fulfil each of these conditions,
        and refuses them.
    """

    name: str
    apply: Callable[..., Table | StepResult] | None = None
    needs_raw_columns: bool = False
    needs_raw_columns_if_repeated: bool = False
    takes_learning_end: bool = False
    takes_customer_ids: bool = False
    is_removed: Callable[[Table], BooleanValue] | None = None
    counted_conditions: Callable[[Table], dict[str, BooleanValue]] | None = None
    check: Callable[[Table, Mapping[str, int]], None] | None = None

    def apply_to(self, lines: Table, *more: date | Table) -> StepResult:
        """Apply the step to lines; ``more`` is what ``takes_learning_end`` or ``takes_customer_ids`` asks for."""
        if self.is_removed:
            return StepResult(lines.filter(~self.is_removed(lines).fill_null(False)))
        result = self.apply(lines, *more) if self.apply else lines
        return result if isinstance(result, StepResult) else StepResult(result)


@dataclass(frozen=True)
class CleaningReport:
    """Rows, customers and money before cleaning, removed by each step, and left.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns ``rule, rows, customers, amount``. The first row is the log as read, the last what is left and those
        between what each step removed, so that they add up exactly. ``amount`` holds decimals; a log without amounts
        has no such column.
    notes : tuple of str
        What the steps found, for the user to see.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        """Rows of the log as read."""
        return int(self.table["rows"].iloc[0])

    @property
    def rows_kept(self) -> int:
        """Rows left after all steps."""
        return int(self.table["rows"].iloc[-1])

    @property
    def changes(self) -> pd.DataFrame:
        """The steps that removed rows, or moved money or customers."""
        steps = self.table.iloc[1:-1]
        return steps[(steps.drop(columns="rule") != 0).any(axis=1)]

    def without_amounts(self) -> CleaningReport:
        """Return what is left to say of a log without amounts."""
        return replace(self, table=self.table.drop(columns="amount"))

    def prepend_removal(self, rule: str, removed: Mapping[str, int | Decimal]) -> CleaningReport:
        """Return the report of a log from which a rule had first removed these ``rows, customers, amount``."""
        first, others = self.table.iloc[:1], self.table.iloc[1:]
        raw = first.assign(**{column: first[column] + size for column, size in removed.items()})
        table = pd.concat([raw, pd.DataFrame([{"rule": rule, **removed}]), others], ignore_index=True)
        return replace(self, table=table)

    def __str__(self) -> str:
        removed = [_describe_change(*change) for change in self.changes.itertuples(index=False, name=None)]
        return f"{self.rows_read:,} rows read, {self.rows_kept:,} kept; removed: {', '.join(removed) or 'nothing'}"


def _describe_change(rule: str, rows: int, customers: int, amount: Decimal = Decimal(0)) -> str:
    if rows:
        return f"{rule} {rows:,}"
    return f"{rule} {amount:,.2f} of the amount" if amount else f"{rule} {customers:,} customers"


def raw_columns(lines: Table) -> list[str]:
    """List the columns that hold the source's own cells."""
    return [column for column in lines.columns if column.startswith(RAW_PREFIX)]


def tabulate_removals(sizes: Sequence[Size], steps: Sequence[Step]) -> pd.DataFrame:
    """List the raw log, what each step removed, and what is left."""
    table = pd.DataFrame(sizes)
    removed = (table.shift() - table).iloc[1:]
    table = pd.concat([table.iloc[:1], removed, table.iloc[-1:]], ignore_index=True)
    table = table.astype({"rows": "int64", "customers": "int64"})
    table.insert(0, "rule", ["raw log", *(step.name for step in steps), "clean log"])
    return table
