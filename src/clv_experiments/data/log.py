"""The transaction log as every later step sees it: read, cleaned, one row a customer and purchase day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import ibis

from clv_experiments.data.cleaning_report import CleaningReport, Step, clean
from clv_experiments.data.columns import choose_columns
from clv_experiments.data.engine import DuckDb, Engine
from clv_experiments.data.fingerprint import customer_table, fingerprint
from clv_experiments.data.lines import read_lines
from clv_experiments.data.raw import Source, Truth
from clv_experiments.data.reading import Reading
from clv_experiments.errors import ClvError

LONGEST_SILENCE = 7  # days without any purchase that a log may end with


@dataclass(frozen=True)
class TransactionLog:
    """A cleaned transaction log.

    Attributes
    ----------
    name : str
        What the data config calls it.
    purchase_days : ibis.Table
        ``customer_id`` (string), ``date`` (whole day), ``amount`` (decimal), ``orders`` (count; 1 where the log has no
        order ids): one row a customer and purchase day.
    start, end : date
        First day of the log and its last complete day.
    customers : int
        Distinct customers.
    currency : str
        Unit of the amounts, for labels.
    fingerprint : str
        Identity of the content: the same for any row order or engine, another for any other log or cleaning.
    report : CleaningReport
        Rows, customers and money that each cleaning step removed.
    notes : tuple of str
        What was guessed on the way, for the user to see.
    truth : Truth, optional
        Where the log was simulated.
    """

    name: str
    purchase_days: ibis.Table
    start: date
    end: date
    customers: int
    currency: str
    fingerprint: str
    report: CleaningReport
    notes: tuple[str, ...] = ()
    truth: Truth | None = None


def load_log(
    name: str,
    source: Source,
    steps: Sequence[Step] = (),
    log_end: date | None = None,
    currency: str = "$",
    *,
    columns: Mapping[str, str | bool | None] | None = None,
    reading: Reading | None = None,
    engine: Engine | None = None,
    learn_until: Callable[[date, date], date] | None = None,
    today: date = date.max,
) -> TransactionLog:
    """Read, validate and clean a transaction log.

    Parameters
    ----------
    name : str
        Name of the log, for messages and runs.
    source : callable
        Takes an Engine, returns a Raw log.
    steps : sequence of Step
        Cleaning steps, applied in order; days after the log end are always removed.
    log_end : date, optional
        Last complete day; by default the last day that is there.
    currency : str
        Unit of the amounts.
    columns : mapping of role to column, optional
        By default each is guessed.
    reading : Reading, optional
        How text is read that could be read in two ways.
    engine : Engine, optional
        Where the work is done, unless the source lies in a database; by default DuckDB.
    learn_until : callable, optional
        Takes first and last day of the log and gives the last day that a cleaning step may learn from.
    today : date
        No purchase may lie after it.

    Raises
    ------
    ClvError
        If a column is missing, cannot be read or has gaps that no step removes, if dates carry a time zone or lie in
        the future, or if there is nothing to predict: no row, one customer, one day, no customer who came back.
    """
    raw = source(engine or DuckDb())
    chosen = choose_columns(raw.table.columns, columns or {}, name)
    lines, said = read_lines(
        raw.table, chosen, reading or Reading(), name, whole_rows=any(step.compares_rows for step in steps)
    )
    cleaned, report = clean(lines, steps, log_end, learn_until or (lambda first, last: last))
    if report.rows_kept == 0:
        raise ClvError(f"log '{name}' has no usable row: {report}")
    first, last = _span(cleaned, name)
    if last > today:
        before = cleaned.filter(cleaned.date <= ibis.literal(today)).date.max().to_pyarrow().as_py()
        without = f", or type data.log_end={before} to leave them out" if before else ""
        raise ClvError(f"log '{name}' has purchases after today ({today}), up to {last}; correct the dates{without}")
    _dates_make_sense(name, first, last, log_end)
    orders = ibis.greatest(cleaned.order_id.nunique(), 1) if "order_id" in cleaned.columns else ibis.literal(1)
    days = cleaned.group_by("customer_id", "date").agg(amount=cleaned.amount.sum(), orders=orders.cast("int64"))
    purchase_days = days.mutate(amount=days.amount.cast(lines.amount.type())).cache()
    customers = customer_table(purchase_days)
    if len(customers) < 2:
        raise ClvError(f"log '{name}' has one customer only; at least two are needed to compare customers")
    if (customers["days"] == 1).all():
        raise ClvError(
            f"none of the {len(customers):,} customers of log '{name}' bought on two days, so there is nothing to "
            f"predict; is '{chosen.by_role['customer_id']}' really the customer (data.columns.customer_id)?"
        )
    end = log_end or last
    return TransactionLog(
        name=name,
        purchase_days=purchase_days,
        start=first,
        end=end,
        customers=len(customers),
        currency=currency,
        fingerprint=fingerprint(customers, end, report),
        report=report,
        notes=(*raw.notes, *([str(chosen)] if str(chosen) else []), *said),
        truth=raw.truth,
    )


def _span(cleaned: ibis.Table, name: str) -> tuple[date, date]:
    needed = ("customer_id", "date", "amount")
    gaps = {column: cleaned[column].isnull().sum() for column in needed}
    found = cleaned.aggregate(first=cleaned.date.min(), last=cleaned.date.max(), **gaps).to_pyarrow().to_pylist()[0]
    for column in needed:
        if found[column]:
            raise ClvError(
                f"log '{name}' has {found[column]:,} row(s) without {column} after cleaning; "
                f"add the step missing_{column.removesuffix('_id')} (data.cleaning)"
            )
    return found["first"], found["last"]


def _dates_make_sense(name: str, first: date, last: date, log_end: date | None) -> None:
    if first == last:
        raise ClvError(f"all purchases of log '{name}' fall on one day, {first}; is that the date of the purchase?")
    if log_end and (log_end - last).days > LONGEST_SILENCE:
        raise ClvError(
            f"the log end {log_end} lies {(log_end - last).days} days after the last purchase of log '{name}', {last}: "
            f"those days would count as days without spend; type data.log_end={last}, or null for the last day"
        )
