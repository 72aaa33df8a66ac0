"""The transaction log as every later step sees it: validated, cleaned, one row a customer and purchase day."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import pandas as pd

from clv_experiments.data.cleaning import CleaningReport, Rule, clean
from clv_experiments.errors import ClvError

# Amounts are decimals, not floats: sums are then exact, whatever the row order, the threads or the engine.
SCHEMA = {"customer_id": "string", "date": "date", "amount": "decimal(18, 4)"}
READABLE = {
    "customer_id": "text",
    "date": "a date like 1997-12-31",
    "amount": "a number below 100,000,000,000,000",
}

PRIME = 2**31 - 1
LONGEST_SILENCE = 7  # days without any purchase that a log may end with

Source = Callable[[ibis.BaseBackend], ibis.Table]


@dataclass(frozen=True)
class TransactionLog:
    """A cleaned transaction log.

    Attributes
    ----------
    name : str
        What the data config calls it.
    purchase_days : ibis.Table
        ``customer_id`` (string), ``date`` (whole day), ``amount`` (decimal): one row a customer and purchase day.
    start, end : date
        First day of the log and its last complete day.
    customers : int
        Distinct customers.
    currency : str
        Unit of the amounts, for labels.
    fingerprint : str
        Identity of the content: the same for any row order or engine, another for any other log.
    report : CleaningReport
        Rows, customers and money that each cleaning rule removed.
    """

    name: str
    purchase_days: ibis.Table
    start: date
    end: date
    customers: int
    currency: str
    fingerprint: str
    report: CleaningReport


def load_log(
    name: str, source: Source, rules: Sequence[Rule] = (), log_end: date | None = None, currency: str = "$"
) -> TransactionLog:
    """Read, validate and clean a transaction log on DuckDB.

    Parameters
    ----------
    name : str
        Name of the log, for messages and runs.
    source : callable
        Takes an Ibis connection, returns a table with at least the columns of ``SCHEMA``.
    rules : sequence of Rule
        Cleaning rules, applied in order; days after the log end are always removed.
    log_end : date, optional
        Last complete day; by default the last day that is there.
    currency : str
        Unit of the amounts.

    Raises
    ------
    ClvError
        If a column is missing, cannot be read or has gaps that no rule removes, if dates carry a time zone, or if
        fewer than two customers are left.
    """
    connection = ibis.duckdb.connect()
    raw = _validated(source(connection), name)
    cleaned, report = clean(raw, rules, log_end)
    if report.rows_kept == 0:
        raise ClvError(f"log '{name}' has no usable row: {report.rows_read} read, none left after cleaning")
    first, last = _span(cleaned, name)
    purchase_days = cleaned.group_by("customer_id", "date").agg(amount=cleaned.amount.sum()).cache()
    table = customer_table(purchase_days)
    if len(table) < 2:
        raise ClvError(f"log '{name}' has one customer only; at least two are needed to compare customers")
    if log_end and (log_end - last).days > LONGEST_SILENCE:
        raise ClvError(
            f"the log end {log_end} lies {(log_end - last).days} days after the last purchase of log '{name}', {last}: "
            f"those days would count as days without spend; type data.log_end={last}, or null for the last day"
        )
    end = log_end or last
    return TransactionLog(
        name=name,
        purchase_days=purchase_days,
        start=first,
        end=end,
        customers=len(table),
        currency=currency,
        fingerprint=fingerprint(table, end),
        report=report,
    )


def _validated(raw: ibis.Table, name: str) -> ibis.Table:
    missing = [column for column in SCHEMA if column not in raw.columns]
    if missing:
        raise ClvError(f"log '{name}' lacks the column(s) {', '.join(missing)}; it has {', '.join(raw.columns)}")
    # The day of an instant depends on the machine's time zone, and so would every result.
    if getattr(raw["date"].type(), "timezone", None):
        raise ClvError(
            f"column 'date' of log '{name}' carries a time zone; give the shop's local date or time without one"
        )
    typed = {column: raw[column].try_cast(kind) for column, kind in SCHEMA.items()}
    unreadable = {column: ~raw[column].isnull() & typed[column].isnull() for column in SCHEMA}
    found = raw.aggregate(**{column: bad.sum().fill_null(0) for column, bad in unreadable.items()})
    for column, rows in found.to_pyarrow().to_pylist()[0].items():
        if rows:
            values = raw.filter(unreadable[column]).select(column).limit(3).to_pyarrow()[column].to_pylist()
            raise ClvError(
                f"column '{column}' of log '{name}' has {rows:,} row(s) that cannot be read as {READABLE[column]}, "
                f"such as {', '.join(map(repr, values))}; correct them or leave them empty"
            )
    return raw.select(**typed)


def _span(cleaned: ibis.Table, name: str) -> tuple[date, date]:
    gaps = {column: cleaned[column].isnull().sum() for column in SCHEMA}
    found = cleaned.aggregate(first=cleaned.date.min(), last=cleaned.date.max(), **gaps).to_pyarrow().to_pylist()[0]
    for column in SCHEMA:
        if found[column]:
            raise ClvError(
                f"log '{name}' has {found[column]:,} row(s) without {column} after cleaning; "
                f"add the rule missing_{column.removesuffix('_id')} (data.rules)"
            )
    return found["first"], found["last"]


def customer_table(purchase_days: ibis.Table) -> pd.DataFrame:
    """Aggregate to one row a customer, all integers, from which the fingerprint is made.

    The sum of cubes of a mix of day and amount moves when amounts trade days or customers.
    """
    t = purchase_days.mutate(
        day=purchase_days.date.delta(ibis.date("1970-01-01"), unit="day").cast("int64"),
        units=(purchase_days.amount * 10_000).cast("int64"),
    )
    # Remainders of a prime below 2**31 keep every product within 64 bits.
    mix = (t.units % PRIME * 48_271 + t.day * 69_621) % PRIME
    table = t.group_by("customer_id").agg(
        days=t.count(),
        day=t.day.sum().cast("int64"),
        units=t.units.sum().cast("int64"),
        cubes=(mix * mix % PRIME * mix % PRIME).sum().cast("int64"),
    )
    return table.order_by("customer_id").to_pyarrow().to_pandas()


def fingerprint(table: pd.DataFrame, end: date) -> str:
    """Hash a customer table and the log end to 16 hexadecimal digits."""
    digest = hashlib.sha256(str(end).encode())
    digest.update("\x1f".join(table["customer_id"]).encode())
    digest.update(table.drop(columns="customer_id").to_numpy("<i8").tobytes())
    return digest.hexdigest()[:16]
