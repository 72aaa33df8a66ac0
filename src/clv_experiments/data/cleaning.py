"""Cleaning rules and the receipt for them: no row leaves the log uncounted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import ibis
import pandas as pd


@dataclass(frozen=True)
class Rule:
    """One named reason to remove rows: ``removes`` takes the log and gives a condition on its rows."""

    name: str
    removes: Callable[[ibis.Table], ibis.expr.types.BooleanValue]


@dataclass(frozen=True)
class CleaningReport:
    """Rows, customers and money before cleaning, removed by each rule, and left.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns ``rule, rows, customers, amount``: the first row is the log as read, the last what is left, those
        between what each rule removed, so that they add up exactly. ``amount`` holds decimals.
    """

    table: pd.DataFrame

    @property
    def rows_read(self) -> int:
        """Rows of the log as read."""
        return int(self.table["rows"].iloc[0])

    @property
    def rows_kept(self) -> int:
        """Rows left after all rules."""
        return int(self.table["rows"].iloc[-1])

    def __str__(self) -> str:
        removed = self.table.iloc[1:-1].query("rows > 0")
        why = ", ".join(f"{row.rule} {row.rows:,}" for row in removed.itertuples()) or "nothing"
        return f"{self.rows_read:,} rows read, {self.rows_kept:,} kept; removed: {why}"


def missing_customer() -> Rule:
    """Remove rows without a customer: null or blank ids."""
    return Rule("missing customer", lambda t: t.customer_id.isnull() | (t.customer_id.strip() == ""))


def missing_date() -> Rule:
    """Remove rows without a date."""
    return Rule("missing date", lambda t: t.date.isnull())


def missing_amount() -> Rule:
    """Remove rows without an amount."""
    return Rule("missing amount", lambda t: t.amount.isnull())


def after_log_end(log_end: date) -> Rule:
    """Remove days after the last complete one."""
    return Rule(f"after log end {log_end}", lambda t: t.date > ibis.literal(log_end))


def clean(log: ibis.Table, rules: Sequence[Rule], log_end: date | None) -> tuple[ibis.Table, CleaningReport]:
    """Apply the rules in order and count what each removes.

    Parameters
    ----------
    log : ibis.Table
        Columns ``customer_id, date, amount``.
    rules : sequence of Rule
    log_end : date, optional
        Last complete day; later ones are removed.

    Returns
    -------
    ibis.Table
        The rows left.
    CleaningReport
    """
    steps = [*rules, after_log_end(log_end)] if log_end else list(rules)
    sizes = [_size(log)]
    for rule in steps:
        log = log.filter(~rule.removes(log).fill_null(False))
        sizes.append(_size(log))
    table = pd.DataFrame(sizes)
    removed = (table.shift() - table).iloc[1:]
    table = pd.concat([table.iloc[:1], removed, table.iloc[-1:]], ignore_index=True)
    table = table.astype({"rows": "int64", "customers": "int64"})
    table.insert(0, "rule", ["raw log", *(rule.name for rule in steps), "clean log"])
    return log, CleaningReport(table)


def _size(log: ibis.Table) -> dict[str, int | Decimal]:
    size = log.aggregate(rows=log.count(), customers=log.customer_id.nunique(), amount=log.amount.sum())
    found = size.to_pyarrow().to_pylist()[0]
    return found | {"amount": found["amount"] or Decimal(0)}
