"""Apply cleaning steps and count the rows, customers and money that each removes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeAlias

import ibis
import pandas as pd
from ibis.expr.types import BooleanValue, IntegerScalar, Table

RAW_PREFIX = "source: "  # of the raw columns, which steps that compare whole rows need
RETURNED = "is_return"  # column of rows that give money back by their status


_Size: TypeAlias = dict[str, int | Decimal]  # rows, customers, amount


@dataclass(frozen=True, eq=False)
class Change:
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
    apply : callable
        Takes the lines and returns those that are left, possibly changed, or a Change. Lines have ``customer_id``,
        ``date`` and ``amount`` and, where the log has them, ``order_id, product, quantity, unit_price, discount,
        country, channel, currency, status, refunded, email``.
    compares_rows : bool
        Whether the step needs the raw columns too.
    learns : bool
        Whether ``apply`` also takes the last day that it may learn from. Such a step removes no rows.
    removes : callable, optional
        Of a step that only removes rows, each for itself: takes the lines and returns which. What several such steps
        remove is counted in one query.
    check : callable, optional
        Of such a step: takes the lines that earlier steps left, and refuses them.
    """

    name: str
    apply: Callable[..., Table | Change]
    compares_rows: bool = False
    learns: bool = False
    removes: Callable[[Table], BooleanValue] | None = None
    check: Callable[[Table], None] | None = None

    def change(self, lines: Table, *until: date) -> Change:
        """Apply the step to lines; ``until`` is the last day that a step that learns may learn from."""
        result = self.apply(lines, *until)
        return result if isinstance(result, Change) else Change(result)


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

    def after(self, rule: str, removed: Mapping[str, int | Decimal]) -> CleaningReport:
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


def clean(
    lines: Table,
    steps: Sequence[Step],
    log_end: date | None,
    learn_until: Callable[[date, date], date],
    log_start: date | None = None,
) -> tuple[Table, CleaningReport]:
    """Apply the steps in order and count what each removes.

    Steps that learn come last, after days outside the log are removed: then no later step can move the log's first or
    last day, on which ``learn_until`` depends.

    Parameters
    ----------
    lines : ibis.Table
    steps : sequence of Step
    log_end : date, optional
        Last complete day; later ones are removed.
    learn_until : callable
        Takes the first and last day of the log and returns the last day that a step may learn from.
    log_start : date, optional
        First day; earlier ones are removed.

    Returns
    -------
    ibis.Table
        The lines that are left: columns ``customer_id, date, amount`` and those of the other roles.
    CleaningReport
    """
    fixed, learning = ([step for step in steps if step.learns is learns] for learns in (False, True))
    limits = [*([_drop_before(log_start)] if log_start else []), *([_drop_after(log_end)] if log_end else [])]
    steps = [*fixed, *limits, *learning]
    sizes = [_measure(lines)]
    notes: list[str] = []
    removal_conditions: list[BooleanValue | None] = []  # by each step since the last that changed lines otherwise
    for step in steps:
        remaining = _remove(lines, removal_conditions)
        if step.check:
            step.check(remaining)
        if step.removes:
            removal_conditions.append(step.removes(lines).fill_null(False))
            continue
        change = _apply_learning_step(step, remaining, log_end, learn_until) if step.learns else step.change(remaining)
        notes += change.notes
        if change.lines is remaining:
            removal_conditions.append(None)
            continue
        sizes += [*_measure_each(lines, removal_conditions, sizes[-1]), _measure(change.lines)]
        lines, removal_conditions = change.lines, []
    sizes += _measure_each(lines, removal_conditions, sizes[-1])
    lines = _remove(lines, removal_conditions)
    table = pd.DataFrame(sizes)
    removed = (table.shift() - table).iloc[1:]
    table = pd.concat([table.iloc[:1], removed, table.iloc[-1:]], ignore_index=True)
    table = table.astype({"rows": "int64", "customers": "int64"})
    table.insert(0, "rule", ["raw log", *(step.name for step in steps), "clean log"])
    internal = [column for column in lines.columns if column == RETURNED]
    return lines.drop(*raw_columns(lines), *internal), CleaningReport(table, tuple(notes))


def removal_step(
    name: str, removes: Callable[[Table], BooleanValue], check: Callable[[Table], None] | None = None
) -> Step:
    """Make a step that removes the rows of a condition, after a check; null counts as false."""
    return Step(name, lambda t: t.filter(~removes(t).fill_null(False)), removes=removes, check=check)


def count_rows(condition: BooleanValue) -> IntegerScalar:
    """Count the rows of a condition; null counts as false."""
    return ibis.ifelse(condition.fill_null(False), 1, 0).sum()  # PostgreSQL casts no boolean to bigint


def raw_columns(lines: Table) -> list[str]:
    """List the columns that hold the source's own cells."""
    return [column for column in lines.columns if column.startswith(RAW_PREFIX)]


def _drop_before(log_start: date) -> Step:
    return removal_step(f"before log start {log_start}", lambda t: t.date < ibis.literal(log_start))


def _drop_after(log_end: date) -> Step:
    return removal_step(f"after log end {log_end}", lambda t: t.date > ibis.literal(log_end))


def _apply_learning_step(
    step: Step, lines: Table, log_end: date | None, learn_until: Callable[[date, date], date]
) -> Change:
    span = lines.aggregate(first=lines.date.min(), last=lines.date.max()).to_pyarrow().to_pylist()[0]
    if span["first"] is None:
        return Change(lines)
    return step.change(lines, learn_until(span["first"], log_end or span["last"]))


def _remove(lines: Table, removals: Sequence[BooleanValue | None]) -> Table:
    conditions = [~removal for removal in removals if removal is not None]
    return lines.filter(conditions) if conditions else lines


def _measure(lines: Table) -> _Size:
    sums = lines.aggregate(rows=lines.count(), customers=lines.customer_id.nunique(), amount=lines.amount.sum())
    size = sums.to_pyarrow().to_pylist()[0]
    return size | {"amount": size["amount"] or Decimal(0)}


def _measure_each(lines: Table, removals: Sequence[BooleanValue | None], size: _Size) -> list[_Size]:
    """Measure in one query what each of several removals leaves of the lines, of which the size is given."""
    conditions = [removal for removal in removals if removal is not None]
    sums = _measure_stages(lines, conditions) if conditions else {}
    sizes, stages = [], iter(range(len(conditions)))
    for removal in removals:
        if removal is not None:
            stage = next(stages)
            size = {name: sums[f"{name} {stage}"] or 0 for name in ("rows", "customers")}
            size |= {"amount": sums[f"amount {stage}"] or Decimal(0)}
        sizes.append(size)
    return sizes


def _measure_stages(lines: Table, removals: Sequence[BooleanValue]) -> _Size:
    last = len(removals)
    t = lines.mutate(stage=ibis.cases(*((removal, k) for k, removal in enumerate(removals)), else_=last))
    rows = {f"rows {k}": count_rows(t.stage > k) for k in range(last)}
    amounts = {f"amount {k}": t.amount.sum(where=t.stage > k) for k in range(last)}
    each = t.group_by("customer_id").agg(stage=t.stage.max(), **rows, **amounts)
    totals = {name: each[name].sum() for name in (*rows, *amounts)}
    totals |= {f"customers {k}": each.customer_id.count(where=each.stage > k) for k in range(last)}
    return each.aggregate(**totals).to_pyarrow().to_pylist()[0]
