"""Apply cleaning steps, count what each removes and sum the orders that are left: all in one pass over the lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import ibis
from ibis.expr.types import BooleanValue, CachedTable, Table

from clv_experiments.data.cleaning.report import (
    RETURNED,
    CleaningReport,
    Size,
    Step,
    StepResult,
    raw_columns,
    tabulate_removals,
)
from clv_experiments.data.parsing.cells import aggregate_row

GetLearningEnd = Callable[[date, date], date]  # of the first and last day, the last day to learn from
CHECK = "check: "  # prefix of columns that count what steps ask for


@dataclass(frozen=True, eq=False)
class CleanLines:
    """What cleaning leaves.

    Attributes
    ----------
    lines : ibis.Table
        Columns ``customer_id, date, amount`` and those of the other roles.
    orders : ibis.Table
        The lines by ``customer_id``, ``date`` and, where there are order ids, ``order_id``: their number, ``rows``,
        their ``amount``, and how many have one, ``amounts``.
    sums : ibis.expr.types.CachedTable
        What the engine keeps for ``orders``; they are gone when it is released.
    report : CleaningReport
    """

    lines: Table
    orders: Table
    sums: CachedTable
    report: CleaningReport


def clean(
    lines: Table,
    steps: Sequence[Step],
    log_end: date | None,
    get_learning_end: GetLearningEnd,
    log_start: date | None = None,
) -> CleanLines:
    """Apply the steps in order and count what each removes.

    Steps that learn come last, after days outside the log are removed: then no later step can move the log's first or
    last day, on which ``get_learning_end`` depends.

    Parameters
    ----------
    lines : ibis.Table
    steps : sequence of Step
    log_end : date, optional
        Last complete day; later ones are removed.
    get_learning_end : callable
        Takes the first and last day of the log and returns the last day that a step may learn from.
    log_start : date, optional
        First day; earlier ones are removed.
    """
    fixed, learning = ([step for step in steps if step.takes_learning_end is learns] for learns in (False, True))
    if log_start:
        fixed.append(Step(f"before log start {log_start}", is_removed=lambda t: t.date < ibis.literal(log_start)))
    if log_end:
        fixed.append(Step(f"after log end {log_end}", is_removed=lambda t: t.date > ibis.literal(log_end)))
    steps = [*fixed, *learning]
    sizes: list[Size] = []
    notes: list[str] = []
    batch = _RemovalBatch(lines)
    for step in steps:
        if step.is_removed:
            batch.add_removal(step)
            continue
        change = _apply_step(step, batch, log_end, get_learning_end)
        notes += change.notes
        if change.lines is batch.remaining:
            batch.add_unchanged_step()
        else:
            sizes += batch.measure_and_check_stages(batch.sum_by_keys_and_stage("customer_id"))
            batch = _RemovalBatch(change.lines)
    sums = batch.sum_by_keys_and_stage(
        *(key for key in ("customer_id", "date", "order_id") if key in lines.columns)
    ).cache()
    sizes += batch.measure_and_check_stages(sums)
    lines = batch.remaining
    internal = [column for column in lines.columns if column == RETURNED]
    report = CleaningReport(tabulate_removals(sizes, steps), tuple(notes))
    return CleanLines(lines.drop(*raw_columns(lines), *internal), batch.last_stage_sums(sums), sums, report)


class _RemovalBatch:
    """Lines, and the steps that remove some of them until another step changes them otherwise.

    Each line belongs to a stage, the number of the first removal that takes it, so that one query counts all of them.
    """

    def __init__(self, lines: Table) -> None:
        self.lines = self.remaining = lines
        self._removals: list[Step] = []
        self._conditions: list[BooleanValue] = []
        self._stages = [0]  # first stage that is left at the start and after each step
        self._ids: Table | None = None

    def add_removal(self, step: Step) -> None:
        """Let a step remove rows."""
        assert step.is_removed
        self._removals.append(step)
        self._conditions.append(step.is_removed(self.lines))
        self._stages.append(len(self._removals))
        self.remaining, self._ids = self._lines_after_stage(len(self._removals)), None

    def add_unchanged_step(self) -> None:
        """Note a step that changed nothing."""
        self._stages.append(len(self._removals))

    def remaining_customer_ids(self) -> Table:
        """Return the distinct customers that are left."""
        if self._ids is None:
            lines = self.remaining
            self._ids = lines.filter(lines.customer_id.notnull()).select("customer_id").distinct().cache()
        return self._ids

    def sum_by_keys_and_stage(self, *keys: str) -> Table:
        """Sum rows and amounts by keys and stage, and count what the steps' checks ask for."""
        stages = [(condition, stage) for stage, condition in enumerate(self._conditions)]
        last = ibis.literal(len(stages))
        t = self.lines.mutate(stage=ibis.cases(*stages, else_=last) if stages else last)
        counts = {
            f"{CHECK}{stage} {name}": t.count(where=condition & (t.stage >= stage))
            for stage, step in enumerate(self._removals)
            for name, condition in (step.counted_conditions(t) if step.counted_conditions else {}).items()
        }
        return t.group_by(*keys, "stage").agg(rows=t.count(), amount=t.amount.sum(), amounts=t.amount.count(), **counts)

    def last_stage_sums(self, sums: Table) -> Table:
        """Return the sums of the last stage."""
        left = sums.filter(sums.stage == len(self._removals))
        return left.drop("stage", *(name for name in sums.columns if name.startswith(CHECK)))

    def measure_and_check_stages(self, sums: Table) -> list[Size]:
        """Measure the lines and what each step leaves of them, and let the steps check what they counted."""
        counts = [name for name in sums.columns if name.startswith(CHECK)]
        by_stage = sums.group_by("stage").agg(**{name: sums[name].sum() for name in ("rows", "amount", *counts)})
        latest = sums.filter(sums.customer_id.notnull()).group_by("customer_id").agg(stage=sums.stage.max())
        customers = latest.group_by("stage").agg(customers=latest.count())
        stages = by_stage.left_join(customers, "stage").drop("stage_right").to_pyarrow().to_pylist()
        self._run_step_checks({name: int(sum(row[name] for row in stages)) for name in counts})
        return [_sum_sizes([row for row in stages if row["stage"] >= first]) for first in self._stages]

    def _lines_after_stage(self, stage: int) -> Table:
        conditions = [~condition.fill_null(False) for condition in self._conditions[:stage]]
        return self.lines.filter(conditions) if conditions else self.lines

    def _run_step_checks(self, counts: Mapping[str, int]) -> None:
        for stage, step in enumerate(self._removals):
            if step.check:
                own = f"{CHECK}{stage} "
                step.check(
                    self._lines_after_stage(stage),
                    {name.removeprefix(own): n for name, n in counts.items() if name.startswith(own)},
                )


def _apply_step(step: Step, batch: _RemovalBatch, log_end: date | None, get_learning_end: GetLearningEnd) -> StepResult:
    lines = batch.remaining
    if step.takes_customer_ids:
        return step.apply_to(lines, batch.remaining_customer_ids())
    if not step.takes_learning_end:
        return step.apply_to(lines)
    span = aggregate_row(lines, first=lines.date.min(), last=lines.date.max())
    if span["first"] is None:
        return StepResult(lines)
    return step.apply_to(lines, get_learning_end(span["first"], log_end or span["last"]))


def _sum_sizes(stages: Sequence[Mapping[str, Any]]) -> Size:
    size: Size = {name: int(sum(row[name] or 0 for row in stages)) for name in ("rows", "customers")}
    return size | {"amount": sum((row["amount"] or Decimal(0) for row in stages), Decimal(0))}
